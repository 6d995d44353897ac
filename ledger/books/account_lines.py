"""The lines of accounts in voucher-date order, found through the posting lists, with their movements by period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from ledger.books.reading import Cut
from ledger.books.set_apart import set_apart
from ledger.core.dates import parse_day
from ledger.core.entries import Book, Dimensions
from ledger.core.entry_kinds import EntryKind, entry_kind
from ledger.core.errors import InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction


class Cursor(NamedTuple):
    """The last entry of a page. Lines are in (voucher_date, seq, n) order; a page never splits an entry."""

    voucher_date: date
    seq: int

    def __str__(self) -> str:
        return f"{self.voucher_date}.{self.seq}"


BEFORE_ALL: Final = Cursor(date(1, 1, 1), 0)


def parse_cursor(text: str) -> Cursor:
    """`2026-10-13.17` to a Cursor; raises InvalidInput `cursor.format` or `date.format`."""
    day, _, seq = text.partition(".")
    if not (seq.isascii() and seq.isdigit() and len(seq) <= 18):
        raise InvalidInput(
            "cursor.format", f"续页标记“{text[:40]}”不合规：应取自上一页的next", value=text[:40]
        )
    return Cursor(parse_day(day), int(seq))


@dataclass(frozen=True, slots=True)
class Selection:
    """Leaf accounts below a code and the dimension numbers asked for (None: any), as known at a cut and date."""

    book: Book
    code: str
    name: str
    accounts: Sequence[int]
    dims: Sequence[int] | None
    as_of: date | None
    known: Cut

    def params(self) -> dict[str, object]:
        """The parameters all statements of this module share."""
        return {
            "region": self.book.region,
            "fund": self.book.fund,
            "accounts": list(self.accounts),
            "dims": None if self.dims is None else list(self.dims),
            "as_of": self.as_of or date(9999, 12, 31),
            "block": self.known.block,
        }


def select(
    tx: Transaction, book: Book, code: str, dims: Dimensions, as_of: date | None, known: Cut
) -> Selection:
    """The selection for an account code or the beginning of one; empty fields of `dims` ask for nothing.

    Raises NotFound `account.unknown` if the chart has no leaf below `code`.
    """
    found = tx.rows(
        "SELECT account, name, leaf FROM books.account"
        " WHERE region = %(region)s AND fund = %(fund)s AND starts_with(account::text, %(code)s) ORDER BY account",
        region=book.region,
        fund=book.fund,
        code=code,
    )
    accounts = [account for account, _, leaf in found if leaf]
    if not (code.isascii() and code.isdigit()) or not accounts:
        raise NotFound("account.unknown", f"账套{book}没有科目{code[:20]}", book=str(book), account=code[:20])
    name = next((name for account, name, _ in found if str(account) == code), "")
    numbers = None
    if dims != Dimensions():
        numbers = [
            number
            for (number,) in tx.rows(
                "SELECT dim FROM books.dim WHERE region = %(region)s"
                " AND %(counterparty)s IN ('', counterparty) AND %(subfund)s IN ('', subfund)"
                " AND %(service_year)s IN (0, service_year) AND %(term)s IN (0, term)"
                " AND %(category)s IN ('', category)",
                region=book.region,
                **dims._asdict(),
            )
        ]
    return Selection(book, code, name, accounts, numbers, as_of, known)


class Turnover(NamedTuple):
    """Turnovers in fen."""

    debit_fen: int
    credit_fen: int

    @property
    def net_fen(self) -> int:
        """Debit-positive."""
        return self.debit_fen - self.credit_fen

    def plus(self, other: Turnover) -> Turnover:
        """Both together."""
        return Turnover(self.debit_fen + other.debit_fen, self.credit_fen + other.credit_fen)

    def minus(self, other: Turnover) -> Turnover:
        """Without the other."""
        return Turnover(self.debit_fen - other.debit_fen, self.credit_fen - other.credit_fen)


NOTHING: Final = Turnover(0, 0)


def apart(tx: Transaction, chosen: Selection) -> dict[int, Turnover]:
    """What opening and closing entries moved, by period: in `movements`, but no 发生额."""
    sums: dict[int, Turnover] = {}
    for moved in set_apart(
        tx, chosen.book, chosen.known.block, chosen.as_of, accounts=chosen.accounts, dims=chosen.dims
    ):
        earlier = sums.get(moved.period, NOTHING)
        sums[moved.period] = earlier.plus(Turnover(moved.debit_fen, moved.credit_fen))
    return sums


def movements(tx: Transaction, chosen: Selection) -> dict[int, Turnover]:
    """Turnovers by period (yyyymm), ascending, from the posting lists."""
    return {
        period: Turnover(debit, credit)
        for period, debit, credit in tx.rows(
            # lists by block first: an account of many institutions has thousands in each
            "SELECT s.period, sum(s.debit)::bigint, sum(s.credit)::bigint FROM ("
            "SELECT p.period, p.block, sum(p.debit) AS debit, sum(p.credit) AS credit FROM books.posting p"
            " WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.account = ANY(%(accounts)s)"
            " AND (%(dims)s::int[] IS NULL OR p.dim = ANY(%(dims)s)) AND p.block <= %(block)s GROUP BY 1, 2) s"
            " JOIN books.block b ON b.region = %(region)s AND b.fund = %(fund)s AND b.block = s.block"
            " WHERE b.voucher_date <= %(as_of)s GROUP BY s.period ORDER BY s.period",
            **chosen.params(),
        )
    }


# Two sums: whole blocks before the cursor, and of the one block the cursor stands in, its lines up to the cursor.
_UP_TO: Final = """
SELECT s.period, sum(s.debit)::bigint, sum(s.credit)::bigint
  FROM (SELECT p.period, p.block, sum(p.debit) AS debit, sum(p.credit) AS credit
          FROM books.posting p
         WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.account = ANY(%(accounts)s)
           AND (%(dims)s::int[] IS NULL OR p.dim = ANY(%(dims)s)) AND p.block <= %(block)s
         GROUP BY 1, 2) s
  JOIN books.block b ON b.region = %(region)s AND b.fund = %(fund)s AND b.block = s.block
 WHERE b.voucher_date <= %(as_of)s AND (b.voucher_date, b.last_seq) <= (%(day)s, %(seq)s)
 GROUP BY s.period
UNION ALL
SELECT l.period, coalesce(sum(l.amount_fen) FILTER (WHERE l.side = 1), 0)::bigint,
       coalesce(sum(l.amount_fen) FILTER (WHERE l.side = -1), 0)::bigint
  FROM books.block b
 CROSS JOIN LATERAL (
    SELECT g.period, g.side, g.amount_fen FROM books.leg g
     WHERE g.region = %(region)s AND g.fund = %(fund)s AND g.period = b.period
       AND g.seq BETWEEN b.first_seq AND %(seq)s AND g.account = ANY(%(accounts)s)
       AND (%(dims)s::int[] IS NULL OR g.dim = ANY(%(dims)s)) OFFSET 0) l
 WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.block <= %(block)s AND b.voucher_date = %(day)s
   AND b.voucher_date <= %(as_of)s AND b.first_seq <= %(seq)s AND b.last_seq > %(seq)s
 GROUP BY l.period
"""


def movements_up_to(tx: Transaction, chosen: Selection, cursor: Cursor) -> dict[int, Turnover]:
    """Turnovers by period of all lines up to and including the cursor's entry."""
    sums: dict[int, Turnover] = {}
    if cursor == BEFORE_ALL:
        return sums
    for period, debit, credit in tx.rows(_UP_TO, **chosen.params(), day=cursor.voucher_date, seq=cursor.seq):
        sums[period] = sums.get(period, NOTHING).plus(Turnover(debit, credit))
    return sums


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


# A page unfolds the offsets of no more blocks than it needs: each has at least as many entries as its longest list, the cursor's own
# block none for sure. Entries by primary key, one by one (OFFSET 0): as a plain join a planner without fresh statistics scans the months.
_LINES: Final = """
WITH part AS MATERIALIZED (
    SELECT b.voucher_date, b.period, b.block, b.first_seq,
           CASE WHEN (b.voucher_date, b.first_seq) > (%(day)s, %(seq)s) THEN s.longest ELSE 0 END AS least
      FROM (SELECT p.block, max(cardinality(p.offs)) AS longest
              FROM books.posting p
             WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.account = ANY(%(accounts)s)
               AND (%(dims)s::int[] IS NULL OR p.dim = ANY(%(dims)s)) AND p.block <= %(block)s
               AND p.period BETWEEN %(first)s AND %(last)s
             GROUP BY 1) s
      JOIN books.block b ON b.region = %(region)s AND b.fund = %(fund)s AND b.block = s.block
     WHERE b.voucher_date <= %(as_of)s
       AND b.voucher_date >= %(day)s AND (b.voucher_date, b.last_seq) > (%(day)s, %(seq)s)
), near AS MATERIALIZED (
    SELECT x.voucher_date, x.period, x.block, x.first_seq
      FROM (SELECT y.*, sum(y.least) OVER (ORDER BY y.voucher_date, y.first_seq) - y.least AS before FROM part y) x
     WHERE x.before < %(limit)s
), hit AS MATERIALIZED (
    SELECT DISTINCT n.voucher_date, n.period, n.first_seq + o.off AS seq
      FROM near n
      JOIN books.posting p ON p.block = n.block AND p.period = n.period
     CROSS JOIN LATERAL unnest(p.offs) AS o (off)
     WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.account = ANY(%(accounts)s)
       AND (%(dims)s::int[] IS NULL OR p.dim = ANY(%(dims)s)) AND p.period BETWEEN %(first)s AND %(last)s
       AND (n.voucher_date, n.first_seq + o.off) > (%(day)s, %(seq)s)
     ORDER BY 1, 3 LIMIT %(limit)s
)
SELECT h.voucher_date, h.period, h.seq, e.series, e.vno, e.summary, l.n, l.account, a.name, a.dims,
       d.counterparty, d.subfund, d.service_year, d.term, d.category, l.side, l.amount_fen, e.event, e.evidence
  FROM hit h
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
    return [
        AccountLine._make(row)
        for row in tx.rows(
            _LINES,
            **chosen.params(),
            first=first,
            last=last,
            day=after.voucher_date,
            seq=after.seq,
            limit=entries,
        )
    ]
