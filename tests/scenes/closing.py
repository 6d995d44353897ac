"""A close begun past the program, for tests of the journal's doors: what stops posts is the state."""

from __future__ import annotations

from datetime import date

from ledger.core.entries import Book
from ledger.db.unit_of_work import Transaction


def begin_close(tx: Transaction, book: Book, period: int, on: date) -> None:
    """From open to closing, as the first step of a close: the month takes nothing more."""
    tx.run(
        "SELECT books.begin_close(%(region)s, %(fund)s::smallint, %(period)s, 'monthly', %(on)s)",
        region=book.region,
        fund=book.fund,
        period=period,
        on=on,
    )
