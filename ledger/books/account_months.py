"""What each account moved in each month, as known at a cut: what statements are made of. Opening and closing stand apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from ledger.books.reading import Cut, cut
from ledger.books.selection import NOTHING, Turnover
from ledger.books.set_apart import set_apart
from ledger.core.entries import Book
from ledger.core.entry_kinds import EntryKind
from ledger.db.unit_of_work import Transaction

# As in ledger.books.reading: stored balances where nothing is asked of block or day, posting lists where something is.
_MONTHS: Final = """
SELECT account, period, sum(debit)::bigint, sum(credit)::bigint FROM (
    SELECT account, period, debit, credit FROM books.balance
     WHERE region = %(region)s AND fund = %(fund)s AND period <= %(last)s AND period < %(stored_before)s
    UNION ALL
    SELECT p.account, p.period, p.debit, p.credit
      FROM books.posting p
      JOIN books.block b ON b.region = p.region AND b.fund = p.fund AND b.block = p.block
     WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.period <= %(last)s AND p.period >= %(stored_before)s
       AND p.block <= %(block)s AND b.region = %(region)s AND b.fund = %(fund)s AND b.voucher_date <= %(as_of)s
) m GROUP BY account, period
"""


def _months() -> dict[int, dict[int, Turnover]]:
    return defaultdict(dict)


@dataclass(frozen=True, slots=True)
class TakenOver:
    """What the books before these did, as a cut-over brought it: no entry of ours, but the first year's statements need it."""

    month: int
    """Month of the cut-over day, yyyymm."""
    year_open: Mapping[int, int]
    """年初余额 by leaf, debit-positive, of every leaf of the set's balances."""
    moved: Mapping[int, Turnover]
    """发生额 from the year's beginning to the day by leaf, without closing entries."""
    closed: Mapping[int, int]
    """What the old books' closing entries carried from income and expense this year, debit-positive."""
    history: Mapping[int, Mapping[int, Turnover]]
    """Turnover of income and expense by year (yyyy) or month (yyyymm), then leaf."""

    @property
    def year(self) -> int:
        """The year it was taken over in."""
        return self.month // 100

    def turnover(self, account: int, first: int, last: int, *, from_start: bool) -> Turnover:
        """Its share of a column from `first` to `last` (yyyymm): the year to the day, an earlier year, or one month told."""
        if not from_start:
            return self._told(account, first) if first == last else NOTHING
        if first // 100 == self.year:
            return self.moved.get(account, NOTHING) if last >= self.month else NOTHING
        if first // 100 > self.year:
            return NOTHING
        year = first // 100
        if account in self.history.get(year, {}):
            return self._told(account, year)
        total = NOTHING
        for month in range(year * 100 + 1, year * 100 + 13):
            total = total.plus(self._told(account, month))
        return total

    def _told(self, account: int, period: int) -> Turnover:
        return self.history.get(period, {}).get(account, NOTHING)

    def accounts(self) -> set[int]:
        """Every leaf it says anything of."""
        return {*self.year_open, *self.moved, *(leaf for told in self.history.values() for leaf in told)}


@dataclass(frozen=True, slots=True)
class AccountMonths:
    """Turnovers by leaf account and month (yyyymm): ordinary ones, and what opening and closing entries moved."""

    moved: Mapping[int, Mapping[int, Turnover]]
    apart: Mapping[EntryKind, Mapping[int, Mapping[int, Turnover]]] = field(default_factory=dict)
    taken: TakenOver | None = None
    """What was brought over of the years before these books; only statements and their notes look at it."""

    def all_accounts(self) -> set[int]:
        """The leaves that moved here or in the books before these."""
        return {*self.moved, *(self.taken.accounts() if self.taken else ())}

    def accounts(self, codes: Iterable[str]) -> list[int]:
        """The leaves that moved, of all whose code begins with one of `codes`, in code order."""
        starts = tuple(codes)
        return sorted(
            (account for account in self.all_accounts() if str(account).startswith(starts)), key=str
        )

    def turnover(self, account: int, first: int, last: int) -> Turnover:
        """发生额 of the months from `first` to `last`: neither opening nor closing entries."""
        return _sum(self.moved.get(account, {}), first, last)

    def opened(self, account: int, first: int, last: int) -> Turnover:
        """What opening entries brought in those months."""
        return _sum(self.apart[EntryKind.OPENING].get(account, {}), first, last)

    def closed(self, account: int, first: int, last: int) -> Turnover:
        """What closing entries carried in those months."""
        return _sum(self.apart[EntryKind.CLOSING].get(account, {}), first, last)

    def balance_fen(self, account: int, last: int) -> int:
        """Debit-positive balance at the end of a month, of entries of every kind."""
        parts = (self.turnover, self.opened, self.closed)
        return sum(part(account, 0, last).net_fen for part in parts)


def _sum(months: Mapping[int, Turnover], first: int, last: int) -> Turnover:
    total = NOTHING
    for month, moved in months.items():
        if first <= month <= last:
            total = total.plus(moved)
    return total


def account_months(tx: Transaction, book: Book, known: Cut, last: int, as_of: date | None) -> AccountMonths:
    """All months up to `last` (yyyymm), from vouchers dated <= `as_of` in blocks <= `known.block`."""
    params: dict[str, object] = {
        "region": book.region,
        "fund": book.fund,
        "last": last,
        "block": known.block,
        "as_of": as_of or date(9999, 12, 31),
    }
    stored_before = 1_000_000 if as_of is None else as_of.year * 100 + as_of.month
    rows: list[tuple[int, int, int, int]] = []
    if cut(tx, book, None).block == known.block:
        rows = tx.rows(_MONTHS, **params, stored_before=stored_before)
    # Heads only grow: still the same one after the read means that the stored balances were those of the cut.
    if cut(tx, book, None).block != known.block:
        rows = tx.rows(_MONTHS, **params, stored_before=0)
    moved = _months()
    for account, period, debit, credit in rows:
        moved[account][period] = Turnover(debit, credit)
    apart = {EntryKind.OPENING: _months(), EntryKind.CLOSING: _months()}
    for one in set_apart(tx, book, known.block, as_of, last=last):
        turnover = Turnover(one.debit_fen, one.credit_fen)
        kept = apart[one.kind][one.account]
        kept[one.period] = kept.get(one.period, NOTHING).plus(turnover)
        moved[one.account][one.period] = moved[one.account][one.period].minus(turnover)
    return AccountMonths(dict(moved), apart)
