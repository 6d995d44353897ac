"""When a month must be paid (art. 20): the earlier of the 8th of the following month and 20 working days."""

from __future__ import annotations

from calendar import monthrange
from datetime import date
from typing import Final

from ledger.core.dates import Calendar, next_month
from ledger.core.errors import InvalidInput

DECLARE_BY: Final = 10
"""Day of the month until which the month before is declared (art. 17)."""

PAY_BY: Final = 8
"""Day of the month after the cut-off's, moved on past holidays."""

WORKING_DAYS: Final = 20


def term_days(term: int) -> tuple[date, date]:
    """First and last day of a 期号 yyyymm; raises InvalidInput `month.term`."""
    year, month = divmod(term, 100)
    if not (1 <= month <= 12 and 2000 <= year <= 9998):
        raise InvalidInput("month.term", f"期号{term}不合规：应为yyyymm", term=term)
    return date(year, month, 1), date(year, month, monthrange(year, month)[1])


def cutoff_of(term: int, declared_on: date) -> date:
    """The declaration cut-off of what was declared on a day: the 10th of the month after `term`, or, for a late
    declaration, the first 10th on or after that day (art. 17).
    """
    regular = next_month(term_days(term)[1]).replace(day=DECLARE_BY)
    if declared_on <= regular:
        return regular
    same = declared_on.replace(day=DECLARE_BY)
    return same if declared_on <= same else next_month(declared_on).replace(day=DECLARE_BY)


def due_on(calendar: Calendar, cutoff: date) -> date:
    """The last day to pay: cut-off 10 Sep 2026 gives 8 Oct (20 working days end on 14 Oct,
    the make-up days 20 Sep and 10 Oct among them).

    Raises InvalidInput `calendar.unknown_year` where a year's holiday table is missing.
    """
    by_date = calendar.next_working_day(next_month(cutoff).replace(day=PAY_BY))
    return min(by_date, calendar.after_working_days(cutoff, WORKING_DAYS))
