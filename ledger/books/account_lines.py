"""The lines of accounts in voucher-date order, a page at a time: near the cursor where they are many, else by the posting lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Final, LiteralString, NamedTuple

from ledger.books.selection import Cursor, Selection, Turnover
from ledger.core.entries import Dimensions
from ledger.core.entry_kinds import EntryKind, entry_kind
from ledger.db.unit_of_work import Transaction


class AccountLine(NamedTuple):
    """One line on the chosen accounts, with the head of its voucher."""

    voucher_date: date
    period: int
    seq: int
    series: str
    vno: int
    summary: str
    n: int
    account: int
    name: str
    asked: int
    counterparty: str
    subfund: str
    service_year: int
    term: int
    category: str
    side: int
    amount_fen: int
    event: str
    evidence: str

    @property
    def kind(self) -> EntryKind:
        """Ordinary, opening or closing: only an ordinary line is 发生额."""
        return entry_kind(self.event)

    @property
    def voucher(self) -> str:
        """The printed number."""
        return f"{self.series}-{self.period}-{self.vno}"

    @property
    def dims(self) -> Dimensions:
        """The line's dimensions."""
        return Dimensions(*self[10:15])

    @property
    def movement(self) -> Turnover:
        """The amount on its side; a red letter is negative there."""
        return Turnover(self.amount_fen, 0) if self.side == 1 else Turnover(0, self.amount_fen)


# The entries right after the cursor, so many and no more, and which of them are on the accounts: of an account that many entries
# touch, a page lies near, and the lists of thousands of parties need not be gathered for it.
_NEAR: Final[LiteralString] = """
WITH later AS (
    SELECT b.voucher_date, b.period, greatest(b.first_seq, CASE WHEN b.voucher_date = %(day)s THEN %(seq)s + 1 ELSE 0 END) AS first, b.last_seq
      FROM books.block b
     WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.voucher_date BETWEEN %(day)s AND %(as_of)s
       AND (b.voucher_date, b.last_seq) > (%(day)s, %(seq)s) AND b.block <= %(block)s AND b.period BETWEEN %(first)s AND %(last)s
     ORDER BY b.voucher_date, b.first_seq LIMIT %(walk)s
), near AS (
    SELECT l.*, sum(l.last_seq - l.first + 1) OVER (ORDER BY l.voucher_date, l.first) - (l.last_seq - l.first + 1) AS before FROM later l
), walked AS MATERIALIZED (
    SELECT n.voucher_date, n.period, x.seq, x.mine
      FROM near n
     CROSS JOIN LATERAL (
        SELECT e.seq, e.accounts && %(either)s::int[] AS mine FROM books.entry e
         WHERE e.region = %(region)s AND e.fund = %(fund)s AND e.period = n.period
           AND e.seq BETWEEN n.first AND least(n.last_seq, n.first + (%(walk)s - n.before)::bigint - 1) OFFSET 0) x
     WHERE n.before < %(walk)s
)
SELECT w.voucher_date, w.period, w.seq, (SELECT count(*) FROM walked) FROM walked w WHERE w.mine ORDER BY 1, 3 LIMIT %(limit)s
"""
# A page unfolds the offsets of no more blocks than it needs: each has at least as many entries as its longest list, the cursor's own
# block none for sure.
_LISTED: Final[LiteralString] = """
WITH part AS MATERIALIZED (
    SELECT b.voucher_date, b.period, b.block, b.first_seq,
           CASE WHEN (b.voucher_date, b.first_seq) > (%(day)s, %(seq)s) THEN s.longest ELSE 0 END AS least
      FROM (SELECT k.block, max(k.longest) AS longest FROM (
                SELECT a.block, a.longest FROM books.account_block a
                 WHERE %(dims)s::int[] IS NULL AND a.region = %(region)s AND a.fund = %(fund)s AND a.account = ANY(%(accounts)s)
                   AND a.block <= %(block)s AND a.period BETWEEN %(first)s AND %(last)s
                 UNION ALL
                SELECT p.block, cardinality(p.offs) FROM books.posting p
                 WHERE %(dims)s::int[] IS NOT NULL AND p.region = %(region)s AND p.fund = %(fund)s AND p.account = ANY(%(accounts)s)
                   AND p.dim = ANY(%(dims)s) AND p.block <= %(block)s AND p.period BETWEEN %(first)s AND %(last)s) k
             GROUP BY 1) s
      JOIN books.block b ON b.region = %(region)s AND b.fund = %(fund)s AND b.block = s.block
     WHERE b.voucher_date <= %(as_of)s
       AND b.voucher_date >= %(day)s AND (b.voucher_date, b.last_seq) > (%(day)s, %(seq)s)
), near AS MATERIALIZED (
    SELECT x.voucher_date, x.period, x.block, x.first_seq
      FROM (SELECT y.*, sum(y.least) OVER (ORDER BY y.voucher_date, y.first_seq) - y.least AS before FROM part y) x
     WHERE x.before < %(limit)s
)
SELECT DISTINCT n.voucher_date, n.period, n.first_seq + o.off AS seq
  FROM near n
  JOIN books.posting p ON p.block = n.block AND p.period = n.period
 CROSS JOIN LATERAL unnest(p.offs) AS o (off)
 WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.account = ANY(%(accounts)s)
   AND (%(dims)s::int[] IS NULL OR p.dim = ANY(%(dims)s)) AND p.period BETWEEN %(first)s AND %(last)s
   AND (n.voucher_date, n.first_seq + o.off) > (%(day)s, %(seq)s)
 ORDER BY 1, 3 LIMIT %(limit)s
"""
# Entries by primary key, one by one (OFFSET 0): as a plain join a planner without fresh statistics scans the months.
_LINES: Final[LiteralString] = """
SELECT h.voucher_date, h.period, h.seq, e.series, e.vno, e.summary, l.n, l.account, a.name, a.dims,
       d.counterparty, d.subfund, d.service_year, d.term, d.category, l.side, l.amount_fen, e.event, e.evidence
  FROM unnest(%(days)s::date[], %(periods)s::int[], %(numbers)s::bigint[]) AS h (voucher_date, period, seq)
 CROSS JOIN LATERAL (
    SELECT x.series, x.vno, x.summary, x.event, x.evidence FROM books.entry x
     WHERE x.region = %(region)s AND x.fund = %(fund)s AND x.period = h.period AND x.seq = h.seq OFFSET 0) e
 CROSS JOIN LATERAL (
    SELECT g.n, g.account, g.dim, g.side, g.amount_fen FROM books.leg g
     WHERE g.region = %(region)s AND g.fund = %(fund)s AND g.period = h.period AND g.seq = h.seq
       AND g.account = ANY(%(accounts)s) AND (%(dims)s::int[] IS NULL OR g.dim = ANY(%(dims)s)) OFFSET 0) l
  JOIN books.account a ON a.region = %(region)s AND a.fund = %(fund)s AND a.account = l.account
  JOIN books.dim d ON d.region = %(region)s AND d.dim = l.dim
 ORDER BY h.voucher_date, h.seq, l.n
"""
WALK: Final = 5
"""Entries looked at one by one before the lists are asked, for each that is wanted."""
NEAR_MOST: Final = 1_000
"""Who wants more than a page's entries is led by the lists at once."""


def lines(
    tx: Transaction,
    chosen: Selection,
    period: int | None,
    after: Cursor,
    entries: int,
    *,
    months: tuple[int, int] | None = None,
) -> list[AccountLine]:
    """The lines of the next `entries` entries after the cursor: of one period, of `months` from-to, or of all."""
    first, last = months or (period or 0, period or 999_999)
    where = {
        **chosen.params(),
        "first": first,
        "last": last,
        "day": after.voucher_date,
        "seq": after.seq,
        "limit": entries,
    }
    found = _near(tx, chosen, where, entries)
    if found is None:
        found = tx.rows(_LISTED, **where)
    days, periods, numbers = zip(*found, strict=True) if found else ((), (), ())
    return [
        AccountLine._make(row)
        for row in tx.rows(
            _LINES, **chosen.params(), days=list(days), periods=list(periods), numbers=list(numbers)
        )
    ]


def _near(
    tx: Transaction, chosen: Selection, where: Mapping[str, object], entries: int
) -> Sequence[tuple[date, int, int]] | None:
    """The entries (voucher date, period, seq) where they are found near the cursor; None where the lists must be asked."""
    if chosen.dims is not None or entries > NEAR_MOST:
        return None
    walk = WALK * entries
    either = [*chosen.accounts, *(-account for account in chosen.accounts)]
    rows = tx.rows(_NEAR, **where, walk=walk, either=either)
    if len(rows) == entries or (rows and rows[0][3] < walk):
        return [(day, period, seq) for day, period, seq, _ in rows]
    return None
