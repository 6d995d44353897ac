"""Every 95xx account and every region's money is tied to rows kept elsewhere: one fen moved anywhere is found."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.fund.outregion.bills import make_bill
from ledger.fund.outregion.care import recognise_outregion
from ledger.fund.outregion.hospitals import draft_hospital_orders
from ledger.fund.outregion.link import deliver
from ledger.fund.outregion.monthly import confirm
from ledger.fund.outregion.quota import set_quota
from ledger.fund.outregion.transfers import draft_transfer_orders

HERE, THERE = 420100, 430100
OCT, NEXT, LATER = date(2026, 10, 12), date(2026, 10, 13), date(2026, 10, 14)


@pytest.fixture
def lived(two: Any, guest: Any) -> Any:
    """430100 prepaid 5,000; G1 (1,000) is paid and billed, G2 (300) on its way, G3 (70) open; we prepaid 2,000, and 10 more
    are on their way.
    """
    for direction in ("received", "paid"):
        with two.tx("li") as tx:
            set_quota(tx, 310, THERE, direction, OCT, 5_000, "文件")
    two.come_in("prepaid_in", 5_000, "预付", OCT)
    for fen, document, day in ((2_000, "上解1", NEXT), (10, "上解2", LATER)):
        two.goes_out("prepaid", fen, document, day)
        with two.tx() as tx:
            made = draft_transfer_orders(tx, 310, day)
        if fen == 10:
            two.send(made.batch, HERE, day, 1003)
        else:
            two.pay(made.batch, HERE, day, 1003)
    for n, (fen, day) in enumerate(((1_000, LATER), (300, date(2026, 10, 15)), (70, date(2026, 10, 16))), 1):
        two.take(guest(f"G{n}", fund=fen, cash=0))
        with two.tx() as tx:
            recognise_outregion(tx, 310, day, day)
            made = draft_hospital_orders(tx, 310, 202610, day) if n < 3 else None
        if n == 1:
            two.pay(made.batch, HERE, day)
        elif n == 2:
            two.send(made.batch, HERE, day)
    with two.tx() as tx:
        confirm(tx, 310, ["G1"], date(2026, 10, 16))
        make_bill(tx, 310, THERE, 202610, date(2026, 10, 16))
    deliver(two.end(HERE), two.end(THERE), date(2026, 10, 16))
    two.verified()
    return two


_PAID = "(SELECT order_no FROM fund.outregion_record WHERE setl_id = 'G1')"
_GOING = "(SELECT order_no FROM fund.outregion_record WHERE setl_id = 'G2')"
_PREPAID = "(SELECT order_no FROM fund.outregion_move WHERE document = '上解1')"

# What is bent, how it is bent back, and what verify must say: promise and place.
BENT = [
    (
        "UPDATE fund.record SET psn_cash_pay = psn_cash_pay - 1 WHERE setl_id = 'G3'",
        "UPDATE fund.record SET psn_cash_pay = psn_cash_pay + 1 WHERE setl_id = 'G3'",
        [("T1", "9501 ")],
    ),
    (
        "UPDATE fund.outregion_record SET counterparty = 440100 WHERE setl_id = 'G3'",
        "UPDATE fund.outregion_record SET counterparty = 430100 WHERE setl_id = 'G3'",
        [("T1", "9501 "), ("T2", "9502 ")],
    ),
    (
        f"UPDATE fund.outregion_record SET order_no = '' WHERE order_no = {_GOING}",
        "UPDATE fund.outregion_record SET order_no = (SELECT order_no FROM payments.order_outregion"
        " WHERE setl_id = 'G2') WHERE setl_id = 'G2'",
        [("T2", "9502 "), ("INV-10", "record G2")],
    ),
    (
        f"UPDATE payments.pay_order SET state = 'paid' WHERE order_no = {_GOING}",
        f"UPDATE payments.pay_order SET state = 'sent' WHERE order_no = {_GOING}",
        [("T3", "9503 "), ("T4", "9504 ")],
    ),
    (
        f"UPDATE payments.order_item SET amount_fen = amount_fen + 1 WHERE order_no = {_PAID}",
        f"UPDATE payments.order_item SET amount_fen = amount_fen - 1 WHERE order_no = {_PAID}",
        [("T4", "9504 "), ("T5", "200103 430100"), ("INV-10", "order ")],
    ),
    (
        f"UPDATE payments.order_outregion SET amount_fen = amount_fen + 1 WHERE order_no = {_PAID}",
        f"UPDATE payments.order_outregion SET amount_fen = amount_fen - 1 WHERE order_no = {_PAID}",
        [("INV-10", "order "), ("INV-10", "record G1"), ("INV-11", "batch ")],
    ),
    (
        f"UPDATE payments.evidence SET outcome = 'confirmed' WHERE matched_order = {_PAID}",
        f"UPDATE payments.evidence SET outcome = 'posted' WHERE matched_order = {_PAID}",
        [("T4", "institution H42010000001"), ("T5", "200103 430100")],
    ),
    (
        f"UPDATE payments.evidence SET outcome = 'confirmed' WHERE matched_order = {_PREPAID}",
        f"UPDATE payments.evidence SET outcome = 'posted' WHERE matched_order = {_PREPAID}",
        [("T5", "110101 430100")],
    ),
    (
        "UPDATE fund.outregion_move SET amount_fen = amount_fen + 1 WHERE kind = 'prepaid_in'",
        "UPDATE fund.outregion_move SET amount_fen = amount_fen - 1 WHERE kind = 'prepaid_in'",
        [("T5", "200103 430100")],
    ),
    (
        "UPDATE fund.outregion_move SET amount_fen = amount_fen + 1 WHERE document = '上解1'",
        "UPDATE fund.outregion_move SET amount_fen = amount_fen - 1 WHERE document = '上解1'",
        [("INV-11", "order ")],
    ),
    (
        "UPDATE fund.outregion_bill_line SET amount_fen = amount_fen + 1 WHERE region = 430100",
        "UPDATE fund.outregion_bill_line SET amount_fen = amount_fen - 1 WHERE region = 430100",
        [("T1", "9003 "), ("T2", "9103 "), ("INV-12", "bill ")],
    ),
    (
        "UPDATE fund.outregion_record SET state = 'confirmed', bill_id = '' WHERE setl_id = 'G1'",
        "UPDATE fund.outregion_record SET state = 'billed', bill_id = (SELECT bill_id FROM fund.outregion_bill WHERE"
        " side = 'care') WHERE setl_id = 'G1'",
        [("INV-12", "bill ")],
    ),
    (  # 3,700 of theirs are left, and 3,699 in the 支出户 beside what is on its way; the 财政专户 is empty
        "UPDATE books.balance SET credit = credit + CASE account WHEN 1003 THEN 1000002990 ELSE 999995001 END"
        " WHERE region = 420100 AND account IN (1003, 1004) AND debit > 0",
        "UPDATE books.balance SET credit = credit - CASE account WHEN 1003 THEN 1000002990 ELSE 999995001 END"
        " WHERE region = 420100 AND account IN (1003, 1004) AND debit > 0",
        [("T7", "1004 − 9104 − 9503")],
    ),
    (  # 10 are on their way out of the 财政专户, and 9 are there
        "UPDATE books.balance SET credit = credit + 1000002991 WHERE region = 420100 AND account = 1003 AND debit > 0",
        "UPDATE books.balance SET credit = credit - 1000002991 WHERE region = 420100 AND account = 1003 AND debit > 0",
        [("T7", "1003")],
    ),
]


@pytest.mark.fault(73)
def test_whatever_is_bent_is_found(lived: Any) -> None:
    two = lived
    assert (two.balance(1003), two.balance(1004)) == (1_000_003_000, 999_999_000)
    for bend, straighten, wanted in BENT:
        two.month.pretend(bend)
        found = two.found()
        for promise, place in wanted:
            assert any(one[0] == promise and one[1].startswith(place) for one in found), (bend, place, found)
        two.month.pretend(straighten)
        assert two.found() == [], straighten


def test_the_last_fen_that_is_not_ours(lived: Any) -> None:
    """3,700 of theirs beside 300 on their way: 4,000 in an otherwise empty region are enough, 3,999 are not."""
    lived.month.pretend(
        "UPDATE books.balance SET credit = credit + CASE account WHEN 1003 THEN 1000002990 ELSE 999995000 END"
        " WHERE region = 420100 AND account IN (1003, 1004) AND debit > 0"
    )
    assert not [one for one in lived.found() if one[0] == "T7"]
