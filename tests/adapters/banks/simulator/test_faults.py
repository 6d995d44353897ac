"""Every misbehaviour, as it comes out of the outbox; the books stay right throughout."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from adapters.banks.ports import BankState, Direction
from adapters.banks.simulator.bank import Terms
from adapters.banks.simulator.faults import ALWAYS, Fault, FaultPlan
from adapters.banks.simulator.papers import ReceiptForm
from ledger.core.errors import InvalidInput

PAYER = "42010000000000000010"
OPENING_FEN = 1_000_000_00
ORDER = "FL20261102-000001"
MESSAGE = "FLM20261102-0001"
FORMS = pytest.mark.parametrize("form", list(ReceiptForm))


def planned(world: Callable[..., Any], key: str, fault: Fault, form: ReceiptForm, **terms: int) -> Any:
    return world(FaultPlan(named={key: frozenset({fault})}), Terms(forms=(form,), **terms))


@pytest.mark.parametrize(("fault", "code"), [(Fault.REJECT_NAME, "BE01"), (Fault.REJECT_ACCOUNT, "AC01")])
def test_reject(world: Callable[..., Any], make_order: Callable[..., Any], fault: Fault, code: str) -> None:
    bank = planned(world, ORDER, fault, ReceiptForm.BKER_XML)
    bank.drop([make_order(1), make_order(2)])
    bank.run(3)
    assert [(s.order_no[-1:], s.state, s.reason_code) for s in bank.statuses()] == [
        ("1", BankState.REJECTED, code),
        ("2", BankState.SETTLED, ""),
    ]
    assert [p.order_no[-1] for p in bank.evidence()] == ["2"]
    assert bank.bank.books.balance(PAYER) == OPENING_FEN - 2_000_00


@FORMS
def test_return_after_the_debit(
    world: Callable[..., Any], make_order: Callable[..., Any], form: ReceiptForm
) -> None:
    bank = planned(world, ORDER, Fault.RETURN, form)
    bank.drop([make_order(1)])
    sent = bank.run(5)
    assert [len(day) for day in sent] == [1, 1, 1, 0, 0]
    paid, back = bank.evidence()
    assert (paid.direction, paid.is_return) == (Direction.DEBIT, False)
    assert (back.direction, back.is_return, back.amount_fen) == (Direction.CREDIT, True, 1_000_00)
    assert back.order_no == paid.order_no == ORDER
    assert back.bank_reference != paid.bank_reference
    assert "账号户名不符" in back.reason
    assert bank.bank.books.balance(PAYER) == OPENING_FEN
    assert bank.bank.books.paid_orders(PAYER)[ORDER].returned_by == back.bank_reference


def test_return_before_the_receipt(world: Callable[..., Any], make_order: Callable[..., Any]) -> None:
    bank = planned(world, ORDER, Fault.RETURN_BEFORE_RECEIPT, ReceiptForm.BKER_OFD)
    bank.drop([make_order(1)])
    assert [len(day) for day in bank.run(5)] == [1, 0, 1, 1, 0]
    assert [p.direction for p in bank.evidence()] == [Direction.CREDIT, Direction.DEBIT]


def test_delay(world: Callable[..., Any], make_order: Callable[..., Any]) -> None:
    orders = [make_order(n) for n in range(1, 13)]
    bank = world(FaultPlan(named={o.order_no: frozenset({Fault.DELAY}) for o in orders}))
    bank.drop(orders)
    per_day = [len(day) for day in bank.run(6)]
    assert per_day[0] == 1
    assert sum(per_day[1:4]) == 12
    assert all(per_day[1:4])
    assert per_day[4:] == [0, 0]


@FORMS
def test_same_file_under_another_name(
    world: Callable[..., Any], make_order: Callable[..., Any], form: ReceiptForm
) -> None:
    bank = planned(world, ORDER, Fault.FILE_TWICE, form)
    bank.drop([make_order(1)])
    (first,), (second,) = bank.run(4)[1:3]
    assert first != second
    assert bank.files[first] == bank.files[second]


@FORMS
def test_same_receipt_in_two_files(
    world: Callable[..., Any], make_order: Callable[..., Any], form: ReceiptForm
) -> None:
    bank = planned(world, ORDER, Fault.RECEIPT_TWICE, form)
    bank.drop([make_order(1)])
    (first,), (second,) = bank.run(4)[1:3]
    assert bank.files[first] != bank.files[second]
    assert bank.evidence([first]) == bank.evidence([second])


@FORMS
@pytest.mark.parametrize("fault", [Fault.CUT_ON_WIRE, Fault.CUT_AT_SOURCE])
def test_cut_file_then_whole(
    world: Callable[..., Any], make_order: Callable[..., Any], form: ReceiptForm, fault: Fault
) -> None:
    bank = planned(world, ORDER, fault, form)
    bank.drop([make_order(1)])
    (cut,), (whole,) = bank.run(4)[1:3]
    assert bank.whole(cut) is (fault is Fault.CUT_AT_SOURCE)
    with pytest.raises(InvalidInput):
        bank.decoded(cut)
    assert bank.whole(whole)
    assert [p.order_no for p in bank.evidence([whole])] == [ORDER]


@FORMS
def test_wrong_amount_then_right(
    world: Callable[..., Any], make_order: Callable[..., Any], form: ReceiptForm
) -> None:
    bank = planned(world, ORDER, Fault.WRONG_AMOUNT, form)
    bank.drop([make_order(1)])
    bank.run(4)
    wrong, right = bank.evidence()
    assert (wrong.amount_fen, right.amount_fen) == (1_001_00, 1_000_00)
    assert wrong.order_no == right.order_no == ORDER
    assert wrong.receipt_no != right.receipt_no


@FORMS
def test_unknown_order_then_right(
    world: Callable[..., Any], make_order: Callable[..., Any], form: ReceiptForm
) -> None:
    bank = planned(world, ORDER, Fault.UNKNOWN_ORDER, form)
    bank.drop([make_order(1)])
    bank.run(4)
    wrong, right = bank.evidence()
    assert (wrong.order_no, right.order_no) == ("FL79738802-000001", ORDER)
    assert wrong.amount_fen == right.amount_fen


@FORMS
def test_other_account_then_right(
    world: Callable[..., Any], make_order: Callable[..., Any], form: ReceiptForm
) -> None:
    bank = planned(world, ORDER, Fault.OTHER_ACCOUNT, form)
    bank.drop([make_order(1)])
    (wrong,), (right,) = bank.run(4)[1:3]
    with pytest.raises(InvalidInput) as refusal:
        bank.decoded(wrong)
    assert refusal.value.code == "bankfile.foreign_account"
    assert [p.own_account for p in bank.evidence([right])] == [PAYER]


def test_status_lost(world: Callable[..., Any], make_order: Callable[..., Any]) -> None:
    bank = planned(world, MESSAGE, Fault.STATUS_LOST, ReceiptForm.BKER_OFD)
    bank.drop([make_order(1)])
    assert [len(day) for day in bank.run(8)] == [0, 1, 0, 0, 0, 0, 0, 0]
    assert bank.statuses() == []
    assert [p.order_no for p in bank.evidence()] == [ORDER]
    bank.drop([make_order(1)])
    assert bank.step(8).debited == 0
    assert [s.state for s in bank.statuses()] == [BankState.SETTLED] * 2


def test_receipt_before_status(world: Callable[..., Any], make_order: Callable[..., Any]) -> None:
    bank = planned(world, MESSAGE, Fault.RECEIPT_BEFORE_STATUS, ReceiptForm.BKER_OFD)
    bank.drop([make_order(1)])
    assert [["pain002" in name for name in day] for day in bank.run(6)] == [[], [False], [], [], [True], []]


def test_plan_is_the_seed() -> None:
    rates = {Fault.RETURN: 2_000, Fault.DELAY: ALWAYS, Fault.FILE_TWICE: 0}
    keys = [f"FL{n:08d}" for n in range(2_000)]
    one, two, other = FaultPlan(7, rates), FaultPlan(7, dict(reversed(rates.items()))), FaultPlan(8, rates)
    assert [one.faults(key) for key in keys] == [two.faults(key) for key in keys]
    assert [one.faults(key) for key in keys] != [other.faults(key) for key in keys]
    drawn = [one.faults(key) for key in keys]
    assert 330 < sum(Fault.RETURN in faults for faults in drawn) < 470
    assert all(Fault.DELAY in faults and Fault.FILE_TWICE not in faults for faults in drawn)
    assert {one.delay_days(key) for key in keys} == {1, 2, 3}


def test_all_at_once_ends_with_every_truth_told(
    world: Callable[..., Any], make_order: Callable[..., Any]
) -> None:
    """However wrong the bank was, in the end every movement of its books has one right paper."""
    rates = dict.fromkeys(Fault, 1_500)
    bank = world(FaultPlan(20261102, rates))
    orders = [make_order(n, n * 10_00) for n in range(1, 61)]
    for start in range(0, 60, 20):
        bank.drop(orders[start : start + 20], f"FLM20261102-{start:04d}")
    bank.run(12)
    told = {
        p.bank_reference: (p.amount_fen, p.order_no)
        for p in bank.evidence()
        if not p.receipt_no.endswith("E")
    }
    moved = {
        line.movement.serial: (line.movement.amount_fen, line.movement.order_no)
        for line in bank.bank.books.statement(PAYER)[1:]
    }
    assert told == moved
    assert len(moved) > 45
