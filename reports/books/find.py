"""Vouchers found by what is known of them: number, amount, words, party, paper, day, maker; in every book the user may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.books.entry_lines import EntryLine, entry_lines
from ledger.books.search import Place, found_by_amount, found_by_paper, found_by_words, known_to
from ledger.books.vouchers import voucher
from ledger.core.entries import Book
from ledger.core.errors import InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction
from reports.books.journal import COLUMNS, line_of
from reports.render.grid import Column, Grid, Line

FOUND_MAX: Final = 200
MANY: Final = 20_000
"""Entries looked at one by one when the search knows them by one thing and more is asked; beyond it the journal is read."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is known of a voucher; empty fields ask for nothing. Amounts are fen of one line, whatever its sign."""

    number: str = ""
    least_fen: int | None = None
    most_fen: int | None = None
    words: str = ""
    party: str = ""
    account: str = ""
    evidence: str = ""
    first: date | None = None
    last: date | None = None
    maker: str = ""

    @property
    def by_lines(self) -> bool:
        """Whether the posting lists can name the entries: a party or an account is known."""
        return bool(self.party or self.account)


# Newest first. Where a party or an account is known, the posting lists name the entries; words, amounts, papers and signers are
# looked up (ledger.books.search), and what was posted since is read month by month, backwards by primary key. A day bounds them
# all: blocks have one voucher date, partitions one month. Where only days are known the blocks say all there is to say.
_BY_LINES: Final = """
WITH leaf AS MATERIALIZED (
    SELECT account, dims FROM books.account a
     WHERE a.region = %(region)s AND a.fund = %(fund)s AND a.leaf AND starts_with(a.account::text, %(account)s)
), dim AS MATERIALIZED (
    SELECT d.dim, (d.counterparty <> '')::int + 2 * (d.subfund <> '')::int + 4 * (d.service_year <> 0)::int
                  + 8 * (d.term <> 0)::int + 16 * (d.category <> '')::int AS asked
      FROM books.dim d WHERE d.region = %(region)s AND d.counterparty = %(party)s
), hit AS MATERIALIZED (
    SELECT DISTINCT b.period, b.first_seq + o.off AS seq
      FROM books.posting p
      JOIN books.block b ON b.region = p.region AND b.fund = p.fund AND b.block = p.block
     CROSS JOIN LATERAL unnest(p.offs) AS o (off)
     WHERE p.region = %(region)s AND p.fund = %(fund)s AND b.region = %(region)s AND b.fund = %(fund)s
       AND p.period BETWEEN %(first_period)s AND %(last_period)s AND b.voucher_date BETWEEN %(first)s AND %(last)s
       AND p.account = ANY (ARRAY(SELECT account FROM leaf))
       AND (%(party)s = '' OR p.dim = ANY (ARRAY(SELECT dim FROM dim)))
)
SELECT h.period, h.seq FROM hit h
 CROSS JOIN LATERAL (SELECT * FROM books.entry x WHERE x.region = %(region)s AND x.fund = %(fund)s
                        AND x.period = h.period AND x.seq = h.seq OFFSET 0) e
 WHERE {rest}
 ORDER BY h.period DESC, h.seq DESC LIMIT %(limit)s
"""
_BY_DAYS: Final = """
SELECT b.period, s.seq
  FROM (SELECT x.period, x.voucher_date, x.first_seq, x.last_seq FROM books.block x
         WHERE x.region = %(region)s AND x.fund = %(fund)s AND x.voucher_date BETWEEN %(first)s AND %(last)s
         ORDER BY x.voucher_date DESC, x.first_seq DESC LIMIT %(limit)s) b
 CROSS JOIN LATERAL generate_series(b.last_seq, greatest(b.first_seq, b.last_seq - %(limit)s + 1), -1) AS s (seq)
 ORDER BY b.voucher_date DESC, s.seq DESC LIMIT %(limit)s
"""
_BY_HEADS: Final = """
SELECT e.period, e.seq FROM books.entry e
 WHERE e.region = %(region)s AND e.fund = %(fund)s AND e.period BETWEEN %(first_period)s AND %(last_period)s
   AND e.voucher_date BETWEEN %(first)s AND %(last)s AND {rest}
 ORDER BY e.period DESC, e.seq DESC LIMIT %(limit)s
"""
_BY_PLACES: Final = """
SELECT w.period, w.seq FROM unnest(%(periods)s::int[], %(seqs)s::bigint[]) AS w (period, seq)
 CROSS JOIN LATERAL (SELECT * FROM books.entry x WHERE x.region = %(region)s AND x.fund = %(fund)s
                        AND x.period = w.period AND x.seq = w.seq OFFSET 0) e
 WHERE e.voucher_date BETWEEN %(first)s AND %(last)s AND {rest}
 ORDER BY w.period DESC, w.seq DESC LIMIT %(limit)s
"""
_REST: Final = (
    "(%(words)s = '' OR strpos(e.summary, %(words)s) > 0)"
    " AND (%(evidence)s = '' OR strpos(e.evidence, %(evidence)s) > 0 OR strpos(e.source_key, %(evidence)s) > 0)"
    " AND %(maker)s IN ('', e.prepared_by, e.reviewed_by)"
)
# One amount is asked as an overlap of arrays: three times as fast as looking at each, and the form an index could answer.
_EXACT: Final = " AND e.amounts && ARRAY[%(least)s::bigint, -%(least)s::bigint]"
_BETWEEN: Final = (
    " AND EXISTS (SELECT 1 FROM unnest(e.amounts) AS u (fen) WHERE abs(u.fen) BETWEEN %(least)s AND %(most)s)"
)


def require_something(wanted: Wanted) -> None:
    """Raise InvalidInput `find.nothing` where nothing is asked for."""
    if wanted == Wanted():
        raise InvalidInput(
            "find.nothing", "请至少给出一项查找条件：凭证号、金额、摘要、往来单位、依据、日期或制单人"
        )


def find(tx: Transaction, book: Book, wanted: Wanted, limit: int = FOUND_MAX) -> list[EntryLine]:
    """The lines of the newest `limit` entries of a book that are as wanted."""
    if wanted.number:
        try:
            posted = voucher(tx, book, wanted.number)
        except NotFound:
            return []
        places = [(posted.period, posted.seq)]
        wanted_too = dict.fromkeys(_places(tx, book, wanted, limit, posted.seq))
        return entry_lines(tx, book, [place for place in places if place in wanted_too])
    return entry_lines(tx, book, _places(tx, book, wanted, limit))


def _places(tx: Transaction, book: Book, wanted: Wanted, limit: int, seq: int | None = None) -> list[Place]:
    if seq is None and not wanted.by_lines:
        if wanted.words or wanted.maker or wanted.evidence or wanted.least_fen is not None:
            return _looked_up(tx, book, wanted, limit)
        return _of_days(tx, book, wanted, limit)
    return _read(tx, book, wanted, limit, "" if seq is None else " AND e.seq = %(seq)s", seq=seq)


def _looked_up(tx: Transaction, book: Book, wanted: Wanted, limit: int) -> list[Place]:
    """By what the search knows, and of what was posted since by reading it."""
    known = known_to(tx, book)
    new = _read(tx, book, wanted, limit, " AND e.seq > %(seq)s", seq=known)
    if not known:
        return new
    months = _months(wanted)
    for many in (limit, MANY):
        if wanted.evidence:
            some = found_by_paper(tx, book, wanted.evidence, months, many)
        elif wanted.words or wanted.least_fen is None:
            some = found_by_words(tx, book, wanted.words, wanted.maker, months, many)
        else:
            some = found_by_amount(tx, book, wanted.least_fen, _most(wanted), months, many)
        fit = _read(
            tx,
            book,
            wanted,
            limit,
            "",
            periods=[month for month, _ in some],
            seqs=[place for _, place in some],
        )
        if len(fit) >= limit or len(some) < many:  # enough, or all there are
            return sorted({*new, *fit}, reverse=True)[:limit]
    return _read(tx, book, wanted, limit, "")


def _of_days(tx: Transaction, book: Book, wanted: Wanted, limit: int) -> list[Place]:
    """The newest entries of some days, where nothing else is known: of the last days, and of a day the highest numbers."""
    first, last = _days(wanted)
    found: list[Place] = tx.rows(
        _BY_DAYS, region=book.region, fund=book.fund, first=first, last=last, limit=limit
    )
    return sorted(found, reverse=True)


def _read(
    tx: Transaction, book: Book, wanted: Wanted, limit: int, more: str, **params: object
) -> list[Place]:
    """The newest entries that are as wanted, by the posting lists, from the places given, or month by month."""
    rest = _REST + more
    if wanted.least_fen is not None:
        rest += _EXACT if _most(wanted) == wanted.least_fen else _BETWEEN
    statement = _BY_LINES if wanted.by_lines else _BY_PLACES if "seqs" in params else _BY_HEADS
    first_period, last_period = _months(wanted)
    return tx.rows(
        statement.replace("{rest}", rest),
        region=book.region,
        fund=book.fund,
        first=_days(wanted)[0],
        last=_days(wanted)[1],
        first_period=first_period,
        last_period=last_period,
        party=wanted.party,
        account=wanted.account,
        words=wanted.words,
        evidence=wanted.evidence,
        maker=wanted.maker,
        least=wanted.least_fen,
        most=_most(wanted),
        limit=limit,
        **{name: value for name, value in params.items() if value is not None},
    )


def _days(wanted: Wanted) -> tuple[date, date]:
    return wanted.first or date(1, 1, 1), wanted.last or date(9999, 12, 31)


def _months(wanted: Wanted) -> tuple[int, int]:
    first, last = _days(wanted)
    return first.year * 100 + first.month, last.year * 100 + last.month


def _most(wanted: Wanted) -> int:
    return wanted.most_fen if wanted.most_fen is not None else wanted.least_fen or 0


def found_grid(
    found: Sequence[tuple[Book, EntryLine]], limit: int, names: Mapping[str, str] | None = None
) -> Grid:
    """What was found, a line of a voucher a row, with its book; who made it by `names`, else by login."""
    lines = [Line((str(book), *line_of(line, names or {}).cells)) for book, line in found]
    vouchers = len({(book, line.seq) for book, line in found})
    notes = [f"共{vouchers}张凭证"] + (["只列出最近的，请增加条件"] if vouchers >= limit else [])
    columns = (Column("book", "账套", "text", 12), *COLUMNS)
    return Grid("凭证查找", "凭证查找", columns, lines, ("单位：元",), notes, (), {"vouchers": vouchers})
