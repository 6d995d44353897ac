"""The worker looks by region, day and book: own times, pauses, runs asked for, fences, dates in order, holidays."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from ledger.bootstrap import App
from ledger.control.alarms.standing import Moment, standing
from ledger.control.checks.house.runs import check_runs
from ledger.control.snapshot import open_snapshot
from ledger.core.dates import SHANGHAI, machine_seconds
from ledger.core.errors import LedgerError
from ledger.db.connections import direct
from ledger.db.unit_of_work import unit_of_work
from ledger.simulation.people import DEMO_REGION
from scheduler import runs as runs_module
from scheduler.asked import ask, waiting
from scheduler.jobs.catalogue import JOBS, job_named
from scheduler.jobs.job import Job
from scheduler.listing import jobs_of, runs_of
from scheduler.runs import run_once
from scheduler.worker import JobWatch, catch_up

TUESDAY = datetime(2026, 10, 13, 12, 0, tzinfo=SHANGHAI)
HALF = TUESDAY.replace(minute=30)
AppOn = Callable[..., App]


def rows(world: Any, query: str) -> list[tuple[Any, ...]]:
    with world.admin_engine.connect() as admin:
        return [tuple(row) for row in admin.exec_driver_sql(query)]


def choose(world: Any, key: str, day: str, value: str) -> None:
    with world.admin_engine.begin() as admin:
        admin.exec_driver_sql(
            f"INSERT INTO fund.region_policy VALUES (420100, '{key}', '{day}', '{value}', '文', 'li', 'qian')"
        )


def test_a_day_drafts_once_and_a_rest_day_nothing(world: Any, app_on: AppOn) -> None:
    app = app_on(TUESDAY.date())
    look = JobWatch(app, job_named("day"))
    (run,) = look(TUESDAY)
    assert (run.state, run.slot, run.message[:2]) == ("done", "2026-10-13", "入账"), run
    assert look(TUESDAY) == []
    assert JobWatch(app, job_named("day"))(TUESDAY) == []  # another worker
    days = rows(world, "SELECT DISTINCT pay_date::text FROM payments.daily_run")
    assert days == [("2026-10-13",)]
    (rest,) = JobWatch(app_on(date(2026, 10, 17)), job_named("day"))(TUESDAY + timedelta(days=4))[-1:]
    assert (rest.slot, rest.message) == ("2026-10-17", "非工作日，不办理")
    slots = rows(
        world, "SELECT slot, left(message, 2) FROM jobs.job_run WHERE job = 'day' ORDER BY started_at"
    )
    assert slots == [
        ("2026-10-13", "入账"), ("2026-10-14", "补办"), ("2026-10-15", "补办"), ("2026-10-16", "补办"), ("2026-10-17", "非工"),
    ]  # fmt: skip


def test_an_unknown_year_is_refused_with_an_alarm(world: Any, app_on: AppOn) -> None:
    there = datetime(2031, 3, 4, 12, 0, tzinfo=SHANGHAI)
    app = app_on(there.date())
    look = JobWatch(app, job_named("day"))
    (run,) = look(there)
    assert run.state == "failed"
    assert run.message.startswith("calendar.unknown_year")
    assert look(there) == []  # left alone for a while
    with unit_of_work(app.engine, "xitong", DEMO_REGION) as tx:
        found = [one for one in standing(tx, Moment(there, machine_seconds())) if one.kind == "job_failed"]
    assert [(one.subject, one.since) for one in found] == [("day", "2031-03-04")]


def test_a_region_has_its_own_times_from_a_day(world: Any, app_on: AppOn) -> None:
    choose(world, "job_at_overdue", "2026-10-14", "15:00")
    choose(world, "job_at_day", "2026-10-14", "off")
    app = app_on(TUESDAY.date())
    look = JobWatch(app, job_named("overdue"))
    assert [run.slot for run in look(TUESDAY)] == ["2026-10-13"]
    assert look(TUESDAY + timedelta(days=1)) == []  # noon: the new hour has not come
    assert [run.slot for run in look(TUESDAY + timedelta(days=1, hours=3))] == ["2026-10-14"]
    assert JobWatch(app, job_named("day"))(TUESDAY + timedelta(days=1)) == []
    with unit_of_work(app.engine, "xitong", DEMO_REGION) as tx:
        view = {one.job.name: one for one in jobs_of(tx, TUESDAY + timedelta(days=1))}
    assert view["overdue"].when == "每日15:00（统筹区的选择）"
    assert view["day"].when == "不办（统筹区的选择）"
    assert view["day"].next_start is None
    for key, value in (("job_at_day", "7:00"), ("job_at_check", "off"), ("job_at_day", "24:00")):
        with pytest.raises(LedgerError) as refused, world_tx(app, "li") as tx:
            tx.run(
                "SELECT fund.propose_policy(420100, %(key)s, '2026-11-01', %(value)s, '文', '2026-10-13')",
                key=key,
                value=value,
            )
        assert refused.value.code == "policy.value", (key, value)


def world_tx(app: App, user: str) -> Any:
    return unit_of_work(app.engine, user, DEMO_REGION)


def test_runs_are_asked_for_by_who_may_and_done_once_by_the_worker(world: Any, app_on: AppOn) -> None:
    app = app_on(TUESDAY.date())
    for user, code in (("zhao", "access.role_missing"), ("qian", "access.role_missing")):
        with pytest.raises(LedgerError) as refused, world_tx(app, user) as tx:
            ask(tx, "overdue", "run", "补一次", TUESDAY.date())
        assert refused.value.code in (code, "db.permission")
    admins = rows(world, "SELECT user_name FROM access.user_role WHERE role = 'admin' AND region = 420100")
    admin = admins[0][0]
    with world_tx(app, admin) as tx:
        one = ask(tx, "overdue", "run", "补一次", TUESDAY.date())
        with pytest.raises(LedgerError) as unknown:
            ask(tx, "nothing", "run", "补一次", TUESDAY.date())
    assert (unknown.value.code, one.slot, one.asked_by) == ("job.unknown", "2026-10-13 R1", admin)
    look = JobWatch(app, job_named("overdue"))
    early = TUESDAY.replace(hour=8)
    assert [run.slot for run in look(early)] == ["2026-10-13 R1"]
    assert look(early) == []
    with world_tx(app, "xitong") as tx:
        assert waiting(tx, "overdue", [""], TUESDAY.date()) == []
        assert [run.slot for run in runs_of(tx, "overdue")] == ["2026-10-13 R1"]
    # past the program: in another's name, a run nobody asked for, one's wish taken back
    for user, statement, code in (
        (admin, "INSERT INTO jobs.asked (region, n, job, what, reason, on_day, asked_by) VALUES (420100, 9, 'day', 'run', '冒名', '2026-10-13', 'qian')", "db.permission"),
        ("qian", "INSERT INTO jobs.asked (region, job, what, reason, on_day) VALUES (420100, 'day', 'run', '自己', '2026-10-13')", "access.role_missing"),
        ("xitong", "INSERT INTO jobs.job_run VALUES (420100, 'day', '2026-10-13 R7', 'running', 'w', 1, clock_timestamp() + interval '1 hour', '')", "job.not_asked"),
        (admin, "UPDATE jobs.asked SET reason = '别的'", "db.permission"),
        (admin, "DELETE FROM jobs.asked", "db.permission"),
    ):  # fmt: skip
        with pytest.raises(LedgerError) as refused, world_tx(app, user) as tx:
            tx.connection.execute(statement)
        assert refused.value.code == code, statement


def test_a_paused_job_rests_and_makes_up_for_its_days(world: Any, app_on: AppOn) -> None:
    app = app_on(TUESDAY.date())
    look = JobWatch(app, job_named("overdue"))
    look(TUESDAY)
    with world_tx(app, "xitong") as tx:
        ask(tx, "overdue", "pause", "银行检修", TUESDAY.date())
    with pytest.raises(LedgerError) as again, world_tx(app, "xitong") as tx:
        ask(tx, "overdue", "pause", "银行检修", TUESDAY.date())
    assert again.value.code == "job.paused"
    later = TUESDAY + timedelta(days=2)
    assert look(later) == []
    assert catch_up(app, later) == []
    with world_tx(app, "xitong") as tx:
        ask(tx, "overdue", "resume", "检修完毕", later.date())
    assert [run.slot for run in look(later)] == ["2026-10-14", "2026-10-15"]


def test_the_month_is_handed_back_book_by_book(world: Any, app_on: AppOn) -> None:
    third = datetime(2026, 11, 3, 12, 0, tzinfo=SHANGHAI)
    app = app_on(third.date())
    done = JobWatch(app, job_named("handback"))(third)
    books = rows(world, "SELECT fund FROM books.book ORDER BY 1")
    assert [(run.slot, run.state) for run in done] == [(f"2026-11-03 {fund}", "done") for (fund,) in books]
    assert JobWatch(app, job_named("handback"))(third) == []
    assert rows(world, "SELECT fund, month, late FROM fund.handback ORDER BY 1") == [
        (fund, 202610, False) for (fund,) in books
    ]
    assert [one.code for one in findings(world, app)] == []
    # a run that claims what is not there, one nobody asked for
    with world.admin_engine.begin() as admin:
        admin.exec_driver_sql("SET session_replication_role = replica")
        admin.exec_driver_sql("DELETE FROM fund.handback WHERE fund = 310")
        admin.exec_driver_sql(
            "INSERT INTO jobs.job_run VALUES (420100, 'day', '2026-11-03', 'done', 'x', 1, now(), '入账3笔'),"
            " (420100, 'check', '2026-11-03 R4', 'done', 'x', 1, now(), 'clean')"
        )
        admin.exec_driver_sql(
            "UPDATE jobs.job_run SET ended_at = started_at - interval '1 hour' WHERE slot = '2026-11-03 390'"
        )
    assert [(one.entry, one.code) for one in findings(world, app)] == [
        ("check 2026-11-03 R4", "run.not_asked"),
        ("day 2026-11-03", "run.claim"),
        ("handback 2026-11-03 310", "run.claim"),
        ("handback 2026-11-03 390", "run.times"),
    ]


def findings(world: Any, app: App) -> list[Any]:
    with open_snapshot(app.auditor, app.settings.home, []) as snapshot:
        return list(check_runs(snapshot))


def test_terms_are_reminded_of_and_told_when_over(app_on: AppOn) -> None:
    def told(day: int) -> set[tuple[str, str, str]]:
        moment = datetime(2026, 11, day, 12, 0, tzinfo=SHANGHAI)
        with world_tx(app, "xitong") as tx:
            found = standing(tx, Moment(moment, machine_seconds()))
        return {(one.kind, one.subject, one.since) for one in found if one.kind.startswith("deadline")}

    app = app_on(date(2026, 11, 3))
    funds = {f"日拨付回传 {fund}/202610" for fund in (310, 390)}
    assert told(2) == {("deadline", subject, "2026-11-03") for subject in funds}
    assert told(4) == {("deadline_past", subject, "2026-11-03") for subject in funds}
    JobWatch(app, job_named("handback"))(datetime(2026, 11, 3, 12, 0, tzinfo=SHANGHAI))
    assert told(4) == set()


@pytest.mark.fault(14)
def test_who_lost_the_lease_writes_nothing_at_all(world: Any) -> None:
    def slow() -> str:
        with unit_of_work(world.service_engine, "xitong", DEMO_REGION) as tx:
            tx.run(
                "INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail)"
                " VALUES (420100, 'xitong', 'late', 'x', 'done', '')"
            )
            with world.admin_engine.begin() as admin:
                admin.exec_driver_sql(
                    "UPDATE jobs.job_run SET lease_until = clock_timestamp() - interval '1 second'"
                )
            taken = threading.Thread(target=lambda: others.append(once(world, "b", lambda: "second")))
            taken.start()
            taken.join()
        return "first"

    others: list[Any] = []
    run = once(world, "a", slow)
    assert [one.state for one in others] == ["done"]
    assert run.state == "taken"
    assert rows(world, "SELECT count(*) FROM access.operator_log WHERE action = 'late'") == [(0,)]
    assert rows(world, "SELECT owner, epoch, message FROM jobs.job_run") == [("b", 2, "second")]


def once(world: Any, owner: str, work: Callable[[], str]) -> Any:
    return run_once(world.service_engine, "xitong", owner, DEMO_REGION, "test", "2026-10-13", work)


def test_a_long_run_keeps_its_lease(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs_module, "LEASE_SECONDS", 1)

    def long() -> str:
        time.sleep(1.8)
        assert once(world, "b", lambda: "second").state == "taken"
        return "first"

    assert once(world, "a", long).state == "done"
    assert rows(world, "SELECT owner, epoch FROM jobs.job_run") == [("a", 1)]
    for change in ("lease_until = lease_until + interval '1 hour'", "started_at = now()"):
        with (
            pytest.raises(LedgerError) as refused,
            unit_of_work(world.service_engine, "xitong", DEMO_REGION) as tx,
        ):
            tx.connection.execute(f"UPDATE jobs.job_run SET {change}")
        assert refused.value.code in ("job.state", "db.permission")


def test_a_fault_of_the_program_is_a_failure_with_an_end(world: Any) -> None:
    def broken() -> str:
        raise ZeroDivisionError

    run = once(world, "a", broken)
    assert (run.state, run.message[:9]) == ("failed", "job.fault")
    assert once(world, "a", lambda: "ok").state == "done"


KINDS = ("day", "overdue", "handback", "anchors", "search", "alarms", "check", "risk", "monitor")


@pytest.mark.fault(29)
@pytest.mark.parametrize("name", KINDS)
def test_killed_in_the_middle_goes_on(world: Any, app_on: AppOn, name: str) -> None:
    """Each kind: the work done, the process killed before the run had its end; the next worker ends it, nothing twice."""
    moment = {
        "handback": datetime(2026, 11, 3, 12, 0, tzinfo=SHANGHAI),
        "check": TUESDAY.replace(hour=23, minute=30),
    }.get(name, HALF)
    app = app_on(moment.date())
    settings = app.settings
    child = os.fork()
    if child == 0:
        try:
            own = App(settings, "xitong")
            runs_module.LEASE_SECONDS = 1  # type: ignore[misc]
            job = job_named(name)
            _die_after(job, own, moment)
        finally:
            os._exit(9)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    before = rows(world, "SELECT count(*) FROM books.entry")
    assert {state for (state,) in rows(world, "SELECT state FROM jobs.job_run")} == {"running"}
    time.sleep(1.1)  # its lease
    done = JobWatch(app, job_named(name))(moment)
    assert {run.state for run in done} == {"done"}, done
    assert {epoch for (epoch,) in rows(world, f"SELECT epoch FROM jobs.job_run WHERE job = '{name}'")} <= {
        1,
        2,
    }
    assert rows(world, "SELECT count(*) FROM books.entry") == before
    assert rows(world, "SELECT count(*) FROM fund.handback") == [(2 if name == "handback" else 0,)]


def _die_after(job: Job, app: App, moment: datetime) -> None:
    """One run of the job by a worker that is killed right after the work."""
    from scheduler.timetable import parts_of

    part = parts_of(app, DEMO_REGION, job)[0]
    work = part.does(job, app, DEMO_REGION, moment)

    def die() -> str:
        work()
        os.kill(os.getpid(), signal.SIGKILL)
        return ""

    slot = job.slot(job.start_by(moment) or moment) if job.often else job.slot(moment)
    run_once(direct(app.settings), "xitong", "dead", DEMO_REGION, job.name, slot + part.suffix, die)


@pytest.mark.fault(29)
def test_two_workers_started_together_do_nothing_twice(world: Any, app_on: AppOn) -> None:
    start = threading.Barrier(2)
    done: list[Any] = []
    often = [job for job in JOBS if job.name not in ("receipts", "backup", "check")]

    def worker(app: App) -> None:
        start.wait()
        for job in often:
            done.extend(JobWatch(app, job)(HALF))

    threads = [threading.Thread(target=worker, args=(app_on(TUESDAY.date()),)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    finished = [(run.job, run.slot) for run in done if run.state == "done"]
    assert len(finished) == len(set(finished))
    assert {job for job, _ in finished} == {job.name for job in often} - {"handback", "retention"}
    assert rows(world, "SELECT max(run) FROM payments.daily_run") == [(1,)]


def test_a_clock_set_back_does_nothing_again(app_on: AppOn) -> None:
    app = app_on(TUESDAY.date())
    look = JobWatch(app, job_named("overdue"))
    assert len(look(TUESDAY + timedelta(days=1))) == 1
    assert look(TUESDAY) == []
    assert catch_up(app, TUESDAY) == []
