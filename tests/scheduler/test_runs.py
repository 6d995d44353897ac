"""A slot is done once, by whoever holds the lease; a failed one is tried again; a late holder is fenced."""

from __future__ import annotations

import os
import signal
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ledger.bootstrap import App
from ledger.control.checks.house.runs import check_runs
from ledger.control.snapshot import open_snapshot
from ledger.core.dates import SHANGHAI
from ledger.core.errors import Conflict, LedgerError, NotFound
from ledger.db.connections import direct
from ledger.db.unit_of_work import unit_of_work
from ledger.settings import MADE_FILE
from ledger.simulation.people import DEMO_REGION
from scheduler.jobs.catalogue import JOBS
from scheduler.runs import run_once
from scheduler.worker import catch_up, run_named
from tests.scenes.passwords import passwords_of

NOON = datetime(2026, 10, 13, 12, 0, tzinfo=SHANGHAI)


def once(world: Any, owner: str, work: Any, slot: str = "2026-10-13") -> Any:
    return run_once(world.service_engine, "xitong", owner, DEMO_REGION, "test", slot, work)


@pytest.mark.fault(29)
def test_a_slot_is_done_once(world: Any) -> None:
    done: list[int] = []
    assert once(world, "a", lambda: done.append(1) or "ok").state == "done"
    assert once(world, "b", lambda: done.append(2) or "ok").state == "taken"
    assert once(world, "b", lambda: done.append(3) or "ok", "2026-10-14").state == "done"
    assert done == [1, 3]


@pytest.mark.fault(29)
def test_ten_workers_at_once_do_it_once(world: Any) -> None:
    done: list[int] = []
    start = threading.Barrier(10)

    def try_it(number: int) -> None:
        start.wait()
        once(world, f"w{number}", lambda: done.append(number) or "ok")

    threads = [threading.Thread(target=try_it, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 1


def test_a_failed_slot_is_tried_again_and_keeps_the_reason(world: Any) -> None:
    def refuse() -> str:
        raise Conflict("bank.down", "银行未开门")

    failed = once(world, "a", refuse)
    assert (failed.state, failed.message) == ("failed", "bank.down：银行未开门")
    assert once(world, "a", lambda: "ok").state == "done"


@pytest.mark.fault(14)
def test_a_holder_whose_lease_was_taken_over_is_fenced(world: Any) -> None:
    def slow() -> str:
        with world.admin_engine.begin() as admin:
            admin.exec_driver_sql(
                "UPDATE jobs.job_run SET lease_until = clock_timestamp() - interval '1 second'"
            )
        assert once(world, "b", lambda: "second").state == "done"
        return "first"

    assert once(world, "a", slow).state == "taken"
    with world.admin_engine.connect() as admin:
        row = admin.exec_driver_sql("SELECT owner, epoch, message FROM jobs.job_run").one()
    assert tuple(row) == ("b", 2, "second")


def test_the_named_jobs_run_against_a_founded_region(world: Any, home: Path) -> None:
    own = world.settings.model_copy(  # anchors go to a home of its own
        update={
            "home": home,
            **passwords_of(world.settings.home, home),
        }
    )
    app = App(own, "xitong")
    try:
        for name in ("overdue", "anchors", "check"):
            (run,) = run_named(app, name, NOON)
            assert (run.state, run.job) == ("done", name), run.message
        (receipts,) = run_named(app, "receipts", NOON)
        assert (receipts.state, receipts.message[:15]) == ("failed", "bank.no_channel")
        with pytest.raises(NotFound):
            run_named(app, "nothing", NOON)
    finally:
        app.close()


def test_every_job_has_its_own_name_and_slots() -> None:
    assert len({job.name for job in JOBS}) == len(JOBS)
    slots = {job.name: job.slot(NOON) for job in JOBS}
    assert slots["receipts"] == "2026-10-13 12:00"
    assert slots["check"] == "2026-10-13"


@pytest.mark.fault(29)
def test_three_days_without_a_worker_are_caught_up_in_order(world: Any, home: Path) -> None:
    own = world.settings.model_copy(
        update={
            "home": home,
            **passwords_of(world.settings.home, home),
        }
    )
    app = App(own, "xitong")
    try:
        assert catch_up(app, NOON) == []  # what never ran has missed nothing
        for name in ("overdue", "check"):
            run_named(app, name, NOON)
        later = NOON + timedelta(days=4)
        made = [(run.job, run.slot, run.state) for run in catch_up(app, later)]
        assert made == [
            ("overdue", "2026-10-14", "done"),
            ("overdue", "2026-10-15", "done"),
            ("overdue", "2026-10-16", "done"),
            ("check", "2026-10-16", "done"),
            ("overdue", "2026-10-17", "done"),
        ]
        assert catch_up(app, later) == []
        assert catch_up(app, NOON) == []  # the clock went back
    finally:
        app.close()


@pytest.mark.fault(14)
def test_a_worker_frozen_beyond_its_lease_writes_nothing_when_it_wakes(world: Any) -> None:
    child = os.fork()
    if child == 0:  # another process of the same worker's program, with connections of its own
        code = 1
        try:
            engine = direct(world.settings)

            def freeze() -> str:
                os.kill(os.getpid(), signal.SIGSTOP)
                return "first"

            code = (
                7 if run_once(engine, "xitong", "a", DEMO_REGION, "test", "s", freeze).state == "taken" else 1
            )
        finally:
            os._exit(code)
    os.waitpid(child, os.WUNTRACED)
    with world.admin_engine.begin() as admin:
        admin.exec_driver_sql("UPDATE jobs.job_run SET lease_until = clock_timestamp() - interval '1 second'")
    assert once(world, "b", lambda: "second", "s").state == "done"
    os.kill(child, signal.SIGCONT)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    with world.admin_engine.connect() as admin:
        row = admin.exec_driver_sql("SELECT owner, epoch, message FROM jobs.job_run").one()
    assert tuple(row) == ("b", 2, "second")


BEGIN = "INSERT INTO jobs.job_run (region, job, slot, state, owner, epoch, lease_until, message) VALUES (420100, %(job)s, %(slot)s, 'running', 'w', 1, now() + interval '5 min', '')"
DONE = "UPDATE jobs.job_run SET state = 'done', message = 'clean' WHERE job = %(job)s AND slot = %(slot)s"


def fake(world: Any, *steps: tuple[str, ...], job: str = "check", slot: str) -> str:
    """The steps by the service's login, each tuple a transaction; the code that refused, or ""."""
    try:
        for statements in steps:
            with unit_of_work(world.service_engine, "xitong", DEMO_REGION) as tx:
                for statement in statements:
                    tx.run(statement, job=job, slot=slot)  # type: ignore[arg-type]
    except LedgerError as refused:
        return refused.code
    return ""


def test_the_services_login_fakes_no_run(world: Any) -> None:
    today = datetime.now(SHANGHAI).date()
    assert fake(world, (BEGIN, DONE), job="backup", slot=f"{today}") == "job.not_run"
    assert fake(world, (BEGIN,), (DONE,), slot=f"{today} 23:15") == "job.not_checked"
    with (
        pytest.raises(LedgerError, match=r"db\.permission"),
        unit_of_work(world.service_engine, "xitong", DEMO_REGION) as tx,
    ):
        tx.run("SELECT jobs.keep_check(420100, %(s)s, 1, 0)", s=f"{today} 23:15")
    with world.admin_engine.begin() as admin:
        admin.exec_driver_sql("SET session_replication_role = replica")
        admin.exec_driver_sql(
            f"INSERT INTO fund.region_policy VALUES (420100, 'act_days', '{today}', '3', '文', 'li', 'qian')"
        )
    assert fake(world, (BEGIN,), job="day", slot=f"{today + timedelta(days=2)}") == "job.slot"
    assert fake(world, (BEGIN,), job="day", slot=f"{today - timedelta(days=40)}") == "job.slot"
    assert fake(world, (BEGIN,), (DONE,), job="day", slot=f"{today}") == "job.not_made"


def says(message: str) -> str:
    return DONE.replace("'clean'", f"'{message}'")


def test_a_run_faked_over_two_transactions_is_refused_or_named(world: Any) -> None:
    """A backup names its file's digest, which the home keeps too; a day the log written while it ran."""
    today, sha = datetime.now(SHANGHAI).date(), "a" * 64
    working = NOON.date()

    def clear() -> None:
        with world.admin_engine.begin() as admin:
            admin.exec_driver_sql("SET session_replication_role = replica")
            admin.exec_driver_sql("DELETE FROM jobs.job_run")

    name = f"daily-{today}.dump，9字节，SHA-256 {sha}"
    for message in ("clean", "daily-2026-01-01.dump，9字节，SHA-256 " + sha, f"daily-{today}.dump，9字节"):
        assert fake(world, (BEGIN,), (says(message),), job="backup", slot=f"{today}") == "job.not_made"
        clear()
    behind = "补办：其后已有凭证或已结账（period.closed），随当日办理"
    for message in ("clean", "非工作日，不办理", "入账0笔，制单0批", "补办：入账3笔，不制单", behind):
        assert fake(world, (BEGIN,), (says(message),), job="day", slot=f"{working}") == "job.not_made"
        clear()
    assert fake(world, (BEGIN,), (says(name),), job="backup", slot=f"{today}") == ""

    def found() -> list[tuple[str, str]]:
        with open_snapshot(world.auditor_engine, world.settings.home, []) as snapshot:
            return [(one.code, one.entry) for one in check_runs(snapshot)]

    made = world.settings.home / MADE_FILE
    made.parent.mkdir(exist_ok=True)
    kept = made.read_text() if made.exists() else None
    try:
        made.write_text(f"daily-{today}.dump\t{'b' * 64}\n")
        assert found() == [("run.not_made", f"backup {today}")]
        made.write_text(f"daily-{today}.dump\t{sha}\n")
        assert found() == []
        with world.admin_engine.begin() as admin:
            admin.exec_driver_sql("SET session_replication_role = replica")
            admin.exec_driver_sql(
                f"INSERT INTO jobs.job_run VALUES (420100, 'day', '{working}', 'done', 'x', 1, now(), '补办：入账3笔，不制单',"
                " clock_timestamp(), clock_timestamp())"
            )
        assert found() == [("run.not_made", f"day {working}")]
    finally:
        if kept is None:
            made.unlink()
        else:
            made.write_text(kept)
