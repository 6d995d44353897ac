"""Terms of working days are counted in one way: the program's function and the database's give the same day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from ledger.core.dates import Calendar
from ledger.core.errors import InvalidInput, LedgerError
from ledger.fund.month.approve import approve_month
from ledger.fund.month.prepare import prepare
from ledger.fund.month.read import MonthScope
from ledger.fund.region.calendar import read_calendar, shipped_calendar
from ledger.fund.region.holidays import HolidayTable, confirm_calendar, propose_calendar
from ledger.simulation.people import DEMO_REGION


@pytest.mark.fault(26, 27)
@pytest.mark.parametrize(
    ("day", "count", "wanted"),
    [
        (date(2026, 9, 10), 20, date(2026, 10, 14)),  # 20 Sep and 10 Oct are worked; Mid-Autumn and National Day are not
        (date(2026, 9, 30), 1, date(2026, 10, 8)),
        (date(2026, 10, 8), 3, date(2026, 10, 11) + timedelta(days=1)),  # 9th, Saturday the 10th, Monday the 12th
        (date(2025, 12, 31), 1, date(2026, 1, 4)),  # a Sunday, worked
        (date(2026, 2, 13), 1, date(2026, 2, 14)),
        (date(2026, 2, 14), 2, date(2026, 2, 25)),
        (date(2026, 10, 12), 0, date(2026, 10, 12)),
        (date(2024, 2, 28), 1, date(2024, 2, 29)),
        (date(2024, 2, 29), 1, date(2024, 3, 1)),
        (date(2026, 2, 27), 1, date(2026, 2, 28)),  # a Saturday, worked: the month has no 29th
        (date(2026, 1, 30), 1, date(2026, 2, 2)),  # the month ends on a Saturday
        (date(2026, 4, 30), 1, date(2026, 5, 6)),  # and on the eve of a holiday
    ],
)  # fmt: skip
def test_the_right_day_in_both(month: Any, day: date, count: int, wanted: date) -> None:
    with month.tx() as tx:
        assert read_calendar(tx).after_working_days(day, count) == wanted
        asked = tx.value("SELECT fund.after_working_days(%(day)s, %(count)s)", day=day, count=count)
    assert asked == wanted


def test_both_agree_from_every_day_of_three_years(month: Any) -> None:
    first, last = date(2024, 1, 1), date(2026, 11, 20)
    with month.tx() as tx:
        calendar = read_calendar(tx)
        rows = tx.rows(
            "SELECT d::date, n, fund.after_working_days(d::date, n)"
            " FROM generate_series(%(first)s::timestamp, %(last)s::timestamp, '5 days') AS d, unnest('{1,10,20}'::int[]) AS n",
            first=first,
            last=last,
        )
    assert len(rows) > 600
    assert [(day, n) for day, n, found in rows if found != calendar.after_working_days(day, n)] == []


@pytest.mark.fault(26)
def test_an_unknown_year_is_refused_by_both(month: Any) -> None:
    with month.tx() as tx, pytest.raises(InvalidInput) as refused:
        read_calendar(tx).after_working_days(date(2026, 12, 28), 10)
    assert refused.value.code == "calendar.unknown_year"
    with pytest.raises(InvalidInput) as refused, month.tx() as tx:
        tx.run("SELECT fund.after_working_days('2026-12-28', 10)")
    assert refused.value.code == "calendar.unknown_year"


def test_the_time_to_appeal_is_counted_by_it(month: Any) -> None:
    with month.tx() as tx:
        until = tx.value("SELECT fund.appeal_until(420100, '2026-09-18')")
    # 20 (worked), 21 to 24, 28 to 30 September; 8 and 9 October.
    assert until == date(2026, 10, 9) == shipped_calendar().after_working_days(date(2026, 9, 18), 10)


def test_the_day_itself_never_counts() -> None:
    plain = Calendar(frozenset({2026}), {})
    assert plain.after_working_days(date(2026, 3, 2), 1) == date(2026, 3, 3)
    assert plain.after_working_days(date(2026, 3, 7), 1) == date(2026, 3, 9)


@pytest.mark.fault(27)
def test_what_is_not_decided_is_counted_by_the_corrected_table(town: Any, bill: Any) -> None:
    """A sheet's draft drawn up before a correction is void by it; drawn up anew it is due by the table then in force."""
    town.begin()
    town.month.take(bill("a1", fund=100_001))
    town.pay_daily(date(2026, 10, 13))
    on = date(2026, 11, 3)
    town.open(on)
    town.audited("H42010000001", 202610, date(2026, 11, 2))
    scope = MonthScope(310, "H42010000001", 202610)
    before = prepare(town.engine, "zhao", DEMO_REGION, scope, on)
    with town.tx() as tx:
        days = tx.rows("SELECT day, working FROM fund.calendar_day WHERE year = 2026 ORDER BY day")
    # a day gone by, on a day named earlier still
    with pytest.raises(LedgerError, match=r"calendar\.past"), town.tx() as tx:
        gone = HolidayTable(2026, "国办发明电〔2026〕98号", (*days, (date(2026, 10, 13), False)))
        propose_calendar(tx, gone, date(2026, 10, 1))
    with town.tx() as tx:
        more = HolidayTable(2026, "国办发明电〔2026〕99号", (*days, (date(2026, 12, 8), False)))
        digest = propose_calendar(tx, more, on)
    with town.tx("qian") as tx:
        confirm_calendar(tx, 2026, digest, on)
    with pytest.raises(LedgerError, match=r"month\."):
        approve_month(town.engine, "qian", DEMO_REGION, before.sheet_id, before.digest, on)
    after = prepare(town.engine, "zhao", DEMO_REGION, scope, on)
    assert after.figures.due_on == before.figures.due_on + timedelta(days=1)
    approve_month(town.engine, "qian", DEMO_REGION, after.sheet_id, after.digest, on)
    town.verified()
