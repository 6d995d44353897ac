"""Statements of the small region's account, as its bank writes them, and what its books have on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pytest

from adapters.banks.formats.statements.read import read_statements
from adapters.banks.formats.statements.table import Stated
from adapters.banks.ports import Direction
from adapters.banks.simulator.messages.statement import PrintedLine, PrintedStatement, write_camt053
from ledger.books.journal import post
from ledger.books.setup import open_period
from ledger.core.dates import SHANGHAI
from ledger.core.entries import Book, Dimensions, EntryDraft, credit, debit
from ledger.payments.statements.matching import Matched, match
from ledger.payments.statements.take import StatementFile, TakenStatement, load
from tests.payments.conftest import FUND, OWN, REGION, World

FISCAL = "4200000000002"
OCT = date(2026, 10, 31)
AFTER = date(2026, 11, 2)


def line(serial: str, fen: int, on: date, **more: Any) -> tuple[str, int, date, dict[str, Any]]:
    """A line to print: positive fen come in."""
    return serial, fen, on, more


@dataclass
class Bank:
    """Prints statements one after the other, each where the last ended."""

    world: World
    balance: int = 0
    sequence: int = 0
    printed: list[PrintedStatement] = field(default_factory=list)

    def statement(
        self,
        first: date,
        last: date,
        *lines: tuple[str, int, date, dict[str, Any]],
        opening: int | None = None,
        sequence: int = 0,
    ) -> PrintedStatement:
        self.sequence = sequence or self.sequence + 1
        start = running = self.balance if opening is None else opening
        rows = []
        for serial, fen, on, more in lines:
            running += fen
            side = Direction.CREDIT if fen > 0 else Direction.DEBIT
            rows.append(PrintedLine(serial, side, abs(fen), on, running, **more))
        made = PrintedStatement(
            f"ST{self.sequence}", self.sequence, datetime(2026, 11, 1, 8, tzinfo=SHANGHAI), OWN, "武汉市医保基金支出户",
            first, last, start, rows,
        )  # fmt: skip
        self.balance = running
        self.printed.append(made)
        return made

    def load(self, *statements: PrintedStatement, user: str = "acc") -> list[TakenStatement]:
        found: list[TakenStatement] = []
        for one in statements:
            content = write_camt053(one)
            name = f"{one.statement_id}.xml"
            with self.world.tx(user) as tx:
                found += load(
                    tx, OWN, StatementFile(name, content), read_statements(name, content, Stated(OWN)), AFTER
                )
        return found


@dataclass
class Books:
    """Vouchers on the account, numbered by themselves."""

    world: World
    count: int = 0

    def book(
        self, fen: int, on: date, evidence: str, *, account: str = OWN, reverses: int = 0, fund: int = FUND
    ) -> int:
        """One line of the account, positive fen came in; returns its seq."""
        return self.book_many([(fen, on, evidence)], account=account, reverses=reverses, fund=fund)[0]

    def book_many(
        self,
        wanted: Sequence[tuple[int, date, str]],
        *,
        account: str = OWN,
        reverses: int = 0,
        fund: int = FUND,
    ) -> list[int]:
        entries = []
        for fen, on, evidence in wanted:
            self.count += 1
            ours, theirs = Dimensions(account), Dimensions(FISCAL)
            legs = (
                (debit(1004, fen, ours), credit(1003, fen, theirs))
                if fen > 0
                else (debit(1003, -fen, theirs), credit(1004, -fen, ours))
            )
            if reverses:
                legs = (debit(1004, fen, ours), credit(1003, fen, theirs))
            entries.append(
                EntryDraft(
                    "ALLOT",
                    f"T:{self.count}",
                    on,
                    "测试",
                    legs,
                    "ALLOT@1",
                    "rule:ALLOT@1",
                    "checker",
                    b"\1" * 32,
                    evidence,
                    reverses_seq=reverses,
                )
            )
        with self.world.tx() as tx:
            open_period(tx, Book(REGION, fund), on.year * 100 + on.month)
            return [one.seq for one in post(tx, Book(REGION, fund), on, entries)]

    def match(self, user: str = "acc") -> Matched:
        with self.world.tx(user) as tx:
            return match(tx, OWN, AFTER)


@pytest.fixture
def bank(world: World) -> Bank:
    return Bank(world)


@pytest.fixture
def books(world: World) -> Books:
    return Books(world)
