"""Whatever order the bank's files come in, and however polls cut them up: the same books (reliability.md B2 35–37)."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

FILES = 10
DAY = date(2026, 10, 13)


@pytest.mark.fault(36)
@settings(
    max_examples=8,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(order=st.permutations(range(FILES)), cuts=st.sets(st.integers(1, FILES - 1), max_size=FILES - 1))
def test_every_permutation_ends_the_same(
    world: Any, bank: Any, sent: Any, movement: Any, order: Any, cuts: Any
) -> None:
    returned, rejected, paid = sent(1000, 200, 30)
    tag = returned.order_no[-5:]
    before = world.balances()
    debit = bank.receipt(f"R{tag}", returned.payee, 1000, f"S{tag}", returned.order_no)
    back = movement(f"T{tag}", returned, credit_=True, code="AC04")
    files = [
        bank.status(returned.file_id, {returned.order_no: ("ACCP", "")}),
        bank.status(
            returned.file_id, {returned.order_no: ("ACSC", "")}, references={returned.order_no: f"S{tag}"}
        ),
        debit,
        bank.note(movement(f"S{tag}", returned)),
        bank.note(back),
        bank.receipt(f"B{tag}", returned.payee, 1000, f"T{tag}", returned.order_no, back="账户已销户"),
        debit,
        bank.status(returned.file_id, {rejected.order_no: ("RJCT", "AM04")}),
        bank.note(movement(f"P{tag}", paid), back),
        bank.status(returned.file_id, {paid.order_no: ("ACSC", "")}),
    ]
    for place, number in enumerate(order):
        bank.put(files[number])
        if place + 1 in cuts:
            world.receive(bank)
    world.receive(bank)
    assert [world.state(o.order_no) for o in (returned, rejected, paid)] == ["returned", "rejected", "paid"]
    assert world.rows(
        "SELECT left(bank_reference, 1), direction, outcome, count(*) FROM payments.evidence"
        " WHERE bank_reference LIKE %(tag)s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
        tag=f"_{tag}",
    ) == [
        ("P", "debit", "posted", 1),
        ("S", "debit", "confirmed", 1),
        ("S", "debit", "posted", 1),
        ("T", "credit", "confirmed", 1),
        ("T", "credit", "posted", 1),
    ]
    after = world.balances()
    # In flight before: 1,230. Now 1,200 are owed again, 30 are paid, and the bank holds 1,200 more than was promised.
    moved = {account: after.get(account, 0) - before.get(account, 0) for account in {*before, *after}}
    assert {account: fen for account, fen in moved.items() if fen} == {
        9104: 1230,
        9101: -1200,
        9201: -30,
        110105: 30,
        1004: -30,
    }
    assert (
        world.value(
            "SELECT count(*) FROM fund.payable WHERE order_no IN (SELECT order_no FROM payments.pay_order WHERE state <> 'paid')"
        )
        == 0
    )
    events = world.rows(
        "SELECT event FROM books.entry WHERE source_key LIKE %(key)s ORDER BY seq",
        key=f"___:{returned.order_no}%",
    )
    assert events == [("ORD",), ("RCV",), ("RTN",)]
