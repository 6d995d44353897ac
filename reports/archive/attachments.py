"""What is attached to a month's vouchers, in the bytes that were kept under its digest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ledger.core.entries import Book
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.db.unit_of_work import Transaction


class AttachedPart(NamedTuple):
    """A file with the number of the voucher it stands with."""

    voucher: str
    n: int
    name: str
    content: bytes


def attachments(tx: Transaction, book: Book, period: int) -> Iterator[AttachedPart]:
    """In the order of the chain and of the papers; one at a time: a file may have megabytes.

    Raises NotFound `data.key_missing`.
    """
    found = tx.rows(
        """SELECT e.series || '-' || e.period || '-' || e.vno, a.n, a.name, a.sha256
             FROM books.entry e
             JOIN books.attachment a ON a.region = e.region AND a.fund = e.fund AND a.voucher_id = substr(e.source_key, 5)
            WHERE e.region = %(region)s AND e.fund = %(fund)s AND e.period = %(period)s AND e.rule = 'manual'
            ORDER BY e.seq, a.n""",
        region=book.region,
        fund=book.fund,
        period=period,
    )
    opened = fields(tx).open_bytes
    for voucher, n, name, digest in found:
        content = tx.value(
            "SELECT content FROM books.attached_file WHERE region = %(region)s AND fund = %(fund)s AND sha256 = %(digest)s",
            region=book.region,
            fund=book.fund,
            digest=digest,
        )
        where = place("books.attached_file.content", book.region, book.fund, digest)
        yield AttachedPart(voucher, n, name, opened(bytes(content), where))
