"""All entries of a book as a stream whose memory does not grow with the journal, for exports."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import groupby
from operator import itemgetter
from typing import Final, NamedTuple

from ledger.books.reading import Cut
from ledger.core.entries import Book, Dimensions
from ledger.core.entry_kinds import EntryKind, entry_kind
from ledger.db.unit_of_work import Transaction

ENTRIES_PER_READ: Final = 2_000


class Leaf(NamedTuple):
    """A leaf account × dimensions that has lines. `dim` is the number lines carry."""

    account: int
    dim: int
    name: str
    class_: str
    asked: int
    counterparty: str
    subfund: str
    service_year: int
    term: int
    category: str

    @property
    def dims(self) -> Dimensions:
        """The leaf's dimensions."""
        return Dimensions(*self[5:10])


def leaves(tx: Transaction, book: Book, known: Cut) -> list[Leaf]:
    """Every leaf with lines up to the cut, in code order."""
    return [
        Leaf._make(row)
        for row in tx.rows(
            "SELECT a.account, d.dim, a.name, a.class, a.dims, d.counterparty, d.subfund, d.service_year, d.term,"
            " d.category FROM (SELECT DISTINCT account, dim FROM books.posting WHERE region = %(region)s"
            " AND fund = %(fund)s AND block <= %(block)s) p"
            " JOIN books.account a ON a.region = %(region)s AND a.fund = %(fund)s AND a.account = p.account"
            " JOIN books.dim d ON d.region = %(region)s AND d.dim = p.dim"
            ' ORDER BY a.account::text COLLATE "C", d.dim',
            region=book.region,
            fund=book.fund,
            block=known.block,
        )
    ]


def first_voucher_date(tx: Transaction, book: Book, known: Cut) -> date | None:
    """The earliest voucher date up to the cut; None in an empty book."""
    first: date | None = tx.value(
        "SELECT min(voucher_date) FROM books.block"
        " WHERE region = %(region)s AND fund = %(fund)s AND block <= %(block)s",
        region=book.region,
        fund=book.fund,
        block=known.block,
    )
    return first


class StreamedLine(NamedTuple):
    """A line: side 1 debit, -1 credit; fen on its own side, negative for a red letter."""

    account: int
    dim: int
    side: int
    amount_fen: int

    @property
    def net_fen(self) -> int:
        """Debit-positive."""
        return self.side * self.amount_fen


class StreamedEntry(NamedTuple):
    """An entry as exports need it: its head and its lines as they were booked."""

    period: int
    seq: int
    series: str
    vno: int
    voucher_date: date
    summary: str
    business_date: date
    event: str
    reverses_seq: int
    reverses: str
    """The printed number of the voucher it reverses; empty where it reverses none."""
    lines: list[StreamedLine]

    @property
    def kind(self) -> EntryKind:
        """Ordinary, opening or closing."""
        return entry_kind(self.event)

    @property
    def number(self) -> str:
        """The printed number."""
        return f"{self.series}-{self.period}-{self.vno}"


def stream(tx: Transaction, book: Book, known: Cut) -> Iterator[StreamedEntry]:
    """All entries of the book up to the cut, in (period, seq) order, read `ENTRIES_PER_READ` at a time."""
    last_seq = tx.value(
        "SELECT last_seq FROM books.block WHERE region = %(region)s AND fund = %(fund)s AND block = %(block)s",
        region=book.region,
        fund=book.fund,
        block=known.block,
    )
    periods = tx.rows(
        "SELECT period, min(first_seq) FROM books.block"
        " WHERE region = %(region)s AND fund = %(fund)s AND block <= %(block)s GROUP BY period ORDER BY period",
        region=book.region,
        fund=book.fund,
        block=known.block,
    )
    for period, first_seq in periods:
        after = first_seq - 1
        while heads := _heads(tx, book, period, after, last_seq):
            legs = tx.rows(
                "SELECT seq, account, dim, side, amount_fen FROM books.leg"
                " WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s"
                " AND seq BETWEEN %(first)s AND %(last)s ORDER BY seq, n",
                region=book.region,
                fund=book.fund,
                period=period,
                first=heads[0][1],
                last=heads[-1][1],
            )
            of = {
                seq: [StreamedLine(*leg[1:]) for leg in group]
                for seq, group in groupby(legs, key=itemgetter(0))
            }
            reversed_by = _numbers(tx, book, [head[-1] for head in heads if head[-1]])
            for head in heads:
                yield StreamedEntry(*head, reversed_by.get(head[-1], ""), of[head[1]])
            after = heads[-1][1]


def _heads(
    tx: Transaction, book: Book, period: int, after: int, last_seq: int
) -> list[tuple[int, int, str, int, date, str, date, str, int]]:
    return tx.rows(
        "SELECT period, seq, series, vno, voucher_date, summary, business_date, event, reverses_seq FROM books.entry"
        " WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s"
        " AND seq > %(after)s AND seq <= %(last)s ORDER BY seq LIMIT %(limit)s",
        region=book.region,
        fund=book.fund,
        period=period,
        after=after,
        last=last_seq,
        limit=ENTRIES_PER_READ,
    )


def _numbers(tx: Transaction, book: Book, seqs: list[int]) -> dict[int, str]:
    """The printed numbers of entries by their places in the chain."""
    if not seqs:
        return {}
    found = tx.rows(
        "SELECT e.seq, e.series, e.period, e.vno FROM unnest(%(seqs)s::bigint[]) AS w (seq)"
        " CROSS JOIN LATERAL (SELECT b.period FROM books.block b WHERE b.region = %(region)s AND b.fund = %(fund)s"
        "   AND b.first_seq <= w.seq ORDER BY b.first_seq DESC LIMIT 1) b"
        " JOIN books.entry e ON e.region = %(region)s AND e.fund = %(fund)s AND e.period = b.period AND e.seq = w.seq",
        region=book.region,
        fund=book.fund,
        seqs=seqs,
    )
    return {seq: f"{series}-{period}-{vno}" for seq, series, period, vno in found}
