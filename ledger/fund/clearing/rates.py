"""DRG weight rate 费率, DIP point value 点值, and the bands of surplus and overspend: exact fractions, fen out.

费率 = distributable ÷ Σ weights; 点值 = (distributable + Σ what the insured bear) ÷ Σ points; an institution's standard =
its weights or points × that − what its insured bear (accounting.md 7). Distributable = the class's budget − its reserve.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from itertools import pairwise
from math import floor
from typing import Final, Literal, NamedTuple

from ledger.core.errors import InvalidInput
from ledger.core.money import RATIO_ONE, yuan

Method = Literal["DRG", "DIP"]
UNIT: Final = 10_000
"""Weights and points have four decimals: held as integers of ten-thousandths."""


class Volume(NamedTuple):
    """An institution's year: cases, weights or points (ten-thousandths), what its insured bear (DIP, fen)."""

    institution: str
    cases: int
    units: int
    personal_fen: int = 0


class Band(NamedTuple):
    """A band of actual ÷ standard; all in ten-thousandths. `share` is the institution's part of what lies in it:
    kept of a surplus, borne of an overspend."""

    from_ratio: int
    to_ratio: int
    share: int


def rate_of(distributable_fen: int, volumes: Iterable[Volume]) -> Fraction:
    """Fen per ten-thousandth of a weight or point, exact; raises InvalidInput `clearing.volumes` for no volume."""
    rows = list(volumes)
    if not rows or any(row.units <= 0 or row.cases <= 0 or row.personal_fen < 0 for row in rows):
        raise InvalidInput("clearing.volumes", "病例数、权重或分值应大于零，个人负担不得为负")
    if len({row.institution for row in rows}) != len(rows):
        raise InvalidInput("clearing.volumes", "同一机构列了两次")
    total = sum(row.units for row in rows)
    return Fraction(distributable_fen + sum(row.personal_fen for row in rows), total)


def check_published(rate: Fraction, published: str) -> None:
    """A published rate (yuan per whole weight or point) must be the budget's own, rounded half up to its decimals.

    Raises InvalidInput `clearing.rate_budget`: any other rate gives out more or less than the budget.
    """
    whole, _, decimals = published.partition(".")
    if not published.isascii() or not (whole + decimals).isdigit() or not whole:
        raise InvalidInput("clearing.rate_format", f"费率或点值“{published[:30]}”不合规：应为元，十进制数")
    scale = 10 ** len(decimals)
    own = floor(rate * UNIT / 100 * scale + Fraction(1, 2))
    given = int(whole + decimals)
    if own != given:
        right = f"{own // scale}.{own % scale:0{len(decimals)}d}" if decimals else str(own)
        raise InvalidInput(
            "clearing.rate_budget",
            f"费率或点值{published}元与总量相乘不等于可分配预算：按预算应为{right}元",
            published=published,
            by_budget=right,
        )


def standards(distributable_fen: int, volumes: Sequence[Volume]) -> dict[str, int]:
    """Each institution's standard in fen; their sum is exactly `distributable_fen`: what rounding leaves goes to the
    biggest fractions, ties to the smaller code.

    Raises InvalidInput `clearing.volumes`, `clearing.standard_negative` (its insured bear more than its points).
    """
    rate = rate_of(distributable_fen, volumes)
    exact = {row.institution: rate * row.units - row.personal_fen for row in volumes}
    for institution, amount in exact.items():
        if amount < 0:
            raise InvalidInput(
                "clearing.standard_negative",
                f"机构{institution}的分值乘点值小于个人负担",
                institution=institution,
            )
    found = {institution: floor(amount) for institution, amount in exact.items()}
    rest = distributable_fen - sum(found.values())
    order = sorted(exact, key=lambda code: (found[code] - exact[code], code))
    for code in order[:rest]:
        found[code] += 1
    return found


def kept_of_surplus(standard_fen: int, actual_fen: int, bands: Sequence[Band]) -> int:
    """结余留用 in fen: what the institution keeps of standard − actual, band by band; nothing outside the bands."""
    if actual_fen >= standard_fen:
        return 0
    return _rounded(_in_bands(actual_fen, standard_fen, standard_fen, bands))


def borne_of_overspend(standard_fen: int, actual_fen: int, bands: Sequence[Band]) -> int:
    """超支分担: what the institution bears of actual − standard, band by band; all of what lies above the bands.

    One figure, rounded once.
    """
    if actual_fen <= standard_fen:
        return 0
    top = Fraction(standard_fen * max((band.to_ratio for band in bands), default=RATIO_ONE), RATIO_ONE)
    above = max(Fraction(0), actual_fen - top)
    return _rounded(_in_bands(standard_fen, actual_fen, standard_fen, bands) + above)


def _in_bands(low: int, high: int, standard_fen: int, bands: Sequence[Band]) -> Fraction:
    total = Fraction(0)
    for band in bands:
        start = max(Fraction(low), Fraction(standard_fen * band.from_ratio, RATIO_ONE))
        end = min(Fraction(high), Fraction(standard_fen * band.to_ratio, RATIO_ONE))
        total += max(Fraction(0), end - start) * band.share / RATIO_ONE
    return total


def _rounded(fen: Fraction) -> int:
    """Half up; never negative here."""
    return floor(fen + Fraction(1, 2))


def check_bands(kind: str, bands: Sequence[Band]) -> None:
    """Bands in order, touching, on their side of 100 %; raises InvalidInput `clearing.bands`."""
    ordered = sorted(bands)
    edges = all(before.to_ratio == after.from_ratio for before, after in pairwise(ordered))
    if not ordered or not edges or any(band.to_ratio <= band.from_ratio for band in ordered):
        raise InvalidInput("clearing.bands", "结余或超支的分段应首尾相接")
    if (kind == "surplus" and ordered[-1].to_ratio != RATIO_ONE) or (
        kind == "overspend" and ordered[0].from_ratio != RATIO_ONE
    ):
        raise InvalidInput("clearing.bands", "结余分段应止于100%，超支分段应起于100%")
    if kind not in ("surplus", "overspend") or any(not 0 <= band.share <= RATIO_ONE for band in ordered):
        raise InvalidInput("clearing.bands", "分段种类应为surplus或overspend，比例在0到1之间")


def rate_text(rate: Fraction) -> str:
    """Yuan per weight or point with four decimals, half up, for people."""
    scaled = floor(rate * UNIT / 100 * 10_000 + Fraction(1, 2))
    return f"{scaled // 10_000}.{scaled % 10_000:04d}"


def over_budget_text(given_fen: int, distributable_fen: int) -> str:
    """How far given shares are from the budget."""
    return f"各机构合计{yuan(given_fen)}元，可分配预算{yuan(distributable_fen)}元，相差{yuan(given_fen - distributable_fen)}元"
