"""Simulated month ends: an accountant closes what is over, the chief confirms; the year's end once its clearing is confirmed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from ledger.books.setup import books_of
from ledger.closing import close as closing
from ledger.closing.checks import last_day
from ledger.closing.status import next_to_close
from ledger.closing.year import require_year, year_of
from ledger.control.breach import Breach
from ledger.core.entries import Book
from ledger.core.errors import Conflict
from ledger.simulation.life.year import Year
from ledger.simulation.town import Town

CLOSE_FROM: Final = 6
"""Day of the next month: the last papers have come, the daily money is handed back (2nd), the banks are reconciled (5th)."""
WAIT_UNTIL: Final = 10
"""Until then what is still unknown is waited for; from then on it is waived by two persons."""
REASONS: Final = {
    "quarantine": "坏行已退平台更正，更正后另行接入",
    "suspense": "已向开户银行查询，尚未答复",
    "findings": "审核发现在申诉期内",
}
"""What may be waived, and why; no reason is good enough for a bank account that is not reconciled."""


def close_months(town: Town, day: date, years: Sequence[Year]) -> None:
    """Close, in every book, the earliest month whose day has come; one a book and day. December waits for the year's letters.

    Where a line of the check list fails that nobody may waive, the month waits for the next day.
    """
    uncleared = {one.year for one in years if one.waiting}
    due: dict[Book, int] = {}
    with town.tx("accountant") as tx:
        for book, _ in books_of(tx):
            month = next_to_close(tx, book)
            over = (day.year - month // 100) * 12 + day.month - month % 100
            if over > (day.day < CLOSE_FROM) and not (month % 100 == 12 and month // 100 in uncleared):
                due[book] = month
    ready = [book for book in due if _begin(town, book, due[book], day)]
    asked: list[list[Breach]] = []

    def proven(progress: closing.Progress) -> list[Breach]:
        if not asked:  # all the months are shut by now: what holds for one holds for the other
            auditor = town.staff.accountant.auditor
            asked.append(closing.verifier(auditor, town.home)(progress))
        return asked[0]

    for book in ready:
        _close(town, book, due[book], day, proven)


def _begin(town: Town, book: Book, month: int, day: date) -> bool:
    """Whether the month is being closed now; what may be waived is waived first."""
    for again in (False, True):
        try:
            with town.tx("accountant") as tx:
                closing.begin(tx, book, month, day)
        except Conflict as refused:
            failed = _failed(refused)
            late = day > last_day(month) and (day - last_day(month)).days >= WAIT_UNTIL
            waivable = set(REASONS) if late else {"quarantine"}
            if again or not failed or not failed <= waivable:
                town.count("closes_waited")
                return False
            for code in sorted(failed):
                _waive(town, book, month, code, day)
        else:
            return True
    return False


def _failed(refused: Conflict) -> set[str]:
    found = refused.details.get("failed")
    if refused.code != "period.checks_failed" or not isinstance(found, list):
        raise refused
    return {one["code"] for one in found}


def _waive(town: Town, book: Book, month: int, code: str, day: date) -> None:
    with town.tx("accountant") as tx:
        closing.waive(tx, book, month, code, REASONS[code], day)
    with town.tx("chief") as tx:
        closing.waive(tx, book, month, code, "", day)
    town.count("waivers")


def _close(town: Town, book: Book, month: int, day: date, proven: closing.Verifier) -> None:
    accountant = town.staff.accountant
    digest = closing.close(accountant.engine, proven, accountant.user, book, month, day)
    with town.tx("chief") as tx:
        posted = closing.confirm(tx, book, month, digest, day)
    town.count("months_closed")
    town.count("closing_vouchers", len(posted))
    if month % 100 == 12:
        with town.tx("accountant") as tx:
            if require_year(tx, book, month // 100):
                year_of(tx, book, month // 100)
                town.count("years_closed")
