"""One posted voucher with its lines, by its printed number or its place in the chain."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping
from datetime import date, datetime
from itertools import accumulate
from typing import Final, NamedTuple

from ledger.core.entries import Book, Dimensions
from ledger.core.errors import InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction

_NUMBER: Final = re.compile(r"(记|备)-([0-9]{6})-([0-9]{1,9})", re.ASCII)


class VoucherLine(NamedTuple):
    """One printed line: 借 or 贷 in fen, negative for a red letter."""

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
    def dims(self) -> Dimensions:
        """The line's dimensions."""
        return Dimensions(*self[5:10])

    @property
    def debit_fen(self) -> int:
        """The amount in the debit column."""
        return self.amount_fen if self.side == 1 else 0

    @property
    def credit_fen(self) -> int:
        """The amount in the credit column."""
        return self.amount_fen if self.side == -1 else 0


class Voucher(NamedTuple):
    """A posted voucher. Signers are user names, or `rule:...` for what a rule prepared."""

    book: Book
    book_name: str
    period: int
    seq: int
    series: str
    vno: int
    voucher_date: date
    business_date: date
    recorded_at: datetime
    event: str
    rule: str
    source_key: str
    reverses_seq: int
    summary: str
    evidence: str
    evidence_digest: bytes
    attachments: int
    prepared_by: str
    reviewed_by: str
    posted_by: str
    lines: tuple[VoucherLine, ...]

    @property
    def number(self) -> str:
        """The printed number: `记-202610-12`."""
        return f"{self.series}-{self.period}-{self.vno}"


def voucher(tx: Transaction, book: Book, reference: str) -> Voucher:
    """The voucher by printed number (`记-202610-12`) or by its place in the chain (seq).

    Raises InvalidInput `voucher.format`, NotFound `voucher.unknown`.
    """
    period, seq = _place(tx, book, reference)
    head = tx.row(
        "SELECT k.name, e.series, e.vno, e.voucher_date, e.business_date, e.recorded_at, e.event, e.rule, e.source_key,"
        " e.reverses_seq, e.summary, e.evidence, e.evidence_digest, e.attachments, e.prepared_by, e.reviewed_by,"
        " (SELECT b.actor FROM books.block b WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.first_seq <= %(seq)s"
        "   ORDER BY b.first_seq DESC LIMIT 1)"
        " FROM books.entry e JOIN books.book k ON k.region = %(region)s AND k.fund = %(fund)s"
        " WHERE e.region = %(region)s AND e.fund = %(fund)s AND e.period = %(period)s AND e.seq = %(seq)s",
        region=book.region,
        fund=book.fund,
        period=period,
        seq=seq,
    )
    if head is None:
        raise _unknown(book, reference)
    found = tx.rows(
        "SELECT l.n, l.account, a.name, l.section, a.dims, d.counterparty, d.subfund, d.service_year, d.term, d.category,"
        " l.side, l.amount_fen"
        " FROM books.leg l JOIN books.account a ON a.region = %(region)s AND a.fund = %(fund)s AND a.account = l.account"
        " JOIN books.dim d ON d.region = %(region)s AND d.dim = l.dim"
        " WHERE l.region = %(region)s AND l.fund = %(fund)s AND l.period = %(period)s AND l.seq = %(seq)s ORDER BY l.n",
        region=book.region,
        fund=book.fund,
        period=period,
        seq=seq,
    )
    name, *rest = head
    return Voucher._make((book, name, period, seq, *rest, tuple(VoucherLine._make(row) for row in found)))


def _place(tx: Transaction, book: Book, reference: str) -> tuple[int, int]:
    """(period, seq) of a printed number or a seq."""
    if reference.isascii() and reference.isdigit() and len(reference) <= 18:
        found = tx.row(
            "SELECT period, %(seq)s::bigint FROM books.block WHERE region = %(region)s AND fund = %(fund)s"
            " AND first_seq <= %(seq)s ORDER BY first_seq DESC LIMIT 1",
            region=book.region,
            fund=book.fund,
            seq=int(reference),
        )
    else:
        match = _NUMBER.fullmatch(reference)
        if match is None:
            raise InvalidInput(
                "voucher.format",
                f"凭证号“{reference[:40]}”不合规：应为记-202610-12、备-202610-3，或链上序号",
                value=reference[:40],
            )
        found = _numbered(tx, book, match.group(1), int(match.group(2)), int(match.group(3)))
    if found is None:
        raise _unknown(book, reference)
    return found[0], found[1]


def _numbered(tx: Transaction, book: Book, series: str, period: int, vno: int) -> tuple[int, int] | None:
    """(period, seq) of a printed number, by halves of the month's entries in the order of the chain.

    Both series of a month count from 1 without a gap, so an entry of the other one tells as well how many of this one stand up
    to it: its place in the month less its own number. What lies between is therefore never read, however long one series goes on alone.
    """
    month = {"region": book.region, "fund": book.fund, "period": period}
    blocks = tx.rows(
        "SELECT first_seq, last_seq FROM books.block WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s"
        " ORDER BY first_seq",
        **month,
    )
    ends = list(accumulate(last - first + 1 for first, last in blocks))
    low, high = vno, ends[-1] if ends else 0
    place = high
    while low <= high:
        block = bisect_left(ends, place)
        seq = blocks[block][1] - ends[block] + place
        found = tx.row(
            "SELECT series, vno FROM books.entry WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s"
            " AND seq = %(seq)s",
            seq=seq,
            **month,
        )
        if found == (series, vno):
            return period, seq
        if found is None:
            break
        so_many = found[1] if found[0] == series else place - found[1]
        if so_many < vno:
            low = place + vno - so_many
        else:
            high = place - max(so_many - vno, 1)
        place = (low + high) // 2
    return _looked_for(tx, month, series, vno) if ends and vno <= ends[-1] else None


def _looked_for(tx: Transaction, month: Mapping[str, int], series: str, vno: int) -> tuple[int, int] | None:
    """The same by reading the month: what somebody removed or numbered anew, which verify tells, hides none of the others."""
    found = tx.row(
        "SELECT period, seq FROM books.entry WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s"
        " AND series = %(series)s AND vno = %(vno)s ORDER BY seq LIMIT 1",
        series=series,
        vno=vno,
        **month,
    )
    return None if found is None else (found[0], found[1])


def _unknown(book: Book, reference: str) -> NotFound:
    return NotFound("voucher.unknown", f"账套{book}没有凭证{reference}", book=str(book), voucher=reference)
