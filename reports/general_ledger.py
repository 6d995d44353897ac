"""三栏式明细账: opening, every line with the running balance, 本月合计 and 本年累计; paged by (voucher date, seq)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.books.account_lines import AccountLine, lines
from ledger.books.reading import cut, require_period
from ledger.books.selection import (
    BEFORE_ALL,
    NOTHING,
    Cursor,
    Selection,
    Turnover,
    apart,
    movements,
    movements_up_to,
    select,
)
from ledger.core.entries import NO_DIMENSIONS, Book, Dimensions
from ledger.db.unit_of_work import Transaction
from reports.wording import SIGN, cut_object, dimension_object, direction

if TYPE_CHECKING:
    from moneyed import Money

PAGE_ENTRIES: Final = 200


class Kind(StrEnum):
    """What a ledger line is."""

    OPENING = "opening"
    CARRIED = "carried"
    ENTRY = "entry"
    MONTH = "month"
    YEAR = "year"


KIND_NAMES: Final = {
    Kind.OPENING: "期初余额",
    Kind.CARRIED: "承前页",
    Kind.MONTH: "本月合计",
    Kind.YEAR: "本年累计",
}


class LedgerColumns(NamedTuple):
    """The three columns of money a printed line is shown with; the balance is debit-positive."""

    debit: Money
    credit: Money
    balance: Money


class LedgerLine(NamedTuple):
    """One printed line; `entry` only for Kind.ENTRY, `period` only for sums. The balance is debit-positive fen."""

    kind: Kind
    period: int | None
    movement: Turnover
    balance_fen: int
    entry: AccountLine | None = None

    def columns(self) -> LedgerColumns:
        """The line's money as it is handed over to be shown."""
        from ledger.core.cny import to_money

        moved = self.movement
        return LedgerColumns(
            to_money(moved.debit_fen), to_money(moved.credit_fen), to_money(self.balance_fen)
        )

    def as_json(self) -> dict[str, object]:
        """Money as strings of integer fen."""
        line: dict[str, object] = {
            "kind": self.kind.value,
            "period": None if self.period is None else str(self.period),
            "debit_fen": str(self.movement.debit_fen),
            "credit_fen": str(self.movement.credit_fen),
            "side": direction(self.balance_fen),
            "balance_fen": str(self.balance_fen),
        }
        if self.entry is not None:
            line |= {
                "voucher_date": self.entry.voucher_date.isoformat(),
                "voucher": self.entry.voucher,
                "seq": self.entry.seq,
                "line": self.entry.n,
                "summary": self.entry.summary,
                "code": str(self.entry.account),
                "name": self.entry.name,
                "dimensions": dimension_object(self.entry.asked, self.entry.dims),
                "entry_kind": self.entry.kind.value,
            }
        return line


@dataclass(frozen=True, slots=True)
class GeneralLedger:
    """One page. `next` continues after the last entry of this page, None at the end."""

    chosen: Selection
    asked: Dimensions
    period: int | None
    lines: Sequence[LedgerLine]
    next: Cursor | None

    def as_json(self) -> dict[str, object]:
        """One object; continue with `next` as `--after`, and with `known_at.recorded_at` to stay at the same cut."""
        return {
            "book": str(self.chosen.book),
            "code": self.chosen.code,
            "name": self.chosen.name,
            "dimensions": {name: value for name, value in self.asked._asdict().items() if value},
            "period": None if self.period is None else str(self.period),
            "as_of": None if self.chosen.as_of is None else self.chosen.as_of.isoformat(),
            "known_at": cut_object(self.chosen.known),
            "sign": SIGN,
            "lines": [line.as_json() for line in self.lines],
            "next": None if self.next is None else str(self.next),
        }


def general_ledger(
    tx: Transaction,
    book: Book,
    code: str,
    dims: Dimensions = NO_DIMENSIONS,
    *,
    period: int | None = None,
    as_of: date | None = None,
    known_at: datetime | None = None,
    after: Cursor = BEFORE_ALL,
    entries: int = PAGE_ENTRIES,
) -> GeneralLedger:
    """A page of `entries` entries of the account `code` (or all leaves whose code begins so) after a cursor.

    Without `period` the opening is 0 and the ledger runs from the first voucher. 本月合计 and 本年累计 come from the
    posting lists, not from adding up the page, and are 发生额: without opening and closing entries. Raises NotFound `book.unknown`, `period.unknown`, `account.unknown`.
    """
    known = cut(tx, book, known_at)
    if period is not None:
        require_period(tx, book, period)
    chosen = select(tx, book, code, dims, as_of, known)
    months = movements(tx, chosen)
    set_apart = apart(tx, chosen)
    turnovers = {month: moved.minus(set_apart.get(month, NOTHING)) for month, moved in months.items()}
    found = lines(tx, chosen, period, after, entries + 1)
    pages = [list(group) for _, group in groupby(found, key=lambda line: line.seq)]
    more = len(pages) > entries
    shown = [line for page in pages[:entries] for line in page]
    following = pages[entries][0].period if more else None

    earlier = {month: moved for month, moved in months.items() if period is not None and month < period}
    balance = sum(moved.net_fen for moved in earlier.values())
    first = after == BEFORE_ALL
    if not first:
        balance += sum(
            moved.net_fen
            for month, moved in movements_up_to(tx, chosen, after).items()
            if period is None or month == period
        )
    printed = [LedgerLine(Kind.OPENING if first else Kind.CARRIED, None, NOTHING, balance)]
    for month, group in groupby(shown, key=lambda line: line.period):
        for line in group:
            balance += line.movement.net_fen
            printed.append(LedgerLine(Kind.ENTRY, month, line.movement, balance, line))
        if month != following:
            printed += _sums(turnovers, month, balance)
    if not shown and first and period is not None:
        printed += _sums(turnovers, period, balance)
    end = Cursor(shown[-1].voucher_date, shown[-1].seq) if more else None
    return GeneralLedger(chosen, dims, period, printed, end)


def _sums(months: Mapping[int, Turnover], month: int, balance: int) -> list[LedgerLine]:
    """本月合计 and 本年累计 of a month that ends here."""
    year = NOTHING
    for other, moved in months.items():
        if other // 100 == month // 100 and other <= month:
            year = year.plus(moved)
    return [
        LedgerLine(Kind.MONTH, month, months.get(month, NOTHING), balance),
        LedgerLine(Kind.YEAR, month, year, balance),
    ]
