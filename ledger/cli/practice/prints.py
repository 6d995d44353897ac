"""What the demo leaves to look at: the month's vouchers, statements, books, 余额调节表, a 对账单 and the seal, as files of a folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Final

from ledger.bootstrap import App
from ledger.core.accounts import SPENDING_KIND
from ledger.core.dates import next_month, period_of
from ledger.core.entries import Book
from ledger.core.errors import Conflict
from ledger.core.private import private_folder
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.payments.statements.sheet import sheets
from reports.books.bank_journal import bank_journal_grid
from reports.books.by_level import trial_balance_grid
from reports.books.general import general_grid
from reports.books.journal import journal_grid
from reports.institution_statement import institution_statement
from reports.reconciliation import reconciliation_grid
from reports.render.books_grid import voucher_grid
from reports.render.grid import Grid
from reports.render.out import write_grid
from reports.render.paper import Paper
from reports.render.statement_grid import statement_grids
from reports.seal.export import export_seal, require_sealable
from reports.seal.key import ensure_key
from reports.statements.grids import statement_grid
from reports.statements.rows import Form
from reports.statements.span import Span
from reports.statements.statement import statements
from reports.voucher import voucher

FOLDER: Final = "prints"
_SHOWN: Final = ("RCV", "RTN", "CLOSE-M")
"""Events a voucher is printed of: money paid, money that came back (in red), the month's closing."""
_BOTH: Final = ("pdf", "xlsx")
_JOURNAL_MAX: Final = 100_000
Printed = tuple[str, Sequence[Grid], Paper, Sequence[str]]


def leave_prints(running: App, book: Book, pay_date: date, home: Path) -> tuple[Path, list[str]]:
    """Write the month of `pay_date` into a folder of the home; answers the folder and its files in order.

    What a month that is not closed has not got is left out: its 余额调节表, its seal.
    """
    month, today = period_of(pay_date), next_month(next_month(pay_date))
    folder = home / "demo" / FOLDER / f"{book}-{month}"
    private_folder(folder)
    written: list[str] = []
    with unit_of_work(running.engine, running.user, book.region) as tx:
        number = 0
        for number, (name, grids, paper, shapes) in enumerate(_printed(tx, book, month), 1):
            for shape in shapes:
                path = folder / f"{number:02d}-{name}.{shape}"
                write_grid(grids, shape, path, paper, together=len(grids) > 1 and paper is Paper.A4)
                written.append(path.name)
        try:
            require_sealable(tx, book, month, today)
        except Conflict:
            return folder, written
        path = folder / f"{number + 1:02d}-期间封存.jsonl"
        export_seal(tx, book, month, today, ensure_key(home)[0], path)
        written.append(path.name)
    return folder, written


def _printed(tx: Transaction, book: Book, month: int) -> Iterator[Printed]:
    numbers: list[tuple[int]] = tx.rows(
        "SELECT min(seq) FROM books.entry WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s"
        " AND event = ANY(%(events)s) GROUP BY event ORDER BY 1",
        region=book.region,
        fund=book.fund,
        period=month,
        events=list(_SHOWN),
    )
    yield (
        "记账凭证",
        [voucher_grid(voucher(tx, book, str(seq))) for (seq,) in numbers],
        Paper.A5_ACROSS,
        ("pdf",),
    )
    told = statements(tx, book, Span(*divmod(month, 100)))
    yield "会社保01资产负债表", [statement_grid(told, Form.SHEET)], Paper.A4, _BOTH
    yield "会社保02收支表", [statement_grid(told, Form.INCOME)], Paper.A4, _BOTH
    yield "科目余额表", [trial_balance_grid(tx, book, month)], Paper.A4_ACROSS, _BOTH
    yield "总账", [general_grid(tx, book, (month, month))], Paper.A4_ACROSS, ("pdf",)
    yield "银行日记账", [bank_journal_grid(tx, book, SPENDING_KIND, period=month)], Paper.A4_ACROSS, _BOTH
    first = date(month // 100, month % 100, 1)
    journal = journal_grid(tx, book, (first, next_month(first)), entries=_JOURNAL_MAX)
    yield "序时账", [journal], Paper.A4_ACROSS, ("xlsx",)
    for one in sheets(tx, period=month):
        yield (
            f"余额调节表{one.account}",
            [reconciliation_grid(tx, one.account, month, one.version)],
            Paper.A4,
            ("pdf",),
        )
    institution = tx.value(
        "SELECT min(institution) FROM payments.pay_order WHERE region = %(region)s AND fund = %(fund)s AND state = 'paid'",
        region=book.region,
        fund=book.fund,
    )
    if institution:
        page = institution_statement(tx, book.fund, institution, month // 100)
        yield "机构对账单", statement_grids(page), Paper.A4, _BOTH
