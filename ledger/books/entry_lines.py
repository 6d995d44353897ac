"""All lines of entries in voucher-date order, with their heads: what the journal, the bank journal and the search show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final, NamedTuple

from ledger.core.entries import Book, Dimensions
from ledger.core.entry_kinds import EntryKind, entry_kind
from ledger.db.unit_of_work import Transaction


class EntryLine(NamedTuple):
    """A line with the head of its voucher; fen on its own side, negative for a red letter."""

    voucher_date: date
    period: int
    seq: int
    series: str
    vno: int
    business_date: date
    recorded_at: datetime
    event: str
    summary: str
    evidence: str
    prepared_by: str
    reviewed_by: str
    n: int
    account: int
    name: str
    section: int
    asked: int
    counterparty: str
    subfund: str
    service_year: int
    term: int
    category: str
    side: int
    amount_fen: int

    @property
    def voucher(self) -> str:
        """The printed number."""
        return f"{self.series}-{self.period}-{self.vno}"

    @property
    def kind(self) -> EntryKind:
        """Ordinary, opening or closing."""
        return entry_kind(self.event)

    @property
    def dims(self) -> Dimensions:
        """The line's dimensions."""
        return Dimensions(*self[17:22])

    @property
    def debit_fen(self) -> int:
        """The amount in the debit column."""
        return self.amount_fen if self.side == 1 else 0

    @property
    def credit_fen(self) -> int:
        """The amount in the credit column."""
        return self.amount_fen if self.side == -1 else 0


# Entries, accounts and dimensions one by one by primary key (OFFSET 0), as in ledger.books.account_lines: also where a table
# has no statistics yet, and a join would read all of it for every line.
_LINES: Final = """
SELECT e.voucher_date, e.period, e.seq, e.series, e.vno, e.business_date, e.recorded_at, e.event, e.summary, e.evidence,
       e.prepared_by, e.reviewed_by, l.n::integer, abs(l.account), a.name, a.section, a.dims,
       d.counterparty, d.subfund, d.service_year, d.term, d.category, sign(l.account)::integer, l.amount_fen
  FROM unnest(%(periods)s::int[], %(seqs)s::bigint[]) AS w (period, seq)
 CROSS JOIN LATERAL (SELECT * FROM books.entry x WHERE x.region = %(region)s AND x.fund = %(fund)s
                        AND x.period = w.period AND x.seq = w.seq OFFSET 0) e
 CROSS JOIN LATERAL unnest(e.accounts, e.dims, e.amounts) WITH ORDINALITY AS l (account, dim, amount_fen, n)
 CROSS JOIN LATERAL (SELECT * FROM books.account x WHERE x.region = %(region)s AND x.fund = %(fund)s
                        AND x.account = abs(l.account) OFFSET 0) a
 CROSS JOIN LATERAL (SELECT * FROM books.dim x WHERE x.region = %(region)s AND x.dim = l.dim OFFSET 0) d
 ORDER BY e.voucher_date, e.seq, l.n
"""


def entry_lines(tx: Transaction, book: Book, places: Sequence[tuple[int, int]]) -> list[EntryLine]:
    """The lines of entries named by (period, seq), in (voucher date, seq, n) order."""
    if not places:
        return []
    return [
        EntryLine._make(row)
        for row in tx.rows(
            _LINES,
            region=book.region,
            fund=book.fund,
            periods=[period for period, _ in places],
            seqs=[seq for _, seq in places],
        )
    ]
