"""A bank on two folders, payment files written by our own format, papers read back by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.ports import (
    BankAccount,
    Decoded,
    Evidence,
    Instruction,
    OrderStatus,
    OutgoingFile,
    PaymentBatch,
)
from adapters.banks.simulator.bank import Opening, SimulatedBank, StepReport, Terms
from adapters.banks.simulator.faults import HONEST, FaultPlan
from adapters.banks.wire.control import READY_SUFFIX, decode_control, describe, encode_control
from ledger.core.dates import SHANGHAI
from ledger.core.errors import InvalidInput

DAY = date(2026, 11, 2)
PAYER = BankAccount("江城市医疗保险基金支出户", "42010000000000000010", "江城银行营业部", "103100000026")
OPENING_FEN = 1_000_000_00


def order(number: int, amount_fen: int | None = None) -> Instruction:
    payee = BankAccount(f"第{number}人民医院", f"6222000000{number:06d}", "汉江银行", "102521000010")
    return Instruction(
        f"FL20261102-{number:06d}", amount_fen or number * 1_000_00, payee, "202611月结职工医保H42010000001"
    )


@dataclass
class World:
    """The bank, its folders and what has come out so far."""

    folder: Path
    books_path: Path
    terms: Terms
    plan: FaultPlan
    bank: SimulatedBank
    decoder: Iso20022Format = field(default_factory=lambda: Iso20022Format(frozenset({PAYER.number})))
    files: dict[str, bytes] = field(default_factory=dict)

    def batch(
        self,
        orders: Sequence[Instruction],
        message_id: str = "FLM20261102-0001",
        *,
        day: date = DAY,
        payer: BankAccount = PAYER,
    ) -> PaymentBatch:
        created = datetime(day.year, day.month, day.day, 8, 0, tzinfo=SHANGHAI)
        return PaymentBatch(message_id, created, day, payer, tuple(orders))

    def drop(
        self,
        orders: Sequence[Instruction],
        message_id: str = "FLM20261102-0001",
        *,
        name: str = "",
        count: int | None = None,
        total_fen: int | None = None,
        day: date = DAY,
        payer: BankAccount = PAYER,
    ) -> OutgoingFile:
        """Lay a payment file and its control file into the inbox."""
        file = self.decoder.encode(self.batch(orders, message_id, day=day, payer=payer))
        file = OutgoingFile(name or file.name, file.content)
        control = describe(
            file.name,
            file.content,
            count=len(orders) if count is None else count,
            total_fen=sum(one.amount_fen for one in orders) if total_fen is None else total_fen,
        )
        (self.folder / "inbox" / file.name).write_bytes(file.content)
        (self.folder / "inbox" / (file.name + ".ctl")).write_bytes(encode_control(control))
        return file

    def step(self, days: int = 0) -> StepReport:
        """The bank's work at 18:00, `days` after the first day."""
        moment = datetime(DAY.year, DAY.month, DAY.day, 18, 0, tzinfo=SHANGHAI) + timedelta(days=days)
        report = self.bank.step(moment)
        self.files |= {name: (self.folder / "outbox" / name).read_bytes() for name in report.sent}
        return report

    def run(self, days: int = 8) -> list[list[str]]:
        """Step once a day; the files sent each day."""
        return [list(self.step(day).sent) for day in range(days)]

    def restart(self) -> None:
        """Close the bank and open it again on the same files."""
        self.bank.close()
        self.bank = open_bank(self.folder, self.books_path, self.terms, self.plan)

    def decoded(self, name: str) -> Decoded:
        return self.decoder.decode(name, self.files[name])

    def whole(self, name: str) -> bool:
        """Whether the file in the outbox is what its `.ok` says."""
        ready = (self.folder / "outbox" / (name + READY_SUFFIX)).read_bytes()
        return decode_control(name, ready).matches(self.files[name])

    def statuses(self) -> list[OrderStatus]:
        found = [self.decoded(name) for name in sorted(self.files) if "pain002" in name]
        return [status for one in found for status in one.statuses]

    def evidence(self, names: Sequence[str] | None = None) -> list[Evidence]:
        """What every readable receipt says, in the order of the outbox."""
        found: list[Evidence] = []
        for name in sorted(self.files if names is None else names):
            try:
                found.extend(self.decoded(name).evidence)
            except InvalidInput:
                continue
        return found


def open_bank(folder: Path, books_path: Path, terms: Terms, plan: FaultPlan) -> SimulatedBank:
    opening = Opening(PAYER, OPENING_FEN, DAY - timedelta(days=1))
    return SimulatedBank(folder, books_path, [opening], terms, plan)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """Make a world by plan and terms; its books must balance when the test is over."""
    made: list[World] = []

    def make(plan: FaultPlan = HONEST, terms: Terms | None = None) -> World:
        home = tmp_path / f"world{len(made)}"
        terms = terms or Terms()
        books = home / "private" / "books.db"
        made.append(World(home, books, terms, plan, open_bank(home, books, terms, plan)))
        return made[-1]

    yield make
    for one in made:
        one.bank.books.check()
        one.bank.close()


@pytest.fixture
def make_order() -> Callable[..., Instruction]:
    return order
