"""Opening and closing entries of a book: what is taken out of turnovers, by month, kind, account and dimension."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from ledger.core.entries import Book
from ledger.core.entry_kinds import EntryKind
from ledger.db.unit_of_work import Transaction


class SetApart(NamedTuple):
    """What the opening or closing entries of a month moved on one account and dimension; turnovers in fen."""

    period: int
    kind: EntryKind
    account: int
    dim: int
    debit_fen: int
    credit_fen: int


# The events stand here as in the index `entry_set_apart`: these entries are few, and found without reading the others.
_SET_APART: Final = """
SELECT e.period, books.entry_kind(e.event) AS kind, abs(l.account), l.dim,
       coalesce(sum(l.amount_fen) FILTER (WHERE l.account > 0), 0)::bigint,
       coalesce(sum(l.amount_fen) FILTER (WHERE l.account < 0), 0)::bigint
  FROM books.entry e CROSS JOIN LATERAL unnest(e.accounts, e.dims, e.amounts) AS l (account, dim, amount_fen)
 WHERE e.region = %(region)s AND e.fund = %(fund)s AND e.event IN ('OPEN', 'CLOSE-M', 'CLOSE-Y')
   AND e.period <= %(last)s AND e.voucher_date <= %(as_of)s AND e.seq <= %(seq)s
   AND (%(accounts)s::int[] IS NULL OR abs(l.account) = ANY(%(accounts)s))
   AND (%(dims)s::int[] IS NULL OR l.dim = ANY(%(dims)s))
 GROUP BY 1, 2, 3, 4
"""


def set_apart(
    tx: Transaction,
    book: Book,
    block: int,
    as_of: date | None = None,
    *,
    last: int = 999_999,
    up_to_seq: int | None = None,
    accounts: Sequence[int] | None = None,
    dims: Sequence[int] | None = None,
) -> list[SetApart]:
    """What is no turnover, in blocks <= `block` and vouchers dated <= `as_of`, of months <= `last` (yyyymm).

    `up_to_seq` stops at a place of the chain; `accounts` are leaves, `dims` dimension numbers, None for any.
    """
    seq = tx.value(
        "SELECT last_seq FROM books.block WHERE region = %(region)s AND fund = %(fund)s AND block = %(block)s",
        region=book.region,
        fund=book.fund,
        block=block,
    )
    if seq is None:
        return []
    return [
        SetApart(period, EntryKind(kind), account, dim, debit, credit)
        for period, kind, account, dim, debit, credit in tx.rows(
            _SET_APART,
            region=book.region,
            fund=book.fund,
            last=last,
            as_of=as_of or date(9999, 12, 31),
            seq=seq if up_to_seq is None else min(seq, up_to_seq),
            accounts=None if accounts is None else list(accounts),
            dims=None if dims is None else list(dims),
        )
    ]
