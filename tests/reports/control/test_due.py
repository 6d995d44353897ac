"""The share that is paid by the day as the database works it out for the control report: to the fen, whatever the sum."""

from __future__ import annotations

from fractions import Fraction
from math import floor
from random import Random
from typing import Any

import psycopg

from reports.control.due import DAILY

LARGEST = 9_223_372_036_854_775_807
SUMS = (0, 1, 2, 5_000, 8_333, 9_999, 10_000, 10_001, 99_999, 15_000_000_001, LARGEST - 1, LARGEST)
RATIOS = (0, 1, 3_333, 5_000, 6_000, 6_001, 9_999, 10_000)


def half_up(fen: int, ratio: int) -> int:
    """In magnitude, by exact fractions."""
    share = floor(Fraction(abs(fen) * ratio, 10_000) + Fraction(1, 2))
    return -share if fen < 0 else share


def test_the_share_of_a_day_is_exact(cluster: Any) -> None:
    dice = Random(29)  # noqa: S311 the same numbers every time
    asked = [
        (sign * fen, ratio, one) for fen in SUMS for ratio in RATIOS for sign in (1, -1) for one in (1, -1)
    ]
    asked += [
        (dice.randint(-(10**12), 10**12), dice.randint(0, 10_000), dice.choice((1, -1))) for _ in range(3_000)
    ]
    pools, ratios, signs = (list(column) for column in zip(*asked, strict=True))
    with psycopg.connect(cluster.admin_url("postgres")) as admin:
        found = admin.execute(
            f"SELECT {DAILY} FROM unnest(%s::bigint[], %s::int[], %s::int[]) WITH ORDINALITY AS t (pool_fen, ratio, sign, n) ORDER BY n",
            [pools, ratios, signs],
        ).fetchall()
    assert [one for (one,) in found] == [sign * half_up(fen, ratio) for fen, ratio, sign in asked]
