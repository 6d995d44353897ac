"""A week with the simulated bank and its own books: whatever it does wrong, both sides agree in the end."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from adapters.banks.ports import BankAccount
from adapters.banks.simulator.bank import Opening, SimulatedBank, Terms
from adapters.banks.simulator.faults import Fault, FaultPlan
from adapters.banks.simulator.papers import ReceiptForm
from ledger.core.dates import SHANGHAI
from ledger.payments.orders.listing import order_view, overview
from ledger.payments.out.files import file
from ledger.payments.out.send import send

REGION = 420100
OWN = "4200000000001"
DAY = date(2026, 10, 13)
MOMENT = datetime(2026, 10, 13, 9, 30, tzinfo=SHANGHAI)


@pytest.mark.fault(35, 36, 37, 38)
@pytest.mark.parametrize("forms", [(ReceiptForm.BKER_OFD,), (ReceiptForm.CAMT054, ReceiptForm.BKER_XML)])
def test_both_books_agree_after_every_fault(world: Any, bank: Any, forms: Any) -> None:
    faults = [fault for fault in Fault if fault not in (Fault.STATUS_LOST, Fault.CUT_ON_WIRE)]
    fens = [1000 * (n + 1) for n in range(len(faults) + 3)]
    world.allot(sum(fens))
    batch = world.approved(*fens)
    named = {no: frozenset({fault}) for no, fault in zip(batch.order_nos, faults, strict=False)}
    own = BankAccount("武汉市医保基金支出户", OWN, "工商银行武汉分行", "102521000001")
    opening = Opening(own, sum(fens), DAY)
    [made] = file(world.engine, "maker", REGION, batch.batch_id, bank.of, MOMENT).files
    send(world.engine, "cashier", REGION, bank.of, DAY)
    plan = FaultPlan(named=named | {made.file_id: frozenset({Fault.RECEIPT_BEFORE_STATUS})})
    with SimulatedBank(bank.root, bank.root / "bank.db", [opening], Terms(forms=forms), plan) as there:
        for day in range(8):
            there.step(MOMENT + timedelta(days=day))
            world.receive(bank, DAY + timedelta(days=day))
        balance, paid = there.books.balance(OWN), there.books.paid_orders(OWN)
        there.books.check()
    balances = world.balances()
    assert balances[1004] == balance
    states = {order.order_no: order.state for order in world.orders(batch.order_nos)}
    assert set(states.values()) == {"paid", "rejected", "returned"}
    assert {no for no, state in states.items() if state == "paid"} | {
        no for no, state in states.items() if state == "returned"
    } == set(paid)
    assert 9104 not in balances
    assert not world.rows("SELECT 1 FROM payments.evidence WHERE outcome = 'waiting'")
    told = {
        code
        for (code,) in world.rows("SELECT outcome_code FROM payments.evidence WHERE outcome = 'suspense'")
    }
    assert {"amount_differs", "unknown_order"} <= told
    failed = world.value("SELECT count(*) FROM fund.payee_account WHERE state = 'failed'")
    assert failed == sum(1 for state in states.values() if state in ("rejected", "returned"))
    totals = {t.state: (t.orders, t.total_fen) for t in overview(world.engine, "acc", REGION).totals}
    assert sum(orders for orders, _ in totals.values()) == len(fens)
    assert sum(fen for _, fen in totals.values()) == sum(fens)
    returned = next(no for no, state in states.items() if state == "returned")
    view = order_view(world.engine, "acc", REGION, returned)
    assert [event.to_state for event in view.events][-2:] == ["paid", "returned"]
    assert [key.split(":")[0] for key, _ in view.vouchers] == ["ORD", "RCV", "RTN"]
