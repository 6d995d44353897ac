"""What is attached to drafts of hand-written vouchers, read with them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from ledger.core.entries import Book
from ledger.db.unit_of_work import Transaction


class Attachment(NamedTuple):
    """A paper attached to a draft: its bytes are kept under their SHA-256."""

    n: int
    name: str
    sha256: bytes
    size: int
    attached_by: str
    attached_on: date

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "n": self.n,
            "name": self.name,
            "sha256": self.sha256.hex(),
            "bytes": self.size,
            "attached_by": self.attached_by,
            "attached_on": self.attached_on.isoformat(),
        }


def attachments_of(
    tx: Transaction, book: Book, voucher_ids: Sequence[str]
) -> dict[str, tuple[Attachment, ...]]:
    """What is attached to these drafts, each draft's in order; a draft without is left out."""
    found: dict[str, tuple[Attachment, ...]] = {}
    if not voucher_ids:
        return found
    for key, n, name, sha, size, by, on in tx.rows(
        """SELECT voucher_id, n, name, sha256, bytes, attached_by, attached_on FROM books.attachment
            WHERE region = %(region)s AND fund = %(fund)s AND voucher_id = ANY(%(ids)s) ORDER BY voucher_id, n""",
        region=book.region,
        fund=book.fund,
        ids=list(voucher_ids),
    ):
        found[key] = (*found.get(key, ()), Attachment(n, name, bytes(sha), size, by, on))
    return found
