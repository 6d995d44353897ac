"""The monitor's figures come out to the fen: by day, fund and institution, kept by the job, read live for today."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import psycopg
import pytest

from ledger.bootstrap import App
from ledger.control.monitor.coverage import GOAL, Covered, together
from ledger.control.monitor.figures import Figures, count_day, day_of, total
from ledger.control.monitor.keep import keep_figures
from ledger.control.monitor.shown import read_monitor
from ledger.core.dates import SHANGHAI
from ledger.core.errors import InvalidInput, LedgerError
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.daily.run import run_daily
from ledger.simulation.people import DEMO_REGION
from scheduler.jobs.monitor import count_figures
from tests.scenes.month import HOSPITAL, OTHER_HOSPITAL, bill_line

DAY, PAID = date(2026, 10, 12), date(2026, 10, 13)


def worked(month: Any) -> None:
    """procedure.md 7 A, and a bill of another hospital."""
    month.take(*(bill_line(f"A{n}", fund=fen) for n, fen in enumerate((123_456, 1, 33_333, 111))))
    month.take(
        bill_line("A9", fund=-123_456, cash=-20_000, init="A0", time="20:00:00"),
        bill_line("B0", institution=OTHER_HOSPITAL, acct=5_000),
    )


def test_the_worked_numbers_of_the_procedure(month: Any) -> None:
    worked(month)
    with month.tx("zhou") as tx:
        found = count_day(tx, DAY)
    [one, other] = found.rows
    # 740.74 + 0.01 + 200.00 + 0.67 = 941.42 by the record, less 740.74
    assert (one.institution, one.figures) == (
        HOSPITAL, Figures(records=4, reversals=1, fund_fen=33_445, payable_fen=94_142 - 74_074),
    )  # fmt: skip
    # the personal account's money is no daily payable
    assert (other.institution, other.figures) == (
        OTHER_HOSPITAL,
        Figures(records=1, fund_fen=100_000, payable_fen=60_000),
    )
    assert total(found.rows).payable_fen == 80_068
    assert [row.institution for row in found.of(310, OTHER_HOSPITAL)] == [OTHER_HOSPITAL]
    assert found.of(390) == []


def test_orders_money_failures_and_the_time_to_money(town: Any) -> None:
    town.begin()
    month = town.month
    worked(month)
    month.take(bill_line("C0", day="2026-10-10", fund=200_000))
    orders = town.pay_daily(PAID)
    with town.tx("zhou") as tx:
        day = count_day(tx, PAID)
    by_hospital = {row.institution: row.figures for row in day.rows}
    one = by_hospital[HOSPITAL]
    assert (one.orders, one.order_fen, one.paid, one.paid_fen) == (1, 20_068 + 120_000, 1, 20_068 + 120_000)
    # A0 was reversed and nets to nothing; A1 to A3 one day after discharge, C0 three
    assert (one.within_1, one.within_2, one.within_3, one.later, one.days) == (4, 0, 1, 0, 7)
    assert (one.timed, one.mean_days) == (5, 140)
    assert by_hospital[OTHER_HOSPITAL].paid_fen == 60_000
    town.receipt(orders[0], PAID + timedelta(days=1), back=True)
    with town.tx("zhou") as tx:
        after = total(count_day(tx, PAID + timedelta(days=1)).rows)
        then = {row.institution: row.figures for row in count_day(tx, PAID).rows}
    assert (after.failed, after.failed_fen, after.paid) == (1, orders[0].amount_fen, 0)
    # what came back had not arrived, and took no time to arrive
    lost = next(code for code in by_hospital if by_hospital[code].paid_fen == orders[0].amount_fen)
    assert (then[lost].paid, then[lost].paid_fen, then[lost].timed, then[lost].days) == (0, 0, 0, 0)
    assert sum(one.paid_fen for one in then.values()) == sum(one.amount_fen for one in orders[1:])


def test_a_day_kept_is_counted_anew_when_its_money_comes_back(town: Any) -> None:
    """Ten days later, and though nothing else of the institution happened on the day the bank paid."""
    town.begin()
    town.month.take(bill_line("C0", fund=200_000))
    [batch] = run_daily(town.engine, "zhao", DEMO_REGION, PAID).batches
    [order] = town.send(batch, PAID)
    booked, back = PAID + timedelta(days=1), PAID + timedelta(days=10)
    town.receipt(order, booked)

    def kept() -> tuple[int, int]:
        with town.tx("zhou") as tx:
            found = total(day_of(tx, booked, back).rows)
        return found.paid, found.paid_fen

    def count(day: date) -> None:
        with unit_of_work(town.engine, "xitong", DEMO_REGION) as tx:
            keep_figures(tx, day, "08:00")

    count(booked)
    assert kept() == (1, 120_000)
    town.receipt(order, back, back=True)
    count(back)
    assert kept() == (0, 0)


def test_today_is_live_and_an_earlier_day_as_it_was_counted(month: Any) -> None:
    worked(month)
    app = App(month.database.settings, "xitong", month.engine)
    said = [
        count_figures(app, DEMO_REGION, datetime.combine(DAY, time(hour, minute), SHANGHAI))
        for hour, minute in ((10, 0), (10, 10))
    ]
    assert said == ["2行", "2行"]
    month.take(bill_line("D0"))
    with month.tx("zhou") as tx:
        live, kept = day_of(tx, DAY, DAY), day_of(tx, DAY, PAID)
        shown = read_monitor(tx, DAY, PAID)
    assert (live.counted_at, total(live.rows).records) == (None, 6)
    assert kept.counted_at is not None
    assert total(kept.rows).records == 5
    assert [(one.at, one.records, one.payable_fen) for one in shown.ticks] == [
        ("10:00", 5, 80_068),
        ("10:10", 5, 80_068),
    ]
    assert [(one.at, one.records) for one in shown.days] == [(DAY.isoformat(), 5)]
    assert (shown.connected.institutions, shown.connected.daily) == (2, 2)
    # the job counts three days back: what came late is there on the next day
    with unit_of_work(month.engine, "xitong", DEMO_REGION) as tx:
        keep_figures(tx, PAID, "08:00")
    with month.tx("zhou") as tx:
        assert total(day_of(tx, DAY, PAID).rows).records == 6
    app.close()


def test_a_day_to_come_and_a_strangers_figures_are_refused(month: Any) -> None:
    with pytest.raises(InvalidInput) as refused, month.tx("zhou") as tx:
        read_monitor(tx, PAID, DAY)
    assert refused.value.code == "monitor.future"
    for user in ("zhao", "qian", "zhou"):
        with pytest.raises((LedgerError, psycopg.Error)), month.tx(user) as tx:
            keep_figures(tx, DAY, "10:00")


def test_who_sees_one_fund_sees_its_figures_alone(month: Any) -> None:
    worked(month)
    month.take(bill_line("E0", insutype="390", insu_admdvs="420100"))
    month.pretend(
        "INSERT INTO access.app_user (user_name, person, display_name) VALUES ('eve', 'person-eve', '李');"
        "INSERT INTO access.user_role (region, user_name, role, fund) VALUES (420100, 'eve', 'reviewer', 390)"
    )
    with month.tx("eve") as tx:
        assert {row.fund for row in count_day(tx, DAY).rows} == {390}
    with month.tx("zhou") as tx:
        assert {row.fund for row in count_day(tx, DAY).rows} == {310, 390}


def test_coverage_of_the_worked_month() -> None:
    """procedure.md 7 B: 600,000.00 by the day, 330,000.00 by the month: daily money alone is 64.52 %, with the month all."""
    month = Covered(310, HOSPITAL, "", 60_000_000, 33_000_000, 0, 0)
    assert (month.settled_fen, month.share, month.daily_share) == (93_000_000, 10_000, 6_452)
    late = Covered(310, OTHER_HOSPITAL, "", 0, 0, 33_000_000, 0, instant_institutions=0)
    both = together([month, late])
    assert (both.share, both.institutions, both.institution_share) == (7_381, 2, 5_000)
    assert both.share is not None
    assert both.share < GOAL
    # 7 C: a negative result pays nothing and counts nothing
    assert Covered(310, HOSPITAL, "", 6_000_000, 0, 0, 0).share == 10_000
    assert together([]).share is None


def test_coverage_of_a_settled_month(town: Any) -> None:
    town.begin()
    town.month.take(
        bill_line("M0", fund=100_000_000, cash=0),
        bill_line("M1", fund=100_000_000, cash=0, institution=OTHER_HOSPITAL),
    )
    town.pay_daily(PAID)
    town.settle(HOSPITAL, 202610, date(2026, 11, 5), date(2026, 11, 6))
    due = town.month.asked("SELECT due_on FROM fund.sheet")[0][0]

    def shares(day: date) -> tuple[int | None, int | None, int]:
        with town.tx("zhou") as tx:
            found = read_monitor(tx, day, day).covered
        return found.share, found.daily_share, found.settled_fen

    # 950,000.00 settled, of them 600,000.00 by the day: not yet due, then owed beyond its day
    assert shares(due) == (10_000, 6_316, 95_000_000)
    assert shares(due + timedelta(days=1)) == (6_316, 6_316, 95_000_000)
    town.pay_month(due - timedelta(days=1))
    assert shares(due + timedelta(days=1)) == (10_000, 6_316, 95_000_000)
    with town.tx("zhou") as tx:
        found = read_monitor(tx, due, due)
    assert [(one.fund, one.year, one.institutions, one.cleared) for one in found.years] == [(310, 2026, 2, 0)]
