"""科目余额表 by level, with parents: opening, 本期, 本年累计 and closing on both sides, and the trial balance of each section."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from ledger.books.account_months import AccountMonths, account_months
from ledger.books.reading import cut, require_period
from ledger.books.selection import NOTHING, Turnover
from ledger.core.entries import Book, Section
from ledger.core.errors import Conflict
from ledger.db.unit_of_work import Transaction
from reports.books.heading import SIGNERS, facts, heads, when
from reports.render.grid import Column, Grid, Line
from reports.wording import SECTION_KEYS, SECTION_NAMES, cut_text

ALL_LEVELS: Final = 9
_COLUMNS: Final = (
    Column("code", "科目编码", "text", 10),
    Column("name", "科目名称", "text", 30),
    Column("opening_debit_fen", "期初借方", "money", 18),
    Column("opening_credit_fen", "期初贷方", "money", 18),
    Column("debit_fen", "本期借方", "money", 18),
    Column("credit_fen", "本期贷方", "money", 18),
    Column("year_debit_fen", "本年累计借方", "money", 18),
    Column("year_credit_fen", "本年累计贷方", "money", 18),
    Column("closing_debit_fen", "期末借方", "money", 18),
    Column("closing_credit_fen", "期末贷方", "money", 18),
)


class LevelAccount(NamedTuple):
    """An account of the book's chart."""

    account: int
    name: str
    section: int

    @property
    def level(self) -> int:
        """1 for 4 digits, one more for every two."""
        return (len(str(self.account)) - 2) // 2


def accounts_of(tx: Transaction, book: Book) -> list[LevelAccount]:
    """The book's chart in code order, parents before their sub-accounts."""
    found = tx.rows(
        "SELECT account, name, section FROM books.account WHERE region = %(region)s AND fund = %(fund)s",
        region=book.region,
        fund=book.fund,
    )
    return sorted((LevelAccount._make(row) for row in found), key=lambda one: str(one.account))


def trial_balance_grid(
    tx: Transaction,
    book: Book,
    period: int,
    *,
    level: int = ALL_LEVELS,
    as_of: date | None = None,
    known_at: datetime | None = None,
) -> Grid:
    """Accounts down to `level`; a parent is the sum of its leaves, each on its own side (a parent can stand on both).

    Turnovers are 发生额; what was closed to 3001 stands in the closing balance. Raises NotFound `book.unknown`,
    `period.unknown`; Conflict `report.unbalanced`.
    """
    known = cut(tx, book, known_at)
    require_period(tx, book, period)
    months = account_months(tx, book, known, period, as_of)
    chart = accounts_of(tx, book)
    lines: list[Line] = []
    totals: dict[str, object] = {}
    for section in Section:
        leaves = [one.account for one in chart if one.section == section and one.account in months.moved]
        whole = _cells(months, leaves, period)
        if [whole[place] for place in (0, 2, 4, 6)] != [whole[place] for place in (1, 3, 5, 7)]:
            raise Conflict(
                "report.unbalanced",
                f"账套{book}{SECTION_NAMES[section]}试算不平衡，请执行verify",
                book=str(book),
                section=SECTION_KEYS[section],
            )
        for one in chart:
            below = [account for account in leaves if str(account).startswith(str(one.account))]
            cells = _cells(months, below, period)
            if one.section == section and one.level <= level and any(cells):
                lines.append(Line((str(one.account), one.name, *cells), level=one.level - 1))
        lines.append(Line(("合计", f"{SECTION_NAMES[section]}试算平衡", *whole), total=True))
        keys = (column.key for column in _COLUMNS[2:])
        totals[SECTION_KEYS[section]] = dict(zip(keys, map(str, whole), strict=True))
    shown = f"{when(period, period)}" + ("" if level >= ALL_LEVELS else f"　{level}级科目")
    more = {"period": str(period), "level": level, "totals": totals}
    return Grid(
        f"{book}-{period}-科目余额表", "科目余额表", _COLUMNS, lines, heads(tx, book, shown),
        [cut_text(known)], SIGNERS, facts(book, known, as_of, **more),
    )  # fmt: skip


def _cells(months: AccountMonths, leaves: Sequence[int], period: int) -> tuple[int, ...]:
    """The eight figures of some leaves. Openings and closings on the side each leaf stands."""
    opening = [_opening(months, account, period) for account in leaves]
    closing = [months.balance_fen(account, period) for account in leaves]
    month = _added(lambda account: months.turnover(account, period, period), leaves)
    year = _added(lambda account: months.turnover(account, period // 100 * 100 + 1, period), leaves)
    return (*_sides(opening), *month, *year, *_sides(closing))


def _opening(months: AccountMonths, account: int, period: int) -> int:
    """The balance before the month, with what an opening entry of the month brought."""
    return months.balance_fen(account, period - 1) + months.opened(account, period, period).net_fen


def _added(of: Callable[[int], Turnover], leaves: Iterable[int]) -> Turnover:
    total = NOTHING
    for account in leaves:
        total = total.plus(of(account))
    return total


def _sides(balances: Iterable[int]) -> tuple[int, int]:
    shown = list(balances)
    return sum(fen for fen in shown if fen > 0), -sum(fen for fen in shown if fen < 0)
