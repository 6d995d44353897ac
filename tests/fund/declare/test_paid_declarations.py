"""clr_stas 60 已拨付: set by the receipt of the month's order, taken back by its return, by nothing else."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Any

import pytest

from ledger.books.anchors import write_anchors
from ledger.control.verify import verify
from ledger.core.errors import Conflict
from ledger.fund.audit.appeal import Act, act
from ledger.fund.audit.findings import FindingDraft, enter_finding, target_of
from ledger.fund.declare.states import move
from ledger.fund.month.orders import draft_month_orders
from ledger.payments.orders.order import Order
from ledger.simulation.people import DEMO_REGION

H = "H42010000001"
DECLARED, SETTLED, PAY = date(2026, 11, 9), date(2026, 11, 25), date(2026, 12, 8)


def states(town: Any) -> list[tuple[int, str]]:
    return [tuple(row) for row in town.month.asked("SELECT term, state FROM fund.declaration ORDER BY term")]


def settled(town: Any, bill: Any) -> None:
    """October: 950.00 less 600.00 by the day."""
    town.begin()
    town.month.take(bill("a1"))
    town.pay_daily(date(2026, 10, 13))
    town.settle(H, 202610, DECLARED, SETTLED)


def sent(town: Any, day: date) -> Order:
    batch = draft_month_orders(town.engine, "zhao", DEMO_REGION, 310, day, town.bank_of).batch
    assert batch is not None
    [order] = town.send(batch, day)
    return order


def test_paid_by_the_receipt_settled_again_by_the_return(town: Any, bill: Any) -> None:
    settled(town, bill)
    order = sent(town, PAY)
    assert states(town) == [(202610, "50")]  # on its way is not paid
    town.receipt(order, date(2026, 12, 9))
    assert states(town) == [(202610, "60")]
    steps = "SELECT event, from_state, to_state, user_name, business_date, reason FROM fund.declaration_event WHERE event IN ('pay', 'return') ORDER BY n"
    paid = ("pay", "50", "60", "xitong", date(2026, 12, 9), order.order_no)
    assert town.month.asked(steps) == [paid]
    town.verified()

    town.receipt(order, date(2026, 12, 11), back=True)
    assert states(town) == [(202610, "50")]
    returned = ("return", "60", "50", "xitong", date(2026, 12, 11), order.order_no)
    assert town.month.asked(steps) == [paid, returned]
    town.verified()

    [again] = town.pay_month(date(2026, 12, 14))
    assert states(town) == [(202610, "60")]
    assert town.month.asked(steps)[2][4:] == (date(2026, 12, 14), again.order_no)
    town.verified()


def test_a_month_with_nothing_to_pay_is_paid_by_the_order_that_nets_it(town: Any, bill: Any) -> None:
    """7C: −150.00 carried, 280.00 the month after: one order of 130.00 pays both declarations."""
    town.begin()
    town.month.take(bill("a1"))
    town.pay_daily(date(2026, 10, 13))
    with town.tx() as tx:
        enter_finding(
            tx, FindingDraft("F1", target_of(tx, "a1"), 50_000, "middle", "R1", "超限", "重复收费"), DECLARED
        )
    with town.tx("qian") as tx:
        act(tx, "F1", Act("accept", DECLARED, "机构认可"))
    assert town.settle(H, 202610, DECLARED, SETTLED).result_fen == -15_000
    town.month.take(bill("b1", fund=80_000, day="2026-11-20"))
    town.pay_daily(date(2026, 12, 7))
    assert states(town) == [(202610, "50")]
    assert town.settle(H, 202611, date(2026, 12, 9), date(2026, 12, 25)).result_fen == 13_000
    [order] = town.pay_month(date(2026, 12, 28))
    assert order.amount_fen == 13_000
    assert states(town) == [(202610, "60"), (202611, "60")]
    town.verified()


def test_a_daily_return_after_the_month_leaves_the_declaration(town: Any, bill: Any) -> None:
    town.begin()
    town.month.take(bill("a1"))
    [daily] = town.pay_daily(date(2026, 10, 13))
    town.settle(H, 202610, DECLARED, SETTLED)
    town.pay_month(PAY)
    town.receipt(daily, date(2026, 12, 9), back=True)
    assert states(town) == [(202610, "60")]
    town.pay_month(date(2026, 12, 10))
    assert states(town) == [(202610, "60")]
    town.verified()


def test_nobody_enters_a_payment_that_is_not_there(town: Any, bill: Any) -> None:
    settled(town, bill)
    order = sent(town, PAY)
    [(declaration,)] = town.month.asked("SELECT declaration_id FROM fund.declaration")
    for event, reason in (("pay", order.order_no), ("pay", ""), ("pay", "FL420100-310-20261013-00001")):
        with pytest.raises(Conflict, match=r"declare\.no_payment"), town.tx("li") as tx:
            move(tx, declaration, event, PAY, reason)
    with pytest.raises(Conflict, match=r"declare\.state"), town.tx("li") as tx:
        move(tx, declaration, "return", PAY, order.order_no)


@pytest.mark.parametrize(
    ("attack", "promise", "word"),
    [
        ("UPDATE fund.declaration SET state = '50'", "INV-13", "已付妥"),
        ("DELETE FROM fund.declaration_event WHERE event = 'audit'", "INV-12", "第4步"),
        ("DELETE FROM fund.declaration_event", "INV-12", "没有经过记录"),
        ("UPDATE payments.order_event SET event = 'return' WHERE event = 'pay'", "INV-13", "已退汇"),
    ],
)
def test_verify_names_a_state_that_is_not_the_banks(
    town: Any, bill: Any, attack: str, promise: str, word: str
) -> None:
    settled(town, bill)
    town.pay_month(PAY)
    town.verified()
    town.month.pretend(attack)
    with suppress(FileNotFoundError):
        write_anchors(town.month.database.auditor_engine, town.home)
    found = verify(town.month.database.auditor_engine, town.home)
    assert any(
        f.promise == promise and f.entry.startswith("declaration ") and word in f.message for f in found
    )


def test_returned_after_a_second_order_while_another_month_waits(town: Any, bill: Any) -> None:
    """October's 350.00 come back after an order for a returned daily payment was paid; November's sheet is unpaid."""
    town.begin()
    town.month.take(bill("a1"))
    [daily] = town.pay_daily(date(2026, 10, 13))
    town.settle(H, 202610, DECLARED, SETTLED)
    [first] = town.pay_month(PAY)
    town.receipt(daily, date(2026, 12, 9), back=True)
    [second] = town.pay_month(date(2026, 12, 10))
    assert (first.amount_fen, second.amount_fen) == (35_000, 60_000)
    town.month.take(bill("b1", fund=80_000, day="2026-11-20"))
    town.pay_daily(date(2026, 12, 11))
    assert town.settle(H, 202611, date(2026, 12, 14), date(2026, 12, 25)).result_fen == 28_000
    town.receipt(first, date(2026, 12, 26), back=True)
    assert states(town) == [(202610, "50"), (202611, "50")]
    town.verified()

    [both] = town.pay_month(date(2026, 12, 28))
    assert (both.amount_fen, both.replaces) == (63_000, first.order_no)
    assert states(town) == [(202610, "60"), (202611, "60")]
    town.verified()


def test_an_order_approved_before_the_return_does_not_make_it_good(town: Any, bill: Any) -> None:
    """The second order is on its way when the first comes back: its receipt is no payment of what came back."""
    town.begin()
    town.month.take(bill("a1"))
    [daily] = town.pay_daily(date(2026, 10, 13))
    town.settle(H, 202610, DECLARED, SETTLED)
    [first] = town.pay_month(PAY)
    town.receipt(daily, date(2026, 12, 9), back=True)
    second = sent(town, date(2026, 12, 10))
    town.receipt(first, date(2026, 12, 11), back=True)
    town.receipt(second, date(2026, 12, 14))
    assert states(town) == [(202610, "50")]
    town.verified()
    [third] = town.pay_month(date(2026, 12, 15))
    assert third.amount_fen == 35_000
    assert states(town) == [(202610, "60")]
    town.verified()
