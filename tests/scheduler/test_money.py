"""The day by itself: a weekend, a change of policy and an outage in the order of the days; the database gone in the middle."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from ledger.bootstrap import App
from ledger.control.checks.house.runs import check_runs
from ledger.control.snapshot import open_snapshot
from ledger.core.dates import SHANGHAI
from ledger.core.errors import LedgerError, Unavailable
from scheduler import runs as runs_module
from scheduler.jobs.backup import back_up
from scheduler.jobs.catalogue import job_named
from scheduler.runs import run_once
from scheduler.worker import JobWatch, catch_up
from tests.scenes.month import bill_line, kept_hospitals, month

__all__ = ["kept_hospitals", "month"]
WEDNESDAY = datetime(2026, 10, 14, 12, 0, tzinfo=SHANGHAI)
MONDAY = WEDNESDAY + timedelta(days=5)
AppOn = Callable[..., App]


@pytest.mark.fault(29)
def test_a_weekend_a_policy_change_and_an_outage_are_caught_up_in_order(month: Any, app_on: AppOn) -> None:
    with month.admin.begin() as admin:
        admin.exec_driver_sql(
            "INSERT INTO fund.region_policy VALUES (420100, 'daily_accounting', '2026-10-16', 'P2', '文', 'li', 'qian')"
        )
    days = ("13", "14", "15", "16", "17", "18")
    month.take(*(bill_line(f"S{day}", day=f"2026-10-{day}", fund=100_000 + int(day)) for day in days))
    (first,) = JobWatch(app_on(WEDNESDAY.date()), job_named("day"))(WEDNESDAY)
    assert first.message.startswith("入账1笔"), first
    app = app_on(MONDAY.date())
    made = [(run.slot, run.state, run.message.split("，")[0]) for run in catch_up(app, MONDAY)]
    assert made == [
        ("2026-10-15", "done", "补办：入账1笔"),
        ("2026-10-16", "done", "补办：入账1笔"),
        ("2026-10-17", "done", "非工作日"),
        ("2026-10-18", "done", "非工作日"),
        ("2026-10-19", "done", "入账3笔"),
    ]
    booked = month.asked(
        "SELECT e.voucher_date::text, e.rule FROM books.entry e WHERE e.fund = 310 AND e.event <> 'MAN' ORDER BY e.seq"
    )
    assert [day for day, _ in booked] == ["2026-10-14", "2026-10-15", "2026-10-16", *["2026-10-19"] * 3]
    # no order leaves with a day that is over
    assert {str(day) for (day,) in month.asked("SELECT pay_date FROM payments.batch")} <= {
        "2026-10-14",
        "2026-10-19",
    }
    assert catch_up(app, MONDAY) == []
    with open_snapshot(app.auditor, app.settings.home, []) as snapshot:
        assert list(check_runs(snapshot)) == []


def test_a_day_that_people_ran_already_is_left_to_the_next(month: Any, app_on: AppOn) -> None:
    month.take(bill_line("S13", day="2026-10-13"))
    JobWatch(app_on(WEDNESDAY.date()), job_named("day"))(WEDNESDAY)
    month.take(bill_line("S15", day="2026-10-15"))
    late = app_on(date(2026, 10, 19))
    from ledger.fund.daily.run import run_daily

    run_daily(month.engine, "zhao", 420100, date(2026, 10, 19))
    month.take(bill_line("S16", day="2026-10-16"), bill_line("S14", day="2026-10-14"))
    made = {run.slot: run.message for run in catch_up(late, MONDAY)}
    assert made["2026-10-15"].startswith("补办：其后已有凭证"), made
    assert made["2026-10-19"].startswith("入账2笔"), made


@pytest.mark.fault(29)
def test_the_database_gone_in_the_middle_loses_nothing(
    month: Any, app_on: AppOn, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every connection is cut while the day is at work, as by a restart: nothing of it stays, and it is done once after."""
    month.take(bill_line("S13", day="2026-10-13"))
    app = app_on(WEDNESDAY.date())
    monkeypatch.setattr(runs_module, "LEASE_SECONDS", 1)
    job, name = job_named("day"), month.database.name

    def cut() -> str:
        from ledger.acts.acting import acting
        from ledger.acts.tracing import What
        from ledger.fund.daily.run import run_daily_in

        with acting(app, What(420100, "daily.run", "x")) as doing:
            run_daily_in(doing.tx, WEDNESDAY.date())
            month.asked(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}' AND pid <> pg_backend_pid()"
            )
        return "done"

    try:
        run = run_once(app.engine, "xitong", "a", 420100, job.name, job.slot(WEDNESDAY), cut)
        assert run.state == "failed"
    except Unavailable:
        pass
    assert month.asked("SELECT count(*) FROM payments.daily_run")[0][0] == 0
    assert month.asked("SELECT count(*) FROM books.entry WHERE event <> 'MAN'")[0][0] == 0
    again: list[Any] = []
    monkeypatch.setattr("scheduler.timetable.RETRY_SECONDS", 0)
    for _ in range(30):
        try:
            again = JobWatch(app, job)(WEDNESDAY)
        except LedgerError:
            continue
        if again and again[-1].state == "done":
            break
    assert [one.state for one in again] == ["done"]
    assert month.asked("SELECT count(*) FROM payments.daily_run WHERE fund = 310")[0][0] == 1


def test_the_backup_of_the_night_is_sealed_and_made_once(month: Any, app_on: AppOn, cluster: Any) -> None:
    app = app_on(WEDNESDAY.date(), pg_bindir=cluster.bindir)
    (run,) = JobWatch(app, job_named("backup"))(WEDNESDAY)
    out = app.settings.home / "backups" / "daily-2026-10-14.dump"
    assert (run.state, out.exists()) == ("done", True), run
    assert "加密" in run.message
    assert out.stat().st_mode & 0o777 == 0o600
    was = out.read_bytes()[:64]
    again = back_up(app, 420100, WEDNESDAY)
    assert again.startswith("daily-2026-10-14.dump已有")
    assert out.read_bytes()[:64] == was
    out.unlink()  # a killed run left the manifest alone: it is made anew
    assert "加密" in back_up(app, 420100, WEDNESDAY)
