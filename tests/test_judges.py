"""A missing judge is no failure and never silent: pytest itself, run on checks that ask one, with and without it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.judges import JUDGES, REQUIRE

ROOT = Path(__file__).resolve().parents[1]
CHECKS = """
import pytest

@pytest.fixture
def never():
    raise AssertionError("a fixture was set up for a check that cannot run")

@pytest.mark.judge("hledger")
@pytest.mark.parametrize("n", range(3))
def test_asks_hledger(n, request):
    request.getfixturevalue("never")

@pytest.mark.judge("ledger")
def test_asks_ledger():
    from tests.judges import program_of
    assert program_of("ledger")

def test_asks_nobody():
    pass
"""


def run(folder: Path, path: Path, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
    checks = folder / "test_checks.py"
    checks.write_text(CHECKS)
    argv = [
        sys.executable,
        "-m",
        "pytest",
        *(part for plugin in ("xdist.plugin", "tests.judges") for part in ("-p", plugin)),
        "-p",
        "no:cacheprovider",
        "-q",
        *words,
        str(checks),
    ]
    plain = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("PYTEST_") and name != REQUIRE
    }
    # what the checks do not ask is not loaded: Hypothesis, Schemathesis and Playwright take longer than all of them
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    env = plain | alone | {"PATH": str(path), "PYTHONPATH": str(ROOT)} | env
    return subprocess.run(argv, cwd=folder, env=env, capture_output=True, text=True, check=False)


def with_ledger(tmp_path: Path) -> Path:
    path = tmp_path / "bin"
    path.mkdir()
    (path / "ledger").symlink_to("/bin/true")
    return path


@pytest.mark.parametrize("words", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_what_was_missing_is_said_last(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = run(tmp_path, tmp_path / "nothing", *words)
    assert done.returncode == 0, done.stdout
    last = done.stdout.rstrip().splitlines()[-5:]
    assert last[0] == last[4] == "!" * 78
    assert "4 checks did not run" in last[1]
    assert last[2].startswith("  hledger: 3 not run")
    assert last[3].startswith("  ledger: 1 not run")
    assert re.search(r"\b1 passed, 4 skipped", done.stdout)


def test_what_is_there_is_asked(tmp_path: Path) -> None:
    done = run(tmp_path, with_ledger(tmp_path))
    assert done.returncode == 0, done.stdout
    assert "3 checks did not run" in done.stdout
    assert "  ledger:" not in done.stdout


def test_nothing_missing_nothing_said(tmp_path: Path) -> None:
    done = run(tmp_path, with_ledger(tmp_path), "-k", "ledger and not hledger")
    assert done.returncode == 0, done.stdout
    assert "did not run" not in done.stdout


def test_where_judges_are_required_a_missing_one_is_a_failure(tmp_path: Path) -> None:
    done = run(tmp_path, with_ledger(tmp_path), **{REQUIRE: "1"})
    assert done.returncode == 1, done.stdout
    assert "Debian软件包hledger" in done.stdout
    assert re.search(r"3 (failed|errors).*2 passed|2 passed.*3 errors", done.stdout)


def test_dev_installs_what_the_checks_ask() -> None:
    text = (ROOT / "dev").read_text(encoding="utf-8")
    for program, package in JUDGES.items():
        assert f"{program}:{package}" in text
