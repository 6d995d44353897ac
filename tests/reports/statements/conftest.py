"""A book of each fund with a year of every kind of entry, posted through the door, and its statements."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.books.journal import post
from ledger.books.setup import open_book, open_period
from ledger.core.entries import Book, Dimensions, EntryDraft, Leg, Posted, credit, debit
from ledger.db.unit_of_work import Transaction, unit_of_work
from reports.statements.rows import Form
from reports.statements.span import Span
from reports.statements.statement import Statements, statements
from tests.scenes.set_apart import let_closing_entries_in

BANK, FISCAL, RECEIPTS = (Dimensions(number) for number in ("42001", "42002", "42003"))
CARE = Dimensions("H42010000001", "pool", 2026, 202610, "inpatient")


@dataclass
class Desk:
    """One book and the hands that post to it."""

    engine: Any
    admin_url: str
    book: Book
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def tx(self, user: str = "acc") -> Iterator[Transaction]:
        with unit_of_work(self.engine, user, self.book.region) as tx:
            yield tx

    def post(self, day: date, *legs: Leg, event: str = "TST", reverses: int = 0) -> Posted:
        key = f"k{next(self.numbers)}"
        draft = EntryDraft(
            event, key, day, f"测试{key}", legs, "TST@1", "rule:TST@1", "zhang", reverses_seq=reverses
        )
        with self.tx() as tx:
            return post(tx, self.book, day, [draft])[0]

    def told(self, year: int, month: int = 0, **more: Any) -> Statements:
        with self.tx() as tx:
            return statements(tx, self.book, Span(year, month), **more)

    def sheet(self, year: int, month: int = 0, **more: Any) -> dict[str, tuple[int, ...]]:
        return by_key(self.told(year, month, **more), Form.SHEET)

    def income(self, year: int, month: int = 0, **more: Any) -> dict[str, tuple[int, ...]]:
        return by_key(self.told(year, month, **more), Form.INCOME)


def by_key(told: Statements, form: Form) -> dict[str, tuple[int, ...]]:
    """What stands in a form, without its noughts."""
    return {filled.row.key: filled.fen for filled in told.forms[form].rows if any(filled.fen)}


@pytest.fixture
def desk_of(database: Any) -> Callable[[int], Desk]:
    """A book of a fund with October 2026 to March 2027 open."""
    let_closing_entries_in(database.admin_url)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("INSERT INTO access.app_user VALUES ('acc','p1','钱会计'),('zhang','p3','张复核')")
        admin.execute(
            "INSERT INTO access.user_role VALUES (420100,'acc','accountant',0),(420100,'zhang','checker',0)"
        )

    def made(fund: int) -> Desk:
        desk = Desk(database.service_engine, database.admin_url, Book(420100, fund))
        with desk.tx() as tx:
            open_book(tx, desk.book, f"武汉{fund}基金", date(2026, 10, 1))
            for period in (202610, 202611, 202612, 202701, 202702, 202703):
                open_period(tx, desk.book, period)
        return desk

    return made


@pytest.fixture
def employees(desk_of: Callable[[int], Desk]) -> Desk:
    """October to December 2026 of the employee fund; every figure of its statements is worked out in the tests by hand."""
    desk = desk_of(310)
    start = date(2026, 10, 1)
    desk.post(
        start, debit(1003, 1_000_000, FISCAL), credit(300101, 600_000), credit(300102, 400_000), event="OPEN"
    )
    october = date(2026, 10, 20)
    # premiums to the treasury: split, not yet split, and one refunded of the pool's
    desk.post(
        october, debit(1005, 500_000), credit(400101, 300_000), credit(400102, 150_000), credit(4601, 50_000)
    )
    desk.post(october, debit(400101, 20_000), credit(1005, 20_000))
    desk.post(october, debit(1003, 480_000, FISCAL), credit(1005, 480_000))
    desk.post(october, debit(1003, 90_000, FISCAL), credit(41010101, 90_000))
    desk.post(october, debit(1003, 1_234, FISCAL), credit(42010101, 1_000), credit(42010202, 234))
    desk.post(october, debit(1004, 700_000, BANK), credit(1003, 700_000, FISCAL))
    # a daily payout as an advance, a month settled into expense, a refund of this year's expense
    desk.post(october, debit(110105, 60_000, CARE), credit(1004, 60_000, BANK))
    desk.post(october, debit(110101, 30_000, Dimensions("430000")), credit(1003, 30_000, FISCAL))
    desk.post(
        october, debit(50010101, 95_000, CARE), credit(110105, 55_000, CARE), credit(1004, 40_000, BANK)
    )
    desk.post(october, debit(1004, 5_000, BANK), credit(50010101, 5_000, CARE))
    desk.post(
        october,
        debit(50010203, 7_000, CARE._replace(subfund="acct", category="pharmacy")),
        credit(1004, 7_000, BANK),
    )
    # serious-illness insurance paid, and part of it given back: red on the row's own side
    desk.post(october, debit(5101, 40_000), credit(1004, 40_000, BANK))
    desk.post(october, debit(5101, -3_000), credit(1004, -3_000, BANK))
    november = date(2026, 11, 10)
    desk.post(november, debit(4601, 50_000), credit(400101, 30_000), credit(400102, 20_000))
    desk.post(november, debit(1002, 800, RECEIPTS), credit(4301, 800))
    desk.post(november, debit(5201, 300), credit(1004, 300, BANK))
    desk.post(november, debit(300102, 1_000), credit(300101, 1_000))  # last year's split corrected (A17)
    desk.post(november, debit(1004, 9_000, BANK), credit(200103, 9_000, Dimensions("430000")))
    return desk


CLOSE_OCTOBER = (
    (debit(400101, 280_000), debit(41010101, 90_000), debit(42010101, 1_000), credit(300101, 371_000)),
    (debit(300101, 127_000), credit(50010101, 90_000, CARE), credit(5101, 37_000)),
    (debit(400102, 150_000), debit(42010202, 234), credit(300102, 150_234)),
    (
        debit(300102, 7_000),
        credit(50010203, 7_000, CARE._replace(subfund="acct", category="pharmacy")),
    ),
)
CLOSE_NOVEMBER = (
    (debit(400101, 30_000), credit(300101, 30_000)),
    (debit(400102, 20_000), debit(4301, 800), credit(300102, 20_800)),
    (debit(300102, 300), credit(5201, 300)),
)
