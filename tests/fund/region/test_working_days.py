"""Terms of working days are counted in one way: the program's function and the database's give the same day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from ledger.core.dates import Calendar
from ledger.core.errors import InvalidInput
from ledger.fund.region.calendar import read_calendar, shipped_calendar


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
