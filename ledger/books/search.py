"""Searching the journal by words, signer and amount: what is known of it is made after posting, the newest entries are read as they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.core.entries import Book
from ledger.db.connections import Engine
from ledger.db.unit_of_work import Transaction, unit_of_work

WORTH_A_RUN: Final = 2_000
"""Fewer new entries are read faster than looked up; and a run for every few would make many runs."""

Place = tuple[int, int]
"""An entry by its month (yyyymm) and its number in the chain."""


def take_in(engine: Engine, user: str, book: Book, least: int = WORTH_A_RUN) -> int:
    """Let the search know every entry posted so far, a run a transaction, and say how many were new.

    Leaves fewer than `least` for another time. Raises Forbidden `access.role_missing` unless the user is system or accountant.
    """
    return sum(_runs(engine, user, book, least))


def _runs(engine: Engine, user: str, book: Book, least: int) -> Iterator[int]:
    while True:
        with unit_of_work(engine, user, book.region) as tx:
            taken: int = tx.value(
                "SELECT books.index_entries(%(region)s, %(fund)s::smallint, %(least)s)",
                region=book.region,
                fund=book.fund,
                least=least,
            )
        if not taken:
            return
        yield taken


def forget(tx: Transaction, book: Book) -> None:
    """Let the search know nothing of a book; it finds the same, slower. Raises as `take_in`."""
    tx.run("SELECT books.forget_search(%(region)s, %(fund)s::smallint)", region=book.region, fund=book.fund)


def known_to(tx: Transaction, book: Book) -> int:
    """The last entry of the chain that the search knows; 0 where it knows none."""
    last: int = tx.value(
        "SELECT coalesce(max(last_seq), 0) FROM books.search_run WHERE region = %(region)s AND fund = %(fund)s",
        region=book.region,
        fund=book.fund,
    )
    return last


def found_by_words(
    tx: Transaction, book: Book, words: str, signer: str, months: tuple[int, int], many: int
) -> list[Place]:
    """The newest `many` known entries with the words in their summary, of pages the signer signed on."""
    return tx.rows(
        "SELECT period, seq FROM books.found_by_words(%(region)s, %(fund)s::smallint, %(words)s, %(signer)s,"
        " %(first)s, %(last)s, %(many)s)",
        region=book.region,
        fund=book.fund,
        words=words,
        signer=signer,
        first=months[0],
        last=months[1],
        many=many,
    )


def found_by_paper(
    tx: Transaction, book: Book, paper: str, months: tuple[int, int], many: int
) -> list[Place]:
    """The newest `many` known entries whose evidence or source key has a text."""
    return tx.rows(
        "SELECT period, seq FROM books.found_by_paper(%(region)s, %(fund)s::smallint, %(paper)s, %(first)s, %(last)s, %(many)s)",
        region=book.region,
        fund=book.fund,
        paper=paper,
        first=months[0],
        last=months[1],
        many=many,
    )


def found_by_amount(
    tx: Transaction, book: Book, least: int, most: int, months: tuple[int, int], many: int
) -> list[Place]:
    """The newest `many` known entries with a line between two amounts in fen, whatever its sign."""
    return tx.rows(
        "SELECT period, seq FROM books.found_by_amount(%(region)s, %(fund)s::smallint, %(least)s, %(most)s,"
        " %(first)s, %(last)s, %(many)s)",
        region=book.region,
        fund=book.fund,
        least=least,
        most=most,
        first=months[0],
        last=months[1],
        many=many,
    )
