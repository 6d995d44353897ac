"""Rates, point values and bands: exact, to the fen, and refused where they are not the budget's own."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.core.errors import InvalidInput
from ledger.fund.clearing.rates import (
    Band,
    Volume,
    borne_of_overspend,
    check_bands,
    check_published,
    kept_of_surplus,
    rate_of,
    rate_text,
    standards,
)

SURPLUS = [Band(8_000, 9_000, 5_000), Band(9_000, 10_000, 10_000)]
OVERSPEND = [Band(10_000, 11_000, 3_000), Band(11_000, 12_000, 6_000)]


def test_a_drg_rate_is_the_budget_over_the_weights() -> None:
    volumes = [Volume("A", 100, 1_234_500), Volume("B", 50, 765_500)]
    assert rate_of(200_000_000, volumes) == 100
    assert rate_text(rate_of(200_000_000, volumes)) == "10000.0000"
    assert standards(200_000_000, volumes) == {"A": 123_450_000, "B": 76_550_000}
    check_published(rate_of(200_000_000, volumes), "10000.00")


def test_a_dip_point_value_counts_what_the_insured_bear() -> None:
    volumes = [Volume("A", 10, 300_000, 20_000), Volume("B", 10, 700_000, 80_000)]
    # (9,000.00 + 1,000.00) ÷ 100 points = 100.00 a point.
    assert rate_of(900_000, volumes) == 1
    assert standards(900_000, volumes) == {"A": 280_000, "B": 620_000}


@given(
    st.integers(1, 10**13),
    st.lists(st.tuples(st.integers(1, 10**9), st.integers(0, 10**6)), min_size=1, max_size=30),
)
def test_standards_always_add_up_to_the_budget(budget: int, rows: Any) -> None:
    volumes = [Volume(f"H{n}", 1, units) for n, (units, _) in enumerate(rows)]
    found = standards(budget, volumes)
    rate = rate_of(budget, volumes)
    assert sum(found.values()) == budget
    assert all(abs(found[v.institution] - rate * v.units) < 1 for v in volumes)


@pytest.mark.parametrize("published", ["10000.01", "9999.99", "10001", "1e4", "", "-10000", "１００００"])
def test_a_published_rate_that_is_not_the_budgets_own_is_refused(published: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        check_published(Fraction(100), published)
    assert refused.value.code in ("clearing.rate_budget", "clearing.rate_format")
    check_published(Fraction(100), "10000")
    check_published(Fraction(1, 3), "33.3333")


def test_volumes_that_cannot_be() -> None:
    for volumes in ([], [Volume("A", 1, 0)], [Volume("A", 0, 1)], [Volume("A", 1, 1), Volume("A", 1, 1)]):
        with pytest.raises(InvalidInput, match=r"clearing\.volumes"):
            standards(100, volumes)
    with pytest.raises(InvalidInput, match=r"clearing\.standard_negative"):
        standards(100, [Volume("A", 1, 1, 1_000), Volume("B", 1, 9_999)])


@pytest.mark.parametrize(
    ("actual", "kept"),
    [(100_000, 0), (120_000, 0), (95_000, 5_000), (90_000, 10_000), (85_000, 12_500), (80_000, 15_000), (50_000, 15_000), (99_999, 1)],
)  # fmt: skip
def test_surplus_is_kept_band_by_band(actual: int, kept: int) -> None:
    assert kept_of_surplus(100_000, actual, SURPLUS) == kept


@pytest.mark.parametrize(
    ("actual", "borne"),
    [(100_000, 0), (90_000, 0), (105_000, 1_500), (110_000, 3_000), (115_000, 6_000), (120_000, 9_000), (130_000, 19_000), (100_005, 2)],
)  # fmt: skip
def test_overspend_is_borne_band_by_band_and_whole_above(actual: int, borne: int) -> None:
    assert borne_of_overspend(100_000, actual, OVERSPEND) == borne


def test_overspend_in_and_above_the_bands_is_rounded_once() -> None:
    # 0.3 × 50 % + 0.3 × 100 % in the bands and 6.4 above them: 6.85, not 0 + 6.
    bands = [Band(10_000, 11_000, 5_000), Band(11_000, 12_000, 10_000)]
    assert borne_of_overspend(3, 10, bands) == 7


@pytest.mark.parametrize(
    ("kind", "bands"),
    [
        ("surplus", []),
        ("surplus", [Band(8_000, 9_000, 5_000)]),
        ("surplus", [Band(8_000, 8_500, 1), Band(9_000, 10_000, 1)]),
        ("overspend", [Band(9_000, 11_000, 1)]),
        ("overspend", [Band(10_000, 10_000, 1)]),
        ("overspend", [Band(10_000, 11_000, 10_001)]),
        ("other", [Band(10_000, 11_000, 1)]),
    ],
)
def test_bands_that_leave_a_gap_or_cross_the_line_are_refused(kind: str, bands: list[Band]) -> None:
    with pytest.raises(InvalidInput):
        check_bands(kind, bands)
