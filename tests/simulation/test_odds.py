"""The dice: the same for the same seed, day and purpose; an event falls as often as its weight says."""

from __future__ import annotations

from datetime import date

from ledger.simulation.odds import WEIGHTS, dice_of, falls

DAY = date(2026, 10, 12)


def test_dice_depend_on_seed_day_and_purpose_alone() -> None:
    thrown = [dice_of(7, DAY, "hold").random() for _ in range(2)]
    assert thrown[0] == thrown[1]
    others = [dice_of(8, DAY, "hold"), dice_of(7, date(2026, 10, 13), "hold"), dice_of(7, DAY, "refund")]
    assert thrown[0] not in [dice.random() for dice in others]


def test_an_event_falls_as_often_as_its_weight() -> None:
    dice = dice_of(1, DAY, "odds")
    assert not any(falls(dice, 0) for _ in range(1000))
    assert all(falls(dice, 1000) for _ in range(1000))
    assert 60 < sum(falls(dice, WEIGHTS["hold"]) for _ in range(1000)) < 100
