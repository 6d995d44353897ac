"""Drafting: numbered, digested, every payable claimed once or nothing stored."""

from __future__ import annotations

import os
import time
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from ledger.core.entries import Dimensions
from ledger.core.errors import Conflict, Forbidden, InvalidInput
from ledger.payments.orders.draft import create_batch
from ledger.payments.orders.values import BatchDraft, ItemDraft

DISCHARGE, PAY_DATE = date(2026, 10, 12), date(2026, 10, 13)
MOST: Final = 8
"""Times the plain work; measured 3.8 to 4.0, idle and loaded."""


def test_a_batch_numbers_its_orders_on_and_claims_its_payables(world: Any) -> None:
    first = world.batch(74074, 20000)
    second = world.batch(525926)
    assert list(first.order_nos) == ["FL420100-310-20261013-00001", "FL420100-310-20261013-00002"]
    assert list(second.order_nos) == ["FL420100-310-20261013-00003"]
    assert first.total_fen == 94074
    stored = world.value("SELECT digest FROM payments.batch WHERE batch_id = %(b)s", b=first.batch_id)
    assert stored == first.digest
    assert stored == world.value("SELECT payments.batch_digest(420100, %(b)s)", b=first.batch_id)
    assert world.rows("SELECT order_no, state, amount_fen FROM payments.pay_order ORDER BY 1") == [
        (first.order_nos[0], "draft", 74074),
        (first.order_nos[1], "draft", 20000),
        (second.order_nos[0], "draft", 525926),
    ]
    assert world.value("SELECT count(*) FROM fund.payable WHERE order_no = ''") == 0
    assert world.rows("SELECT DISTINCT event, from_state, to_state, user_name FROM payments.order_event") == [
        ("draft", "", "draft", "maker")
    ]


def test_a_payable_in_an_order_is_not_ordered_again(world: Any) -> None:
    [code] = world.institutions(1)
    payables = world.payables(code, [100, 200])
    world.draft([world.order(code, payables[:1])])
    with pytest.raises(Conflict) as refused:
        world.draft([world.order(code, payables)])
    assert refused.value.code == "payable.not_open"
    assert world.value("SELECT count(*) FROM payments.pay_order") == 1
    assert world.value("SELECT order_no FROM fund.payable WHERE setl_id = %(s)s", s=payables[1].setl_id) == ""


@pytest.mark.parametrize("change", ["amount", "institution", "settled", "unbooked", "unknown"])
def test_what_is_not_open_for_that_institution_is_refused(world: Any, change: str) -> None:
    code, other = world.institutions(2)
    [payable] = world.payables(code, [100])
    payee = code
    if change == "amount":
        payable = payable._replace(daily_fen=99)
    elif change == "institution":
        payee = other
    elif change == "unknown":
        payable = payable._replace(setl_id="nobody")
    elif change == "settled":
        with psycopg.connect(world.admin_url) as admin:
            admin.execute("SET session_replication_role = replica")
            admin.execute("UPDATE fund.payable SET settled_by = 'SET:1'")
    else:
        with world.tx("maker") as tx:
            tx.run(
                "INSERT INTO fund.payable SELECT region, fund, 'N1', subfund, institution, service_year, term, category,"
                " day, fund_fen, daily_fen, ratio FROM fund.payable"
            )
        payable = payable._replace(setl_id="N1")
    with pytest.raises(Conflict) as refused:
        world.draft([world.order(payee, [payable])])
    assert refused.value.code == "payable.not_open"


def test_items_must_be_the_sum_of_the_records(world: Any) -> None:
    [code] = world.institutions(1)
    order = world.order(code, world.payables(code, [100, 50]))
    for items in (
        [ItemDraft(9101, order.items[0].dims, 149)],
        [ItemDraft(9101, order.items[0].dims._replace(term=202609), 150)],
    ):
        with pytest.raises(InvalidInput) as refused:
            world.draft([replace(order, items=items)])
        assert refused.value.code == "order.sum"
    with pytest.raises(InvalidInput) as refused:
        world.draft([replace(order, payables=order.payables[:1])])
    assert refused.value.code == "order.sum"


def test_a_negative_record_nets_within_its_order_and_a_net_of_zero_is_refused(world: Any) -> None:
    [code] = world.institutions(1)
    payables = world.payables(code, [60000, -20000, -40000])
    with pytest.raises(InvalidInput) as refused:
        world.draft([world.order(code, payables)])
    assert refused.value.code == "order.amount"
    assert world.draft([world.order(code, payables[:2])]).total_fen == 40000


def test_form(world: Any) -> None:
    [code] = world.institutions(1)
    order = world.order(code, world.payables(code, [100]))
    other = Dimensions("H42010000099", "pool", 2026, 202610, "inpatient")
    cases = {
        "batch.empty": [],
        "order.items": [replace(order, items=[*order.items, ItemDraft(9103, other, 5)])],
        "order.character": [replace(order, purpose="月结|职工")],
    }
    for code_, orders in cases.items():
        with pytest.raises(InvalidInput) as refused:
            world.draft(orders)
        assert refused.value.code == code_


@pytest.mark.parametrize("user", ["checker", "cashier", "acc"])
def test_only_a_maker_or_the_system_drafts(world: Any, user: str) -> None:
    [code] = world.institutions(1)
    payables = world.payables(code, [100])
    with pytest.raises(Forbidden) as refused:
        world.draft([world.order(code, payables)], user=user)
    assert refused.value.code == "access.role_missing"


def test_a_batch_cannot_be_drafted_in_another_name(world: Any) -> None:
    with pytest.raises(Forbidden) as refused, world.tx("maker") as tx:
        tx.run(
            "INSERT INTO payments.batch VALUES (420100, 310, 'B', 'daily', '2026-10-13', '2026-10-12', 'maker2', sha256(''))"
        )
    assert refused.value.code == "batch.prepared_by"


def cpu_seconds(pid: int) -> float:
    """What a process has worked so far: waiting for a busy machine is not in it."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def plain_work(admin_url: str) -> float:
    """CPU seconds of the least that claiming a day costs: its rows written to bare tables, marked, and listed."""
    with psycopg.connect(admin_url) as admin:
        admin.execute("CREATE TEMP TABLE plain (LIKE fund.payable INCLUDING INDEXES)")
        admin.execute("CREATE TEMP TABLE listed (LIKE payments.order_payable INCLUDING INDEXES)")
        before = cpu_seconds(admin.info.backend_pid)
        admin.execute("INSERT INTO plain SELECT * FROM fund.payable")
        admin.execute("UPDATE plain SET order_no = 'FL420100-310-20261013-' || right(institution, 5)")
        admin.execute(
            "INSERT INTO listed SELECT region, order_no, fund, setl_id, subfund, daily_fen FROM plain"
        )
        return cpu_seconds(admin.info.backend_pid) - before


@pytest.mark.slow
def test_a_city_s_day_is_drafted_in_time(world: Any) -> None:
    """Against the same machine's own speed in the same minute, so that the limit is of the code and not of the load."""
    codes = world.institutions(600)
    payables = world.all_payables({code: [1000 + i for i in range(57)] for code in codes})
    orders = [world.order(code, payables[code]) for code in codes]
    draft = BatchDraft(420100, 310, "daily", "D420100-310-1", PAY_DATE, DISCHARGE, orders)
    plain = plain_work(world.admin_url)
    with world.tx("maker") as tx:
        backend = tx.value("SELECT pg_backend_pid()")
        before, own = cpu_seconds(backend), time.process_time()
        batch = create_batch(tx, draft)
        took = cpu_seconds(backend) - before + time.process_time() - own
    assert len(batch.order_nos) == 600
    assert world.value("SELECT count(*) FROM fund.payable WHERE order_no <> ''") == 34200
    assert took < MOST * plain, f"{took:.2f} s of work, {took / plain:.1f} times the plain {plain:.2f} s"
