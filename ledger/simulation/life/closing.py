"""Simulated month ends: an accountant closes what is over, the chief confirms; the year's end once its clearing is confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from ledger.books.setup import books_of
from ledger.closing.checks import last_day
from ledger.closing.status import next_to_close
from ledger.closing.year import require_year, year_of
from ledger.core.entries import Book
from ledger.simulation.life.year import Year
from ledger.simulation.month_end import CLOSE_FROM, KNOWN_BAD, close_due
from ledger.simulation.town import Town

WAIT_DAYS: Final = 10
"""So long what is still unknown is waited for; from then on it is waived by two persons."""
STILL_UNKNOWN: Final = {"suspense": "已向开户银行查询，尚未答复", "findings": "审核发现在申诉期内"}
"""No reason is good enough for a bank account that is not reconciled."""


def close_months(town: Town, day: date, years: Sequence[Year]) -> None:
    """Close, in every book, the earliest month whose day has come; one a book and day. December waits for the year's letters.

    Where a line of the check list fails that nobody may waive, the month waits for the next day.
    """
    uncleared = {one.year for one in years if one.waiting}
    by_reason: dict[bool, dict[Book, int]] = {False: {}, True: {}}
    with town.tx("accountant") as tx:
        for book, _ in books_of(tx):
            month = next_to_close(tx, book)
            over = (day.year - month // 100) * 12 + day.month - month % 100
            if over > (day.day < CLOSE_FROM) and not (month % 100 == 12 and month // 100 in uncleared):
                by_reason[(day - last_day(month)).days >= WAIT_DAYS][book] = month
    for late, due in by_reason.items():
        end = close_due(town.staff, town.home, day, due, KNOWN_BAD | (STILL_UNKNOWN if late else {}))
        town.count("months_closed", len(end.closed))
        town.count("closing_vouchers", len(end.vouchers))
        town.count("waivers", end.waivers)
        town.count("closes_waited", len(end.waiting))
        for book, month in end.closed.items():
            if month % 100 == 12:
                _close_year(town, book, month // 100)


def _close_year(town: Town, book: Book, year: int) -> None:
    with town.tx("accountant") as tx:
        if require_year(tx, book, year) and year_of(tx, book, year).openings:
            town.count("years_closed")
