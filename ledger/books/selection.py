"""What is asked of an account's ledger: the accounts and dimensions, the place in it, and what moved up to there by period."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, LiteralString, NamedTuple

from ledger.books.reading import Cut
from ledger.books.set_apart import set_apart
from ledger.core.dates import parse_day
from ledger.core.entries import Book, Dimensions
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


# Of whole accounts the sums by block are kept; of some dimensions their lists are added up, first by block: a party has one in each.
_BLOCKS: Final[LiteralString] = """
WITH moved AS (
    SELECT s.period, b.voucher_date, b.first_seq, b.last_seq, s.debit, s.credit FROM (
        SELECT k.period, k.block, sum(k.debit) AS debit, sum(k.credit) AS credit FROM books.account_block k
         WHERE %(dims)s::int[] IS NULL AND k.region = %(region)s AND k.fund = %(fund)s AND k.account = ANY(%(accounts)s)
           AND k.block <= %(block)s GROUP BY 1, 2
         UNION ALL
        SELECT p.period, p.block, sum(p.debit), sum(p.credit) FROM books.posting p
         WHERE %(dims)s::int[] IS NOT NULL AND p.region = %(region)s AND p.fund = %(fund)s AND p.account = ANY(%(accounts)s)
           AND p.dim = ANY(%(dims)s) AND p.block <= %(block)s GROUP BY 1, 2) s
      JOIN books.block b ON b.region = %(region)s AND b.fund = %(fund)s AND b.block = s.block
     WHERE b.voucher_date <= %(as_of)s)
"""
_BY_MONTH: Final[LiteralString] = """
SELECT m.period, sum(m.debit)::bigint, sum(m.credit)::bigint FROM moved m GROUP BY 1 ORDER BY 1
"""


def movements(tx: Transaction, chosen: Selection) -> dict[int, Turnover]:
    """Turnovers by period (yyyymm), ascending, from the posting lists and their sums."""
    return {
        period: Turnover(debit, credit)
        for period, debit, credit in tx.rows(_BLOCKS + _BY_MONTH, **chosen.params())
    }


# Two sums: whole blocks before the cursor, and of the one block the cursor stands in, its lines up to the cursor.
_UP_TO: Final[LiteralString] = """
SELECT m.period, sum(m.debit)::bigint, sum(m.credit)::bigint FROM moved m
 WHERE (m.voucher_date, m.last_seq) <= (%(day)s, %(seq)s) GROUP BY m.period
UNION ALL
SELECT l.period, coalesce(sum(l.fen) FILTER (WHERE l.account > 0), 0)::bigint,
       coalesce(sum(l.fen) FILTER (WHERE l.account < 0), 0)::bigint
  FROM books.block b
 CROSS JOIN LATERAL (
    SELECT e.period, unnest(e.accounts) AS account, unnest(e.dims) AS dim, unnest(e.amounts) AS fen FROM books.entry e
     WHERE e.region = %(region)s AND e.fund = %(fund)s AND e.period = b.period
       AND e.seq BETWEEN b.first_seq AND %(seq)s OFFSET 0) l
 WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.block <= %(block)s AND b.voucher_date = %(day)s
   AND b.voucher_date <= %(as_of)s AND b.first_seq <= %(seq)s AND b.last_seq > %(seq)s
   AND abs(l.account) = ANY(%(accounts)s) AND (%(dims)s::int[] IS NULL OR l.dim = ANY(%(dims)s))
 GROUP BY l.period
"""


def movements_up_to(tx: Transaction, chosen: Selection, cursor: Cursor) -> dict[int, Turnover]:
    """Turnovers by period of all lines up to and including the cursor's entry."""
    sums: dict[int, Turnover] = {}
    if cursor == BEFORE_ALL:
        return sums
    for period, debit, credit in tx.rows(
        _BLOCKS + _UP_TO, **chosen.params(), day=cursor.voucher_date, seq=cursor.seq
    ):
        sums[period] = sums.get(period, NOTHING).plus(Turnover(debit, credit))
    return sums
