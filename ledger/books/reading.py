"""As-of reading of a book: a cut of the chain (known at) and the leaf rows of the books at a voucher date (INV-06)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Final, NamedTuple

from ledger.books.set_apart import set_apart
from ledger.core.dates import SHANGHAI, period_of
from ledger.core.entries import FUND_NAMES, Book, Dimensions
from ledger.core.entry_kinds import EntryKind
from ledger.core.errors import InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction

_BOOK: Final = re.compile(r"([1-9][0-9]{5})-([0-9]{3})", re.ASCII)
_ALL_PERIODS: Final = 999_999
_ALL_DAYS: Final = date(9999, 12, 31)


class Cut(NamedTuple):
    """What was known: the blocks of one book up to and including `block`.

    Asking again with `recorded_at` gives the same block, hence the same figures, for ever: recorded_at strictly
    increases along the chain.
    """

    block: int
    """0 before the first posting."""
    recorded_at: datetime
    hash: bytes

    @property
    def recorded_text(self) -> str:
        """The time in Asia/Shanghai to the microsecond, as printed on reports and understood by `--known-at`."""
        return self.recorded_at.astimezone(SHANGHAI).isoformat(timespec="microseconds")


class AccountHead(NamedTuple):
    """What the books call an account."""

    account: int
    name: str
    """Full name, levels joined by —."""
    class_: str
    section: int
    asked: int
    """The dimensions the account asks for, as bits (ledger.books.chart.Account)."""


class LeafRow(NamedTuple):
    """One leaf account × dimensions. Amounts in fen; opening and closing are debit-positive.

    `debit` and `credit` are 发生额: without opening entries, which stand in `opening`, and without closing entries, whose
    turnovers stand in `carried` (结转). Opening + debit - credit + carried debit - carried credit = closing.
    """

    head: AccountHead
    dims: Dimensions
    opening_fen: int
    debit_fen: int
    credit_fen: int
    closing_fen: int
    carried_debit_fen: int = 0
    carried_credit_fen: int = 0

    @property
    def account(self) -> int:
        """The code as an integer."""
        return self.head.account

    @property
    def name(self) -> str:
        """The account's full name."""
        return self.head.name

    @property
    def section(self) -> int:
        """ledger.core.entries.Section."""
        return self.head.section

    @property
    def asked(self) -> int:
        """The dimensions the account asks for, as bits."""
        return self.head.asked


def parse_book(text: str) -> Book:
    """`420100-310` to a Book; raises InvalidInput `book.format`."""
    match = _BOOK.fullmatch(text)
    if match is None or int(match.group(2)) not in FUND_NAMES:
        raise InvalidInput(
            "book.format", f"账套“{text[:20]}”不合规：应为统筹区代码-基金，如420100-310", value=text[:20]
        )
    return Book(int(match.group(1)), int(match.group(2)))


def parse_period(text: str) -> int:
    """`202610` to 202610; raises InvalidInput `period.format`."""
    if not re.fullmatch(r"20[0-9]{2}(0[1-9]|1[0-2])", text, re.ASCII):
        raise InvalidInput(
            "period.format", f"会计期间“{text[:20]}”不合规：应为YYYYMM，如202610", value=text[:20]
        )
    return int(text)


def require_period(tx: Transaction, book: Book, period: int) -> None:
    """Raise NotFound `period.unknown` for a period this book never opened: nothing was or can be booked in it.

    Balances carried to such a month would be right, and an accountant would take the page for that month's account.
    Open or closed, past or opened ahead, a period that exists is shown.
    """
    found = tx.value(
        "SELECT 1 FROM books.period WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s",
        region=book.region,
        fund=book.fund,
        period=period,
    )
    if found is None:
        raise NotFound(
            "period.unknown", f"账套{book}没有开启过会计期间{period}", book=str(book), period=period
        )


def parse_known_at(text: str) -> datetime:
    """ISO 8601 time to a moment; without a zone it is Asia/Shanghai, a bare date means the end of that day.

    Raises InvalidInput `known_at.format`.
    """
    try:
        moment = datetime.fromisoformat(f"{text}T23:59:59.999999" if len(text) == 10 else text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=SHANGHAI)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(
            "known_at.format",
            f"已知时点“{text[:40]}”不合规：应为ISO 8601时间，如2026-10-13T18:00:00+08:00",
            value=text[:40],
        ) from None


def cut(tx: Transaction, book: Book, known_at: datetime | None) -> Cut:
    """The cut for `known_at`: the last block with recorded_at <= known_at; None means the head.

    Raises NotFound `book.unknown`. A moment so recent that a posting is still under way may gain that posting's
    block; the cut's own recorded_at never does, so reports print that.
    """
    head = tx.row(
        "SELECT block, recorded_at, hash FROM books.head WHERE region = %(region)s AND fund = %(fund)s",
        region=book.region,
        fund=book.fund,
    )
    if head is None:
        raise NotFound("book.unknown", f"账套{book}不存在，或不在您的权限内", book=str(book))
    if known_at is None or head[1] <= known_at:
        return Cut(*head)
    found = tx.row(
        "SELECT block, recorded_at, hash FROM books.block"
        " WHERE region = %(region)s AND fund = %(fund)s AND recorded_at <= %(at)s ORDER BY block DESC LIMIT 1",
        region=book.region,
        fund=book.fund,
        at=known_at,
    )
    if found is not None:
        return Cut(*found)
    start = tx.value(
        "SELECT prev FROM books.block WHERE region = %(region)s AND fund = %(fund)s AND block = 1",
        region=book.region,
        fund=book.fund,
    )
    return Cut(0, datetime.fromtimestamp(0, UTC), start)


# Movements come from the stored balances for whole months before `stored_before` and from the posting lists from
# there on. Posting lists know block and voucher date (a block has exactly one), stored balances know neither.
_LEAF_ROWS: Final = """
WITH movement AS (
    SELECT period, account, dim, debit, credit FROM books.balance
     WHERE region = %(region)s AND fund = %(fund)s AND period <= %(last)s AND period < %(stored_before)s
    UNION ALL
    SELECT p.period, p.account, p.dim, p.debit, p.credit
      FROM books.posting p
      JOIN books.block b ON b.region = p.region AND b.fund = p.fund AND b.block = p.block
     WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.period <= %(last)s AND p.period >= %(stored_before)s
       AND p.block <= %(block)s AND b.region = %(region)s AND b.fund = %(fund)s AND b.voucher_date <= %(as_of)s
), leaf AS (
    SELECT account, dim, max(period) AS latest,
           coalesce(sum(debit - credit) FILTER (WHERE period < %(first)s), 0)::bigint AS opening,
           coalesce(sum(debit) FILTER (WHERE period >= %(first)s), 0)::bigint AS debit,
           coalesce(sum(credit) FILTER (WHERE period >= %(first)s), 0)::bigint AS credit
      FROM movement GROUP BY account, dim
)
SELECT account, dim, opening, debit, credit FROM leaf WHERE latest >= %(first)s OR opening <> 0
"""


def leaf_rows(
    tx: Transaction, book: Book, period: int | None, as_of: date | None, known: Cut
) -> list[LeafRow]:
    """Every leaf row with movement, in code order, from vouchers dated <= `as_of` in blocks <= `known.block`.

    With `period` (yyyymm): opening is all before it, debit and credit its turnovers; rows at rest (no opening, no
    movement in the period) are left out. Without: opening is what opening entries brought, turnovers are all to date.
    At the head the answer comes from stored balances, with `as_of` only that month is read from posting lists.
    """
    last = period or _ALL_PERIODS
    if as_of is not None:
        last = min(last, period_of(as_of))
    params: dict[str, object] = {
        "region": book.region,
        "fund": book.fund,
        "first": period or 0,
        "last": last,
        "block": known.block,
        "as_of": as_of or _ALL_DAYS,
    }
    stored_before = _ALL_PERIODS + 1 if as_of is None else period_of(as_of)
    rows: list[_Sums] = []
    if cut(tx, book, None).block == known.block:
        rows = tx.rows(_LEAF_ROWS, **params, stored_before=stored_before)
    # Heads only grow: still the same one after the read means that the stored balances were those of the cut.
    if cut(tx, book, None).block != known.block:
        rows = tx.rows(_LEAF_ROWS, **params, stored_before=0)
    apart: dict[tuple[int, int], list[int]] = {}
    for moved in set_apart(tx, book, known.block, as_of, last=last):
        if moved.period >= (period or 0):
            opened = moved.kind is EntryKind.OPENING
            sums = apart.setdefault((moved.account, moved.dim), [0, 0, 0, 0])
            sums[0 if opened else 2] += moved.debit_fen
            sums[1 if opened else 3] += moved.credit_fen
    return _named(tx, book, rows, apart)


_Sums = tuple[int, int, int, int, int]
_NONE_APART: Final = (0, 0, 0, 0)
"""Debit and credit of opening entries, then of closing entries."""


def _named(
    tx: Transaction, book: Book, rows: list[_Sums], apart: Mapping[tuple[int, int], Sequence[int]]
) -> list[LeafRow]:
    """Sums with their names in code order. Joined and sorted in the database this takes three times as long."""
    heads = {
        row[0]: AccountHead._make(row)
        for row in tx.rows(
            "SELECT account, name, class, section, dims FROM books.account"
            " WHERE region = %(region)s AND fund = %(fund)s",
            region=book.region,
            fund=book.fund,
        )
    }
    dims = {
        dim: Dimensions._make(values)
        for dim, *values in tx.rows(
            "SELECT dim, counterparty, subfund, service_year, term, category FROM books.dim"
            " WHERE region = %(region)s AND dim = ANY(%(dims)s)",
            region=book.region,
            dims=list({row[1] for row in rows}),
        )
    }
    dim_rank = {dim: rank for rank, dim in enumerate(sorted(dims, key=dims.__getitem__))}
    in_code_order = enumerate(sorted(heads, key=str))
    first_rank = {account: rank * len(dims) for rank, account in in_code_order}
    rows.sort(key=lambda row: first_rank[row[0]] + dim_rank[row[1]])
    named = []
    for account, dim, opening, debit, credit in rows:
        opened, opened_credit, carried, carried_credit = apart.get((account, dim), _NONE_APART)
        named.append(
            LeafRow(
                heads[account],
                dims[dim],
                opening + opened - opened_credit,
                debit - opened - carried,
                credit - opened_credit - carried_credit,
                opening + debit - credit,
                carried,
                carried_credit,
            )
        )
    return named
