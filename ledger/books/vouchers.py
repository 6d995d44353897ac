"""One posted voucher with its lines, by its printed number or its place in the chain."""

from __future__ import annotations

import re
from datetime import date, datetime
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
    """(period, seq) of a printed number, by halves: numbers of a series follow the chain, so number v of a month stands v - 1 or
    more after its first entry, and of any entry of the series its number says whether it lies before."""
    ends = tx.row(
        "SELECT min(first_seq), max(last_seq) FROM books.block WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s",
        region=book.region,
        fund=book.fund,
        period=period,
    )
    if ends is None or ends[0] is None:
        return None
    low, high = ends[0] + vno - 1, ends[1]
    while low <= high:
        middle = (low + high) // 2
        found = tx.row(
            "SELECT seq, vno FROM books.entry WHERE region = %(region)s AND fund = %(fund)s AND period = %(period)s"
            " AND seq BETWEEN %(middle)s AND %(high)s AND series = %(series)s ORDER BY seq LIMIT 1",
            region=book.region,
            fund=book.fund,
            period=period,
            middle=middle,
            high=high,
            series=series,
        )
        if found is not None and found[1] == vno:
            return period, found[0]
        if found is None or found[1] > vno:
            high = middle - 1
        else:
            low = found[0] + 1
    return None


def _unknown(book: Book, reference: str) -> NotFound:
    return NotFound("voucher.unknown", f"账套{book}没有凭证{reference}", book=str(book), voucher=reference)
