"""The town that pays, settles and reverses a month."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from adapters.banks.ports import Direction
from tests.scenes.month import bill, kept_hospitals, month
from tests.scenes.town import second_name, town

__all__ = ["bill", "kept_hospitals", "month", "second_name", "town"]


@pytest.fixture
def busy(town: Any, bill: Any) -> Any:
    """October: paid by the day, one settled as a month, one reversed after its money left; a paper in suspense, a choice made."""
    town.begin("P1")
    town.month.take(
        bill("a1", fund=100_001, acct=500), bill("a2", fund=33_335), bill("b1", institution="H42010000002", fund=70_000),
        bill("c1", fund=9_000, med_type="11", clr_type="11"),   # outpatient: nothing by the day
    )  # fmt: skip
    town.pay_daily(date(2026, 10, 13))
    town.month.take(bill("b2", institution="H42010000002", fund=40_000, day="2026-10-13"),
                    bill("b1r", institution="H42010000002", fund=-70_000, cash=-20_000, day="2026-10-15", init="b1"))  # fmt: skip
    town.pay_daily(date(2026, 10, 16))
    town.movement(date(2026, 10, 20), Direction.CREDIT, 777, other_name="不明来款")
    town.settle("H42010000001", 202610, date(2026, 11, 2), date(2026, 11, 3))
    return town
