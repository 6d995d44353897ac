"""A small region with its users, book, money, institutions, records and payables: all written as the service role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest
from sqlalchemy.engine import Engine

from adapters.banks.ports import Account
from ledger.books.journal import post
from ledger.books.setup import open_book, open_period
from ledger.core.entries import Book, Dimensions, EntryDraft, credit, debit
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.payments.draft import Batch, BatchDraft, ItemDraft, OrderDraft, PayableDraft, create_batch

REGION = 420100
FUND = 310
OWN = "4200000000001"
TERM = 202610
DISCHARGE = date(2026, 10, 12)
PAY_DATE = date(2026, 10, 13)

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
    known: dict[str, Account] = field(default_factory=dict)

    def tx(self, user: str = "acc") -> Any:
        return unit_of_work(self.engine, user, REGION)

    def value(self, query: Any, **params: object) -> Any:
        with self.tx() as tx:
            return tx.value(query, **params)

    def rows(self, query: Any, **params: object) -> list[Any]:
        with self.tx() as tx:
            return list(tx.rows(query, **params))

    def allot(self, fen: int) -> None:
        """Money into the paying account: Dr 1004 Cr 1003."""
        entry = EntryDraft(
            "ALLOT",
            f"ALLOT:{self.value('SELECT count(*) FROM books.source')}",
            PAY_DATE,
            "请款",
            (debit(1004, fen, Dimensions(OWN)), credit(1003, fen, Dimensions("4200000000002"))),
            "ALLOT@1",
            "rule:ALLOT@1",
            "checker",
            b"\x01" * 32,
            "A1",
        )
        with self.tx() as tx:
            post(tx, Book(REGION, FUND), DISCHARGE, [entry])

    def institutions(self, n: int) -> list[str]:
        """`n` active institutions in daily mode with a confirmed payee account each."""
        codes = [f"H4201{i:07d}" for i in range(len(self.known) + 1, len(self.known) + n + 1)]
        fresh = {
            code: Account(f"武汉市第{code[-7:]}医院", f"6222{code[-7:]}", "工商银行武汉分行", "102521000001")
            for code in codes
        }
        with self.tx("maker") as tx:
            for code, payee in fresh.items():
                tx.run(
                    "INSERT INTO fund.institution VALUES (%(r)s, %(c)s, %(n)s, '1', '3', 'active', '2026-01-01', '2030-12-31')",
                    r=REGION,
                    c=code,
                    n=payee.name,
                )
                tx.run(
                    "INSERT INTO fund.enrolment VALUES (%(r)s, %(c)s, '2026-01-01', '2030-12-31', 'daily', 'daily', 6000, 9500)",
                    r=REGION,
                    c=code,
                )
                propose(tx, code, 1, payee)
        with self.tx("checker") as tx:
            for code in fresh:
                confirm(tx, code, 1, "checker")
        self.known |= fresh
        return codes

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
            post(tx, Book(REGION, FUND), DISCHARGE, entries)
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


def propose(tx: Transaction, institution: str, version: int, payee: Account, user: str = "maker") -> None:
    tx.run(
        "INSERT INTO fund.payee_account (region, institution, version, name, number, bank_name, cnaps, state, proposed_by)"
        " VALUES (%(r)s, %(c)s, %(v)s, %(n)s, %(no)s, %(b)s, %(k)s, 'proposed', %(u)s)",
        r=REGION,
        c=institution,
        v=version,
        n=payee.name,
        no=payee.number,
        b=payee.bank_name,
        k=payee.cnaps,
        u=user,
    )


def confirm(tx: Transaction, institution: str, version: int, user: str) -> None:
    tx.run(
        "UPDATE fund.payee_account SET state = 'confirmed', confirmed_by = %(u)s"
        " WHERE region = %(r)s AND institution = %(c)s AND version = %(v)s",
        r=REGION,
        c=institution,
        v=version,
        u=user,
    )


def insert_records(tx: Transaction, institution: str, rows: Sequence[tuple[str, int]], key: str) -> None:
    # Whatever columns a record has, this place needs its key and its fund money only.
    tx.run(
        "INSERT INTO fund.record SELECT x.* FROM unnest(%(s)s::text[], %(f)s::bigint[]) AS p (s, f),"
        " (SELECT jsonb_object_agg(column_name, CASE data_type WHEN 'text' THEN to_jsonb(''::text)"
        "    WHEN 'bytea' THEN to_jsonb(sha256('')) WHEN 'timestamp without time zone' THEN to_jsonb('2026-10-12 09:00'::text)"
        "    ELSE to_jsonb(0) END) AS filler FROM information_schema.columns"
        "  WHERE table_schema = 'fund' AND table_name = 'record') d,"
        " jsonb_populate_record(NULL::fund.record, d.filler || jsonb_build_object("
        "    'region', %(r)s::integer, 'setl_id', s, 'fixmedins_code', %(c)s::text, 'hifp_pay', 2 * f)) AS x",
        r=REGION,
        c=institution,
        s=[s for s, _ in rows],
        f=[f for _, f in rows],
    )
    tx.run(
        "INSERT INTO fund.payable SELECT %(r)s, %(fund)s, s, 'pool', %(c)s, 2026, %(t)s, 'inpatient', %(d)s,"
        " 2 * f, f, 6000, %(k)s FROM unnest(%(s)s::text[], %(f)s::bigint[]) AS x (s, f)",
        r=REGION,
        fund=FUND,
        c=institution,
        t=TERM,
        d=DISCHARGE,
        k=key,
        s=[s for s, _ in rows],
        f=[f for _, f in rows],
    )


@pytest.fixture
def world(database: Any) -> World:
    with database.admin_engine.connect() as pooled:
        admin = pooled.connection.driver_connection
        for name, person, role in USERS:
            admin.execute("INSERT INTO access.app_user VALUES (%s, %s, %s)", (name, person, name))
            region = 420200 if name == "other.region" else REGION
            admin.execute("INSERT INTO access.user_role VALUES (%s, %s, %s, 0)", (region, name, role))
        admin.commit()
    made = World(database.service_engine, database.admin_url)
    with made.tx() as tx:
        tx.run("INSERT INTO fund.region VALUES (%(r)s, '武汉市')", r=REGION)
        open_book(tx, Book(REGION, FUND), "武汉市职工医保", date(2026, 10, 1))
        open_period(tx, Book(REGION, FUND), 202611)
        tx.run(
            "INSERT INTO payments.bank_account VALUES (%(r)s, %(a)s, '1004', 'demo', '武汉市医保基金支出户',"
            " '工商银行武汉分行', '102521000001', '{}')",
            r=REGION,
            a=OWN,
        )
        tx.run(
            "INSERT INTO payments.book_account VALUES (%(r)s, %(f)s, '1004', %(a)s)", r=REGION, f=FUND, a=OWN
        )
    return made
