"""Real workers as processes: two at once, one killed, gone on by the other; the server restarted under one; one beside the service."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from ledger.db.cluster import Cluster
from ledger.settings import Settings
from ledger.simulation.people import found_demo
from scheduler.jobs.catalogue import JOBS
from tests.scenes.passwords import passwords_of
from tests.scenes.server import fast_cluster

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
            for name, word in passwords_of(world.settings.home, home).items()
        },
    }
    with processes([["--as", "xitong", "worker"]] * count, env) as made:
        yield made


@contextmanager
def processes(words: list[list[str]], env: dict[str, str]) -> Iterator[list[subprocess.Popen[bytes]]]:
    made = [
        subprocess.Popen([sys.executable, "-m", "ledger.cli", *one], env=env, start_new_session=True)
        for one in words
    ]
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


def ask_for(cluster: Cluster, n: int) -> None:
    """A run of `overdue`, past the program but as by a person."""
    with psycopg.connect(cluster.admin_url("fundledger")) as admin:
        admin.execute(
            "INSERT INTO jobs.asked (region, n, job, what, reason, on_day, asked_by)"
            f" VALUES (420100, {n}, 'overdue', 'run', '补一次', '{DAY}', 'guan')"
        )


def told(cluster: Cluster, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(cluster.admin_url("fundledger")) as admin:
        return admin.execute(query).fetchall()


@pytest.mark.slow
@pytest.mark.fault(29)
def test_the_server_restarted_at_once_under_a_worker_loses_nothing(home: Path) -> None:
    """A server of its own, gone as by `pg_ctl restart -m immediate` while the worker runs; the worker goes on by itself."""
    cluster = Cluster(
        home, bindir=fast_cluster(home).bindir
    )  # one that waits for the disk: what was committed is there after
    cluster.start()
    found_demo(Settings(home=home), date(2026, 1, 1))
    env = {key: word for key, word in os.environ.items() if key != "DATABASE_URL"}
    env |= {"FUNDLEDGER_HOME": str(home), "FUNDLEDGER_TODAY": DAY}
    done = "SELECT job FROM jobs.job_run WHERE state = 'done'"
    with processes([["--as", "xitong", "worker"]], env) as (worker,):
        until(lambda: {job for (job,) in told(cluster, done)} >= ALWAYS)
        ask_for(cluster, 1)
        cluster.stop("immediate")
        cluster.start()
        assert told(cluster, "SELECT count(*) FROM jobs.asked") == [(1,)]
        asked = f"SELECT state, epoch FROM jobs.job_run WHERE slot = '{DAY} R1'"
        until(lambda: told(cluster, asked) == [("done", 1)], 120)
        assert worker.poll() is None
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(30) == 0
    assert told(cluster, "SELECT count(*) FROM payments.daily_run GROUP BY fund HAVING count(*) > 1") == []
    cluster.stop("fast")


@pytest.mark.slow
@pytest.mark.fault(29)
def test_a_worker_beside_the_service_does_what_one_of_its_own_does(home: Path) -> None:
    cluster = fast_cluster(home)
    cluster.start()
    found_demo(Settings(home=home), date(2026, 1, 1))
    env = {key: word for key, word in os.environ.items() if key != "DATABASE_URL"}
    env |= {"FUNDLEDGER_HOME": str(home), "FUNDLEDGER_TODAY": DAY}
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with processes([["serve", "--with-worker", "xitong", "--port", str(port)]], env) as (service,):
        until(lambda: reached(port))
        until(
            lambda: (
                {job for (job,) in told(cluster, "SELECT job FROM jobs.job_run WHERE state = 'done'")}
                >= ALWAYS
            )
        )
        ask_for(cluster, 1)
        until(
            lambda: told(cluster, f"SELECT state FROM jobs.job_run WHERE slot = '{DAY} R1'") == [("done",)],
            120,
        )
        assert reached(port)
        service.send_signal(signal.SIGTERM)
        assert service.wait(60) == 0
    cluster.stop("fast")


def reached(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/desk/login").status_code == 200
    except httpx.TransportError:
        return False
