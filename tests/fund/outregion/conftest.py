"""Two regions side by side: 420100 (the demo's) and 430100, each with its own people, books and hospital."""

from __future__ import annotations

import itertools
import json
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest

from adapters.banks.iso20022.format import Iso20022Format
from adapters.banks.ports import Direction, OutgoingFile, RemoteFile
from adapters.banks.simulator.messages.notification import Movement, Notification, write_camt054
from ledger.access.users import found_region
from ledger.books.manual import ManualContent
from ledger.books.seal import write_anchors
from ledger.cli.world import DEMO_PEOPLE, book_by_hand
from ledger.control.verify import verify
from ledger.core.dates import SHANGHAI
from ledger.core.entries import Book, Dimensions, credit, debit
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.institutions import Institution, confirm_payees, load_institutions
from ledger.fund.intake_file import load_file
from ledger.fund.outregion import Counterparty, add_counterparty, confirm_counterparty
from ledger.fund.outregion_link import End
from ledger.fund.regions import OwnAccount, set_up_region
from ledger.fund.validate import IntakeRules
from ledger.payments.approve import approve
from ledger.payments.files import file
from ledger.payments.orders import read_orders
from ledger.payments.receive import receive
from ledger.payments.send import send

HERE, THERE = 420100, 430100
OWN = {HERE: "4200000000001004", THERE: "4300000000001004"}
FISCAL = {HERE: "4200000000001003", THERE: "4300000000001003"}
START = date(2026, 10, 12)
_files = itertools.count(1)


class Wire:
    """What was delivered to a bank, and its papers waiting to be fetched."""

    def __init__(self) -> None:
        self.delivered: dict[str, bytes] = {}
        self.papers: dict[str, bytes] = {}

    def deliver(self, file: OutgoingFile, *, count: int, total_fen: int) -> None:
        assert count > 0 < total_fen
        self.delivered[file.name] = file.content

    def holds(self, file: OutgoingFile) -> bool:
        return self.delivered.get(file.name) == file.content

    def waiting(self) -> list[RemoteFile]:
        return [RemoteFile(name, len(content)) for name, content in sorted(self.papers.items())]

    def fetch(self, name: str) -> bytes:
        return self.papers[name]

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Bank:
    """The real format over a wire in memory."""

    format: Iso20022Format
    channel: Wire = field(default_factory=Wire)


@dataclass
class Two:
    """Both regions, and short ways to act in either."""

    month: Any
    home: Path
    serial: int = 0

    def tx(self, user: str = "zhao", region: int = HERE) -> AbstractContextManager[Transaction]:
        return unit_of_work(self.month.engine, user, region)

    def end(self, region: int, user: str = "xitong") -> End:
        return End(self.month.engine, user, region)

    def take(self, *bills: dict[str, Any]) -> None:
        path = self.home / f"bills-{next(_files)}.jsonl"
        path.write_text("".join(json.dumps(bill) + "\n" for bill in bills), encoding="utf-8")
        done = load_file(self.month.engine, "jieru", path, IntakeRules())
        assert done.accepted == len(bills), done

    def pay(self, batch: Any, region: int, day: date) -> None:
        """Approved, sent, and debited by the bank."""
        engine = self.month.engine
        bank = Bank(Iso20022Format(frozenset({OWN[region]})))

        def bank_of(account: str) -> Bank:
            assert account == OWN[region]
            return bank

        approve(engine, "qian", region, batch.batch_id, batch.digest, day)
        file(engine, "zhao", region, batch.batch_id, bank_of, datetime.combine(day, time(9), SHANGHAI))
        assert {s.outcome for s in send(engine, "sun", region, bank_of, day)} == {"sent"}
        with self.tx("zhao", region) as tx:
            orders = read_orders(tx, batch.order_nos)
        for order in orders:
            self.serial += 1
            moved = Movement(
                reference=f"BK{self.serial:08d}", direction=Direction.DEBIT, amount_fen=order.amount_fen, booking_date=day,
                other_account=order.payee.number, other_name=order.payee.name, order_no=order.order_no, return_code="",
                return_reason="",
            )  # fmt: skip
            moment = datetime.combine(day, time(18), SHANGHAI)
            paper = write_camt054(Notification(f"NT{self.serial}", moment, OWN[region], "支出户", [moved]))
            bank.channel.papers[f"{self.serial:05d}.xml"] = paper
        done = receive(engine, "xitong", region, OWN[region], bank, day)
        assert not done.problems, done
        assert not done.failures, done

    def balance(self, account: int, region: int = HERE, **key: object) -> int:
        """Debits less credits of an account and its sub-accounts; fen."""
        where = "".join(f" AND d.{name} = '{value}'" for name, value in key.items())
        rows = self.month.asked(
            "SELECT coalesce(sum(b.debit - b.credit), 0)::bigint FROM books.balance b"
            " JOIN books.dim d ON d.region = b.region AND d.dim = b.dim"
            f" WHERE b.region = {region} AND b.account::text LIKE '{account}%%'{where}"
        )
        return int(rows[0][0])

    def verified(self) -> None:
        with suppress(FileNotFoundError):
            write_anchors(self.month.database.auditor_engine, self.home)
        assert [str(f) for f in verify(self.month.database.auditor_engine, self.home)] == []


def _allot(engine: Any, region: int) -> None:
    own, fiscal = Dimensions(OWN[region]), Dimensions(FISCAL[region])
    legs = (debit(1004, 10**9, own), credit(1003, 10**9, fiscal))
    content = ManualContent(START, "拨入", "测试单据", legs)
    book_by_hand(engine, "li", "qian", Book(region, 310), START, content)


@pytest.fixture
def two(month: Any, tmp_path: Path) -> Two:
    home = tmp_path / "home"
    home.mkdir()
    made = Two(month, home)
    found_region(month.admin, THERE, DEMO_PEOPLE)
    accounts = (
        OwnAccount("1003", FISCAL[THERE], "邻市财政专户", "iso20022", "模拟银行", "102421000001"),
        OwnAccount("1004", OWN[THERE], "邻市支出户", "iso20022", "模拟银行", "102421000001"),
    )
    with made.tx("li", THERE) as tx:
        set_up_region(tx, "邻市", (310, 390), accounts, date(2026, 10, 1))
    hospital = Institution(
        "H43010000001", "邻市医院", "1", "02", "active", date(2020, 1, 1), date(2030, 12, 31), "daily", "daily", 6_000, 9_500,
        date(2026, 10, 1), "邻市医院", "630000000001", "模拟银行", "102421000009",
    )  # fmt: skip
    with made.tx("zhao", THERE) as tx:
        load_institutions(tx, [hospital])
    with made.tx("qian", THERE) as tx:
        confirm_payees(tx)
    for ours, theirs in ((HERE, THERE), (THERE, HERE)):
        party = Counterparty(
            theirs, f"{theirs}医保中心", "对方专户", FISCAL[theirs], "模拟银行", "102421000001", "", ""
        )
        with made.tx("zhao", ours) as tx:
            add_counterparty(tx, party)
        with made.tx("qian", ours) as tx:
            confirm_counterparty(tx, theirs)
        _allot(month.engine, ours)
    return made


@pytest.fixture
def guest(bill: Any) -> Any:
    """A bill of a patient of 430100 in our hospital."""

    def make(setl_id: str, **said: Any) -> dict[str, Any]:
        made: dict[str, Any] = bill(setl_id, pay_loc="4", insu_admdvs=said.pop("insured", "430102"), **said)
        made["setlinfo"]["out_flag"] = "2"
        return made

    return make
