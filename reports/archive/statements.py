"""Which statements and books go into a package: each a maker of tables from a transaction, a book, a period and its cut.

Kind `report` is a month's, `annual` the year's (only in the package of December), `book` a book of account. A report that
becomes available is added here. The cut is the last posting into this month or an earlier one: made again a year later, the same
bytes come out.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Iterator
from datetime import date, datetime
from typing import Final, NamedTuple, cast

from ledger.books.selection import BEFORE_ALL, parse_cursor
from ledger.core.entries import Book
from ledger.db.unit_of_work import Transaction
from reports.books.bank_journal import MONEY, bank_journal_grid
from reports.books.general import general_grid
from reports.books.journal import journal_grid
from reports.render.books_grid import trial_balance_grid
from reports.render.grid import Column, Grid, Line
from reports.statements.grids import statement_grid
from reports.statements.rows import Form
from reports.statements.span import span_of
from reports.statements.statement import statements
from reports.trial_balance import trial_balance

ENTRIES_PER_READ: Final = 20_000


class PackedMonth(NamedTuple):
    """What a table is made of."""

    tx: Transaction
    book: Book
    period: int
    known_at: datetime | None
    """None where nothing was ever booked."""

    @property
    def days(self) -> tuple[date, date]:
        """First and last day of the month."""
        year, month = divmod(self.period, 100)
        return date(year, month, 1), date(year, month, monthrange(year, month)[1])


class PackedStatement(NamedTuple):
    """One table of a package."""

    kind: str
    title: str
    make: Callable[[PackedMonth], Grid]


def _trial_balance(asked: PackedMonth) -> Grid:
    return trial_balance_grid(trial_balance(asked.tx, asked.book, asked.period, known_at=asked.known_at))


def _form(form: Form, *, annual: bool) -> Callable[[PackedMonth], Grid]:
    def make(asked: PackedMonth) -> Grid:
        span = span_of(None, asked.period // 100) if annual else span_of(asked.period, None)
        return statement_grid(statements(asked.tx, asked.book, span, known_at=asked.known_at), form)

    return make


def _notes(asked: PackedMonth) -> Grid:
    """附注: the memorandum accounts with money, as the statements name them."""
    told = statements(asked.tx, asked.book, span_of(asked.period, None), known_at=asked.known_at)
    columns = [
        Column("part", "项目"),
        Column("account", "科目编码"),
        Column("name", "科目名称"),
        Column("opening_fen", "年初余额", "money"),
        Column("closing_fen", "期末余额", "money"),
    ]
    lines = [
        Line((note.part, str(note.account), note.name, note.opening_fen, note.closing_fen))
        for note in told.notes
    ]
    heads = (f"编制单位：{told.book_name}", told.span.text, "单位：元")
    return Grid("附注", "会计报表附注", columns, lines, heads, signers=("会计主管", "复核", "制表"))


def _general(asked: PackedMonth) -> Grid:
    return general_grid(asked.tx, asked.book, (asked.period, asked.period), known_at=asked.known_at)


def _journal(asked: PackedMonth) -> Grid:
    """The whole month's journal, read while it is written."""

    def page(after: str | None) -> Grid:
        cursor = parse_cursor(after) if after else BEFORE_ALL
        return journal_grid(
            asked.tx,
            asked.book,
            asked.days,
            known_at=asked.known_at,
            after=cursor,
            entries=ENTRIES_PER_READ,
        )

    first = page(None)
    return Grid(
        first.name,
        first.title,
        first.columns,
        cast("list[Line]", _JournalLines(first, page)),  # file renderers read rows once, in order
        first.heads,
        first.notes,
        first.signers,
        page_sums=first.page_sums,
    )


class _JournalLines:
    """The lines of all pages; the sums of the pages are added up and stand once, at the end."""

    def __init__(self, first: Grid, page: Callable[[str | None], Grid]) -> None:
        self._first = first
        self._page = page

    def __iter__(self) -> Iterator[Line]:
        sums: dict[str, list[int]] = {}
        blanks: dict[str, Line] = {}
        debit, credit = (
            [column.key for column in self._first.columns].index(key) for key in ("debit", "credit")
        )
        read = self._first
        while True:
            for line in read.lines:
                if not line.total:
                    yield line
                    continue
                name = str(line.cells[2])
                blanks.setdefault(name, line)
                sides = sums.setdefault(name, [0, 0])
                sides[0] += int(cast("int", line.cells[debit]) or 0)
                sides[1] += int(cast("int", line.cells[credit]) or 0)
            following = read.facts.get("next")
            if following is None:
                break
            read = self._page(str(following))
        for name, sides in sums.items():
            cells = list(blanks[name].cells)
            cells[debit], cells[credit] = sides
            yield Line(cells, total=True)


STATEMENTS: Final = (
    PackedStatement("report", "科目余额表", _trial_balance),
    PackedStatement("report", "资产负债表", _form(Form.SHEET, annual=False)),
    PackedStatement("report", "收支表", _form(Form.INCOME, annual=False)),
    PackedStatement("report", "附注", _notes),
    PackedStatement("annual", "年度资产负债表", _form(Form.SHEET, annual=True)),
    PackedStatement("annual", "年度收支表", _form(Form.INCOME, annual=True)),
    PackedStatement("book", "总账", _general),
    PackedStatement("book", "序时账", _journal),
)


def statements_of(period: int) -> Iterator[PackedStatement]:
    """Those of a month; the year's too in December."""
    for one in STATEMENTS:
        if one.kind != "annual" or period % 100 == 12:
            yield one


def bank_journals(asked: PackedMonth, codes: list[str]) -> Iterator[tuple[str, Grid]]:
    """(account, 日记账) of each money account among first-level `codes`."""
    for code in codes:
        if code in MONEY:
            made = bank_journal_grid(asked.tx, asked.book, code, period=asked.period, known_at=asked.known_at)
            yield code, made


def known_at(tx: Transaction, book: Book, period: int) -> datetime | None:
    """When the last entry of this month or an earlier one was recorded: what is known of it for ever."""
    found: datetime | None = tx.value(
        "SELECT max(recorded_at) FROM books.block WHERE region = %(region)s AND fund = %(fund)s AND period <= %(period)s",
        region=book.region,
        fund=book.fund,
        period=period,
    )
    return found
