"""The demo as a newcomer runs it, killed at every step and run again: same books, nothing paid twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.scenes.server import fast_cluster, new_home

COMMAND = [sys.executable, "-m", "ledger.cli", "demo", "--records", "400", "--institutions", "16", "--json"]
STEPS = (
    "建库建账",
    "生成",
    "机构与收款账户",
    "财政拨款",
    "接入结算记录",
    "日拨付",
    "银行处理",
    "月末结账",
    "核验",
    "打印",
)
NUMBERS = (
    "records", "accepted", "duplicate", "quarantined", "payable_fen", "ordered_fen", "paid_fen", "failed_fen",
    "returned_fen", "vouchers", "lines", "bank_agrees", "verify", "month", "month_state", "month_waits_for", "waivers",
)  # fmt: skip


def environment(home: Path) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("DATABASE_URL")}
    return plain | {"FUNDLEDGER_HOME": str(home)}


def run(home: Path) -> dict[str, Any]:
    done = subprocess.run(
        COMMAND, env=environment(home), capture_output=True, text=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def run_until(home: Path, step: str) -> None:
    """Run, and kill -9 as soon as the step before has been told."""
    process = subprocess.Popen(
        COMMAND, env=environment(home), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert process.stderr is not None
    for line in process.stderr:
        if step in line:
            process.send_signal(signal.SIGKILL)
            break
    process.wait(timeout=300)
    process.stderr.close()
    assert process.returncode == -signal.SIGKILL


@pytest.fixture(scope="module")
def undisturbed() -> Iterator[tuple[Path, dict[str, Any]]]:
    """A home in which the day ran from beginning to end, and what that run told."""
    made = new_home()
    try:
        day = run(made)
        assert {Path(name).suffix for name in day["printed"]} == {".pdf", ".xlsx", ".jsonl"}
        assert sorted(path.name for path in Path(day["prints"]).iterdir()) == sorted(day["printed"])
        yield made, {name: day[name] for name in NUMBERS}
    finally:
        fast_cluster(made).stop("immediate")
        shutil.rmtree(made)


def test_the_day_adds_up_and_a_second_run_changes_nothing(undisturbed: tuple[Path, dict[str, Any]]) -> None:
    there, numbers = undisturbed
    assert numbers["bank_agrees"] is True
    assert numbers["verify"] == "clean"
    assert (numbers["month"], numbers["month_state"], numbers["month_waits_for"]) == ("202610", "closed", [])
    assert numbers["waivers"] == 2 * (numbers["quarantined"] > 0)  # the set-aside lines, once a book
    fen = {name: int(numbers[name]) for name in NUMBERS if name.endswith("_fen")}
    assert fen["ordered_fen"] == fen["paid_fen"] + fen["failed_fen"] + fen["returned_fen"]
    assert min(fen.values()) > 0
    assert numbers["records"] == numbers["accepted"] + numbers["duplicate"] + numbers["quarantined"] == 400
    again = run(there)
    assert {name: again[name] for name in NUMBERS} == numbers
    other = subprocess.run(
        [*COMMAND, "--date", "2026-10-14"],
        env=environment(there),
        capture_output=True,
        text=True,
        check=False,
    )
    assert json.loads(other.stdout.splitlines()[-1])["error"] == "demo.month_closed"


DAY = datetime.now(UTC).toordinal()
"""Which steps a day's runs of the default group kill: one of nine, another tomorrow. The long group kills all."""


@pytest.mark.fault(1)
@pytest.mark.parametrize(
    "killed",
    [
        pytest.param([DAY % (len(STEPS) - 1)], id="one"),
        pytest.param(range(len(STEPS) - 1), id="every", marks=pytest.mark.slow),
    ],
)
def test_killed_at_every_step_the_day_ends_with_the_same_books(
    home: Path, undisturbed: tuple[Path, dict[str, Any]], killed: list[int]
) -> None:
    other = home / "killed"
    other.mkdir()
    other.chmod(0o755)  # the database runs as an ordinary user
    try:
        for step in killed:
            run_until(other, STEPS[step])
        day = run(other)
        assert {name: day[name] for name in NUMBERS} == undisturbed[1], killed
    finally:
        stop = [sys.executable, "-m", "ledger.cli", "db", "stop"]
        subprocess.run(stop, env=environment(other), check=True, capture_output=True)
