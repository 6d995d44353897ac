"""The money a simulated region begins with: the fiscal grant, booked by two persons."""

from __future__ import annotations

from datetime import date
from typing import Final

from adapters.banks.ports import BankAccount, Direction
from ledger.books.manual import ManualContent, manual_vouchers
from ledger.bootstrap import App
from ledger.core.accounts import FISCAL_DEPOSIT, FISCAL_SUBSIDY, SPENDING_DEPOSIT
from ledger.core.entries import FUND_NAMES, FUNDS, Book, Dimensions, credit, debit
from ledger.db.unit_of_work import unit_of_work
from ledger.founding import book_by_hand
from ledger.simulation.bank import DemoBank, bank_account
from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT, FISCAL_ACCOUNT
from ledger.simulation.staff import Staff

ALLOT_PER_RECORD_FEN: Final = 50_000_00
"""What the demo's fund asks for per record: some ten times what a record costs, so that money is not what is shown."""

TREASURY: Final = BankAccount("示例市财政局国库", "4200000000000001", "国家金库示例市支库", "011521000018")


def allotment_fen(records: int) -> int:
    """What the demo's two books are granted before the first day."""
    return ALLOT_PER_RECORD_FEN * max(records, 2) // 2


def grant_money(staff: Staff, fen: int, day: date, *, subsidy_fen: int = 0) -> None:
    """The fiscal subsidy (`subsidy_fen`, else `fen`) reaches the 财政专户 (A5), `fen` of it the 支出户 (A6), per book.

    Both by hand: a fund request through the ledger is asked for from what is due, and on the first day nothing is.
    """
    own, fiscal = Dimensions(EXPENDITURE_ACCOUNT.number), Dimensions(FISCAL_ACCOUNT.number)
    for fund in FUNDS:
        name = FUND_NAMES[fund]
        given = subsidy_fen or fen
        subsidy = (debit(FISCAL_DEPOSIT, given, fiscal), credit(FISCAL_SUBSIDY, given))
        allotted = (debit(SPENDING_DEPOSIT, fen, own), credit(FISCAL_DEPOSIT, fen, fiscal))
        for summary, evidence, legs in (
            (f"收到{name}财政补贴", "财政补助通知书", subsidy),
            (f"{name}基金请款拨入支出户", "财政专户缴拨凭证", allotted),
        ):
            content = ManualContent(day, summary, evidence, legs, 1)
            accountant = staff.accountant
            book = Book(DEMO_REGION, fund)
            if not _granted(accountant, book, summary):  # an earlier day of this home
                book_by_hand(accountant.engine, accountant.user, staff.checker.user, book, day, content)


def allot(bank: DemoBank, subsidy_fen: int, fen: int, day: date) -> None:
    """What the fiscal office's bank did of it, in the bank's own books: the subsidy came, `fen` went on to the 支出户, per book."""
    known = {line.movement.purpose for line in bank.bank.books.statement(bank.fiscal)}
    for fund in FUNDS:
        for direction, amount, other, words in (
            (Direction.CREDIT, subsidy_fen, TREASURY, f"{FUND_NAMES[fund]}财政补贴"),
            (Direction.DEBIT, fen, bank_account(EXPENDITURE_ACCOUNT), f"{FUND_NAMES[fund]}拨付支出户"),
        ):
            if words not in known:  # an earlier run of this home
                bank.move_fiscal(direction, amount, other, words, day)


def _granted(accountant: App, book: Book, summary: str) -> bool:
    with unit_of_work(accountant.engine, accountant.user, book.region) as tx:
        return any(known.content.summary == summary for known in manual_vouchers(tx, book, state="approved"))
