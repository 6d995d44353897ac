"""Money that does not reach for the day and the month: the kind that goes first is left its money, and gets it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.books.manual import ManualContent
from ledger.core.entries import Book, Dimensions, credit, debit
from ledger.core.errors import Conflict
from ledger.founding import book_by_hand
from ledger.fund.daily.run import DailyRun, run_daily
from ledger.fund.month.orders import MONTH_BLOCK_REASONS, MonthOrders, draft_month_orders
from ledger.fund.ordering.draft import refusal_words
from ledger.fund.ordering.forecast import KIND_NAMES, KINDS, Reserved
from ledger.payments.orders.approve import approve, discard
from ledger.payments.orders.values import Batch
from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT

H, OTHER = "H42010000001", "H42010000002"
PAY = date(2026, 12, 8)
"""The month's due day."""


@pytest.fixture
def settled(town: Any, bill: Any) -> Any:
    """400.00 in the 支出户 and 350.00 of October owed to the first hospital, due on 8 December."""
    town.begin(fen=100_000)
    town.month.take(bill("a1"))
    town.pay_daily(date(2026, 10, 13))
    assert town.settle(H, 202610, date(2026, 11, 9), date(2026, 11, 25)).result_fen == 35_000
    assert town.balance(1004) == 40_000
    town.open(PAY)
    return town


def draft_month(town: Any) -> MonthOrders:
    return draft_month_orders(town.engine, "zhao", DEMO_REGION, 310, PAY, town.bank_of)


def draft_daily(town: Any) -> DailyRun:
    return run_daily(town.engine, "zhao", DEMO_REGION, PAY)


def daily_money(town: Any, bill: Any) -> None:
    """120.00 by the day for the other hospital."""
    town.month.take(bill("b1", institution=OTHER, fund=20_000, day="2026-11-24"))


def allot(town: Any, fen: int) -> None:
    legs = (
        debit(1004, fen, Dimensions(EXPENDITURE_ACCOUNT.number)),
        credit(41010101, fen),
    )
    content = ManualContent(PAY, "请款", f"单据{fen}", legs)
    book_by_hand(town.engine, "li", "qian", Book(DEMO_REGION, 310), PAY, content)


def month_first(town: Any) -> None:
    town.choose(
        "short_money_kinds", "month,daily,outregion,clearing,advance,supplier,person", date(2026, 12, 1)
    )


def approved(town: Any, batch: Batch) -> None:
    approve(town.engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, PAY)


def test_the_month_waits_for_the_day_and_says_for_what(settled: Any, bill: Any) -> None:
    daily_money(settled, bill)
    made = draft_month(settled)
    assert made.batch is None
    [short] = made.blocked
    assert (short.institution, short.reason, short.amount_fen) == (H, "kinds_first", 35_000)
    assert short.waits_for == (Reserved("daily", 12_000),)
    words = refusal_words(short, MONTH_BLOCK_REASONS)
    assert words == "月结算350.00元：可用余额须先留给应先付的款项（日拨付120.00元）"

    [daily] = draft_daily(settled).batches
    assert daily.total_fen == 12_000
    # In a draft it is counted once: not what is free any more, and not reserved a second time.
    [short] = draft_month(settled).blocked
    assert (short.reason, short.waits_for) == ("over_available", ())
    settled.pay(daily, PAY)
    allot(settled, 7_000)
    [order] = settled.pay_month(PAY)
    assert (order.amount_fen, settled.balance(1004)) == (35_000, 0)
    settled.verified()


def test_the_database_leaves_the_first_kind_its_money_at_approval(settled: Any, bill: Any) -> None:
    """Drafted while there was enough; the day's records came in between: drafted or not, they go first."""
    batch = draft_month(settled).batch
    assert batch is not None
    daily_money(settled, bill)
    for _ in range(2):
        with pytest.raises(Conflict) as refused:
            approved(settled, batch)
        assert refused.value.code == "batch.kinds_first"
        for word in ("月结算", "350.00元", "可用400.00元", "日拨付120.00元", batch.batch_id):
            assert word in refused.value.message
        [blocked] = draft_daily(settled).blocked
        assert (blocked.reason, blocked.amount_fen) == ("over_available", 12_000)
    discard(settled.engine, "zhao", DEMO_REGION, batch.batch_id, "先付日拨付", PAY)
    [daily] = draft_daily(settled).batches
    approved(settled, daily)
    settled.verified()


def test_a_region_that_pays_the_month_first(settled: Any, bill: Any) -> None:
    month_first(settled)
    daily_money(settled, bill)
    [blocked] = draft_daily(settled).blocked
    assert (blocked.reason, list(blocked.waits_for)) == ("kinds_first", [Reserved("month", 35_000)])
    batch = draft_month(settled).batch
    assert batch is not None
    approved(settled, batch)
    [blocked] = draft_daily(settled).blocked
    assert blocked.reason == "over_available"
    settled.verified()


def test_daily_money_waits_at_approval_where_the_month_goes_first(settled: Any, bill: Any) -> None:
    daily_money(settled, bill)
    [daily] = draft_daily(settled).batches
    month_first(settled)
    with pytest.raises(Conflict, match=r"日拨付批次.*120.00元.*须先留给月结算350.00元") as refused:
        approved(settled, daily)
    assert refused.value.code == "batch.kinds_first"


def test_program_and_database_name_the_kinds_alike(town: Any) -> None:
    with town.tx() as tx:
        names = dict(
            tx.rows(
                "SELECT k, fund.kind_name(k) FROM unnest(fund.kind_order(420100, %(d)s) || '{float}'::text[]) AS k",
                d=PAY,
            )
        )
    assert names == KIND_NAMES
    assert tuple(names) == (*KINDS, "float")  # left for daily payouts: no kind of payment
