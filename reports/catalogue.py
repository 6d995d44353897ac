"""Every report of a book by its name, built from one set of questions: the same for the command line, HTTP, and what changed since."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from ledger.core.accounts import BENEFITS, SPENDING_KIND
from ledger.core.dates import days_asked
from ledger.core.entries import NO_DIMENSIONS, Book, Dimensions
from ledger.core.errors import InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction
from reports.books.auxiliary import Dimension, auxiliary_grid, dealings_grid
from reports.books.bank_journal import bank_journal_grid
from reports.books.by_level import ALL_LEVELS, trial_balance_grid
from reports.books.general import general_grid
from reports.books.heading import months_of
from reports.books.journal import journal_grid
from reports.books.sub_ledger import WHOLE, By, columnar_grid, sub_ledger_grid
from reports.render.grid import Grid
from reports.render.grid_json import document
from reports.statements.grids import flat_grid, statement_grid
from reports.statements.rows import Form
from reports.statements.span import span_of
from reports.statements.statement import Statements, statements


@dataclass(frozen=True, slots=True)
class ReportAsked:
    """What is asked of a report; each takes what it knows. Months yyyymm, days inclusive."""

    period: int | None = None
    year: int | None = None
    as_of: date | None = None
    account: str = ""
    number: str = ""
    """A bank account of ours."""
    party: str = ""
    by: str = ""
    level: int = 0
    first: date | None = None
    last: date | None = None
    dims: Dimensions = NO_DIMENSIONS

    @property
    def month(self) -> int:
        """The month; raises InvalidInput `report.period` where none is given."""
        if self.period is None:
            raise InvalidInput("report.period", "此账表请指明会计期间")
        return self.period


@dataclass(frozen=True, slots=True)
class Built:
    """A report made: as its form is printed, as a table to compute with, and as a document."""

    printed: Grid
    flat: Grid
    document: Mapping[str, object]


Build = Callable[[Transaction, Book, ReportAsked, "datetime | None"], Grid]
FORMS: Final = {"balance-sheet": Form.SHEET, "income-statement": Form.INCOME}


def told_statements(tx: Transaction, book: Book, asked: ReportAsked, known_at: datetime | None) -> Statements:
    """Both statements of what is asked; raises as `statements`, InvalidInput `statement.span`."""
    return statements(tx, book, span_of(asked.period, asked.year), as_of=asked.as_of, known_at=known_at)


def _trial_balance(tx: Transaction, book: Book, asked: ReportAsked, known_at: datetime | None) -> Grid:
    level = asked.level or ALL_LEVELS
    return trial_balance_grid(tx, book, asked.month, level=level, as_of=asked.as_of, known_at=known_at)


def _general(tx: Transaction, book: Book, asked: ReportAsked, known_at: datetime | None) -> Grid:
    months = months_of(asked.period, asked.year)
    return general_grid(tx, book, months, level=asked.level or 1, as_of=asked.as_of, known_at=known_at)


def _sub_ledger(tx: Transaction, book: Book, asked: ReportAsked, known_at: datetime | None) -> Grid:
    return sub_ledger_grid(tx, book, _account(asked), asked.dims, period=asked.period, as_of=asked.as_of, known_at=known_at)  # fmt: skip


def _columnar(tx: Transaction, book: Book, asked: ReportAsked, known_at: datetime | None) -> Grid:
    account = asked.account or str(BENEFITS)
    usual = By.PARTY if account.startswith(("1101", "2001")) else By.CATEGORY
    by = _by(asked.by) if asked.by else usual
    return columnar_grid(tx, book, account, by, period=asked.period, as_of=asked.as_of, known_at=known_at)


def _journal(tx: Transaction, book: Book, asked: ReportAsked, known_at: datetime | None) -> Grid:
    days = days_asked(asked.period, asked.first, asked.last)
    return journal_grid(tx, book, days, known_at=known_at, entries=WHOLE)


def _bank_journal(tx: Transaction, book: Book, asked: ReportAsked, known_at: datetime | None) -> Grid:
    return bank_journal_grid(
        tx, book, asked.account or SPENDING_KIND, asked.number, period=asked.period, as_of=asked.as_of, known_at=known_at
    )  # fmt: skip


def _auxiliary(tx: Transaction, book: Book, asked: ReportAsked, known_at: datetime | None) -> Grid:
    by = _dimension(asked.by) if asked.by else Dimension.PARTY
    return auxiliary_grid(
        tx, book, by, asked.month, account=asked.account, party=asked.party, as_of=asked.as_of, known_at=known_at
    )  # fmt: skip


def _dealings(tx: Transaction, book: Book, asked: ReportAsked, known_at: datetime | None) -> Grid:
    return dealings_grid(
        tx, book, asked.month, account=asked.account, party=asked.party, as_of=asked.as_of, known_at=known_at
    )  # fmt: skip


_BOOKS: Final[Mapping[str, Build]] = {
    "trial-balance": _trial_balance,
    "general-ledger": _general,
    "sub-ledger": _sub_ledger,
    "columnar": _columnar,
    "journal": _journal,
    "bank-journal": _bank_journal,
    "auxiliary": _auxiliary,
    "dealings": _dealings,
}
"""A ledger is whole here, never a page of it."""
REPORTS: Final = (*FORMS, *_BOOKS)
"""By the name each has after `fundledger report`."""


def build(
    tx: Transaction, book: Book, name: str, asked: ReportAsked, known_at: datetime | None = None
) -> Built:
    """The report of that name; raises NotFound `report.unknown`, InvalidInput `report.period`, `report.account`, `report.by`,
    and what the report raises."""
    if form := FORMS.get(name):
        told = told_statements(tx, book, asked, known_at)
        return Built(statement_grid(told, form), flat_grid(told, form), told.as_json(form))
    grid = grid_of(tx, book, name, asked, known_at)
    return Built(grid, grid, document(grid))


def grid_of(
    tx: Transaction, book: Book, name: str, asked: ReportAsked, known_at: datetime | None = None
) -> Grid:
    """A book as a table; raises as `build`."""
    made = _BOOKS.get(name)
    if made is None:
        raise NotFound("report.unknown", f"没有账表{name[:40]}：有{'、'.join(REPORTS)}", report=name[:40])
    return made(tx, book, asked, known_at)


def _account(asked: ReportAsked) -> str:
    if not asked.account:
        raise InvalidInput("report.account", "此账表请指明科目编码")
    return asked.account


def _by(text: str) -> By:
    return By(_one_of(text, By))


def _dimension(text: str) -> Dimension:
    return Dimension(_one_of(text, Dimension))


def _one_of(text: str, kind: Iterable[str]) -> str:
    if text not in (known := [str(one) for one in kind]):
        raise InvalidInput("report.by", f"分栏或辅助核算“{text[:20]}”不合规：应为{'、'.join(known)}", value=text[:20])  # fmt: skip
    return text
