"""Outside judges: programs of other people that some checks ask. A missing one is no failure, and never silent.

A check marked `judge("hledger")` is not run where that program is not on PATH; the last lines of the run say which judges were
missing and how many checks did not run for that. FUNDLEDGER_REQUIRE_JUDGES=1 makes a missing judge a failure (`.ci/run`).
A plugin (`-p tests.judges` in pyproject.toml) so that pytest-xdist's workers and controller have it alike.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from typing import Final

import pytest

JUDGES: Final = {
    "sshd": "openssh-server",
    "hledger": "hledger",
    "ledger": "ledger",
    "openssl": "openssl",
    "cc": "gcc",
    "patroni": "patroni",
    "etcd": "etcd-server",
    "chromium": "chromium",
}
"""The programs with the Debian package each comes in; `./dev` installs them where it may."""
AS_ROOT: Final = frozenset({"sshd"})
REQUIRE: Final = "FUNDLEDGER_REQUIRE_JUDGES"
_MISSING: Final = pytest.StashKey[Counter[str]]()
_PROPERTY: Final = "missing_judge"


def missing(name: str) -> str:
    """Why a judge cannot be asked here; empty where it can."""
    if shutil.which(name) is None:
        return f"没有程序{name}（Debian软件包{JUDGES[name]}）"
    if name in AS_ROOT and os.geteuid() != 0:
        return f"只有root能启动{name}"
    return ""


def program_of(name: str) -> str:
    """Where a judge is. A check that asks one has to be marked with its name."""
    found = shutil.which(name)
    assert found is not None, f'{name}: mark the check with judge("{name}")'
    return found


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "judge(program): asks another program, see tests/judges.py")
    config.stash[_MISSING] = Counter()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before any fixture of the check: a missing judge ends it here."""
    for marker in item.iter_markers("judge"):
        (name,) = marker.args
        why = missing(name)
        if not why:
            continue
        if os.environ.get(REQUIRE):
            pytest.fail(why, pytrace=False)
        item.user_properties.append((_PROPERTY, name))
        pytest.skip(why)


class Counting:
    """What the controller counts from the reports that reach it, its own or its workers'."""

    def __init__(self, counted: Counter[str]) -> None:
        self.counted = counted

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "setup" and report.skipped:
            self.counted.update(str(value) for name, value in report.user_properties if name == _PROPERTY)


def pytest_sessionstart(session: pytest.Session) -> None:
    config = session.config
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Counting(config.stash[_MISSING]))


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """The last words of a run, after its own summary."""
    counted = config.stash.get(_MISSING, Counter())
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if not counted or reporter is None:
        return
    width = 78
    reporter.write_line("!" * width, red=True, bold=True)
    total = sum(counted.values())
    reporter.write_line(
        f"外部裁判不全：{total}项检查没有运行（{total} checks did not run: outside judges missing）",
        red=True,
        bold=True,
    )
    for name, count in sorted(counted.items()):
        reporter.write_line(f"  {name}: {count} not run; {missing(name)}", red=True, bold=True)
    reporter.write_line("!" * width, red=True, bold=True)
