"""A hospital's year through the real pipeline: intake, daily payout, files and receipts, months, and then its clearing."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.ports import BankAccount, OutgoingFile, RemoteFile
from adapters.banks.simulator.messages.receipt import PrintedReceipt, write_bker
from ledger.books.chart import account
from ledger.books.manual import ManualContent
from ledger.books.setup import open_period
from ledger.control.verify import verify
from ledger.core.dates import SHANGHAI
from ledger.core.entries import Book, Dimensions, credit, debit
from ledger.core.errors import LedgerError
from ledger.db.roles import grant_database
from ledger.db.unit_of_work import unit_of_work
from ledger.founding import book_by_hand, choose, import_holidays
from ledger.fund.audit.appeal import Act, act
from ledger.fund.audit.findings import FindingDraft, enter_finding, target_of
from ledger.fund.clearing.confirm import confirm_letter, sign_institution
from ledger.fund.clearing.letter import approve_letter, draft_letter, send_letter
from ledger.fund.clearing.orders import ClearingOrders, draft_clearing_orders
from ledger.fund.clearing.store import Letter
from ledger.fund.daily.run import run_daily
from ledger.fund.declare.declaration import declare
from ledger.fund.declare.lists import UploadedList, record_lists
from ledger.fund.declare.states import move
from ledger.fund.month.approve import approve_month
from ledger.fund.month.orders import draft_month_orders
from ledger.fund.month.other_deductions import OtherDeduction, approve_deduction, propose_deduction
from ledger.fund.month.prepare import prepare
from ledger.fund.month.read import MonthScope
from ledger.fund.reconcile.details import DetailFile, compare_details, our_details
from ledger.fund.reconcile.file import write_detail
from ledger.fund.reconcile.scope import ReconcileScope
from ledger.fund.region.holidays import HolidayTable
from ledger.payments.incoming.receive import receive
from ledger.payments.orders.approve import approve
from ledger.payments.orders.order import read_orders
from ledger.payments.out.files import file
from ledger.payments.out.send import send
from ledger.settings import Settings
from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT
from tests.scenes.month import closing_direct

FUND = 310
HOSPITAL = "H42010000001"
OWN = BankAccount(
    EXPENDITURE_ACCOUNT.name,
    EXPENDITURE_ACCOUNT.number,
    EXPENDITURE_ACCOUNT.bank_name,
    EXPENDITURE_ACCOUNT.cnaps,
)
_numbers = itertools.count(1)


class Folder:
    """The bank's inbox and outbox on this disk."""

    def __init__(self, root: Path) -> None:
        self.inbox, self.outbox = root / "inbox", root / "outbox"
        self.inbox.mkdir()
        self.outbox.mkdir()

    def deliver(self, file: OutgoingFile, *, count: int, total_fen: int) -> None:
        (self.inbox / file.name).write_bytes(file.content)

    def holds(self, file: OutgoingFile) -> bool:
        path = self.inbox / file.name
        return path.exists() and path.read_bytes() == file.content

    def waiting(self) -> list[RemoteFile]:
        return [RemoteFile(path.name, path.stat().st_size) for path in sorted(self.outbox.iterdir())]

    def fetch(self, name: str) -> bytes:
        return (self.outbox / name).read_bytes()

    def stated(self, name: str) -> bytes:
        return sha256((self.outbox / name).read_bytes()).digest()

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class Year:
    """Short ways to live a year: `month` is the region (tests/scenes/month.py)."""

    month: Any
    bill: Callable[..., dict[str, Any]]
    channel: Folder
    format: Iso20022Format = field(default_factory=lambda: Iso20022Format(frozenset({OWN.number})))

    def of(self, number: str) -> Year:
        assert number == OWN.number
        return self

    @property
    def engine(self) -> Any:
        return self.month.engine

    def choose(self, key: str, value: str, from_day: date) -> None:
        """A choice of the region, by two persons."""
        choose(self.engine, "li", "qian", DEMO_REGION, key, value, from_day, "测试文件〔2026〕1号")

    def tx(self, user: str = "zhao") -> Any:
        return self.month.tx(user)

    def allot(self, day: date, fen: int) -> None:
        own = Dimensions(OWN.number)
        legs = (debit(1004, fen, own), credit(1001, fen))
        content = ManualContent(day, "请款", f"测试单据{next(_numbers)}", legs)
        book_by_hand(self.engine, "li", "qian", Book(DEMO_REGION, FUND), day, content)

    def take(self, setl_id: str, fen: int, day: str, **said: Any) -> None:
        self.month.take(self.bill(setl_id, fund=fen, day=day, **said))

    def pay_daily(self, day: date) -> list[str]:
        run = run_daily(self.engine, "zhao", DEMO_REGION, day)
        return [no for batch in run.batches for no in self.pay(batch.batch_id, batch.digest, day)]

    def approved(self, batch_id: str, digest: bytes, day: date) -> list[str]:
        """Approved, filed and sent; the receipt is still to come."""
        approve(self.engine, "qian", DEMO_REGION, batch_id, digest, day)
        file(self.engine, "zhao", DEMO_REGION, batch_id, self.of, datetime.combine(day, time(10), SHANGHAI))
        assert {done.outcome for done in send(self.engine, "sun", DEMO_REGION, self.of, day)} == {"sent"}
        rows = self.month.asked(
            f"SELECT order_no FROM payments.pay_order WHERE batch_id = '{batch_id}' ORDER BY 1"
        )
        return [order_no for (order_no,) in rows]

    def receipts(self, order_nos: Iterable[str], day: date, back: str = "") -> None:
        with self.tx() as tx:
            orders = read_orders(tx, list(order_nos))
        for order in orders:
            number = f"R{next(_numbers):06d}"
            payer, payee = (order.payee, OWN) if back else (OWN, order.payee)
            (self.channel.outbox / f"{number}.xml").write_bytes(
                write_bker(
                    PrintedReceipt(
                        receipt_no=number, issuer_cnaps=OWN.cnaps, booking_date=day, issue_date=day, payer=payer, payee=payee,
                        amount_fen=order.amount_fen, serial=number, usage="清算",
                        notes=f"{order.order_no} 汇款退回 {back}" if back else order.order_no,
                        transaction_code="RRTN" if back else "",
                    )
                )
            )  # fmt: skip
        done = receive(self.engine, "li", DEMO_REGION, OWN.number, self, day)
        assert done.outcomes == {"posted": len(orders)}, done

    def pay(self, batch_id: str, digest: bytes, day: date) -> list[str]:
        order_nos = self.approved(batch_id, digest, day)
        self.receipts(order_nos, day)
        return order_nos

    def declare(self, term: int, day: date, clr_type: str = "21") -> str:
        """Reconciled, lists uploaded, declared, audited."""
        scope = ReconcileScope(FUND, HOSPITAL, term, clr_type)
        with self.tx() as tx:
            rows = our_details(tx, scope)
            compare_details(tx, scope, DetailFile("d.zip", write_detail(rows, "d.txt")), day)
            record_lists(tx, [UploadedList(row.setl_id, f"L{row.setl_id}", day) for row in rows])
            declaration = declare(tx, scope, day).declaration_id
        for event in ("accept", "audit", "audited"):
            with self.tx("qian") as tx:
                move(tx, declaration, event, day)
        return declaration

    def settle(self, term: int, day: date) -> Any:
        sheet = prepare(self.engine, "zhao", DEMO_REGION, MonthScope(FUND, HOSPITAL, term), day)
        return approve_month(self.engine, "qian", DEMO_REGION, sheet.sheet_id, sheet.digest, day)

    def pay_month(self, day: date) -> list[str]:
        batch = draft_month_orders(self.engine, "zhao", DEMO_REGION, FUND, day, self.of).batch
        assert batch is not None
        return self.pay(batch.batch_id, batch.digest, day)

    def finding(self, finding_id: str, setl_id: str, fen: int, day: date) -> None:
        """Entered and accepted: final."""
        with self.tx() as tx:
            draft = FindingDraft(
                finding_id, target_of(tx, setl_id), fen, "middle", "R01", "超限定频次", "同日重复收费"
            )
            assert enter_finding(tx, draft, day)
        with self.tx("qian") as tx:
            assert act(tx, finding_id, Act("accept", day, "机构认可")) == "final"

    def deduct(self, deduction_id: str, term: int, fen: int) -> None:
        asked = OtherDeduction(deduction_id, MonthScope(FUND, HOSPITAL, term), "现场绩效考核", fen)
        propose_deduction(self.engine, "zhao", DEMO_REGION, asked)
        approve_deduction(self.engine, "qian", DEMO_REGION, deduction_id, date(2026, 12, 31))

    def draft(self, day: date, year: int = 2026, period: str = "year", user: str = "zhao") -> Letter:
        with self.tx(user) as tx:
            return draft_letter(tx, FUND, HOSPITAL, year, day, period)

    def approve(self, letter: Letter, day: date, user: str = "qian") -> Letter:
        with self.tx(user) as tx:
            return approve_letter(tx, letter.letter_id, letter.digest, day)

    def send(self, letter: Letter, day: date) -> bytes:
        with self.tx() as tx:
            return send_letter(tx, letter.letter_id, day)

    def sign(self, letter: Letter, day: date, content: bytes = b"signed by the hospital") -> Letter:
        with self.tx() as tx:
            return sign_institution(tx, letter.letter_id, letter.digest, content, "第1医院", day)

    def confirm(
        self, letter: Letter, day: date, content: bytes = b"signed by both", user: str = "qian"
    ) -> Letter:
        with self.tx(user) as tx:
            return confirm_letter(tx, letter.letter_id, content, "示例市医保中心", day)

    def clear(self, day: date, year: int = 2026, period: str = "year") -> Letter:
        """The whole way to both sides' confirmation."""
        letter = self.draft(day, year, period)
        self.approve(letter, day)
        self.send(letter, day)
        self.sign(letter, day)
        return self.confirm(letter, day)

    def orders(self, day: date, year: int = 2026) -> ClearingOrders:
        with self.tx() as tx:
            return draft_clearing_orders(tx, FUND, year, day)

    def pay_clearing(self, day: date, year: int = 2026) -> list[str]:
        batch = self.orders(day, year).batch
        assert batch is not None
        return self.pay(batch.batch_id, batch.digest, day)

    def balances(self) -> dict[int, int]:
        """Account to balance on its normal side, fen; zeros left out. Of the employee book."""
        sums: Counter[int] = Counter()
        for code, fen in self.month.asked(
            f"SELECT account, sum(debit - credit)::bigint FROM books.balance WHERE fund = {FUND} GROUP BY 1"
        ):
            sums[code] += fen * account(FUND, code).normal_side
        return {code: fen for code, fen in sums.items() if fen}

    def verify(self) -> list[Any]:
        return verify(self.month.database.auditor_engine, self.month.database.settings.home)

    def refused(self, code: str, what: Callable[..., Any], *args: Any, **said: Any) -> LedgerError:
        with pytest.raises(LedgerError) as error:
            what(*args, **said)
        assert error.value.code == code, error.value
        return error.value


@pytest.fixture(scope="session")
def kept_three_years(keep: Any, kept_hospitals: str) -> str:
    """The template with periods to June 2028 and the calendar of 2027 and 2028 (no holidays: test data)."""
    return str(keep(f"{kept_hospitals}_years", kept_hospitals, _open_years))


def _open_years(settings: Settings) -> None:
    with closing_direct(settings) as engine:
        with unit_of_work(engine, "li", DEMO_REGION) as tx:
            for period in (202611, 202612, *range(202701, 202713), *range(202801, 202807)):
                open_period(tx, Book(DEMO_REGION, FUND), period)
        for known in (2027, 2028):
            fixed = (date(known, 1, 1), date(known, 5, 1), date(known, 10, 1))
            few = HolidayTable(known, f"国办发明电〔{known - 1}〕测试", tuple((day, False) for day in fixed))
            import_holidays(engine, "zhao", "qian", DEMO_REGION, date(2026, 10, 12), few)


@pytest.fixture
def year(kept_three_years: str, month: Any, bill: Any, tmp_path: Path) -> Year:
    """The region through three years, and plenty of money."""
    root = tmp_path / "bank"
    root.mkdir()
    return Year(month, bill, Folder(root))


def live_worked_year(year: Year) -> Year:
    """memorandum.md 3 up to event 18: the year of H42010000001 before its clearing."""
    year.allot(date(2026, 10, 12), 2_000_000)
    year.take("R1", 123_456, "2026-10-12")
    year.take("R2", 33_333, "2026-10-12")
    year.pay_daily(date(2026, 10, 13))
    year.take("R3", 876_543, "2026-10-13")
    year.pay_daily(date(2026, 10, 14))
    year.finding("F1", "R3", 30_000, date(2026, 11, 2))
    year.declare(202610, date(2026, 11, 10))
    year.settle(202610, date(2026, 11, 25))
    year.pay_month(date(2026, 12, 7))
    year.take("R2R", -33_333, "2026-12-15", init="R2", cash=-20_000)
    year.take("R4", 100_000, "2026-12-16")
    year.pay_daily(date(2026, 12, 17))
    year.declare(202612, date(2027, 1, 8))
    year.settle(202612, date(2027, 1, 26))
    year.pay_month(date(2027, 2, 5))
    return year


@pytest.fixture(scope="session")
def templates() -> dict[str, str]:
    """Databases kept as templates in this session."""
    return {}


@pytest.fixture
def worked(year: Year, cluster: Any, templates: dict[str, str]) -> Year:
    """The worked year under P1: lived once a session, cloned for every test."""
    database = year.month.database
    database.close()
    with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
        if "worked" not in templates:
            live_worked_year(year)
            database.close()
            kept = f"{database.name}_worked"
            _copy(admin, database.name, kept)
            templates["worked"] = kept
        else:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.name)))
            _copy(admin, templates["worked"], database.name)
    with psycopg.connect(database.admin_url, autocommit=True) as made:
        grant_database(made)
    return year


def _copy(admin: Any, template: str, name: str) -> None:
    admin.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(
            sql.Identifier(name), sql.Identifier(template)
        )
    )


@pytest.fixture
def live() -> Callable[[Year], Year]:
    """How to live the worked year, for another policy."""
    return live_worked_year
