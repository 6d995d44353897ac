"""The day's flow at 工作台: what is owed is counted once, however often the day was run."""

from __future__ import annotations

from datetime import date
from typing import Any

from ledger.fund.daily.run import run_daily
from ledger.simulation.people import DEMO_REGION
from ledger.web.pages.today import _flow
from tests.scenes.town import town

__all__ = ["town"]

DAY, AFTER = date(2026, 10, 13), date(2026, 10, 14)


def owed(scene: Any) -> tuple[int, int]:
    """(records ordered, fen owed) of the day."""
    with scene.tx() as tx:
        first, *_ = _flow(tx, DAY, DEMO_REGION)
    return first.orders, first.fen


def test_what_came_back_and_is_held_is_owed_once(town: Any, bill: Any) -> None:
    town.begin()
    town.month.take(bill("A1"), bill("B1", institution=town.month.other_hospital))
    [batch] = run_daily(town.engine, "zhao", DEMO_REGION, DAY).batches
    before = owed(town)
    assert before == (2, sum(one.amount_fen for one in town.orders(batch.order_nos)))
    first, _ = town.pay(batch, DAY)
    town.receipt(first, DAY, back=True, why=("AC01", "账号不符"))
    assert owed(town) == before
    run_daily(town.engine, "zhao", DEMO_REGION, DAY)
    with town.tx() as tx:
        [(held,)] = tx.rows("SELECT sum(amount_fen)::bigint FROM payments.blocked WHERE run > 1")
    assert held == first.amount_fen, "the account is at fault: held back"
    assert owed(town) == before


def test_what_came_back_on_a_former_day_is_owed_on_the_day_it_is_drafted_again(town: Any, bill: Any) -> None:
    """The first tile is what the others add up to: orders of the day, those that pay again included, and what is held back."""
    town.begin()
    town.month.take(bill("A1"))
    [batch] = run_daily(town.engine, "zhao", DEMO_REGION, DAY).batches
    [first] = town.pay(batch, DAY)
    town.receipt(first, DAY, back=True, why=("MS03", "对方银行未说明原因"))
    run_daily(town.engine, "zhao", DEMO_REGION, AFTER)
    with town.tx() as tx:
        owed_now, *stations, held = _flow(tx, AFTER, DEMO_REGION)
    assert sum(one.fen for one in stations) == first.amount_fen, "drafted again"
    assert (owed_now.orders, owed_now.fen) == (1, first.amount_fen)
    assert owed_now.fen == sum(one.fen for one in stations) + held.fen
