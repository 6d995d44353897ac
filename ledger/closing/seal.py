"""封存: the chief seals a closed month with the signed file of it; from then on it is never reopened."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from ledger.closing.status import state_of
from ledger.core.dates import period_of
from ledger.core.entries import Book
from ledger.db.unit_of_work import Transaction


class ClosedMonth(NamedTuple):
    """A month that is closed; `n` counts its closings, `sealed`: it is never reopened."""

    period: int
    n: int
    sealed: bool


def closed_months(tx: Transaction, book: Book, today: date) -> list[ClosedMonth]:
    """The book's months that are over and closed, the first first."""
    rows = tx.rows(
        """SELECT p.period, coalesce(max(c.n), 1), p.state = 'sealed' FROM books.period p
             LEFT JOIN books.closing c ON c.region = p.region AND c.fund = p.fund AND c.period = p.period AND c.state = 'closed'
            WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.state IN ('closed', 'sealed') AND p.period < %(month)s
            GROUP BY p.period, p.state ORDER BY p.period""",
        region=book.region,
        fund=book.fund,
        month=period_of(today),
    )
    return [ClosedMonth(*row) for row in rows]


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
