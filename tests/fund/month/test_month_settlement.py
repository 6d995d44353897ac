"""The month on a real database: the worked year, 7B, 7C and the variants of memorandum.md 4, under both policies.

Records come by the intake, are declared and audited by the real modules, and paid through files and receipts.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.ports import Direction, OutgoingFile, RemoteFile
from adapters.banks.simulator.messages.notification import Notification, NotifiedMovement, write_camt054
from adapters.banks.simulator.messages.status_report import StatusReport, TransactionStatus, write_pain002
from ledger.books.anchors import write_anchors
from ledger.books.manual import ManualContent
from ledger.books.setup import open_period
from ledger.control.verify import verify
from ledger.core.dates import SHANGHAI, period_of
from ledger.core.entries import Book, Dimensions, credit, debit
from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError, NotFound
from ledger.core.money import parse_fen
from ledger.founding import book_by_hand, choose, import_holidays
from ledger.fund.audit.appeal import Act, act, read_finding
from ledger.fund.audit.findings import FindingDraft, enter_finding, target_of
from ledger.fund.daily.run import run_daily
from ledger.fund.declare.declaration import declare
from ledger.fund.declare.lists import UploadedList, record_lists
from ledger.fund.declare.states import move as move_declaration
from ledger.fund.intake.file import load_file
from ledger.fund.month.approve import approve_month
from ledger.fund.month.handback import HandBackLine, hand_back
from ledger.fund.month.orders import MonthOrders, draft_month_orders
from ledger.fund.month.other_deductions import OtherDeduction, approve_deduction, propose_deduction
from ledger.fund.month.prepare import prepare
from ledger.fund.month.read import MonthScope
from ledger.fund.month.remittance import remittance, remittance_csv
from ledger.fund.month.store import MonthSheet
from ledger.fund.reconcile.details import DetailFile, compare_details, our_details
from ledger.fund.reconcile.file import write_detail
from ledger.fund.reconcile.scope import ReconcileScope as DeclareScope
from ledger.fund.record.judge import IntakeRules
from ledger.fund.region.holidays import HolidayTable
from ledger.payments.incoming.receive import receive
from ledger.payments.orders.approve import approve
from ledger.payments.orders.draft import create_batch
from ledger.payments.orders.order import Order, read_orders
from ledger.payments.orders.values import BatchDraft, ItemDraft, OrderDraft, PayableDraft
from ledger.payments.out.files import file
from ledger.payments.out.send import send
from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT
from reports.remittance import remittance_grid
from tests.scenes.people import admit

HOSPITAL = "H42010000001"
BOOK = Book(DEMO_REGION, 310)
OWN = EXPENDITURE_ACCOUNT.number
INPATIENT = 50010101
POLICIES = pytest.mark.parametrize("policy", ["P1", "P2"])


class Folder:
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
class PaperBank:
    """One bank, whose papers a test writes."""

    format: Iso20022Format = field(default_factory=lambda: Iso20022Format(frozenset({OWN})))
    channel: Folder = field(default_factory=Folder)

    def put(self, content: bytes) -> None:
        self.channel.papers[f"{len(self.channel.papers) + 1:05d}.xml"] = content


@dataclass
class Story:
    """A region under one policy, told day by day."""

    month: Any
    home: Path
    bank: PaperBank = field(default_factory=PaperBank)
    serial: int = 0

    @property
    def engine(self) -> Any:
        return self.month.engine

    def bank_of(self, account: str) -> PaperBank:
        assert account == OWN
        return self.bank

    def begin(self, policy: str, fen: int) -> None:
        """The policy in force from the start, and money in the 支出户."""
        day = date(2026, 1, 1)
        choose(
            self.month.engine,
            "li",
            "qian",
            DEMO_REGION,
            "daily_accounting",
            policy,
            day,
            "测试文件〔2026〕1号",
        )
        spring = [date(2027, 2, day) for day in range(6, 13)]
        off = tuple((day, False) for day in (date(2027, 1, 1), *spring, date(2027, 10, 1)))
        few = HolidayTable(2027, "国办发明电〔2026〕测试", off)
        import_holidays(self.engine, "zhao", "qian", DEMO_REGION, date(2026, 10, 12), few)
        legs = (debit(1004, fen, Dimensions(OWN)), credit(41010101, fen))
        day = date(2026, 10, 12)
        book_by_hand(self.engine, "li", "qian", BOOK, day, ManualContent(day, "请款", "测试单据", legs))

    def open(self, day: date) -> None:
        with self.month.tx("li") as tx:
            open_period(tx, BOOK, period_of(day))

    def draft_daily(self, day: date) -> list[Order]:
        """The orders the daily run of a day drafts."""
        made = run_daily(self.engine, "zhao", DEMO_REGION, day)
        return self.orders([no for batch in made.batches for no in batch.order_nos])

    def orders(self, order_nos: Sequence[str]) -> list[Order]:
        with self.month.tx() as tx:
            return read_orders(tx, order_nos)

    def release(self, order: Order, day: date) -> None:
        """Approved by another person, filed, sent."""
        self.open(day)
        digest = self.value(f"SELECT digest FROM payments.batch WHERE batch_id = '{order.batch_id}'")
        approve(self.engine, "qian", DEMO_REGION, order.batch_id, bytes(digest), day)
        moment = datetime.combine(day, time(9), SHANGHAI)
        file(self.engine, "zhao", DEMO_REGION, order.batch_id, self.bank_of, moment)
        sent = send(self.engine, "sun", DEMO_REGION, self.bank_of, day)
        assert {s.outcome for s in sent} == {"sent"}

    def receipt(self, order: Order, day: date, *, back: bool = False) -> None:
        """The bank's notice of a debit, or with `back` of the money returned."""
        self.serial += 1
        moved = NotifiedMovement(
            reference=f"BK{self.serial:08d}",
            direction=Direction.CREDIT if back else Direction.DEBIT,
            amount_fen=order.amount_fen,
            booking_date=day,
            other_account=order.payee.number,
            other_name=order.payee.name,
            order_no=order.order_no,
            return_code="MS03" if back else "",
            return_reason="收款行退回" if back else "",
        )
        moment = datetime.combine(day, time(18), SHANGHAI)
        self.bank.put(write_camt054(Notification(f"NT{self.serial}", moment, OWN, "支出户", [moved])))
        self.take_papers(day)

    def reject(self, order: Order, day: date) -> None:
        self.serial += 1
        [now] = self.orders([order.order_no])
        status = TransactionStatus(now.order_no, "RJCT", now.amount_fen, "MS03", "未说明")
        moment = datetime.combine(day, time(18), SHANGHAI)
        self.bank.put(
            write_pain002(
                StatusReport(
                    f"ST{self.serial}", moment, now.file_id, 1, now.amount_fen, "PART", transactions=[status]
                )
            )
        )
        self.take_papers(day)
        assert self.orders([order.order_no])[0].state == "rejected"

    def take_papers(self, day: date) -> None:
        self.open(day)
        done = receive(self.engine, "xitong", DEMO_REGION, OWN, self.bank, day)
        assert not done.problems, done
        assert not done.failures, done

    def pay(self, order: Order, day: date, booked: date | None = None) -> Order:
        """From draft to receipt."""
        self.release(order, day)
        self.receipt(order, booked or day)
        [now] = self.orders([order.order_no])
        assert now.state == "paid"
        return now

    def pay_daily(self, day: date) -> Order:
        [order] = self.draft_daily(day)
        return self.pay(order, day)

    def declare(self, term: int, on: date, clr_type: str = "21") -> str:
        """Reconciled, lists uploaded, declared, accepted, audited."""
        scope = DeclareScope(310, HOSPITAL, term, clr_type)
        with self.month.tx() as tx:
            rows = our_details(tx, scope)
            compare_details(tx, scope, DetailFile("d.zip", write_detail(rows, "d.txt")), on)
            record_lists(tx, [UploadedList(row.setl_id, f"L{row.setl_id}", on) for row in rows])
            declaration = declare(tx, scope, on).declaration_id
        for user, event in (("qian", "accept"), ("zhao", "audit"), ("zhao", "audited")):
            with self.month.tx(user) as tx:
                move_declaration(tx, declaration, event, on)
        return declaration

    def find(self, finding_id: str, setl_id: str, fen: int, on: date) -> None:
        """A finding, accepted by the institution: final."""
        with self.month.tx() as tx:
            target = target_of(tx, setl_id)
            enter_finding(tx, FindingDraft(finding_id, target, fen, "middle", "R1", "超限", "重复收费"), on)
        with self.month.tx("qian") as tx:
            act(tx, finding_id, Act("accept", on, "机构认可"))

    def prepare(self, term: int, on: date, **how: Any) -> MonthSheet:
        return prepare(self.engine, "zhao", DEMO_REGION, MonthScope(310, HOSPITAL, term), on, **how)

    def approve(self, sheet: MonthSheet, on: date, user: str = "qian") -> MonthSheet:
        return approve_month(self.engine, user, DEMO_REGION, sheet.sheet_id, sheet.digest, on)

    def settle(self, term: int, on: date) -> MonthSheet:
        return self.approve(self.prepare(term, on), on)

    def draft_month(self, on: date) -> MonthOrders:
        return draft_month_orders(self.engine, "zhao", DEMO_REGION, 310, on, self.bank_of)

    def pay_month(self, on: date) -> Order:
        made = self.draft_month(on)
        assert made.batch is not None
        [order] = self.orders(made.batch.order_nos)
        return self.pay(order, on)

    def value(self, sql: str) -> Any:
        return self.month.asked(sql)[0][0]

    def balances(self, **key: object) -> dict[int, int]:
        """Accounts of the employee book but 4101, where its money came from, debit positive in the statutory section, credit in the memorandum
        (9001: debit); of one key if given.
        """
        where = "".join(f" AND d.{name} = '{value}'" for name, value in key.items())
        found: dict[int, int] = {}
        for account, fen in self.month.asked(
            "SELECT b.account, sum(b.debit - b.credit)::bigint FROM books.balance b"
            " JOIN books.dim d ON d.region = b.region AND d.dim = b.dim"
            f" WHERE b.fund = 310 AND left(b.account::text, 4) <> '4101'{where} GROUP BY 1 HAVING sum(b.debit - b.credit) <> 0"
        ):
            credit_side = account == 200104 or (account > 9001 and str(account)[0] == "9")
            found[account] = -int(fen) if credit_side else int(fen)
        return found

    def verified(self) -> None:
        """Every check of `verify` passes, T1 to T7 among them."""
        with suppress(FileNotFoundError):
            write_anchors(self.month.database.auditor_engine, self.home)
        findings = verify(self.month.database.auditor_engine, self.home)
        assert [str(f) for f in findings] == []


@pytest.fixture
def story(month: Any, tmp_path: Path) -> Story:
    home = tmp_path / "home"
    home.mkdir()
    return Story(month, home)


def code(refusal: pytest.ExceptionInfo[LedgerError]) -> str:
    return refusal.value.code


def october(story: Story, bill: Any, policy: str, *, b_fails: bool = False) -> Order:
    """Events 0 to 8 of the worked year; returns B′, or B where it stays failed."""
    story.begin(policy, 2_000_000)
    story.month.take(bill("r1", fund=123_456), bill("r2", fund=33_333))
    story.pay_daily(date(2026, 10, 13))
    story.month.take(bill("r3", fund=876_543, day="2026-10-13"))
    [b] = story.draft_daily(date(2026, 10, 14))
    assert b.amount_fen == 525_926
    story.release(b, date(2026, 10, 14))
    story.reject(b, date(2026, 10, 15))
    if b_fails:
        return b
    again = story.pay_daily(date(2026, 10, 16))
    assert again.replaces == b.order_no
    return again


def november(story: Story) -> MonthSheet:
    """Event 9: the declaration, a final finding of 300.00, SET."""
    story.declare(202610, date(2026, 11, 9))
    story.find("F1", "r3", 30_000, date(2026, 11, 12))
    return story.settle(202610, date(2026, 11, 25))


@POLICIES
def test_the_worked_year_from_intake_to_the_last_month(story: Story, bill: Any, policy: str) -> None:
    p1 = policy == "P1"
    october(story, bill, policy)
    assert story.balances()[9201] == 620_000
    sheet = november(story)
    assert (sheet.result_fen, sheet.state, sheet.figures.records) == (331_665, "approved", 3)
    assert sheet.entry.startswith("记-202611-" if p1 else "备-202611-")
    assert (sheet.figures.cutoff, sheet.figures.due_on) == (date(2026, 11, 10), date(2026, 12, 8))
    after_set = {1004: 1_380_000, 9001: 1_033_332, 9105: 51_667, 9201: 620_000, 9301: 30_000, 9103: 331_665}
    assert story.balances() == after_set | {INPATIENT: 620_000}
    assert story.value("SELECT count(*) FROM fund.payable WHERE settled_by <> ''") == 3
    assert story.month.asked("SELECT state FROM fund.declaration") == [("50",)]
    with story.month.tx() as tx:
        assert read_finding(tx, "F1").detd_stas == "30"
    story.verified()

    made = story.draft_month(date(2026, 12, 7))
    assert made.batch is not None
    [m] = story.orders(made.batch.order_nos)
    assert (m.amount_fen, m.purpose, m.kind) == (331_665, f"202610月结职工医保{HOSPITAL}", "month")
    assert (made.due, made.late) == ({HOSPITAL: date(2026, 12, 8)}, [])
    assert story.draft_month(date(2026, 12, 7)).batch is None
    story.pay(m, date(2026, 12, 7), date(2026, 12, 8))
    del after_set[9103]
    assert story.balances() == after_set | {9202: 331_665, 1004: 1_048_335, INPATIENT: 951_665}

    story.month.take(bill("r2r", fund=-33_333, cash=-20_000, init="r2", day="2026-12-15"))
    story.month.take(bill("r4", fund=100_000, day="2026-12-16"))
    [c] = story.draft_daily(date(2026, 12, 17))
    assert c.amount_fen == 40_000
    story.pay(c, date(2026, 12, 17))
    year_end = {
        9001: 1_099_999, 9102: 26_667, 9105: 51_667, 9201: 660_000, 9202: 331_665, 9301: 30_000, 1004: 1_008_335,
    }  # fmt: skip
    statutory = {INPATIENT: 951_665, 110105: 40_000} if p1 else {INPATIENT: 991_665}
    assert story.balances() == year_end | statutory

    story.declare(202612, date(2027, 1, 8))
    sheet = story.settle(202612, date(2027, 1, 26))
    assert (sheet.result_fen, sheet.figures.due_on) == (23_334, date(2027, 2, 5))
    assert [line.rounded_fen for line in sheet.figures.lines] == [63_334]
    story.pay_month(date(2027, 2, 5))
    del year_end[9102]
    assert story.balances() == year_end | {
        9105: 55_000, 9202: 354_999, 1004: 985_001, INPATIENT: 951_665 + 40_000 + 23_334,
    }  # fmt: skip
    story.verified()


@POLICIES
def test_7b_and_v6_the_result_is_the_formula_and_the_balance(story: Story, bill: Any, policy: str) -> None:
    story.begin(policy, 200_000_000)
    story.month.take(bill("a", fund=100_000_000))
    story.pay_daily(date(2026, 10, 13))
    story.declare(202610, date(2026, 11, 9))
    story.find("F1", "a", 2_000_000, date(2026, 11, 12))
    sheet = story.settle(202610, date(2026, 11, 25))
    assert sheet.result_fen == 33_000_000
    assert story.balances() == {
        1004: 140_000_000, INPATIENT: 60_000_000, 9001: 100_000_000, 9201: 60_000_000, 9105: 5_000_000, 9301: 2_000_000,
        9103: 33_000_000,
    }  # fmt: skip
    story.pay_month(date(2026, 12, 8))
    assert story.balances()[INPATIENT] == 93_000_000
    story.verified()


@pytest.mark.fault(56)
@POLICIES
def test_7c_a_negative_month_is_carried_and_netted_in_the_next(story: Story, bill: Any, policy: str) -> None:
    p1 = policy == "P1"
    story.begin(policy, 20_000_000)
    story.month.take(bill("a", fund=10_000_000))
    story.pay_daily(date(2026, 10, 13))
    story.declare(202610, date(2026, 11, 9))
    story.find("F1", "a", 5_000_000, date(2026, 11, 12))
    sheet = story.settle(202610, date(2026, 11, 25))
    assert sheet.result_fen == -1_500_000
    statutory = {INPATIENT: 4_500_000, 110105: 1_500_000} if p1 else {INPATIENT: 6_000_000}
    assert story.balances() == {
        1004: 14_000_000, 9001: 10_000_000, 9201: 6_000_000, 9105: 500_000, 9301: 5_000_000, 9103: -1_500_000, **statutory,
    }  # fmt: skip
    made = story.draft_month(date(2026, 12, 7))
    assert made.batch is None
    assert [(b.reason, b.amount_fen) for b in made.blocked] == [("negative", -1_500_000)]

    story.month.take(bill("b", fund=8_000_000, day="2026-11-20"))
    story.pay_daily(date(2026, 12, 7))
    story.declare(202611, date(2026, 12, 9))
    sheet = story.settle(202611, date(2026, 12, 25))
    assert sheet.result_fen == 1_300_000
    assert [(line.key.term, line.month_open_fen, line.result_fen) for line in sheet.figures.lines] == [
        (202611, 0, 2_800_000), (202610, -1_500_000, -1_500_000),
    ]  # fmt: skip
    assert story.balances()[INPATIENT] == 10_800_000
    order = story.pay_month(date(2026, 12, 28))
    assert order.amount_fen == 1_300_000
    assert story.balances() == {
        1004: 20_000_000 - 12_100_000, INPATIENT: 12_100_000, 9001: 18_000_000, 9201: 10_800_000, 9202: 1_300_000,
        9105: 900_000, 9301: 5_000_000,
    }  # fmt: skip
    with story.month.tx() as tx:
        advice = remittance(tx, order.order_no)
    assert [s.scope.term for s in advice.sheets] == [202610, 202611]
    assert advice.carried_fen == 0
    assert [(i.kind, i.reference, i.setl_id, i.amount_fen) for i in advice.items] == [
        ("finding", "F1", "a", 5_000_000)
    ]
    assert [(r.setl_id, r.fund_fen, r.paid_daily_fen) for r in advice.records] == [
        ("a", 10_000_000, 6_000_000), ("b", 8_000_000, 4_800_000),
    ]  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(remittance_csv(advice).decode("utf-8-sig"))))
    assert rows[-1]["金额"] == "13000.00"
    settled = sum(
        parse_fen(row["基金金额"]) - parse_fen(row["已付日拨付"]) for row in rows if row["类别"] == "结算"
    )
    assert settled + sum(parse_fen(row["金额"]) for row in rows[:-1] if row["金额"]) == 1_300_000
    with story.month.tx() as tx:
        whole = remittance_grid(tx, order.order_no)
    assert (whole.facts["sum_fen"], whole.notes) == ("1300000", ())
    assert [(str(one.cells[0]), one.cells[6]) for one in whole.lines if one.cells[6] is not None] == [
        ("结算额×比例", 9_500_000), ("已日拨付", -6_000_000), ("审核扣款 F1", -5_000_000), ("结算额×比例", 7_600_000),
        ("已日拨付", -4_800_000), ("合计", 1_300_000),
    ]  # fmt: skip
    story.verified()


@POLICIES
def test_v1_what_failed_goes_into_the_month_and_never_out_again(story: Story, bill: Any, policy: str) -> None:
    b = october(story, bill, policy, b_fails=True)
    sheet = november(story)
    assert sheet.result_fen == 857_591
    balances = story.balances()
    assert (balances.get(9101), balances[9105], balances[9301], balances[9103]) == (
        None,
        51_667,
        30_000,
        857_591,
    )
    dims = Dimensions(HOSPITAL, "pool", 2026, 202610, "inpatient")
    again = OrderDraft(
        HOSPITAL, [ItemDraft(9101, dims, 525_926)], [PayableDraft("r3", "pool", 525_926)], b.payee, "重付", OWN, b.order_no
    )  # fmt: skip
    day = date(2026, 11, 26)
    with pytest.raises(Conflict) as refused, story.month.tx() as tx:
        create_batch(tx, BatchDraft(DEMO_REGION, 310, "daily", "D-again", day, day, [again]))
    assert code(refused) == "payable.not_open"
    assert story.draft_daily(date(2026, 11, 26)) == []
    story.pay_month(date(2026, 12, 8))
    assert story.balances()[1004] == 2_000_000 - 951_665
    assert story.balances()[INPATIENT] == 951_665
    story.verified()


@POLICIES
def test_v3_a_returned_month_payment_is_paid_again_without_expense(
    story: Story, bill: Any, policy: str
) -> None:
    october(story, bill, policy)
    november(story)
    m = story.pay_month(date(2026, 12, 8))
    story.receipt(m, date(2026, 12, 11), back=True)
    balances = story.balances()
    assert (balances[9103], balances.get(9202), balances[200104], balances[INPATIENT]) == (
        331_665,
        None,
        331_665,
        951_665,
    )
    story.verified()
    again = story.pay_month(date(2026, 12, 14))
    assert (again.amount_fen, again.replaces) == (331_665, m.order_no)
    balances = story.balances()
    assert (balances.get(9103), balances[9202], balances.get(200104), balances[INPATIENT]) == (
        None,
        331_665,
        None,
        951_665,
    )
    with story.month.tx() as tx:
        assert [s.scope.term for s in remittance(tx, again.order_no).sheets] == [202610]
    story.verified()


@POLICIES
def test_a_daily_payment_returned_before_the_month_is_expensed_once(
    story: Story, bill: Any, policy: str
) -> None:
    """P2: its money lies in 2001 when SET moves what is owed to the month; the month's receipt takes it from there."""
    again = october(story, bill, policy)
    story.receipt(again, date(2026, 10, 20), back=True)
    sheet = november(story)
    assert sheet.result_fen == 857_591
    held = story.balances().get(200104)
    assert held == (None if policy == "P1" else 525_926)
    story.pay_month(date(2026, 12, 8))
    balances = story.balances()
    assert (balances.get(200104), balances.get(110105), balances[INPATIENT]) == (None, None, 951_665)
    assert balances[1004] == 2_000_000 - 951_665
    story.verified()


@POLICIES
def test_a_daily_payment_returned_after_the_month_is_owed_as_month_money(
    story: Story, bill: Any, policy: str
) -> None:
    again = october(story, bill, policy)
    november(story)
    story.pay_month(date(2026, 12, 8))
    story.receipt(again, date(2026, 12, 9), back=True)
    assert story.balances()[9103] == 525_926
    order = story.pay_month(date(2026, 12, 10))
    assert order.amount_fen == 525_926
    balances = story.balances()
    assert (balances.get(9103), balances[9201], balances[9202]) == (None, 94_074, 331_665 + 525_926)
    assert (balances.get(200104), balances[INPATIENT], balances[1004]) == (None, 951_665, 2_000_000 - 951_665)
    with story.month.tx() as tx:
        advice = remittance(tx, order.order_no)
    assert [r.paid_daily_fen for r in advice.records] == [74_074, 20_000, 525_926]
    story.verified()


def test_nothing_is_settled_while_daily_money_is_in_flight(story: Story, bill: Any) -> None:
    story.begin("P1", 2_000_000)
    story.month.take(bill("r1", fund=123_456))
    [order] = story.draft_daily(date(2026, 10, 13))
    story.declare(202610, date(2026, 11, 9))
    sheet = story.prepare(202610, date(2026, 11, 10))
    story.release(order, date(2026, 11, 10))
    with pytest.raises(Conflict) as refused:
        story.prepare(202610, date(2026, 11, 10))
    assert (code(refused), refused.value.details["order_no"]) == ("month.in_flight", order.order_no)
    with pytest.raises(Conflict) as refused:
        story.approve(sheet, date(2026, 11, 10))
    assert (code(refused), refused.value.details["order_no"]) == ("month.in_flight", order.order_no)
    assert story.value("SELECT state FROM fund.sheet") == "draft"
    story.receipt(order, date(2026, 11, 11))
    with pytest.raises(Conflict) as refused:
        story.approve(sheet, date(2026, 11, 12))
    assert code(refused) == "month.changed"
    second = story.prepare(202610, date(2026, 11, 12))
    assert (second.version, second.figures.lines[0].paid_daily_fen) == (2, 74_074)
    with pytest.raises(Conflict) as refused:
        story.approve(sheet, date(2026, 11, 12))
    assert code(refused) == "month.void"
    assert story.approve(second, date(2026, 11, 12)).state == "approved"
    story.verified()


@pytest.mark.fault(62)
def test_a_sheet_is_approved_by_another_person_also_past_the_program(story: Story, bill: Any) -> None:
    october(story, bill, "P1")
    story.declare(202610, date(2026, 11, 9))
    sheet = story.prepare(202610, date(2026, 11, 25))
    assert story.prepare(202610, date(2026, 11, 25)) == sheet
    admit(story.month.engine, "zhao2", "person-maker", "赵", "checker")
    for user, wanted in (
        ("zhao2", "month.same_person"),
        ("zhao", "access.role_missing"),
        ("li", "access.role_missing"),
    ):
        with pytest.raises(Forbidden) as refused:
            story.approve(sheet, date(2026, 11, 25), user)
        assert code(refused) == wanted
    with pytest.raises(Conflict) as changed:
        approve_month(story.engine, "qian", DEMO_REGION, sheet.sheet_id, b"\0" * 32, date(2026, 11, 25))
    assert code(changed) == "month.changed"
    sign = "UPDATE fund.sheet SET state = 'approved', approved_by = '{}', approved_on = '2026-11-25'"
    for user, signer, wanted in (
        ("zhao2", "zhao2", "month.same_person"),
        ("zhao2", "qian", "month.same_person"),
        ("qian", "zhao2", "month.same_person"),
    ):
        with pytest.raises(Forbidden) as refused, story.month.tx(user) as tx:
            tx.run(sign.format(signer))
        assert code(refused) == wanted
    with pytest.raises(LedgerError), story.month.tx("zhao") as tx:
        tx.run(sign.format("zhao"))
    with pytest.raises(Forbidden), story.month.tx("qian") as tx:
        tx.run("UPDATE fund.sheet SET result_fen = 1")
    with pytest.raises(Forbidden), story.month.tx("qian") as tx:
        tx.run("UPDATE fund.sheet_line SET audit_fen = 0")
    done = story.approve(sheet, date(2026, 11, 25))
    assert story.approve(sheet, date(2026, 11, 30)) == done
    assert story.prepare(202610, date(2026, 11, 30)) == done
    with pytest.raises(Forbidden), story.month.tx("zhao") as tx:
        tx.run(
            "INSERT INTO fund.sheet_taking VALUES (420100, 310, %(s)s, 'other', 'X', 1, 5)", s=sheet.sheet_id
        )
    assert story.value("SELECT count(*) FROM books.entry WHERE event = 'SET'") == 1


@pytest.mark.fault(62)
def test_a_tampered_draft_is_not_approved(story: Story, bill: Any) -> None:
    october(story, bill, "P1")
    story.declare(202610, date(2026, 11, 9))
    sheet = story.prepare(202610, date(2026, 11, 25))
    with psycopg.connect(story.month.database.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE fund.sheet_line SET audit_fen = 100, result_fen = result_fen - 100")
    with pytest.raises(Conflict) as refused:
        story.approve(sheet, date(2026, 11, 25))
    assert code(refused) == "month.changed"


def test_what_is_not_declared_audited_or_recognised_is_not_settled(story: Story, bill: Any) -> None:
    story.begin("P1", 2_000_000)
    story.month.take(bill("r1", fund=123_456))

    def refused(term: int = 202610) -> str:
        with pytest.raises(LedgerError) as refusal:
            story.prepare(term, date(2026, 11, 10))
        return refusal.value.code

    assert refused() == "month.not_declared"
    assert refused(202613) in ("month.not_declared", "month.term")
    scope = DeclareScope(310, HOSPITAL, 202610, "21")
    with story.month.tx() as tx:
        rows = our_details(tx, scope)
        compare_details(tx, scope, DetailFile("d.zip", write_detail(rows, "d.txt")), date(2026, 11, 9))
        record_lists(tx, [UploadedList("r1", "Lr1", date(2026, 11, 9))])
        declaration = declare(tx, scope, date(2026, 11, 9)).declaration_id
    assert refused() == "month.not_audited"
    with story.month.tx() as tx:
        move_declaration(tx, declaration, "withdraw", date(2026, 11, 9), "误报")
    assert refused() == "month.withdrawn"
    story.declare(202610, date(2026, 11, 10))
    assert refused() == "month.not_recognised"
    story.draft_daily(date(2026, 11, 10))
    with psycopg.connect(story.month.database.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE fund.reconciliation SET state = 'differs'")
    assert refused() == "month.reconciliation_open"


def test_deductions_take_no_more_than_is_left_and_the_rest_later(story: Story, bill: Any) -> None:
    story.begin("P1", 20_000_000)
    story.month.take(bill("a", fund=100_000), bill("b", fund=100_000, day="2026-11-05"))
    story.pay_daily(date(2026, 10, 13))
    story.draft_daily(date(2026, 11, 9))
    story.declare(202610, date(2026, 11, 9))
    story.find("F1", "a", 98_000, date(2026, 11, 10))
    for wanted, error in (({"F1": 98_001}, Conflict), ({"F1": 96_000}, Conflict), ({"F9": 1}, NotFound)):
        with pytest.raises(error) as refused:
            story.prepare(202610, date(2026, 11, 25), deduct=wanted)
        assert code(refused) in ("deduction.above_left", "finding.unknown")
    part = story.prepare(202610, date(2026, 11, 25), deduct={"F1": 20_000})
    assert part.figures.lines[0].audit_fen == 20_000
    sheet = story.settle(202610, date(2026, 11, 25))
    assert sheet.figures.lines[0].audit_fen == 95_000
    assert sheet.result_fen == -60_000
    with story.month.tx() as tx:
        assert (read_finding(tx, "F1").detd_stas, read_finding(tx, "F1").taken_fen) == ("20", 95_000)
    story.declare(202611, date(2026, 12, 9))
    scope = MonthScope(310, HOSPITAL, 202611)
    propose_deduction(
        story.engine, "zhao", DEMO_REGION, OtherDeduction("KK-1", scope, "违约金文件1号", 1_000)
    )
    for user in ("zhao", "li"):
        with pytest.raises(Forbidden):
            approve_deduction(story.engine, user, DEMO_REGION, "KK-1", date(2026, 12, 20))
    waiting = story.prepare(202611, date(2026, 12, 20))
    assert sum(line.other_fen for line in waiting.figures.lines) == 0
    approve_deduction(story.engine, "qian", DEMO_REGION, "KK-1", date(2026, 12, 20))
    approve_deduction(
        story.engine, "qian", DEMO_REGION, "KK-1", date(2026, 12, 20)
    )  # a replay changes nothing
    sheet = story.settle(202611, date(2026, 12, 20))
    by_term = {line.key.term: line for line in sheet.figures.lines}
    assert (by_term[202610].audit_fen, by_term[202611].other_fen) == (3_000, 1_000)
    assert sheet.result_fen == 95_000 - 1_000 - 3_000 - 60_000
    assert story.value("SELECT paper FROM fund.deduction_taken") == sheet.sheet_id
    with story.month.tx() as tx:
        assert read_finding(tx, "F1").detd_stas == "30"
    assert story.balances()[9301] == 98_000
    story.verified()


@POLICIES
def test_a_term_closes_when_nothing_of_it_is_left(
    story: Story, bill: Any, policy: str, tmp_path: Path
) -> None:
    story.begin(policy, 20_000_000)
    story.month.take(
        bill("a", fund=100_000), bill("c", fund=50_000, acct=7_000, med_type="11", clr_type="11")
    )
    story.pay_daily(date(2026, 10, 13))
    story.declare(202610, date(2026, 11, 9))
    first = story.settle(202610, date(2026, 11, 25))
    assert first.result_fen == 35_000
    story.month.take(bill("late", fund=3_333, med_type="11", clr_type="11", day="2026-10-30"))
    story.draft_daily(date(2026, 11, 27))
    story.declare(202610, date(2026, 12, 11), "11")
    second = story.prepare(202610, date(2026, 12, 20))
    assert (second.version, second.figures.cutoff) == (2, date(2027, 1, 10))
    # 清算类别 rounded in one: round(53,333 × 0.95) = 50,666.35; the account in full.
    assert {(x.key.subfund, x.rounded_fen) for x in second.figures.lines if x.clr_type == "11"} == {
        ("pool", 50_666), ("acct", 7_000),
    }  # fmt: skip
    assert story.approve(second, date(2026, 12, 20)).result_fen == 35_000 + 50_666 + 7_000
    path = tmp_path / "later.jsonl"
    path.write_text(json.dumps(bill("later", day="2026-10-31")) + "\n", encoding="utf-8")
    result = load_file(story.engine, "jieru", path, IntakeRules())
    assert (result.accepted, result.quarantined) == (0, 1)
    assert story.value("SELECT code FROM fund.quarantine") == "record.term_settled"
    order = story.pay_month(date(2026, 12, 22))
    assert order.amount_fen == 92_666
    balances = story.balances()
    assert (balances[INPATIENT], balances[50010103], balances[50010202]) == (95_000, 50_666, 7_000)
    story.verified()


def test_the_hand_back_lists_receipts_by_bank_date_and_stays_as_told(story: Story, bill: Any) -> None:
    again = october(story, bill, "P1")

    def told(month: int, day: date, user: str = "li") -> Any:
        return hand_back(story.engine, user, DEMO_REGION, 310, month, day)

    with pytest.raises(Conflict) as refused:
        told(202610, date(2026, 10, 31))
    assert code(refused) == "handback.month_open"
    with pytest.raises(Forbidden):
        told(202610, date(2026, 11, 2), "zhao")
    made = told(202610, date(2026, 11, 2))
    assert (list(made.lines), made.late) == ([HandBackLine(202610, HOSPITAL, 202610, 620_000, 0)], False)
    story.receipt(again, date(2026, 11, 4), back=True)
    assert told(202610, date(2026, 11, 5)) == made
    with pytest.raises(Forbidden), story.month.tx("li") as tx:
        tx.run("UPDATE fund.handback SET paid_fen = 0")
    made = told(202611, date(2026, 12, 4))
    assert (list(made.lines), made.late) == ([HandBackLine(202611, HOSPITAL, 202610, 0, 525_926)], True)


def test_a_summary_the_bank_has_no_room_for_is_not_drafted(story: Story, bill: Any) -> None:
    october(story, bill, "P1")
    november(story)
    # 6 digits, 月结, 职工医保, 12 characters: 30 bytes in GBK.
    story.bank.format = Iso20022Format(frozenset({OWN}), purpose_bytes_max=29)
    [blocked] = story.draft_month(date(2026, 12, 8)).blocked
    assert (blocked.reason, blocked.detail) == ("unbearable", "摘要占30字节，超过该行上限29字节")
    assert story.value("SELECT count(*) FROM payments.batch WHERE kind = 'month'") == 0
    story.bank.format = Iso20022Format(frozenset({OWN}), purpose_bytes_max=30)
    with pytest.raises(InvalidInput) as refused:
        story.draft_month(date(2026, 12, 6))
    assert code(refused) == "month.not_working_day"
    assert story.pay_month(date(2026, 12, 8)).amount_fen == 331_665
