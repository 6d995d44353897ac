"""Drafts of daily orders when a month settles what they hold: given up by its approval, never paid beside it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest

from ledger.core.errors import Conflict, LedgerError
from ledger.fund.daily.run import run_daily
from ledger.fund.month.approve import approve_month
from ledger.fund.month.prepare import prepare
from ledger.fund.month.read import MonthScope
from ledger.fund.month.store import MonthSheet
from ledger.fund.ordering.given_up import GivenUp, given_up_by
from ledger.payments.orders.approve import approve
from ledger.payments.orders.values import Batch
from ledger.simulation.people import DEMO_REGION

H, OTHER = "H42010000001", "H42010000002"
DECLARED, DRAFTED, SETTLED = date(2026, 11, 9), date(2026, 11, 24), date(2026, 11, 25)


def drafted(town: Any, bill: Any) -> Batch:
    """One batch, not approved: October and November of the first hospital, November of the other."""
    town.begin()
    town.month.take(
        bill("a1"), bill("n1", day="2026-11-20", fund=50_000), bill("b1", institution=OTHER, day="2026-11-20")
    )
    town.open(DRAFTED)
    [batch] = run_daily(town.engine, "zhao", DEMO_REGION, DRAFTED).batches
    assert (len(batch.order_nos), batch.total_fen) == (2, 60_000 + 30_000 + 60_000)
    return batch


def approve_daily(town: Any, batch: Batch) -> object:
    return approve(town.engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, SETTLED)


def test_the_month_takes_what_lies_in_a_draft_and_says_which(town: Any, bill: Any) -> None:
    batch = drafted(town, bill)
    sheet = town.settle(H, 202610, DECLARED, SETTLED)
    # Nothing of it was paid by the day: the draft had drawn on nothing.
    assert sheet.result_fen == 95_000
    assert {order.state for order in town.orders(batch.order_nos)} == {"cancelled"}
    with town.tx("qian") as tx:
        [given_up] = given_up_by(tx, sheet.sheet_id)
    assert given_up == GivenUp(batch.batch_id, 2, 150_000)
    assert town.month.asked(
        "SELECT user_name, action, object, outcome, detail FROM access.operator_log WHERE action = 'batch.given_up'"
    ) == [("qian", "batch.given_up", batch.batch_id, "done", f"{sheet.sheet_id}：{given_up.message}")]
    for word in (batch.batch_id, "2单", "1,500.00元", "请重新执行日拨付制单"):
        assert word in given_up.message
    with pytest.raises(Conflict) as refused:
        approve_daily(town, batch)
    assert refused.value.code == "batch.discarded"

    # What the month did not settle is drafted again: November of both.
    [again] = run_daily(town.engine, "zhao", DEMO_REGION, date(2026, 11, 26)).batches
    assert sorted((o.institution, o.amount_fen) for o in town.orders(again.order_nos)) == [
        (H, 30_000),
        (OTHER, 60_000),
    ]
    assert town.balance(9101, counterparty=H) == -30_000
    town.verified()


def test_a_month_that_touches_no_draft_leaves_drafts_alone(town: Any, bill: Any) -> None:
    town.begin()
    town.month.take(bill("a1"))
    town.pay_daily(date(2026, 10, 13))
    town.month.take(bill("n1", day="2026-11-20"))
    [batch] = run_daily(town.engine, "zhao", DEMO_REGION, DRAFTED).batches
    sheet = town.settle(H, 202610, DECLARED, SETTLED)
    with town.tx("qian") as tx:
        assert given_up_by(tx, sheet.sheet_id) == []
    approve_daily(town, batch)
    town.verified()


def test_the_database_settles_no_record_that_lies_in_a_draft(town: Any, bill: Any) -> None:
    drafted(town, bill)
    with pytest.raises(Conflict) as refused, town.tx() as tx:
        tx.run("UPDATE fund.payable SET settled_by = 'YJ-1' WHERE setl_id = 'a1'")
    assert refused.value.code == "payable.in_draft"
    assert "a1" in refused.value.message


def prepared(town: Any) -> MonthSheet:
    town.audited(H, 202610, DECLARED)
    return prepare(town.engine, "zhao", DEMO_REGION, MonthScope(310, H, 202610), SETTLED)


def waiting(town: Any) -> int:
    """Connections that wait for a lock of this database."""
    return int(
        town.value(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    )


def outcome(act: Future[object]) -> str:
    try:
        act.result(timeout=20)
    except LedgerError as refused:
        return refused.code
    return "done"


@pytest.mark.fault(17)
@pytest.mark.parametrize("first", ["daily", "month"])
def test_a_draft_and_a_month_approved_at_once_in_either_turn(town: Any, bill: Any, first: str) -> None:
    """Both wait for the book; who comes first goes through, the other is refused, and the money leaves once."""
    batch = drafted(town, bill)
    sheet = prepared(town)
    acts: dict[str, Callable[[], object]] = {
        "daily": lambda: approve_daily(town, batch),
        "month": lambda: approve_month(
            town.engine, "qian", DEMO_REGION, sheet.sheet_id, sheet.digest, SETTLED
        ),
    }
    second = "month" if first == "daily" else "daily"
    with ThreadPoolExecutor(2) as threads:
        with town.tx() as blocker:
            blocker.run("SELECT fund.lock_book(420100, 310::smallint)")
            running = {}
            for n, name in enumerate((first, second), 1):
                running[name] = threads.submit(acts[name])
                until = time.monotonic() + 4
                while waiting(town) < n and time.monotonic() < until:
                    time.sleep(0.02)
                assert waiting(town) == n
        told = {name: outcome(act) for name, act in running.items()}
    assert told == {first: "done", second: "month.in_flight" if first == "daily" else "batch.discarded"}
    town.verified()


@pytest.mark.fault(17)
def test_a_draft_and_a_month_approved_at_once_freely(town: Any, bill: Any) -> None:
    batch = drafted(town, bill)
    sheet = prepared(town)
    start = threading.Barrier(2)

    def together(act: Callable[[], object]) -> object:
        start.wait(10)
        return act()

    with ThreadPoolExecutor(2) as threads:
        daily = threads.submit(together, lambda: approve_daily(town, batch))
        month = threads.submit(
            together,
            lambda: approve_month(town.engine, "qian", DEMO_REGION, sheet.sheet_id, sheet.digest, SETTLED),
        )
        told = (outcome(daily), outcome(month))
    assert told in (("done", "month.in_flight"), ("batch.discarded", "done"))
    town.verified()
