"""封存: the chief seals a closed month with the signed file of it; from then on it is never reopened."""

from __future__ import annotations

from datetime import date

from ledger.closing.status import state_of
from ledger.core.entries import Book
from ledger.db.unit_of_work import Transaction


def seal(tx: Transaction, book: Book, period: int, sha256: str, key_id: str, on: date) -> str:
    """Seal the month with a file (the SHA-256 of its manifest, hex) if the user is a chief of the book; answers its state.

    In an accountant's hand the file alone is made, and the month stays as it is. Raises NotFound `period.unknown`; Conflict
    `seal.not_closed`.
    """
    if tx.value(
        "SELECT access.has_role(%(region)s, %(fund)s::smallint, access.user_name(), '{chief}')",
        region=book.region,
        fund=book.fund,
    ):
        tx.run(
            "SELECT books.seal_period(%(region)s, %(fund)s::smallint, %(period)s, %(sha256)s, %(key)s, %(on)s)",
            region=book.region,
            fund=book.fund,
            period=period,
            sha256=bytes.fromhex(sha256),
            key=key_id,
            on=on,
        )
    return state_of(tx, book, period)
