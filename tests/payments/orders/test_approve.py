"""Approval: another person, the very content, money that is there, money that is owed; once."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import psycopg
import pytest

from ledger.books.journal import post
from ledger.core.entries import Book, Dimensions, EntryDraft, credit, debit
from ledger.core.errors import Conflict, Forbidden, NotFound
from ledger.payments.orders.approve import Approval, approve, discard
from ledger.payments.orders.draft import create_batch
from ledger.payments.orders.values import BatchDraft, ItemDraft, OrderDraft

DAY = date(2026, 10, 13)
REGION = 420100


def approving(world: Any, batch: Any, user: str = "checker", digest: bytes | None = None) -> Approval:
    return approve(world.engine, user, REGION, batch.batch_id, digest or batch.digest, DAY)


def test_approval_posts_one_entry_an_order_and_a_replay_gets_the_first_answer(world: Any) -> None:
    world.allot(100000)
    batch = world.batch(74074, 20000)
    first = approving(world, batch)
    assert (first.orders, first.total_fen, first.prepared_by, first.approved_by) == (
        2,
        94074,
        "maker",
        "checker",
    )
    assert world.states() == {"approved": 2}
    assert world.balances()[9104] == -94074
    assert 9101 not in world.balances()
    entries = world.rows(
        "SELECT source_key, event, rule, evidence, evidence_digest, prepared_by, reviewed_by, business_date, series"
        " FROM books.entry WHERE event = 'ORD' ORDER BY seq"
    )
    order_no = batch.order_nos[0]
    digest = world.value("SELECT payments.order_digest(420100, %(o)s)", o=order_no)
    assert entries[0] == (
        f"ORD:{order_no}", "ORD", "ORD@1", order_no, digest, "rule:ORD@1", "checker", DAY, "备",
    )  # fmt: skip
    assert len(entries) == 2
    blocks = world.value("SELECT block FROM books.head")
    assert approving(world, batch) == first
    assert world.value("SELECT block FROM books.head") == blocks
    assert (
        world.rows("SELECT event, from_state, to_state, user_name FROM payments.order_event WHERE n = 2")
        == [("approve", "draft", "approved", "checker")] * 2
    )


@pytest.mark.fault(62)
@pytest.mark.parametrize(
    ("user", "code"),
    [
        ("same.person", "batch.same_person"),
        ("maker2", "access.role_missing"),
        ("cashier", "access.role_missing"),
        ("acc", "access.role_missing"),
        ("other.region", "batch.unknown"),
    ],
)
def test_who_may_not_approve(world: Any, user: str, code: str) -> None:
    world.allot(100)
    batch = world.batch(100)
    with pytest.raises((Forbidden, NotFound, Conflict)) as refused:
        approving(world, batch, user)
    assert refused.value.code == code or (user == "other.region" and isinstance(refused.value, Forbidden))
    assert world.states() == {"draft": 1}


@pytest.mark.fault(62)
def test_a_post_that_was_taken_away_approves_nothing_any_more(world: Any, database: Any) -> None:
    """Also where the page was opened, and the digest seen, while it was still held."""
    world.allot(100)
    batch = world.batch(100)
    with psycopg.connect(database.admin_url) as admin:
        admin.execute("DELETE FROM access.user_role WHERE user_name = 'checker' AND role = 'checker'")
    with pytest.raises(Forbidden) as refused:
        approving(world, batch)
    assert refused.value.code in ("access.role_missing", "access.no_role")
    assert world.states() == {"draft": 1}


@pytest.mark.fault(62)
@pytest.mark.parametrize("change", ["amount_fen = 101", "payee_number = '6222999999'", "purpose = 'x'"])
@pytest.mark.parametrize("user", ["maker", "checker", "cashier"])
def test_what_was_approved_is_edited_by_nobody(world: Any, user: str, change: str) -> None:
    world.allot(100)
    batch = world.batch(100)
    approving(world, batch)
    with pytest.raises(Forbidden), world.tx(user) as tx:
        tx.run(f"UPDATE payments.pay_order SET {change}")
    assert world.value("SELECT payments.order_digest(420100, %(o)s)", o=batch.order_nos[0]) == world.value(
        "SELECT evidence_digest FROM books.entry WHERE event = 'ORD'"
    )


@pytest.mark.fault(62)
def test_approval_is_bound_to_the_content(world: Any, database: Any) -> None:
    world.allot(1000)
    batch = world.batch(100)
    with pytest.raises(Conflict) as refused:
        approving(world, batch, digest=b"x" * 32)
    assert refused.value.code == "batch.changed"
    # Not even an administrator's change behind the guards' back goes unseen.
    with database.admin_engine.connect() as pooled:
        admin = pooled.connection.driver_connection
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE payments.pay_order SET payee_number = '6222999999'")
        admin.commit()
    with pytest.raises(Conflict) as refused:
        approving(world, batch)
    assert refused.value.code == "batch.changed"


def test_v7_money_in_flight_is_not_available(world: Any) -> None:
    world.allot(2000000)
    approving(world, world.batch(1500000))
    second = world.batch(600000)
    with pytest.raises(Conflict) as refused:
        approving(world, second)
    assert refused.value.code == "batch.over_available"
    assert "可用5,000.00元" in refused.value.message
    assert "需6,000.00元" in refused.value.message
    approving(world, world.batch(500000))
    assert world.value("SELECT payments.available(420100, 310::smallint, '4200000000001')") == 0


def test_another_s_or_another_content_s_replay_is_refused(world: Any) -> None:
    world.allot(100)
    batch = world.batch(100)
    approving(world, batch)
    for user, digest in (("acc", batch.digest), ("checker", b"x" * 32)):
        with pytest.raises(Conflict) as refused:
            approving(world, batch, user, digest)
        assert refused.value.code == "batch.already_approved"


def test_unknown_and_discarded_batches(world: Any) -> None:
    world.allot(100)
    batch = world.batch(100)
    assert discard(world.engine, "maker", REGION, batch.batch_id, "重做", DAY) == 1
    assert world.states() == {"cancelled": 1}
    assert world.value("SELECT count(*) FROM fund.payable WHERE order_no = ''") == 1
    with pytest.raises(Conflict) as refused:
        approving(world, batch)
    assert refused.value.code == "batch.discarded"
    with pytest.raises(NotFound) as unknown:
        approve(world.engine, "checker", REGION, "nothing", b"", DAY)
    assert unknown.value.code == "batch.unknown"
    [code] = world.known
    payables = world.rows("SELECT setl_id, subfund, daily_fen FROM fund.payable")
    again = world.draft(
        [
            world.order(
                code,
                [
                    type("P", (), dict(zip(("setl_id", "subfund", "daily_fen"), row, strict=True)))
                    for row in payables
                ],
            )
        ]
    )
    approving(world, again)
    with pytest.raises(Conflict) as refused:
        discard(world.engine, "maker", REGION, again.batch_id, "晚了", DAY)
    assert refused.value.code == "order.state"


@pytest.mark.parametrize("how", ["record", "term"])
def test_v1_what_the_month_has_closed_is_not_approved_any_more(world: Any, how: str) -> None:
    world.allot(100)
    batch = world.batch(100)
    if how == "record":
        with pytest.raises(Conflict, match=r"payable\.in_draft"), world.tx() as tx:
            tx.run("UPDATE fund.payable SET settled_by = 'SET:202610'")
        with psycopg.connect(world.admin_url) as admin:
            admin.execute("SET session_replication_role = replica")
            admin.execute("UPDATE fund.payable SET settled_by = 'SET:202610'")
    else:
        closed = "INSERT INTO fund.settled_term SELECT region, fund, institution, term, 'SET:202610' FROM fund.payable"
        with pytest.raises(Conflict, match=r"settlement\.none"), world.tx() as tx:
            tx.run(closed)
        with psycopg.connect(world.admin_url) as admin:
            admin.execute("SET session_replication_role = replica")
            admin.execute(closed)
    with pytest.raises(Conflict) as refused:
        approving(world, batch)
    assert refused.value.code == "batch.settled"


def month_order(world: Any, code: str, fen: int, replaces: str = "") -> OrderDraft:
    dims = Dimensions(code, "pool", 2026, 202610, "inpatient")
    return OrderDraft(
        code,
        [ItemDraft(9103, dims, fen)],
        [],
        world.known[code],
        f"202610月结职工医保{code}",
        "4200000000001",
        replaces,
    )


def owe(world: Any, code: str, fen: int) -> None:
    dims = Dimensions(code, "pool", 2026, 202610, "inpatient")
    entry = EntryDraft(
        "SET", f"SET:{code}", DAY, "月结审定", (debit(9102, fen, dims), credit(9103, fen, dims)), "SET@1", "rule:SET@1", "checker", b"1" * 32
    )  # fmt: skip
    with world.tx() as tx:
        post(tx, Book(REGION, 310), DAY, [entry])


def test_a_month_order_draws_on_what_is_owed_and_no_more(world: Any) -> None:
    world.allot(100000)
    [code] = world.institutions(1)
    owe(world, code, 33000)
    for number, (fen, expected) in enumerate([(33001, "batch.not_owed"), (33000, ""), (1, "batch.not_owed")]):
        with world.tx("maker") as tx:
            draft = BatchDraft(REGION, 310, "month", f"M{number}", DAY, DAY, [month_order(world, code, fen)])
            batch = create_batch(tx, draft)
        if not expected:
            approving(world, batch)
            continue
        with pytest.raises(Conflict) as refused:
            approving(world, batch)
        assert refused.value.code == expected


@pytest.mark.slow
def test_a_city_s_day_is_approved_in_time(world: Any) -> None:
    world.allot(10**9)
    batch = world.batch(*range(1000, 1600))
    started = time.perf_counter()
    approving(world, batch)
    took = time.perf_counter() - started
    assert world.states() == {"approved": 600}
    assert took < 5, f"{took:.2f} s for 600 orders"
