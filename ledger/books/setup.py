"""Opening books and periods, rebuilding the cache of balances."""

from __future__ import annotations

from datetime import date

from ledger.books.chart import chart
from ledger.core.dates import period_of
from ledger.core.entries import Book
from ledger.db.unit_of_work import Transaction


def open_book(tx: Transaction, book: Book, name: str, opened_on: date) -> None:
    """Create the book with the chart of its fund and open the period of `opened_on`.

    Raises Conflict `db.duplicate` if the book exists, Forbidden unless the user is accountant or system there.
    """
    accounts = chart(book.fund)
    tx.run(
        "SELECT books.open_book(%(region)s, %(fund)s::smallint, %(name)s, %(day)s, %(accounts)s::int[], %(names)s::text[],"
        " %(classes)s::text[], %(sides)s::smallint[], %(leaves)s::boolean[], %(dims)s::smallint[])",
        region=book.region,
        fund=book.fund,
        name=name,
        day=opened_on,
        accounts=[a.account for a in accounts],
        names=[a.name for a in accounts],
        classes=[a.class_ for a in accounts],
        sides=[int(a.normal_side) for a in accounts],
        leaves=[a.leaf for a in accounts],
        dims=[a.dims for a in accounts],
    )
    open_period(tx, book, period_of(opened_on))


def open_period(tx: Transaction, book: Book, period: int, asked_on: date | None = None) -> None:
    """Open a period (yyyymm) for what is posted in it: one that is open or closed stays as it is.

    With `asked_on`, the business date on which a person asks for it, raises Conflict `period.closed`, and
    `period.far_ahead` beyond the next month (without: beyond the year after next); always `period.before_closed`.
    """
    tx.run(
        "SELECT books.open_period(%(region)s, %(fund)s::smallint, %(period)s, %(on)s)",
        region=book.region,
        fund=book.fund,
        period=period,
        on=asked_on,
    )


def rebuild_balances(tx: Transaction, book: Book) -> None:
    """Make the stored balances anew from the lines (INV-06)."""
    tx.run(
        "SELECT books.rebuild_balances(%(region)s, %(fund)s::smallint)", region=book.region, fund=book.fund
    )


def books_of(tx: Transaction) -> list[tuple[Book, str]]:
    """The books the user may see in the transaction's region, with their names."""
    return [
        (Book(region, fund), name)
        for region, fund, name in tx.rows(
            "SELECT region, fund, name FROM books.book WHERE region = %(region)s ORDER BY region, fund",
            region=tx.region,
        )
    ]
