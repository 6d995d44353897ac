"""Hospitals' money for guests and other regions' bills have their place when money is short, and are asked for once."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.books.manual import ManualContent
from ledger.core.entries import Book, Dimensions, Leg, credit, debit
from ledger.core.errors import Conflict
from ledger.founding import book_by_hand, choose
from ledger.fund.cash.fund_request import request_funds
from ledger.fund.daily.run import run_daily
from ledger.fund.ordering.available import drafted_fen
from ledger.fund.ordering.forecast import Due, Reserved, forecast, reserved_before
from ledger.fund.outregion.bills import draft_bill_orders, make_bill
from ledger.fund.outregion.care import recognise_outregion
from ledger.fund.outregion.hospitals import draft_hospital_orders
from ledger.fund.outregion.link import deliver
from ledger.fund.outregion.monthly import confirm, pull
from ledger.fund.outregion.quota import set_quota
from ledger.payments.orders.approve import approve, discard

HERE, THERE = 420100, 430100
OCT, NEXT = date(2026, 10, 12), date(2026, 10, 13)
OWN, FISCAL = Dimensions("4200000000001004"), Dimensions("4200000000001003")


def by_hand(two: Any, *legs: Leg, day: date = NEXT) -> None:
    content = ManualContent(day, "测试调账", "测试单据", legs)
    book_by_hand(two.month.engine, "li", "qian", Book(HERE, 310), day, content)


def leave_own(two: Any, fen: int) -> None:
    """Take all of our own money away but `fen`, which stays in the 支出户; the 财政专户 is empty."""
    rest, there = two.balance(1004) - fen, two.balance(1003)
    by_hand(two, debit(41010101, rest + there), credit(1004, rest, OWN), credit(1003, there, FISCAL), day=OCT)


def prepaid(two: Any, fen: int) -> None:
    with two.tx("li") as tx:
        set_quota(tx, 310, THERE, "received", OCT, fen, "文件")
    two.come_in("prepaid_in", fen, "预付通知", OCT)


def move_into_own(two: Any, fen: int) -> None:
    by_hand(two, debit(1004, fen, OWN), credit(1003, fen, FISCAL))


def guests(two: Any, *bills: Any) -> None:
    two.take(*bills)
    with two.tx() as tx:
        recognise_outregion(tx, 310, NEXT, NEXT)


def drafted(two: Any) -> Any:
    with two.tx() as tx:
        return draft_hospital_orders(tx, 310, 202610, NEXT)


def due(two: Any) -> list[Due]:
    with two.tx() as tx:
        return [one for one in forecast(tx, 310, NEXT, NEXT) if one.kind == "outregion"]


def available(two: Any) -> int:
    with two.tx() as tx:
        return int(tx.value("SELECT payments.available(420100, 310::smallint, %(a)s)", a=OWN.counterparty))


def test_guests_money_is_in_the_forecast_and_asked_for_once(two: Any, guest: Any) -> None:
    """430100 prepaid 5,000.00, all in the 财政专户; hospitals are owed 4,800.00 for its patients; nothing in the 支出户.

    4,800.00 have to be moved. Once 3,000.00 are there, they are the region's own: 1,800.00 are still asked for, not 4,800.00.
    """
    leave_own(two, 0)
    prepaid(two, 500_000)
    guests(two, guest("G1", fund=480_000, cash=0))
    assert due(two) == [Due("outregion", NEXT, 480_000)]
    move_into_own(two, 300_000)
    # 200,000 stay in the 财政专户; of the region's 500,000 that leaves 300,000 here, all used by its patients.
    assert (available(two), due(two)) == (0, [Due("outregion", NEXT, 180_000)])
    with two.tx() as tx:
        assert request_funds(tx, 310, NEXT, NEXT).amount_fen == 180_000
    move_into_own(two, 180_000)
    assert due(two) == []
    made = drafted(two)
    assert made.batch.total_fen == 480_000
    assert due(two) == []  # in a draft or in none: theirs, not ours
    two.pay(made.batch, HERE, NEXT)
    assert (due(two), two.balance(1004), two.balance(1003)) == ([], 0, 20_000)
    two.verified()


def test_what_a_region_has_not_prepaid_is_ours_to_lay_out(two: Any, guest: Any) -> None:
    """Prepaid 1,000.00, all in the 支出户; 2,500.00 owed: 1,500.00 of our own; drafted, the same 1,500.00."""
    leave_own(two, 200_000)
    prepaid(two, 100_000)
    move_into_own(two, 100_000)
    guests(two, guest("G1", fund=250_000, cash=0))
    assert (available(two), due(two)) == (200_000, [Due("outregion", NEXT, 150_000)])
    with two.tx() as tx:
        assert reserved_before(tx, 310, "month", NEXT) == ()
        assert reserved_before(tx, 310, "clearing", NEXT) == (Reserved("outregion", 150_000),)
    made = drafted(two)
    assert due(two) == [Due("outregion", NEXT, 150_000)]
    with two.tx() as tx:  # a draft is counted once: in the drafts, not in what is reserved besides
        assert reserved_before(tx, 310, "clearing", NEXT) == ()
        assert drafted_fen(tx, 310, OWN.counterparty) == 150_000
    approve(two.month.engine, "qian", HERE, made.batch.batch_id, made.batch.digest, NEXT)
    assert (available(two), due(two)) == (50_000, [])
    two.verified()


def test_guests_wait_for_the_day_and_the_day_does_not_wait_for_them(two: Any, bill: Any, guest: Any) -> None:
    """Own 1,000.00; 900.00 by the day, 200.00 for a guest whose region prepaid nothing."""
    leave_own(two, 100_000)
    guests(two, guest("G1", fund=20_000, cash=0))
    made = drafted(two)
    assert made.batch.total_fen == 20_000
    two.take(bill("S1", fund=150_000))  # × 0.60
    with pytest.raises(Conflict, match=r"异地就医批次.*须先留给日拨付900.00元") as refused:
        approve(two.month.engine, "qian", HERE, made.batch.batch_id, made.batch.digest, NEXT)
    assert refused.value.code == "batch.kinds_first"
    discard(two.month.engine, "zhao", HERE, made.batch.batch_id, "先付日拨付", NEXT)
    [blocked] = drafted(two).blocked
    assert (blocked.reason, blocked.amount_fen) == ("kinds_first", 20_000)
    [daily] = run_daily(two.month.engine, "zhao", HERE, NEXT).batches
    assert daily.total_fen == 90_000
    two.pay(daily, HERE, NEXT)
    two.verified()


def test_their_own_money_waits_for_none_of_ours(two: Any, bill: Any, guest: Any) -> None:
    """Own 1,000.00, the day wants 9,000.00: a guest's 500.00, prepaid and here, are paid all the same."""
    leave_own(two, 100_000)
    prepaid(two, 50_000)
    move_into_own(two, 50_000)
    two.take(bill("S1", fund=1_500_000))
    guests(two, guest("G1", fund=50_000, cash=0))
    made = drafted(two)
    assert made.batch.total_fen == 50_000
    approve(two.month.engine, "qian", HERE, made.batch.batch_id, made.batch.digest, NEXT)
    assert available(two) == 100_000
    two.verified()


def test_a_bill_of_another_region_is_no_months_money(two: Any, guest: Any, bill: Any) -> None:
    """X6: a patient of 430100 cost 300.00 here; there the bill is due as 异地就医, once, until its order is approved."""
    away = bill("P1", fund=30_000, cash=0, institution="H43010000001", pay_loc="4", insu_admdvs="430102")
    away["setlinfo"] |= {
        "out_flag": "1",
        "poolarea_no": "430100",
        "clr_optins": "430100",
        "fix_blng_admdvs": "420106",
    }
    guests(two, guest("G1", fund=30_000, cash=0), away)
    with two.tx("zhao", THERE) as tx:
        recognise_outregion(tx, 310, NEXT, NEXT)
    day = date(2026, 11, 5)
    with two.tx() as tx:
        confirm(tx, 310, [row.setl_sn for row in pull(tx, 310, 2026, 10)], day)
        make_bill(tx, 310, THERE, 202610, day)
    assert [one.outcome for one in deliver(two.end(HERE), two.end(THERE), day)] == ["delivered"]

    def owed(drafts: bool) -> list[Any]:
        with two.tx("zhao", THERE) as tx:
            return list(
                tx.rows("SELECT * FROM fund.due(430100, 310::smallint, %(d)s, %(d)s, %(p)s)", d=day, p=drafts)
            )

    assert owed(False) == owed(True) == [("outregion", day, 30_000)]
    with two.tx("zhao", THERE) as tx:
        batch = draft_bill_orders(tx, 310, day).batch
    assert batch is not None
    assert (owed(False), owed(True)) == ([], [("outregion", day, 30_000)])
    approve(two.month.engine, "qian", THERE, batch.batch_id, batch.digest, day)
    assert owed(True) == []
    two.verified()


def test_a_region_that_pays_its_guests_hospitals_first(two: Any, bill: Any, guest: Any) -> None:
    leave_own(two, 100_000)
    choose(
        two.month.engine, "li", "qian", 420100, "short_money_kinds", "outregion,daily,month,clearing,advance,supplier,person",
        date(2026, 10, 1), "文件",
    )  # fmt: skip
    guests(two, guest("G1", fund=20_000, cash=0))
    two.take(bill("S1", fund=150_000))
    [blocked] = run_daily(two.month.engine, "zhao", HERE, NEXT).blocked
    assert (blocked.reason, list(blocked.waits_for)) == ("kinds_first", [Reserved("outregion", 20_000)])
    made = drafted(two)
    approve(two.month.engine, "qian", HERE, made.batch.batch_id, made.batch.digest, NEXT)
    two.verified()
