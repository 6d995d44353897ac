"""The payout days of an institution's own cycle: one that is no working day moves to the next (art. 6)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from adapters.banks.ports import BankAccount
from ledger.core.dates import Calendar
from ledger.core.entries import Book
from ledger.core.errors import InvalidInput
from ledger.fund.daily.open import Party, is_due
from ledger.fund.daily.run import run_daily
from ledger.fund.institutions.payees import Payee
from ledger.fund.region.calendar import shipped_calendar
from ledger.simulation.people import DEMO_REGION
from tests.scenes.closing import begin_close

H = "H42010000001"


def party(cycle: str, since: date) -> Party:
    return Party(
        "active", cycle, since, Payee(BankAccount("甲医院", "6222", "银行", "102100099996"), failed=False)
    )


def days(cycle: str, since: date, first: date, last: date) -> list[str]:
    """The working days on which it is paid."""
    calendar = shipped_calendar()
    found = []
    day = first
    while day <= last:
        if calendar.is_working_day(day) and is_due(party(cycle, since), day, calendar):
            found.append(f"{day:%m-%d}")
        day += timedelta(days=1)
    return found


def test_a_week_begun_on_a_saturday_is_paid_every_monday() -> None:
    """Shown: an institution enrolled on a Saturday was first paid 26 days late, on a Saturday worked for a holiday."""
    assert days("weekly", date(2026, 7, 4), date(2026, 7, 4), date(2026, 8, 10)) == [
        "07-06", "07-13", "07-20", "07-27", "08-03", "08-10",
    ]  # fmt: skip


def test_over_national_day_weekly_and_every_second_day() -> None:
    # 1 to 7 October 2026 are off, Sunday 20 September and Saturday 10 October are worked.
    since = date(2026, 9, 3)  # a Thursday: 10, 17, 24 September, 1, 8, 15 October
    assert days("weekly", since, date(2026, 9, 21), date(2026, 10, 16)) == ["09-24", "10-08", "10-15"]
    since = date(2026, 9, 5)  # a Saturday: 19, 26 September, 3, 10 October
    assert days("weekly", since, date(2026, 9, 18), date(2026, 10, 19)) == [
        "09-20", "09-28", "10-08", "10-10", "10-19",
    ]  # fmt: skip
    since = date(2026, 9, 28)  # 28, 30 September, 2, 4, 6, 8, 10, 12, 14 October
    assert days("second_day", since, date(2026, 9, 28), date(2026, 10, 15)) == [
        "09-28", "09-30", "10-08", "10-10", "10-12", "10-14",
    ]  # fmt: skip
    assert days("daily", since, date(2026, 9, 29), date(2026, 10, 10)) == [
        "09-29", "09-30", "10-08", "10-09", "10-10",
    ]  # fmt: skip


@pytest.mark.fault(26, 27)
def test_over_new_year() -> None:
    # 1 to 3 January 2026 are off, Sunday the 4th is worked.
    assert days("weekly", date(2025, 12, 25), date(2025, 12, 26), date(2026, 1, 9)) == ["01-04", "01-08"]
    assert days("weekly", date(2025, 12, 27), date(2025, 12, 28), date(2026, 1, 12)) == [
        "12-29", "01-04", "01-12",
    ]  # fmt: skip
    assert days("second_day", date(2025, 12, 30), date(2025, 12, 30), date(2026, 1, 7)) == [
        "12-30", "01-04", "01-05", "01-07",
    ]  # fmt: skip


def test_nothing_is_due_before_the_enrolment() -> None:
    assert days("weekly", date(2026, 7, 11), date(2026, 7, 6), date(2026, 7, 12)) == []


@pytest.mark.fault(26)
def test_a_year_whose_table_is_missing_is_refused_and_not_guessed() -> None:
    only = Calendar(frozenset({2026}), {date(2026, 1, day): day == 4 for day in (1, 2, 3, 4)})
    # The 4th: whether Wednesday 31 December 2025 was worked, nobody knows.
    with pytest.raises(InvalidInput) as refused:
        is_due(party("weekly", date(2025, 12, 24) - timedelta(days=1)), date(2026, 1, 4), only)
    assert refused.value.code == "calendar.unknown_year"
    # Where the payout day lies behind it, nothing need be known of that year.
    assert is_due(party("weekly", date(2025, 12, 25)), date(2026, 1, 4), only)
    assert is_due(party("daily", date(2025, 12, 25)), date(2026, 1, 4), only)


def test_the_run_pays_on_the_moved_day(town: Any, bill: Any) -> None:
    """Enrolled from 1 October: a week later are the 8th and the 15th; moved to begin on a Saturday, Mondays."""
    town.begin("P1")
    town.month.pretend(
        f"UPDATE fund.enrolment SET cycle = 'weekly', from_day = '2026-10-03' WHERE institution = '{H}'"
    )
    ordered = []
    for day in (13, 14, 15, 16, 19, 20):
        town.month.take(bill(f"r{day}", day=f"2026-10-{day - 1}"))
        done = run_daily(town.engine, "zhao", DEMO_REGION, date(2026, 10, day))
        if done.batches:
            ordered.append(day)
    assert ordered == [19]


@pytest.mark.fault(34)
def test_a_settlement_of_a_closed_month_reversed_late_is_booked_in_the_open_one(town: Any, bill: Any) -> None:
    """The reversal points to its original, is netted in November's payout, and October's lines stay as they were hashed."""
    paid, late = date(2026, 10, 13), date(2026, 11, 3)
    october = "SELECT array_agg(e::text ORDER BY fund, seq) FROM books.entry e WHERE period = 202610"
    town.begin()
    town.month.take(bill("L1", fund=100_000))
    assert [order.amount_fen for order in town.pay_daily(paid)] == [60_000]
    for fund in (310, 390):
        with town.tx("li") as tx:
            begin_close(tx, Book(DEMO_REGION, fund), 202610, late)
    closed = town.value(october)
    town.month.take(
        bill("L2", fund=-100_000, cash=-20_000, init="L1", day="2026-11-02"),
        bill("L3", fund=150_000, day="2026-11-02"),
    )
    assert [order.amount_fen for order in town.pay_daily(late)] == [30_000]  # 90,000 less what L1 had brought
    assert town.value(october) == closed
    assert town.value(
        "SELECT array_agg(DISTINCT period) FROM books.entry WHERE business_date > '2026-10-31'"
    ) == [202611]
    assert town.value("SELECT init_setl_id FROM fund.record WHERE setl_id = 'L2'") == "L1"
    assert town.value("SELECT sum(daily_fen)::bigint FROM fund.payable WHERE setl_id IN ('L1', 'L2')") == 0
    town.verified()
