"""The day's flow at 工作台: what is owed is counted once, however often the day was run."""

from __future__ import annotations

from datetime import date
from typing import Any

from ledger.fund.daily.run import run_daily
from ledger.simulation.people import DEMO_REGION
from ledger.web.pages.today import _flow
from tests.scenes.town import town

__all__ = ["town"]

DAY = date(2026, 10, 13)


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
