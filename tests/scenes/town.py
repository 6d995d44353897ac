"""The founded region with its hospitals, a bank that answers, and short ways to pay, settle and prove it all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.ports import Direction, OutgoingFile, RemoteFile
from adapters.banks.simulator.messages.notification import Notification, NotifiedMovement, write_camt054
from ledger.books.anchors import write_anchors
from ledger.books.manual import ManualContent
from ledger.books.setup import open_period
from ledger.control.verify import verify
from ledger.core.dates import SHANGHAI, period_of
from ledger.core.entries import Book, Dimensions, credit, debit
from ledger.founding import book_by_hand, choose, import_holidays
from ledger.fund.daily.run import run_daily
from ledger.fund.declare.declaration import declare
from ledger.fund.declare.lists import UploadedList, record_lists
from ledger.fund.declare.states import move as move_declaration
from ledger.fund.month.approve import approve_month
from ledger.fund.month.orders import draft_month_orders
from ledger.fund.month.prepare import prepare
from ledger.fund.month.read import MonthScope
from ledger.fund.month.store import MonthSheet
from ledger.fund.reconcile.details import DetailFile, compare_details, our_details
from ledger.fund.reconcile.file import write_detail
from ledger.fund.reconcile.scope import ReconcileScope as DeclareScope
from ledger.fund.region.holidays import HolidayTable
from ledger.payments.incoming.receive import receive
from ledger.payments.orders.approve import approve
from ledger.payments.orders.order import Order, read_orders
from ledger.payments.orders.values import Batch
from ledger.payments.out.files import file
from ledger.payments.out.send import send
from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT, FISCAL_ACCOUNT
from tests.scenes.people import admit

OWN = EXPENDITURE_ACCOUNT.number
FISCAL = FISCAL_ACCOUNT.number
START = date(2026, 10, 12)


class Wire:
    """The bank's wire: what was delivered, and papers waiting to be fetched."""

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

    def stated(self, name: str) -> bytes:
        return sha256(self.papers[name]).digest()

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class AnsweringBank:
    """One bank: the real format over a wire in memory."""

    format: Iso20022Format = field(default_factory=lambda: Iso20022Format(frozenset({OWN})))
    channel: Wire = field(default_factory=Wire)


@dataclass
class Town:
    """The region, told day by day."""

    month: Any
    home: Path
    bank: AnsweringBank = field(default_factory=AnsweringBank)
    serial: int = 0

    @property
    def engine(self) -> Any:
        return self.month.engine

    def tx(self, user: str = "zhao") -> Any:
        return self.month.tx(user)

    def bank_of(self, account: str) -> AnsweringBank:
        assert account == OWN
        return self.bank

    def begin(self, policy: str = "P1", fen: int = 10**11, income_fen: int = 0) -> None:
        """The policy from the start, money in the 支出户, and a year's income (hence a balance) in the 财政专户."""
        own, fiscal = Dimensions(OWN), Dimensions(FISCAL)
        self.choose("daily_accounting", policy, date(2026, 1, 1))
        few = HolidayTable(
            2027, "国办发明电〔2026〕测试", ((date(2027, 1, 1), False), (date(2027, 10, 1), False))
        )
        import_holidays(self.engine, "zhao", "qian", DEMO_REGION, START, few)
        if fen:
            self.by_hand("拨入", (debit(1004, fen, own), credit(1001, fen)))
        if income_fen:
            self.by_hand("收入", (debit(1003, income_fen, fiscal), credit(400101, income_fen)))

    def choose(self, key: str, value: str, from_day: date) -> None:
        """A choice of the region, by two persons."""
        choose(self.engine, "li", "qian", DEMO_REGION, key, value, from_day, "测试文件〔2026〕1号")

    def by_hand(self, summary: str, legs: Sequence[Any]) -> None:
        content = ManualContent(START, summary, "测试单据", legs)
        book_by_hand(self.engine, "li", "qian", Book(DEMO_REGION, 310), START, content)

    def open(self, day: date) -> None:
        with self.tx("li") as tx:
            for fund in (310, 390):
                open_period(tx, Book(DEMO_REGION, fund), period_of(day))

    def orders(self, order_nos: Sequence[str]) -> list[Order]:
        with self.tx() as tx:
            return read_orders(tx, order_nos)

    def send(self, batch: Batch, day: date) -> list[Order]:
        """Approved by another person, filed, sent."""
        self.open(day)
        approve(self.engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, day)
        moment = datetime.combine(day, time(9), SHANGHAI)
        file(self.engine, "zhao", DEMO_REGION, batch.batch_id, self.bank_of, moment)
        assert {s.outcome for s in send(self.engine, "sun", DEMO_REGION, self.bank_of, day)} == {"sent"}
        return self.orders(batch.order_nos)

    def pay(self, batch: Batch, day: date) -> list[Order]:
        """From draft to receipt."""
        orders = self.send(batch, day)
        for order in orders:
            self.receipt(order, day)
        paid = self.orders(batch.order_nos)
        assert {order.state for order in paid} == {"paid"}
        return paid

    def receipt(
        self,
        order: Order,
        day: date,
        *,
        back: bool = False,
        received: date | None = None,
        why: tuple[str, str] = ("MS03", "收款行退回"),
    ) -> None:
        """The bank's notice of a debit, or with `back` of the money returned and `why`; `received` where it comes late."""
        self.movement(
            day,
            Direction.CREDIT if back else Direction.DEBIT,
            order.amount_fen,
            other_account=order.payee.number,
            other_name=order.payee.name,
            order_no=order.order_no,
            return_code=why[0] if back else "",
            return_reason=why[1] if back else "",
            received=received,
        )

    def movement(
        self, day: date, direction: Direction, fen: int, *, received: date | None = None, **other: Any
    ) -> str:
        """Any movement of our account, told by the bank on its day or when `received`; its number."""
        told = received or day
        self.serial += 1
        fields = {
            "other_account": "",
            "other_name": "",
            "order_no": "",
            "return_code": "",
            "return_reason": "",
        }
        number = f"BK{self.serial:08d}"
        moved = NotifiedMovement(
            reference=number, direction=direction, amount_fen=fen, booking_date=day, **(fields | other)
        )
        moment = datetime.combine(told, time(18), SHANGHAI)
        content = write_camt054(Notification(f"NT{self.serial}", moment, OWN, "支出户", [moved]))
        self.bank.channel.papers[f"{self.serial:05d}.xml"] = content
        self.open(told)
        done = receive(self.engine, "xitong", DEMO_REGION, OWN, self.bank, told)
        assert not done.problems, done
        assert not done.failures, done
        return str(self.value(f"SELECT receipt_no FROM payments.evidence WHERE bank_reference = '{number}'"))

    def pay_daily(self, day: date) -> list[Order]:
        self.open(day)
        made = run_daily(self.engine, "zhao", DEMO_REGION, day)
        return [order for batch in made.batches for order in self.pay(batch, day)]

    def audited(self, institution: str, term: int, declared: date) -> str:
        """A month from its reconciliation to the end of its audit; the declaration."""
        scope = DeclareScope(310, institution, term, "21")
        with self.tx() as tx:
            rows = our_details(tx, scope)
            compare_details(tx, scope, DetailFile("d.zip", write_detail(rows, "d.txt")), declared)
            record_lists(tx, [UploadedList(row.setl_id, f"L{row.setl_id}", declared) for row in rows])
            declaration = declare(tx, scope, declared).declaration_id
        for user, event in (("qian", "accept"), ("zhao", "audit"), ("zhao", "audited")):
            with self.tx(user) as tx:
                move_declaration(tx, declaration, event, declared)
        return declaration

    def settle(self, institution: str, term: int, declared: date, on: date) -> MonthSheet:
        """A month from its reconciliation to its approval."""
        self.open(on)
        self.audited(institution, term, declared)
        sheet = prepare(self.engine, "zhao", DEMO_REGION, MonthScope(310, institution, term), on)
        return approve_month(self.engine, "qian", DEMO_REGION, sheet.sheet_id, sheet.digest, on)

    def pay_month(self, on: date) -> list[Order]:
        made = draft_month_orders(self.engine, "zhao", DEMO_REGION, 310, on, self.bank_of)
        assert made.batch is not None, made
        return self.pay(made.batch, on)

    def value(self, sql: str) -> Any:
        return self.month.asked(sql)[0][0]

    def balance(self, account: int, fund: int = 310, **key: object) -> int:
        """Debits less credits of an account and its sub-accounts, of one key if given; fen."""
        where = "".join(f" AND d.{name} = '{value}'" for name, value in key.items())
        return int(
            self.value(
                "SELECT coalesce(sum(b.debit - b.credit), 0)::bigint FROM books.balance b"
                " JOIN books.dim d ON d.region = b.region AND d.dim = b.dim"
                f" WHERE b.fund = {fund} AND b.account::text ~ '^{account}'{where}"
            )
        )

    def verified(self, *planted: str) -> None:
        """Every check of `verify` passes, the ties among them; `planted` rows alone differ from their traces."""
        with suppress(FileNotFoundError):
            write_anchors(self.month.database.auditor_engine, self.home)
        found = [
            str(f)
            for f in verify(self.month.database.auditor_engine, self.home)
            if not (f.code.startswith(("trace.", "decided.")) and f.entry in planted)
        ]
        assert found == [], "\n".join(found)


@pytest.fixture
def town(month: Any, tmp_path: Path) -> Town:
    home = tmp_path / "home"
    home.mkdir()
    return Town(month, home)


@pytest.fixture
def second_name(month: Any) -> str:
    """The maker once more, under a second name that may approve: still one person."""
    admit(month.engine, "zhao.too", "person-maker", "赵制单（另名）", "checker")
    return "zhao.too"
