"""A book with users, and batches of entries of every kind: both sections, memo only, red letters, awkward words."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
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

AWKWARD = [
    '20261012日拨付职工医保"市一院"',
    "a;b  ;c 100% *!",
    "=SUM(A1) @x",
    "(记) [2026/13/45] {x} 'y' ,z=1",
    "% 开头是百分号",
    "; 开头是分号",
    "付款 #标签 ^链接 ~TAG~",
    "-1+2\x0b\u3000全角空格\u2028行",
    "结尾空格 ",
]
PARTIES = [
    "H42010000001",
    "H42010000002",
    '市一院-A;"%',
    "=cmd|x".replace("|", "!"),
    "a b  c",
    "42010099:17-",
]
BANK = Dimensions("4200123456789012345")


@dataclass
class Desk:
    """One book and the hands that post to it."""

    engine: Any
    book: Book
    admin_url: str = ""
    numbers: Iterator[int] = field(default_factory=itertools.count)

    @contextmanager
    def tx(self) -> Iterator[Transaction]:
        with unit_of_work(self.engine, "acc", self.book.region) as tx:
            yield tx

    def draft(self, legs: list[Leg], summary: str = "测试", **more: Any) -> EntryDraft:
        key = f"k{next(self.numbers)}"
        return EntryDraft("TST", key, date(2026, 9, 1), summary, legs, "TST@1", "rule:TST@1", "zhang", **more)

    def post(self, day: date, drafts: list[EntryDraft]) -> list[Posted]:
        with self.tx() as tx:
            return post(tx, self.book, day, drafts)

    def random_batch(self, seed: int, day: date, entries: int) -> list[Posted]:
        dice = random.Random(seed)  # noqa: S311 -- test data, the same in every run
        return self.post(day, [self.draft(self._legs(dice), dice.choice(AWKWARD)) for _ in range(entries)])

    def _legs(self, dice: random.Random) -> list[Leg]:
        fen = dice.choice([1, -1]) * dice.choice([1, 99, 100, 12345, dice.randrange(1, 10**9)])
        dims = Dimensions(
            dice.choice(PARTIES),
            dice.choice(["pool", "acct"]),
            dice.choice([2025, 2026]),
            dice.choice([202608, 202609]),
            dice.choice(["inpatient", "outpatient"]),
        )
        memo = [debit(9104, fen, dims), credit(9201, fen, dims)]
        paid = [debit(110105, fen, dims), credit(1004, fen, BANK)]
        return dice.choice(
            [
                memo + paid,
                [debit(9001, fen, dims), credit(9101, fen, dims)],
                [debit(1004, fen, BANK), credit(41010101, fen)],
                [debit(50010101, 3 * fen, dims), debit(50010101, -fen, dims), credit(110105, 2 * fen, dims)],
                [credit(110105, fen, dims), debit(50010101, fen, dims)],
            ]
        )


@pytest.fixture
def desk(database: Any) -> Desk:
    """Book 420100-310 with September to November 2026 open."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute(
            "INSERT INTO access.app_user VALUES ('acc','p1','钱会计'),('zhang','p3','张复核'),('other','p4','外人')"
        )
        admin.execute(
            "INSERT INTO access.user_role VALUES (420100,'acc','accountant',0),(420100,'zhang','checker',0)"
        )
    made = Desk(database.service_engine, Book(420100, 310), database.admin_url)
    with made.tx() as tx:
        open_book(tx, made.book, "武汉职工医保基金", date(2026, 9, 1))
        open_period(tx, made.book, 202610)
        open_period(tx, made.book, 202611)
    return made


DAYS = [
    date(2026, 9, 1),
    date(2026, 9, 30),
    date(2026, 10, 9),
    date(2026, 9, 30),
    date(2026, 10, 9),
    date(2026, 11, 3),
    date(2026, 10, 31),
    date(2026, 11, 3),
]
"""Voucher dates in the order of posting: two months stand open at once, so the chain is not in date order."""


@pytest.fixture
def busy_desk(desk: Desk) -> Desk:
    """The book after eight blocks of random entries."""
    for seed, day in enumerate(DAYS):
        desk.random_batch(seed, day, 9 + seed % 5)
    return desk
