"""A simulated month's end: the banks' statements come in and are reconciled, the accountant closes, the chief confirms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final

from ledger.bootstrap import App, statement_reader
from ledger.closing import close as closing
from ledger.control.breach import Breach
from ledger.core.entries import Book, Posted
from ledger.core.errors import Conflict
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.payments.statements.matching import match
from ledger.payments.statements.proposing import confirm, propose
from ledger.payments.statements.sheet import make, review
from ledger.payments.statements.take import StatementFile, load
from ledger.simulation.bank import DemoBank
from ledger.simulation.staff import Staff

CLOSE_FROM: Final = 6
"""Day of the next month: the last papers have come, the daily money is handed back (2nd), the banks are reconciled (5th)."""
KNOWN_BAD: Final = {"quarantine": "坏行已退平台更正，更正后另行接入"}
"""What is waived at once: lines the platform sent wrong are not this month's business until they come again."""


@dataclass(slots=True)
class MonthEnd:
    """What became of the months that were due."""

    closed: dict[Book, int] = field(default_factory=dict)
    waiting: dict[Book, tuple[int, list[str]]] = field(default_factory=dict)
    """Book → month and the lines of its check list that hold it up."""
    waivers: int = 0
    vouchers: list[Posted] = field(default_factory=list)


def take_day(staff: Staff, bank: DemoBank, region: int, over: date, sequence: int, day: date) -> None:
    """The statements of one day of both accounts, from the bank's own books, taken in by the accountant on `day`."""
    for account in (bank.account, bank.fiscal):
        file = bank.bank.statement(account, over, sequence)
        found = statement_reader().read(file.name, file.content, {"account": account}, None)
        with _acting(staff.accountant, region) as tx:
            load(tx, account, StatementFile(file.name, file.content), found, day)


def match_accounts(staff: Staff, bank: DemoBank, region: int, day: date) -> int:
    """What carries the same number is matched; what only has the same amount somebody looks at and confirms. How many."""
    by_hand = 0
    for account in (bank.account, bank.fiscal):
        with _acting(staff.accountant, region) as tx:
            match(tx, account, day)
            proposals = propose(tx, account)
        for one in proposals:
            with _acting(staff.accountant, region) as tx:
                confirm(tx, account, one.key, "逐笔核对原始凭证", day)
        by_hand += len(proposals)
    return by_hand


def reconcile(staff: Staff, bank: DemoBank, region: int, period: int, day: date) -> None:
    """余额调节表 of both accounts, made by the accountant and reviewed by another."""
    for account in (bank.account, bank.fiscal):
        with _acting(staff.accountant, region) as tx:
            made = make(tx, account, period, day)
        with _acting(staff.checker, region) as tx:
            review(tx, account, period, made.digest, day)


def close_due(
    staff: Staff, home: Path, day: date, due: Mapping[Book, int], reasons: Mapping[str, str]
) -> MonthEnd:
    """Close a month in each book, `reasons` being what may be waived and why. All are shut before `verify` is asked once for
    all; where a line fails that nobody waives, the month stays as it is and is told.
    """
    end = MonthEnd()
    ready = [book for book, month in due.items() if _begin(staff, book, month, day, reasons, end)]
    asked: list[list[Breach]] = []

    def proven(progress: closing.Progress) -> list[Breach]:
        if not asked:  # nothing is booked in any of these months any more: what holds for one holds for all
            asked.append(closing.verifier(staff.accountant.auditor, home)(progress))
        return asked[0]

    for book in ready:
        accountant = staff.accountant
        digest = closing.close(accountant.engine, proven, accountant.user, book, due[book], day)
        with _acting(staff.chief, book.region) as tx:
            end.vouchers += closing.confirm(tx, book, due[book], digest, day)
        end.closed[book] = due[book]
    return end


def _begin(
    staff: Staff, book: Book, month: int, day: date, reasons: Mapping[str, str], end: MonthEnd
) -> bool:
    for again in (False, True):
        try:
            with _acting(staff.accountant, book.region) as tx:
                closing.begin(tx, book, month, day)
        except Conflict as refused:
            failed = _failed(refused)
            if again or not failed <= reasons.keys():
                end.waiting[book] = (month, sorted(failed))
                return False
            for code in sorted(failed):
                _waive(staff, book, month, code, reasons[code], day)
            end.waivers += len(failed)
        else:
            return True
    return False


def _failed(refused: Conflict) -> set[str]:
    found = refused.details.get("failed")
    if refused.code == "period.unsplit":  # nobody may waive it: the month waits until it is divided
        return {"unsplit"}
    if refused.code != "period.checks_failed" or not isinstance(found, list):
        raise refused
    return {one["code"] for one in found}


def _waive(staff: Staff, book: Book, month: int, code: str, reason: str, day: date) -> None:
    with _acting(staff.accountant, book.region) as tx:
        closing.waive(tx, book, month, code, reason, day)
    with _acting(staff.chief, book.region) as tx:
        closing.waive(tx, book, month, code, "", day)


@contextmanager
def _acting(app: App, region: int) -> Iterator[Transaction]:
    with unit_of_work(app.engine, app.user, region) as tx:
        yield tx
