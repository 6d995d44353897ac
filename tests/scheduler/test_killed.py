"""A worker killed with SIGKILL where it hurts: everything of a job written and COMMIT not said; between the two books of a run."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from ledger.books.templates.fill import Filling
from ledger.bootstrap import App
from ledger.core.dates import SHANGHAI
from ledger.db.connections import direct
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.simulation.people import DEMO_REGION
from scheduler.asked import ask, waiting
from scheduler.jobs.catalogue import job_named
from scheduler.runs import run_once
from scheduler.timetable import parts_of
from scheduler.worker import JobWatch
from tests.scheduler.test_jobs_of_the_month import recurring
from tests.scheduler.test_worker import AppOn, rows

NOON = datetime(2026, 10, 14, 12, 30, tzinfo=SHANGHAI)
THIRD = datetime(2026, 11, 3, 12, 30, tzinfo=SHANGHAI)
# what a job writes in the database, asked before and after; those that are not here write nothing of their own but their run
WRITES = {
    "day": "SELECT count(*) FROM payments.daily_run",
    "overdue": "SELECT count(*) FROM access.operator_log WHERE action = 'payments.ask'",
    "handback": "SELECT count(*) FROM fund.handback",
    "recurring": "SELECT count(*) FROM books.voucher",
    "anchors": "SELECT count(*) FROM access.trace_anchored",
}


def in_a_child(work: Callable[[], object]) -> int:
    """What became of a forked process that did the work; negative: the signal that ended it."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(9)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def let_go(world: Any) -> None:
    """The lease of who died is over."""
    with world.admin_engine.begin() as admin:
        admin.exec_driver_sql(
            "UPDATE jobs.job_run SET lease_until = clock_timestamp() - interval '1 second' WHERE state = 'running'"
        )


@pytest.mark.fault(29)
@pytest.mark.parametrize("name", WRITES)
def test_killed_before_commit_nothing_stays_and_the_next_does_it_once(
    world: Any, app_on: AppOn, name: str
) -> None:
    moment = THIRD if name == "handback" else NOON
    app = app_on(moment.date())
    if name == "recurring":
        recurring(app, Filling({"pool": 700, "acct": 300}), "批复1号")
    before = rows(world, WRITES[name])
    part = parts_of(app, DEMO_REGION, job_named(name))[0]
    settings = app.settings

    def dies() -> None:
        own, job = App(settings, "xitong"), job_named(name)
        said = Transaction.commit

        def commit(tx: Transaction) -> None:
            if under and tx.value("SELECT pg_current_xact_id_if_assigned() IS NOT NULL"):
                os.kill(os.getpid(), signal.SIGKILL)
            said(tx)

        Transaction.commit = commit  # type: ignore[method-assign]
        under: list[int] = []

        def work() -> str:
            under.append(1)
            return part.does(job, own, DEMO_REGION, moment)()

        slot = job.slot(job.start_by(moment) or moment) if job.often else job.slot(moment)
        run_once(direct(settings), "xitong", "dead", DEMO_REGION, job.name, slot + part.suffix, work)

    assert in_a_child(dies) == -signal.SIGKILL
    assert rows(world, WRITES[name]) == before
    assert rows(world, "SELECT state FROM jobs.job_run") == [("running",)]
    assert all(
        run.state == "taken"
        for run in JobWatch(app, job_named(name))(moment)
        if run.slot.endswith(part.suffix)
    )
    let_go(world)
    done = JobWatch(app, job_named(name))(moment)
    assert [run.state for run in done if run.state != "taken"][:1] == ["done"], done
    after = rows(world, WRITES[name])
    assert after[0][0] > before[0][0]
    assert {run.state for run in JobWatch(app, job_named(name))(moment)} <= {"taken"}
    assert rows(world, WRITES[name]) == after


@pytest.mark.fault(29)
def test_a_run_asked_for_whose_worker_died_between_two_books_is_done_for_the_other(
    world: Any, app_on: AppOn
) -> None:
    app = app_on(THIRD.date())
    with unit_of_work(app.engine, "xitong", DEMO_REGION) as tx:
        ask(tx, "handback", "run", "补一次", THIRD.date())
    settings = app.settings

    def dies() -> None:
        own, job = App(settings, "xitong"), job_named("handback")
        first = parts_of(own, DEMO_REGION, job)[0]
        work = first.does(job, own, DEMO_REGION, THIRD)
        run_once(
            direct(settings), "xitong", "dead", DEMO_REGION, job.name, "2026-11-03 R1" + first.suffix, work
        )
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_a_child(dies) == -signal.SIGKILL
    assert rows(world, "SELECT fund FROM fund.handback") == [(310,)]
    early = THIRD.replace(hour=6)  # what is due of itself is not due yet
    done = [(run.slot, run.state) for run in JobWatch(app, job_named("handback"))(early)]
    assert done == [("2026-11-03 R1 310", "taken"), ("2026-11-03 R1 390", "done")]
    assert rows(world, "SELECT fund FROM fund.handback ORDER BY 1") == [(310,), (390,)]
    assert JobWatch(app, job_named("handback"))(early) == []
    # a book that came long after was not asked for
    with unit_of_work(app.engine, "xitong", DEMO_REGION) as tx:
        suffixes = [" 310", " 390", " 999"]
        assert len(waiting(tx, "handback", suffixes, THIRD.date())) == 1
        assert waiting(tx, "handback", suffixes, THIRD.replace(year=2027).date()) == []
