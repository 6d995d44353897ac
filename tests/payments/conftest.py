"""A small region with its users, book, money, institutions, records and payables: all written as the service role."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy.engine import Engine

from adapters.banks.formats.iso20022.format import Iso20022Format
from adapters.banks.ports import BankAccount, Direction, OutgoingFile, RemoteFile
from adapters.banks.simulator.messages.notification import Notification, NotifiedMovement, write_camt054
from adapters.banks.simulator.messages.receipt import PrintedReceipt, write_bker
from adapters.banks.simulator.messages.status_report import StatusReport, TransactionStatus, write_pain002
from adapters.banks.wire.control import CONTROL_SUFFIX, describe, encode_control
from ledger.books.journal import post
from ledger.books.setup import open_book, open_period
from ledger.core.dates import SHANGHAI
from ledger.core.entries import Book, Dimensions, EntryDraft, credit, debit
from ledger.core.errors import Conflict, LedgerError
from ledger.db.cluster import DATABASE
from ledger.db.safekeeping.fields import MAGIC
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.founding import bring_in_institutions
from ledger.fund.institutions.master import Institution
from ledger.payments.incoming.receive import Received, receive
from ledger.payments.orders.approve import approve
from ledger.payments.orders.draft import create_batch
from ledger.payments.orders.order import read_orders
from ledger.payments.orders.values import Batch, BatchDraft, ItemDraft, OrderDraft, PayableDraft
from ledger.payments.out.files import file
from ledger.payments.out.send import send
from ledger.settings import Settings
from tests.scenes.month import closing_direct
from tests.scenes.sealed import opened

REGION = 420100
FUND = 310
OWN = "4200000000001"
TERM = 202610
DISCHARGE = date(2026, 10, 12)
PAY_DATE = date(2026, 10, 13)
MOMENT = datetime(2026, 10, 13, 9, 30, tzinfo=SHANGHAI)

USERS = [
    ("acc", "p1", "accountant"),
    ("sys", "p2", "system"),
    ("maker", "p3", "maker"),
    ("maker2", "p4", "maker"),
    ("checker", "p5", "checker"),
    ("same.person", "p3", "checker"),
    ("cashier", "p6", "cashier"),
    ("other.region", "p7", "checker"),
]


@dataclass
class World:
    """One region with `acc`, `sys`, `maker`, `checker`, `cashier` … and whatever a test adds."""

    engine: Engine
    admin_url: str
    records: int = 0
    batches: int = 0
    known: dict[str, BankAccount] = field(default_factory=dict)

    def tx(self, user: str = "acc") -> Any:
        return unit_of_work(self.engine, user, REGION)

    def value(self, query: Any, **params: object) -> Any:
        with self.tx() as tx:
            return tx.value(query, **params)

    def rows(self, query: Any, **params: object) -> list[Any]:
        with self.tx() as tx:
            return list(tx.rows(query, **params))

    def opened(self, content: bytes) -> bytes:
        """Bytes as they came, of what is stored sealed."""
        with self.tx() as tx:
            assert content.startswith(MAGIC)
            return opened(tx.connection, content)

    def allot(self, fen: int) -> None:
        """Money into the paying account: Dr 1004 Cr 1003."""
        entry = EntryDraft(
            "ALLOT",
            f"ALLOT:{self.value('SELECT count(*) FROM books.source')}",
            PAY_DATE,
            "请款",
            (debit(1004, fen, Dimensions(OWN)), credit(41010101, fen)),
            "ALLOT@1",
            "rule:ALLOT@1",
            "checker",
            b"\x01" * 32,
            "A1",
        )
        with self.tx() as tx:
            post(tx, Book(REGION, FUND), PAY_DATE, [entry])

    def institutions(self, n: int) -> list[str]:
        """`n` active institutions in daily mode with a confirmed payee account each."""
        codes = [f"H4201{i:07d}" for i in range(len(self.known) + 1, len(self.known) + n + 1)]
        fresh = {
            code: BankAccount(
                f"武汉市第{code[-7:]}医院", f"6222{code[-7:]}", "工商银行武汉分行", "102521000001"
            )
            for code in codes
        }
        self.bring_in(fresh)
        self.known |= fresh
        return codes

    def bring_in(self, accounts: Mapping[str, BankAccount]) -> None:
        """Institutions with their accounts, by two persons."""
        items = [
            Institution(
                code, accounts[code].name, "1", "3", "active", date(2026, 1, 1), date(2030, 12, 31), "daily", "daily", 6_000, 9_500,
                date(2026, 1, 1), payee.name, payee.number, payee.bank_name, payee.cnaps,
            )
            for code, payee in accounts.items()
        ]  # fmt: skip
        bring_in_institutions(self.engine, "maker", "checker", REGION, PAY_DATE, items)

    def other_payee(self, institution: str) -> None:
        """Another account takes the place of an institution's, by two persons."""
        known = self.known[institution]
        self.bring_in({institution: BankAccount(known.name, "6222999999", known.bank_name, known.cnaps)})

    def payables(self, institution: str, fens: Sequence[int]) -> list[PayableDraft]:
        """Booked records of one institution whose daily payables are `fens` (half their fund money)."""
        return self.all_payables({institution: fens})[institution]

    def all_payables(self, wanted: Mapping[str, Sequence[int]]) -> dict[str, list[PayableDraft]]:
        """Booked records of several institutions, in one transaction."""
        made: dict[str, list[PayableDraft]] = {}
        entries: list[EntryDraft] = []
        with self.tx("sys") as tx:
            for institution, fens in wanted.items():
                first = self.records + 1
                self.records += len(fens)
                made[institution] = [
                    PayableDraft(f"S{first + i:09d}", "pool", fen) for i, fen in enumerate(fens)
                ]
                dims = Dimensions(institution, "pool", 2026, TERM, "inpatient")
                legs = [
                    leg
                    for fen in fens
                    for leg in (debit(9001, 2 * fen, dims), credit(9101, fen, dims), credit(9102, fen, dims))
                ]
                key = f"REC:{first}"
                insert_records(tx, institution, [(p.setl_id, p.daily_fen) for p in made[institution]], key)
                entries.append(
                    EntryDraft(
                        "REC", key, DISCHARGE, "待遇确认", legs, "REC@1", "rule:REC@1", "checker", b"1" * 32
                    )
                )
            post(tx, Book(REGION, FUND), PAY_DATE, entries)
        return made

    def order(self, institution: str, payables: Sequence[PayableDraft], replaces: str = "") -> OrderDraft:
        dims = Dimensions(institution, "pool", 2026, TERM, "inpatient")
        total = sum(p.daily_fen for p in payables)
        return OrderDraft(
            institution,
            [ItemDraft(9101, dims, total)],
            payables,
            self.known[institution],
            f"20261012日拨付职工医保{institution}",
            OWN,
            replaces,
        )

    def draft(self, orders: Sequence[OrderDraft], user: str = "maker") -> Batch:
        self.batches += 1
        draft = BatchDraft(
            REGION, FUND, "daily", f"D{REGION}-{FUND}-{self.batches:03d}", PAY_DATE, DISCHARGE, orders
        )
        with self.tx(user) as tx:
            return create_batch(tx, draft)

    def batch(self, *fens: int) -> Batch:
        """A drafted batch with one order per amount, each of its own institution."""
        codes = self.institutions(len(fens))
        made = self.all_payables({code: [fen] for code, fen in zip(codes, fens, strict=True)})
        return self.draft([self.order(code, made[code]) for code in codes])

    def approved(self, *fens: int) -> Batch:
        """The same, approved."""
        batch = self.batch(*fens)
        approve(self.engine, "checker", REGION, batch.batch_id, batch.digest, PAY_DATE)
        return batch

    def orders(self, order_nos: Sequence[str]) -> list[Any]:
        with self.tx() as tx:
            return read_orders(tx, order_nos)

    def states(self) -> dict[str, int]:
        """How many orders are in each state."""
        return dict(self.rows("SELECT state, count(*) FROM payments.pay_order GROUP BY 1"))

    def state(self, order_no: str) -> str:
        return str(self.value("SELECT state FROM payments.pay_order WHERE order_no = %(o)s", o=order_no))

    def balances(self) -> dict[int, int]:
        """Balance per account in fen, debit positive; zero ones left out."""
        return {
            account: int(fen)
            for account, fen in self.rows(
                "SELECT account, sum(debit - credit)::bigint FROM books.balance GROUP BY 1 HAVING sum(debit - credit) <> 0"
            )
        }

    def outcomes(self) -> list[Any]:
        return self.rows("SELECT receipt_no, outcome, outcome_code FROM payments.evidence ORDER BY 1, 2")

    def receive(self, bank: Any, day: date = PAY_DATE, user: str = "acc", **options: Any) -> Received:
        return receive(self.engine, user, REGION, OWN, bank, day, **options)


def insert_records(tx: Transaction, institution: str, rows: Sequence[tuple[str, int]], key: str) -> None:
    # Whatever columns a record has, this place needs its key and its fund money only.
    tx.run(
        "INSERT INTO fund.record SELECT x.* FROM unnest(%(s)s::text[], %(f)s::bigint[]) AS p (s, f),"
        " (SELECT jsonb_object_agg(column_name, CASE data_type WHEN 'text' THEN to_jsonb(''::text)"
        "    WHEN 'bytea' THEN to_jsonb(sha256('')) WHEN 'timestamp without time zone' THEN to_jsonb('2026-10-12 09:00'::text)"
        "    ELSE to_jsonb(0) END) AS filler FROM information_schema.columns"
        "  WHERE table_schema = 'fund' AND table_name = 'record') d,"
        " jsonb_populate_record(NULL::fund.record, d.filler || jsonb_build_object("
        "    'region', %(r)s::integer, 'setl_id', s, 'fixmedins_code', %(c)s::text, 'insutype', '310',"
        "    'hifp_pay', 2 * f, 'fund_pay_sumamt', 2 * f, 'medfee_sumamt', 2 * f)) AS x",
        r=REGION,
        c=institution,
        s=[s for s, _ in rows],
        f=[f for _, f in rows],
    )
    tx.run(
        "INSERT INTO fund.payable SELECT %(r)s, %(fund)s, s, 'pool', %(c)s, 2026, %(t)s, 'inpatient', %(d)s,"
        " 2 * f, f, 6000 FROM unnest(%(s)s::text[], %(f)s::bigint[]) AS x (s, f)",
        r=REGION,
        fund=FUND,
        c=institution,
        t=TERM,
        d=DISCHARGE,
        s=[s for s, _ in rows],
        f=[f for _, f in rows],
    )
    tx.run(
        "UPDATE fund.payable SET recognised_by = %(k)s WHERE region = %(r)s AND fund = %(fund)s AND setl_id = ANY (%(s)s)",
        k=key, r=REGION, fund=FUND, s=[s for s, _ in rows],
    )  # fmt: skip


@pytest.fixture(scope="session")
def kept_wuhan(keep: Any) -> str:
    """The template with the region, its people, a book and its account."""
    return str(keep(f"{DATABASE}_wuhan", DATABASE, _found))


@pytest.fixture
def world(kept_wuhan: str, database: Any) -> World:
    return World(database.service_engine, database.admin_url)


def _found(settings: Settings) -> None:
    with psycopg.connect(str(settings.database_url)) as admin:
        for name, person, role in USERS:
            admin.execute("INSERT INTO access.app_user VALUES (%s, %s, %s)", (name, person, name))
            region = 420200 if name == "other.region" else REGION
            admin.execute("INSERT INTO access.user_role VALUES (%s, %s, %s, 0)", (region, name, role))
    with closing_direct(settings) as engine, unit_of_work(engine, "acc", REGION) as tx:
        tx.run("INSERT INTO fund.region VALUES (%(r)s, '武汉市')", r=REGION)
        open_book(tx, Book(REGION, FUND), "武汉市职工医保", date(2026, 10, 1))
        open_period(tx, Book(REGION, FUND), 202611)
        tx.run(
            "INSERT INTO payments.bank_account VALUES (%(r)s, %(a)s, '1004', 'iso20022', '武汉市医保基金支出户',"
            " '工商银行武汉分行', '102521000001')",
            r=REGION,
            a=OWN,
        )
        tx.run(
            "INSERT INTO payments.book_account VALUES (%(r)s, %(f)s, '1004', %(a)s)", r=REGION, f=FUND, a=OWN
        )


class FolderChannel:
    """A bank's three folders on this disk: `ports.Channel` over real files; `breaks` cuts the line at will."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.breaks: dict[str, LedgerError] = {}
        self.delivered: list[str] = []
        for name in ("inbox", "outbox", "archive"):
            (root / name).mkdir(exist_ok=True)

    def deliver(self, file: OutgoingFile, *, count: int, total_fen: int) -> None:
        self._cut("before")
        there = self._there(file.name)
        if there is not None and there != file.content:
            raise Conflict("bank.name_taken", f"银行已有同名但内容不同的文件{file.name}")
        if not self._complete(file.name):
            control = encode_control(describe(file.name, file.content, count=count, total_fen=total_fen))
            (self.root / "inbox" / file.name).write_bytes(file.content)
            self._cut("between")
            (self.root / "inbox" / (file.name + CONTROL_SUFFIX)).write_bytes(control)
            self.delivered.append(file.name)
        self._cut("after")

    def holds(self, file: OutgoingFile) -> bool:
        self._cut("asking")
        return self._there(file.name) == file.content and self._complete(file.name)

    def waiting(self) -> list[RemoteFile]:
        self._cut("waiting")
        return [
            RemoteFile(path.name, path.stat().st_size, str(path.stat().st_mtime_ns))
            for path in sorted((self.root / "outbox").iterdir())
            if path.suffix != ".ok"
        ]

    def fetch(self, name: str) -> bytes:
        self._cut(f"fetch {name}")
        return (self.root / "outbox" / name).read_bytes()

    def stated(self, name: str) -> bytes:
        return sha256((self.root / "outbox" / name).read_bytes()).digest()

    def close(self) -> None:
        """Nothing is open."""

    def _complete(self, name: str) -> bool:
        """Archived, or with its control file: without one a bank touches nothing."""
        return (self.root / "archive" / name).exists() or (
            self.root / "inbox" / (name + CONTROL_SUFFIX)
        ).exists()

    def _there(self, name: str) -> bytes | None:
        for folder in ("inbox", "archive"):
            if (self.root / folder / name).exists():
                return (self.root / folder / name).read_bytes()
        return None

    def _cut(self, point: str) -> None:
        if point in self.breaks:
            raise self.breaks[point]


@dataclass
class TestBank:
    """Our account's bank, and the hand that writes its papers into the outbox."""

    __test__ = False
    root: Path
    papers: int = 0
    format: Iso20022Format = field(default_factory=lambda: Iso20022Format(frozenset({OWN})))
    channel: FolderChannel = field(init=False)

    def __post_init__(self) -> None:
        self.channel = FolderChannel(self.root)

    def of(self, account: str) -> TestBank:
        assert account == OWN
        return self

    def put(self, content: bytes, name: str = "") -> str:
        self.papers += 1
        name = name or f"{self.papers:04d}.xml"
        (self.root / "outbox" / name).write_bytes(content)
        return name

    def status(
        self,
        message_id: str,
        codes: Mapping[str, tuple[str, str]],
        *,
        group: str = "",
        references: Mapping[str, str] | None = None,
    ) -> bytes:
        """A pain.002: order → (status, reason code); with `group`, a word on the whole file."""
        rows = [
            TransactionStatus(no, code, 100, reason, "原因" if reason else "", (references or {}).get(no, ""))
            for no, (code, reason) in codes.items()
        ]
        report = StatusReport(
            f"ST{self.papers}", MOMENT, message_id, max(len(rows), 1), 100 * max(len(rows), 1), group or "PART",
            transactions=rows,
        )  # fmt: skip
        return write_pain002(report)

    def note(self, *movements: NotifiedMovement, account: str = OWN) -> bytes:
        """A camt.054 of these movements."""
        return write_camt054(
            Notification(f"NT{self.papers}", MOMENT, account, "武汉市医保基金支出户", movements)
        )

    def receipt(
        self,
        number: str,
        payee: BankAccount,
        fen: int,
        serial: str,
        order_no: str,
        *,
        back: str = "",
        day: date = PAY_DATE,
    ) -> bytes:
        """A MoF receipt of a payment, or with `back` (the reason) of its return."""
        own = BankAccount("武汉市医保基金支出户", OWN, "工商银行武汉分行", "102521000001")
        return write_bker(
            PrintedReceipt(
                receipt_no=number,
                issuer_cnaps="102521000001",
                booking_date=day,
                issue_date=day,
                payer=payee if back else own,
                payee=own if back else payee,
                amount_fen=fen,
                serial=serial,
                usage="日拨付",
                notes=f"{order_no} 汇款退回 {back}" if back else order_no,
                transaction_code="RRTN" if back else "",
            )
        )


def moved(
    serial: str,
    order: Any,
    *,
    credit_: bool = False,
    fen: int = 0,
    code: str = "BE01",
    day: date = PAY_DATE,
    **other: Any,
) -> NotifiedMovement:
    """A movement for an order: its debit, or with `credit_` its return."""
    fields: dict[str, Any] = {
        "reference": serial,
        "direction": Direction.CREDIT if credit_ else Direction.DEBIT,
        "amount_fen": fen or order.amount_fen,
        "booking_date": day,
        "other_account": order.payee.number,
        "other_name": order.payee.name,
        "order_no": order.order_no,
        "return_code": code if credit_ else "",
        "return_reason": "账号户名不符" if credit_ else "",
    }
    return NotifiedMovement(**(fields | other))


@pytest.fixture
def bank(tmp_path: Path) -> TestBank:
    return TestBank(tmp_path)


@pytest.fixture
def sent(world: World, bank: TestBank) -> Callable[..., list[Any]]:
    """Orders of the given amounts, approved, filed and sent on the payout day."""

    def make(*fens: int) -> list[Any]:
        world.allot(sum(fens))
        batch = world.approved(*fens)
        file(world.engine, "maker", REGION, batch.batch_id, bank.of, MOMENT)
        results = send(world.engine, "cashier", REGION, bank.of, PAY_DATE)
        assert {result.outcome for result in results} == {"sent"}
        return world.orders(batch.order_nos)

    return make


@pytest.fixture
def movement() -> Callable[..., NotifiedMovement]:
    return moved
