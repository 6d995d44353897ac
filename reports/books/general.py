"""总账 (三栏式): every first-level account by month, with 期初余额, 本月合计, 本年累计 and 结转下年."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

from ledger.books.account_months import AccountMonths, account_months
from ledger.books.reading import cut
from ledger.books.selection import NOTHING, Turnover
from ledger.core.entries import Book
from ledger.core.entry_kinds import EntryKind
from ledger.core.errors import NotFound
from ledger.db.unit_of_work import Transaction
from reports.books.by_level import accounts_of
from reports.books.heading import BALANCE_COLUMNS, SIGNERS, facts, heads, when
from reports.render.grid import Column, Grid, Line
from reports.wording import cut_text, direction

_COLUMNS = (
    Column("code", "科目编码", "text", 10),
    Column("name", "科目名称", "text", 24),
    Column("month", "月份", "text", 8),
    Column("summary", "摘要", "text", 16),
    *BALANCE_COLUMNS,
)


def general_grid(
    tx: Transaction,
    book: Book,
    months: tuple[int, int],
    *,
    level: int = 1,
    as_of: date | None = None,
    known_at: datetime | None = None,
) -> Grid:
    """The general ledger of the accounts of a level for months from-to (yyyymm), those with money or movement.

    Raises NotFound `book.unknown`, `period.unknown` where the book opened none of the months.
    """
    known = cut(tx, book, known_at)
    opened = [
        period
        for (period,) in tx.rows(
            "SELECT period FROM books.period WHERE region = %(region)s AND fund = %(fund)s"
            " AND period BETWEEN %(first)s AND %(last)s ORDER BY period",
            region=book.region,
            fund=book.fund,
            first=months[0],
            last=months[1],
        )
    ]
    if not opened:
        raise NotFound(
            "period.unknown", f"账套{book}没有开启过会计期间{months[0]}", book=str(book), period=months[0]
        )
    moved = account_months(tx, book, known, opened[-1], as_of)
    lines: list[Line] = []
    for one in accounts_of(tx, book):
        leaves = moved.accounts((str(one.account),)) if one.level == level else []
        if leaves:
            lines += _account(moved, leaves, opened, (str(one.account), one.name))
    return Grid(
        f"{book}-{opened[0]}-{opened[-1]}-总账", "总账", _COLUMNS, lines, heads(tx, book, when(*months)),
        ["借方、贷方为发生额；结转为期末转入3001一般基金结余的金额，不计入合计。", cut_text(known)], SIGNERS,
        facts(book, known, as_of, periods=[str(period) for period in opened]),
    )  # fmt: skip


def _account(
    moved: AccountMonths, leaves: Sequence[int], opened: Sequence[int], named: tuple[str, str]
) -> Iterator[Line]:
    first = opened[0]
    balance = sum(
        moved.balance_fen(leaf, first - 1) + moved.opened(leaf, first, first).net_fen for leaf in leaves
    )
    yield _line(named, first, "期初余额", NOTHING, balance)
    for month in opened:
        brought = _sum(moved, EntryKind.OPENING, leaves, month) if month != first else NOTHING
        turnover, year = _turnovers(moved, leaves, month)
        balance += turnover.net_fen + brought.net_fen
        if brought != NOTHING:
            yield _line(named, month, "期初", brought, balance)
        yield _line(named, month, "本月合计", turnover, balance, total=True)
        yield _line(named, month, "本年累计", year, balance, total=True)
        carried = _sum(moved, EntryKind.CLOSING, leaves, month)
        if carried != NOTHING:
            balance += carried.net_fen
            yield _line(named, month, "结转", carried, balance)
        if month % 100 == 12:
            yield _line(named, month, "结转下年", NOTHING, balance)


def _turnovers(moved: AccountMonths, leaves: Sequence[int], month: int) -> tuple[Turnover, Turnover]:
    of_month = of_year = NOTHING
    for leaf in leaves:
        of_month = of_month.plus(moved.turnover(leaf, month, month))
        of_year = of_year.plus(moved.turnover(leaf, month // 100 * 100 + 1, month))
    return of_month, of_year


def _sum(moved: AccountMonths, kind: EntryKind, leaves: Sequence[int], month: int) -> Turnover:
    total = NOTHING
    for leaf in leaves:
        part = moved.opened if kind is EntryKind.OPENING else moved.closed
        total = total.plus(part(leaf, month, month))
    return total


def _line(
    named: tuple[str, str], month: int, said: str, moved: Turnover, balance: int, *, total: bool = False
) -> Line:
    shown = (moved.debit_fen, moved.credit_fen) if total or moved != NOTHING else (None, None)
    return Line((*named, str(month), said, *shown, direction(balance), abs(balance)), total=total)
