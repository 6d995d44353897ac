"""A small town's ledger with one day of everything in it: recognised, approved, paid, on its way, waiting.

Populated once a session through the service's own login; every test gets a clone it may break.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import Engine

from adapters.banks.registry import make_format
from ledger.books.anchors import write_anchors
from ledger.books.journal import post
from ledger.books.manual import ManualContent, approve_vouchers, draft_voucher
from ledger.books.setup import open_book
from ledger.control.breach import Breach
from ledger.control.verify import verify
from ledger.core.dates import SHANGHAI
from ledger.core.digests import (
    OrderHead,
    batch_digest,
    evidence_digest,
    order_digest,
    recognition_digest,
    record_digest,
)
from ledger.core.entries import Book, Dimensions, EntryDraft, Leg, Posted, credit, debit
from ledger.db.cluster import DATABASE
from ledger.db.engine import auditor_engine, service_engine
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.db.unit_of_work import NO_REGION, Transaction, unit_of_work
from ledger.founding import bring_in_institutions
from ledger.fund.institutions.master import Institution
from ledger.fund.intake.loads import complete_load, open_load
from ledger.payments.orders.order import lock_batch
from ledger.payments.out.files import own_account
from ledger.payments.out.proof import instructed, rendered
from ledger.settings import Settings
from tests.scenes.databases import copy_database, drop_database
from tests.scenes.papers import PaperSaid, keep_paper

REGION = 420100
BOOK = Book(REGION, 310)
OTHER = Book(REGION, 390)
INSTITUTION = "H42010000001"
ACCOUNT = "6222000001"
FISCAL = "6222000009"
DAY = date(2026, 10, 13)
KEY = Dimensions(INSTITUTION, "pool", 2026, 202610, "inpatient")
RECORDS = {"r1": (123456, 74074), "r2": (33333, 20000), "r3": (876543, 525926), "r4": (100000, 60000)}
_names = itertools.count(1)


class Server(Protocol):
    home: Path

    def admin_url(self, dbname: str = ...) -> str: ...


def draft(
    key: str, legs: Sequence[Leg], *, event: str = "MAN", evidence: str = "", digest: bytes = b""
) -> EntryDraft:
    return EntryDraft(
        event, key, DAY, f"摘要{key}", legs, f"{event}@1", f"rule:{event}@1", "checker", digest, evidence
    )


@dataclass
class Town:
    """A clone of the populated ledger; `home` holds its anchors."""

    admin_url: str
    service: Engine
    auditor: Engine
    home: Path
    server_home: Path
    """Where the working logins' passwords are."""

    def break_it(self, *statements: str) -> None:
        """Run as a superuser whose triggers are off: what a database administrator can always do."""
        with psycopg.connect(self.admin_url, autocommit=True) as admin:
            admin.execute("SET session_replication_role = replica")
            for statement in statements:
                assert admin.execute(statement).rowcount != 0, statement

    def verify(self) -> list[Breach]:
        return verify(self.auditor, self.home)

    def post(self, *drafts: EntryDraft, book: Book = BOOK, day: date = DAY) -> list[Posted]:
        with unit_of_work(self.service, "acc", REGION) as tx:
            return post(tx, book, day, drafts)

    def by_hand(self, book: Book, *summaries: str, legs: Sequence[Leg] = ()) -> None:
        by_hand(self.service, book, *summaries, legs=legs)

    def value(self, query: str) -> Any:
        with psycopg.connect(self.admin_url) as admin:
            row = admin.execute(query).fetchone()
            assert row is not None
            return row[0]


def _users(admin_url: str) -> None:
    users = [
        ("acc", "p1"),
        ("maker", "p2"),
        ("checker", "p3"),
        ("cash", "p4"),
        ("adm", "p5"),
        ("aud", "p6"),
        ("maker2", "p2"),
    ]
    roles = [
        ("acc", "accountant"),
        ("maker", "maker"),
        ("checker", "checker"),
        ("cash", "cashier"),
        ("adm", "admin"),
        ("aud", "audit_admin"),
    ]
    with psycopg.connect(admin_url) as admin:
        for user, person in users:
            admin.execute("INSERT INTO access.app_user VALUES (%s, %s, %s)", [user, person, user])
        for user, role in roles:
            admin.execute("INSERT INTO access.user_role VALUES (%s, %s, %s, 0)", [REGION, user, role])


def _load(service: Engine) -> None:
    """The file that the records came in, as intake counts it: begun, read, whole."""
    fund_fen, daily_fen = (sum(part) for part in zip(*RECORDS.values(), strict=True))
    with unit_of_work(service, "maker", NO_REGION) as tx:
        load = open_load(tx, "records.jsonl", sha256(b"records").digest(), 1)
    with unit_of_work(service, "maker", REGION) as tx:
        for setl_id, fen in RECORDS.items():
            _record(tx, setl_id, *fen)
    with unit_of_work(service, "maker", NO_REGION) as tx:
        tx.run(
            "UPDATE fund.intake_load SET lines_done = %(n)s, bytes_done = 1, accepted = %(n)s, accepted_fen = %(fund)s,"
            " payable_fen = %(daily)s WHERE load_id = %(load)s",
            n=len(RECORDS),
            fund=fund_fen,
            daily=daily_fen,
            load=load,
        )
        complete_load(tx, load)


def _master_data(tx: Transaction) -> None:
    tx.run("INSERT INTO fund.region VALUES (420100, '某市')")
    tx.run(
        "INSERT INTO payments.bank_account VALUES (420100, %(a)s, '1004', 'iso20022', '支出户', '某银行', '102521000001')",
        a=ACCOUNT,
    )
    tx.run("INSERT INTO payments.book_account VALUES (420100, 310, '1004', %(a)s)", a=ACCOUNT)
    tx.run(
        "INSERT INTO payments.bank_account VALUES (420100, %(a)s, '1003', 'iso20022', '财政专户', '某银行', '102521000001')",
        a=FISCAL,
    )


def _payee(service: Engine) -> None:
    hospital = Institution(
        INSTITUTION, "某医院", "1", "3", "active", date(2026, 1, 1), date(2026, 12, 31), "daily", "daily", 6_000, 9_500,
        date(2026, 1, 1), "某医院", "9558000001", "某银行", "102521000001",
    )  # fmt: skip
    bring_in_institutions(service, "maker", "checker", REGION, date(2026, 10, 1), [hospital])


def _record(tx: Transaction, setl_id: str, fund_fen: int, daily_fen: int) -> None:
    amounts = [fund_fen, 0, 0, 0, fund_fen, 0, fund_fen, *[0] * 7, fund_fen, *[0] * 7]
    columns = [
        setl_id, "M1", "P1", INSTITUTION, "310", "21", "21", "2026-10-12 09:30:05", "420100", "420100", "1", "2", "0",
        "420100", "420100", "2", "3", "2026", "2026-10-01", "2026-10-12", "S1", "", *amounts, f"310100,1,{fund_fen},,",
    ]  # fmt: skip
    stored = [REGION, *columns, record_digest("|".join(map(str, columns)).encode()), 1, 1]
    tx.connection.execute(
        sql.SQL("INSERT INTO fund.record VALUES ({})").format(
            sql.SQL(", ").join([sql.Placeholder()] * len(stored))
        ),
        stored,
    )
    tx.connection.execute(
        "INSERT INTO fund.payable VALUES (%s, 310, %s, 'pool', %s, 2026, 202610, 'inpatient', '2026-10-12', %s, %s, 6000)",
        [REGION, setl_id, INSTITUTION, fund_fen, daily_fen],
    )


def recognise(tx: Transaction, key: str, setl_ids: Sequence[str]) -> None:
    """Book the records `setl_ids` in one REC entry."""
    rows = tx.rows(
        "SELECT r.content_digest, p.fund, p.setl_id, p.subfund, p.institution, p.service_year, p.term, p.category, p.day,"
        " p.fund_fen, p.daily_fen, p.ratio FROM fund.payable p JOIN fund.record r USING (region, setl_id)"
        ' WHERE p.setl_id = ANY (%(ids)s) ORDER BY p.setl_id COLLATE "C", p.subfund',
        ids=list(setl_ids),
    )
    fund_fen, daily = sum(row[9] for row in rows), sum(row[10] for row in rows)
    legs = (debit(9001, fund_fen, KEY), credit(9101, daily, KEY), credit(9102, fund_fen - daily, KEY))
    digest = recognition_digest(
        (bytes(row[0]), ("|".join(map(str, row[1:])) + "\n").encode()) for row in rows
    )
    post(tx, BOOK, DAY, [draft(key, legs, event="REC", digest=digest)])
    tx.run(
        "UPDATE fund.payable SET recognised_by = %(key)s WHERE setl_id = ANY (%(ids)s)",
        key=key,
        ids=list(setl_ids),
    )


def make_batch(tx: Transaction, batch: str, orders: dict[str, list[str]]) -> bytes:
    """A batch of draft orders, each over the records named; its digest."""
    digests, made = [], []
    for order_no, setl_ids in sorted(orders.items()):
        total = sum(RECORDS[setl_id][1] for setl_id in setl_ids)
        head = OrderHead(
            order_no,
            310,
            batch,
            INSTITUTION,
            total,
            ACCOUNT,
            "某医院",
            "9558000001",
            "某银行",
            "102521000001",
            "日拨付",
            "",
        )
        item = (1, 9101, "pool", 2026, 202610, "inpatient", total)
        payables = [(310, setl_id, "pool", RECORDS[setl_id][1]) for setl_id in sorted(setl_ids)]
        made.append((head, item, payables))
    execute = tx.connection.execute
    for head, item, payables in made:
        told = execute(
            "INSERT INTO payments.pay_order VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 'draft') RETURNING first_payment",
            [REGION, *head[:-1]],
        ).fetchone()
        assert told is not None
        digests.append(order_digest(head._replace(first_payment=told[0]), [item], payables))
        execute(
            "INSERT INTO payments.order_item VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [REGION, head.order_no, *item],
        )
        for payable in payables:
            execute(
                "INSERT INTO payments.order_payable VALUES (%s, %s, %s, %s, %s, %s)",
                [REGION, head.order_no, *payable],
            )
            execute("UPDATE fund.payable SET order_no = %s WHERE setl_id = %s", [head.order_no, payable[1]])
        step(tx, head.order_no, "draft", "", "draft", move=False)
    digest = batch_digest(batch, digests)
    execute(
        "INSERT INTO payments.batch VALUES (%s, 310, %s, 'daily', %s, '2026-10-12', 'maker', %s)",
        [REGION, batch, DAY, digest],
    )
    return digest


def step(
    tx: Transaction, order_no: str, event: str, came: str, went: str, evidence: str = "", *, move: bool = True
) -> None:
    """A new state of an order, and its event."""
    if move:
        sent = DAY if went == "sent" else None
        tx.run(
            "UPDATE payments.pay_order SET state = %(w)s, sent_on = coalesce(sent_on, %(sent)s) WHERE order_no = %(o)s",
            w=went, o=order_no, sent=sent,
        )  # fmt: skip
    tx.connection.execute(
        "INSERT INTO payments.order_event (region, order_no, n, event, from_state, to_state, user_name, business_date, reason, evidence)"
        " SELECT %(r)s, %(o)s, count(*) + 1, %(e)s, %(c)s, %(w)s, %(u)s, %(d)s, '', %(p)s FROM payments.order_event WHERE order_no = %(o)s",
        {"r": REGION, "o": order_no, "e": event, "c": came, "w": went, "u": tx.user, "d": DAY, "p": evidence},
    )


def _order_entry(tx: Transaction, order_no: str) -> None:
    amount, digest = tx.connection.execute(
        "SELECT amount_fen, payments.order_digest(region, order_no) FROM payments.pay_order WHERE order_no = %s",
        [order_no],
    ).fetchone() or (0, b"")
    legs = (debit(9101, amount, KEY), credit(9104, amount, KEY))
    post(
        tx, BOOK, DAY, [draft(f"ORD:{order_no}", legs, event="ORD", evidence=order_no, digest=bytes(digest))]
    )


def receive(tx: Transaction, order_no: str, receipt_no: str, amount: int) -> None:
    """A receipt for an order: kept, posted, and the order paid."""
    said = PaperSaid(receipt_no, "debit", DAY, amount, order_no, usage="日拨付|报文")
    row = keep_paper(tx, ACCOUNT, said, "posted", "", order_no)
    digest = evidence_digest(row)
    legs = (
        debit(9104, amount, KEY), credit(9201, amount, KEY),
        debit(110105, amount, KEY), credit(1004, amount, Dimensions(ACCOUNT)),
    )  # fmt: skip
    post(
        tx,
        BOOK,
        DAY,
        [draft(f"RCV:{receipt_no}", legs, event="RCV", evidence=f"bker:{receipt_no}", digest=digest)],
    )
    step(tx, order_no, "pay", "sent", "paid", f"bker:{receipt_no}")


def file_batch(service: Engine, batch: str) -> None:
    """The orders of a batch in one file, made by the maker and sent by the cashier."""
    with unit_of_work(service, "maker", REGION) as tx:
        rows = tx.rows("SELECT order_no, amount_fen FROM payments.pay_order WHERE batch_id = %(b)s", b=batch)
        bank = make_format(
            tx.value("SELECT bank FROM payments.bank_account WHERE account = %(a)s", a=ACCOUNT),
            frozenset({ACCOUNT}),
        )
        orders, at = lock_batch(tx, batch), datetime(2026, 10, 13, 9, tzinfo=SHANGHAI)
        made = rendered(bank, "F1", own_account(tx, ACCOUNT), orders[0].pay_date, instructed(orders), at)
        tx.connection.execute(
            "INSERT INTO payments.bank_file VALUES (%s, 'F1', %s, %s, %s, %s, %s, %s, %s, %s, %s, 'filed')",
            [
                REGION,
                batch,
                ACCOUNT,
                made.name,
                at,
                fields(tx).seal_bytes(made.content, place("payments.bank_file.content", REGION, "F1")),
                sha256(made.content).digest(),
                b"",
                len(rows),
                sum(row[1] for row in rows),
            ],
        )
        for order_no, _ in rows:
            tx.run(
                "UPDATE payments.pay_order SET file_id = 'F1', state = 'filed' WHERE order_no = %(o)s",
                o=order_no,
            )
            step(tx, order_no, "file", "approved", "filed", move=False)
    with unit_of_work(service, "cash", REGION) as tx:
        tx.run("UPDATE payments.bank_file SET state = 'sending'")
        tx.run("UPDATE payments.bank_file SET state = 'sent'")
        for order_no, _ in rows:
            step(tx, order_no, "send", "filed", "sent")


def by_hand(service: Engine, book: Book, *summaries: str, legs: Sequence[Leg] = ()) -> None:
    """Hand-written vouchers, one a summary, drafted by the accountant and approved together by the checker."""
    with unit_of_work(service, "acc", REGION) as tx:
        plain = legs or (debit(1001, 100), credit(41010101, 100))
        drafted = [
            draft_voucher(tx, book, ManualContent(DAY, summary, "单据", plain), DAY) for summary in summaries
        ]
    with unit_of_work(service, "checker", REGION) as tx:
        approve_vouchers(tx, book, {one.voucher_id: one.digest for one in drafted}, DAY)


def _allot(service: Engine) -> None:
    """A fund request asked for, approved and granted, and its entry."""
    facts = ["REQ-00000001", 310, ACCOUNT, FISCAL, DAY, 2_000_000, 0, 2_000_000]
    columns = "region, fund, request_id, account, fiscal_account, upto, forecast_fen, available_fen, amount_fen, prepared_by, prepared_on"
    with unit_of_work(service, "maker", REGION) as tx:
        tx.connection.execute(
            f"INSERT INTO fund.fund_request ({columns}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, 'maker', %s)",
            [REGION, 310, facts[0], *facts[2:], DAY],
        )
    with unit_of_work(service, "checker", REGION) as tx:
        tx.run(
            "UPDATE fund.fund_request SET state = 'approved', approved_by = 'checker', approved_on = %(d)s",
            d=DAY,
        )
    with unit_of_work(service, "acc", REGION) as tx:
        tx.run(
            "UPDATE fund.fund_request SET state = 'granted', granted_fen = 2000000, granted_on = %(d)s, receipt_no = 'Z1'",
            d=DAY,
        )
        text = "|".join(map(str, ["ALLOT", *facts, 2_000_000, DAY, "Z1"]))
        legs = (debit(1004, 2_000_000, Dimensions(ACCOUNT)), credit(41010101, 2_000_000))
        entry = EntryDraft(
            "ALLOT", f"ALLOT:{facts[0]}", DAY, "请款", legs, "ALLOT@1", "maker", "checker", sha256(text.encode()).digest()
        )  # fmt: skip
        post(tx, BOOK, DAY, [entry])


def populate(service: Engine) -> None:
    """A whole day through the service's login."""
    with unit_of_work(service, "acc", REGION) as tx:
        open_book(tx, BOOK, "职工医保", date(2026, 10, 1))
        open_book(tx, OTHER, "居民医保", date(2026, 10, 1))
        _master_data(tx)
    _allot(service)
    _payee(service)
    _load(service)
    with unit_of_work(service, "acc", REGION) as tx:
        recognise(tx, "REC:1", ["r1", "r2"])
        recognise(tx, "REC:2", ["r3"])
    with unit_of_work(service, "maker", REGION) as tx:
        digest = make_batch(tx, "B1", {"FL20261013-0001": ["r1", "r2"], "FL20261013-0002": ["r3"]})
    with unit_of_work(service, "checker", REGION) as tx:
        assert tx.value("SELECT payments.approve(420100, 'B1', %(d)s, '2026-10-13')", d=digest) == 2
        for order_no in ("FL20261013-0001", "FL20261013-0002"):
            step(tx, order_no, "approve", "draft", "approved", move=False)
            _order_entry(tx, order_no)
    file_batch(service, "B1")
    with unit_of_work(service, "acc", REGION) as tx:
        receive(tx, "FL20261013-0001", "R1", 94074)
    by_hand(service, OTHER, *(f"调整{n}" for n in range(5)))


def _clone(server: Server, template: str) -> tuple[str, Settings]:
    name = f"town_{os.environ.get('PYTEST_XDIST_WORKER', 'one')}_{next(_names)}"
    return name, Settings(home=server.home, database_url=copy_database(server, template, name))


_drop = drop_database


@pytest.fixture(scope="session")
def town_template(keep: Any) -> str:
    return str(keep("town", DATABASE, _fill))


def _fill(settings: Settings) -> None:
    _users(str(settings.database_url))
    engine = service_engine(settings)
    populate(engine)
    engine.dispose()


@pytest.fixture
def town(cluster: Server, town_template: str, tmp_path: Path) -> Iterator[Town]:
    name, settings = _clone(cluster, town_template)
    made = Town(
        str(settings.database_url), service_engine(settings), auditor_engine(settings), tmp_path, cluster.home
    )
    write_anchors(made.auditor, tmp_path)
    yield made
    made.service.dispose()
    made.auditor.dispose()
    _drop(cluster, name)


@pytest.fixture
def new_draft() -> Callable[..., EntryDraft]:
    return draft
