"""Which statements go into a package: each a maker of a table from a transaction, a book and a period.

Kind `report` is a month's, `annual` the year's (only in the package of December). A report that becomes available is added here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from ledger.core.entries import Book
from ledger.db.unit_of_work import Transaction
from reports.render.books_grid import trial_balance_grid
from reports.render.grid import Grid
from reports.trial_balance import trial_balance

Maker = Callable[[Transaction, Book, int], Grid]


class PackedStatement(NamedTuple):
    """One statement of a package."""

    kind: str
    title: str
    make: Maker


def _trial_balance(tx: Transaction, book: Book, period: int) -> Grid:
    return trial_balance_grid(trial_balance(tx, book, period))


STATEMENTS: Final = (PackedStatement("report", "科目余额表", _trial_balance),)


def statements_of(period: int) -> Iterator[PackedStatement]:
    """Those of a month; the year's too in December."""
    for one in STATEMENTS:
        if one.kind != "annual" or period % 100 == 12:
            yield one
