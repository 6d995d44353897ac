"""Real workers, `fundledger worker`, as processes: two at once, one killed, gone on by the other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scheduler.jobs.catalogue import JOBS
from tests.scenes.passwords import passwords_of

DAY = "2026-10-13"
ALWAYS = {job.name for job in JOBS if job.often and job.hour == "*" and job.minute.startswith("*/")}
"""Whatever the hour at which this is run, these have a start to do."""


@contextmanager
def workers(world: Any, home: Path, count: int) -> Iterator[list[subprocess.Popen[bytes]]]:
    env = world.env | {
        "FUNDLEDGER_TODAY": DAY,
        "FUNDLEDGER_HOME": str(home),
        **{
            f"FUNDLEDGER_{name.upper()}": str(word)
            for name, word in passwords_of(world.settings.home).items()
        },
    }
    command = [sys.executable, "-m", "ledger.cli", "--as", "xitong", "worker"]
    made = [subprocess.Popen(command, env=env, start_new_session=True) for _ in range(count)]
    try:
        yield made
    finally:
        for one in made:
            if one.poll() is None:
                one.kill()
            one.wait()


def until(done: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.1)


def runs(world: Any) -> list[tuple[str, str, str, int]]:
    with world.admin_engine.connect() as admin:
        return [
            tuple(row)
            for row in admin.exec_driver_sql("SELECT job, slot, state, epoch FROM jobs.job_run ORDER BY 1, 2")
        ]


@pytest.mark.slow
@pytest.mark.fault(29)
def test_two_real_workers_do_each_run_once_and_one_killed_is_no_loss(world: Any, home: Path) -> None:
    with workers(world, home, 2) as both:
        until(lambda: {job for job, _, state, _ in runs(world) if state == "done"} >= ALWAYS)
        os.kill(both[0].pid, signal.SIGKILL)
        both[0].wait()
        with world.admin_engine.begin() as admin:  # asked for by a person, past the program but as one
            admin.exec_driver_sql(
                "INSERT INTO jobs.asked (region, n, job, what, reason, on_day, asked_by)"
                f" VALUES (420100, 1, 'overdue', 'run', '补一次', '{DAY}', 'guan')"
            )
        until(lambda: ("overdue", f"{DAY} R1", "done", 1) in runs(world), 90)
        both[1].send_signal(signal.SIGTERM)
        assert both[1].wait(30) == 0
    assert {epoch for _, _, _, epoch in runs(world)} == {1}
