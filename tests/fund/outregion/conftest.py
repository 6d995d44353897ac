"""Two regions side by side: 420100 (the demo's) and 430100, each with its own people, books and hospital."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.ports import BankAccount, Direction, OutgoingFile, RemoteFile
from adapters.banks.simulator.bank import Opening, SimulatedBank
from adapters.banks.simulator.faults import Fault, FaultPlan
from adapters.banks.wire.control import CONTROL_SUFFIX, describe, encode_control
from ledger.access.users import found_region
from ledger.books.anchors import write_anchors
from ledger.books.manual import ManualContent
from ledger.control.verify import verify
from ledger.core.dates import SHANGHAI
from ledger.core.entries import Book, Dimensions, credit, debit
from ledger.db.engine import admin_engine
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.founding import book_by_hand, bring_in_institutions
from ledger.fund.institutions.master import Institution
from ledger.fund.intake.file import load_file
from ledger.fund.outregion.link import End
from ledger.fund.outregion.parties import Counterparty, add_counterparty, confirm_counterparty
from ledger.fund.outregion.receipts import confirm_move
from ledger.fund.outregion.requests import approve_move, request_move
from ledger.fund.record.judge import IntakeRules
from ledger.fund.region.setup import set_up_region
from ledger.payments.incoming.receive import receive
from ledger.payments.orders.approve import approve
from ledger.payments.orders.order import read_orders
from ledger.payments.orders.own_accounts import OwnAccount
from ledger.payments.out.files import file
from ledger.payments.out.send import send
from ledger.settings import Settings
from ledger.simulation.people import DEMO_PEOPLE
from tests.scenes.month import closing_direct

HERE, THERE = 420100, 430100
OWN = {HERE: "4200000000001004", THERE: "4300000000001004"}
FISCAL = {HERE: "4200000000001003", THERE: "4300000000001003"}
START = date(2026, 10, 12)
OPENING = 10**9
_files = itertools.count(1)


class Folder:
    """A bank's folders on this disk as the ledger reaches them; SFTP has its own tests."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def deliver(self, file: OutgoingFile, *, count: int, total_fen: int) -> None:
        control = encode_control(describe(file.name, file.content, count=count, total_fen=total_fen))
        (self.root / "inbox" / file.name).write_bytes(file.content)
        (self.root / "inbox" / (file.name + CONTROL_SUFFIX)).write_bytes(control)

    def holds(self, file: OutgoingFile) -> bool:
        places = [self.root / folder / file.name for folder in ("inbox", "archive")]
        return any(place.exists() and place.read_bytes() == file.content for place in places)

    def waiting(self) -> list[RemoteFile]:
        papers = (path for path in (self.root / "outbox").iterdir() if path.suffix != CONTROL_SUFFIX)
        return [RemoteFile(path.name, path.stat().st_size) for path in sorted(papers)]

    def fetch(self, name: str) -> bytes:
        return (self.root / "outbox" / name).read_bytes()

    def stated(self, name: str) -> bytes:
        return sha256((self.root / "outbox" / name).read_bytes()).digest()

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Teller:
    """One of our accounts at the simulated bank, which keeps books of its own; `faults` names orders that go wrong."""

    account: str
    root: Path
    opening_fen: int
    faults: dict[str, frozenset[Fault]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.root.mkdir()
        own = BankAccount("本户", self.account, "模拟银行", "102421000001")
        self.bank = SimulatedBank(
            self.root,
            self.root / "books.db",
            [Opening(own, self.opening_fen, START)],
            plan=FaultPlan(named=self.faults),
        )
        self.format = Iso20022Format(frozenset({self.account}))
        self.channel = Folder(self.root)

    @property
    def balance(self) -> int:
        self.bank.books.check()
        return self.bank.books.balance(self.account)

    def comes_in(self, fen: int, day: date) -> str:
        """Money of the other region; the number of the receipt that tells of it."""
        other = BankAccount("对方专户", "9900000000001", "模拟银行", "102421000001")
        return self.bank.enter(self.account, Direction.CREDIT, fen, other, "异地就医资金", day)


@dataclass
class Two:
    """Both regions, and short ways to act in either."""

    month: Any
    home: Path
    tellers: dict[tuple[int, int], Teller]

    def tx(self, user: str = "zhao", region: int = HERE) -> AbstractContextManager[Transaction]:
        return unit_of_work(self.month.engine, user, region)

    def end(self, region: int, user: str = "xitong") -> End:
        return End(self.month.engine, user, region)

    def take(self, *bills: dict[str, Any]) -> None:
        path = self.home / f"bills-{next(_files)}.jsonl"
        path.write_text("".join(json.dumps(bill) + "\n" for bill in bills), encoding="utf-8")
        done = load_file(self.month.engine, "jieru", path, IntakeRules())
        assert done.accepted == len(bills), done

    def teller(self, region: int = HERE, kind: int = 1004) -> Teller:
        return self.tellers[region, kind]

    def send(self, batch: Any, region: int, day: date, kind: int = 1004) -> list[str]:
        """Approved by a second person under its digest, filed and sent; the order numbers."""
        engine, teller = self.month.engine, self.teller(region, kind)

        def bank_of(account: str) -> Teller:
            assert account == teller.account
            return teller

        approve(engine, "qian", region, batch.batch_id, batch.digest, day)
        file(engine, "zhao", region, batch.batch_id, bank_of, datetime.combine(day, time(9), SHANGHAI))
        assert {s.outcome for s in send(engine, "sun", region, bank_of, day)} == {"sent"}
        return list(batch.order_nos)

    def days(self, region: int, first: date, count: int, kind: int = 1004) -> None:
        """Let the bank work and take its papers, day by day; our books hold what its books hold at the end."""
        teller = self.teller(region, kind)
        for n in range(count):
            day = first + timedelta(days=n)
            teller.bank.step(datetime.combine(day, time(10), SHANGHAI))
            done = receive(self.month.engine, "xitong", region, teller.account, teller, day)
            assert not done.problems, done
            assert not done.failures, done

    def agrees(self, region: int = HERE) -> None:
        """1003 and 1004 as the bank has them, once its papers are in."""
        for kind in (1003, 1004):
            assert self.balance(kind, region) == self.teller(region, kind).balance

    def pay(self, batch: Any, region: int, day: date, kind: int = 1004) -> None:
        """Approved, sent, debited by the bank, and its receipts booked."""
        orders = self.send(batch, region, day, kind)
        self.days(region, day, 2, kind)
        assert self.states(orders, region) == ["paid"] * len(orders)

    def states(self, orders: Sequence[str], region: int = HERE) -> list[str]:
        with self.tx("zhao", region) as tx:
            found = {order.order_no: order.state for order in read_orders(tx, orders)}
        return [found[order_no] for order_no in orders]

    def come_in(
        self, kind: str, fen: int, document: str, day: date, region: int = HERE, party: int = THERE
    ) -> Any:
        """A prepayment or clearing money: asked, approved, and booked from the bank's paper."""
        with self.tx("zhao", region) as tx:
            move = request_move(tx, 310, kind, party, fen, document, day)
        with self.tx("qian", region) as tx:
            approve_move(tx, move.move_id, day)
        number = self.teller(region, 1003).comes_in(fen, day)
        self.days(region, day, 2, 1003)
        with self.tx("li", region) as tx:
            return confirm_move(tx, move.move_id, number, day, day + timedelta(days=1))

    def goes_out(
        self, kind: str, fen: int, document: str, day: date, region: int = HERE, party: int = THERE
    ) -> str:
        """A prepayment of ours, or theirs given back: asked and approved; its id."""
        with self.tx("zhao", region) as tx:
            move = request_move(tx, 310, kind, party, fen, document, day)
        with self.tx("qian", region) as tx:
            approve_move(tx, move.move_id, day)
        return str(move.move_id)

    def balance(self, account: int, region: int = HERE, **key: object) -> int:
        """Debits less credits of an account and its sub-accounts; fen."""
        where = "".join(f" AND d.{name} = '{value}'" for name, value in key.items())
        rows = self.month.asked(
            "SELECT coalesce(sum(b.debit - b.credit), 0)::bigint FROM books.balance b"
            " JOIN books.dim d ON d.region = b.region AND d.dim = b.dim"
            f" WHERE b.region = {region} AND b.account::text LIKE '{account}%%'{where}"
        )
        return int(rows[0][0])

    def found(self) -> list[tuple[str, str, str]]:
        """What verify finds: promise, place, message."""
        with suppress(FileNotFoundError):
            write_anchors(self.month.database.auditor_engine, self.home)
        findings = verify(self.month.database.auditor_engine, self.home)
        return [(one.promise, one.entry, one.message) for one in findings]

    def verified(self) -> None:
        assert self.found() == []


def _fund(engine: Any, region: int) -> None:
    """Ten million yuan in the 财政专户 and as much in the 支出户."""
    own, fiscal = Dimensions(OWN[region]), Dimensions(FISCAL[region])
    income = (debit(1003, 2 * OPENING, fiscal), credit(41010101, 2 * OPENING))
    allotted = (debit(1004, OPENING, own), credit(1003, OPENING, fiscal))
    for summary, legs in (("财政补贴", income), ("拨入", allotted)):
        content = ManualContent(START, summary, "测试单据", legs)
        book_by_hand(engine, "li", "qian", Book(region, 310), START, content)


@pytest.fixture(scope="session")
def kept_two_regions(keep: Any, kept_hospitals: str) -> str:
    """The template of both regions, founded, with money, each the other's counterparty."""
    return str(keep(f"{kept_hospitals}_two", kept_hospitals, _found_two))


def _found_two(settings: Settings) -> None:
    administrator = admin_engine(settings)
    found_region(administrator, THERE, DEMO_PEOPLE)
    administrator.dispose()
    accounts = (
        OwnAccount("1003", FISCAL[THERE], "邻市财政专户", "iso20022", "模拟银行", "102421000001"),
        OwnAccount("1004", OWN[THERE], "邻市支出户", "iso20022", "模拟银行", "102421000001"),
    )
    hospital = Institution(
        "H43010000001", "邻市医院", "1", "02", "active", date(2020, 1, 1), date(2030, 12, 31), "daily", "daily", 6_000, 9_500,
        date(2026, 10, 1), "邻市医院", "630000000001", "模拟银行", "102421000009",
    )  # fmt: skip
    with closing_direct(settings) as engine:
        with unit_of_work(engine, "li", THERE) as tx:
            set_up_region(tx, "邻市", (310, 390), accounts, date(2026, 10, 1))
        bring_in_institutions(engine, "zhao", "qian", THERE, date(2026, 10, 1), [hospital])
        for ours, theirs in ((HERE, THERE), (THERE, HERE)):
            party = Counterparty(
                theirs, f"{theirs}医保中心", "对方专户", FISCAL[theirs], "模拟银行", "102421000001", "", ""
            )
            with unit_of_work(engine, "zhao", ours) as tx:
                add_counterparty(tx, party)
            with unit_of_work(engine, "qian", ours) as tx:
                confirm_counterparty(tx, theirs, date(2026, 10, 1))
            _fund(engine, ours)


@pytest.fixture
def two(kept_two_regions: str, month: Any, tmp_path: Path) -> Iterator[Two]:
    home = tmp_path / "home"
    home.mkdir()
    tellers = {
        (region, kind): Teller(account, tmp_path / f"bank-{region}-{kind}", OPENING)
        for kind, accounts in ((1003, FISCAL), (1004, OWN))
        for region, account in accounts.items()
    }
    yield Two(month, home, tellers)
    for teller in tellers.values():
        teller.bank.close()


@pytest.fixture
def guest(bill: Any) -> Any:
    """A bill of a patient of 430100 in our hospital."""

    def make(setl_id: str, **said: Any) -> dict[str, Any]:
        made: dict[str, Any] = bill(setl_id, pay_loc="4", insu_admdvs=said.pop("insured", "430102"), **said)
        made["setlinfo"]["out_flag"] = "2"
        return made

    return make
