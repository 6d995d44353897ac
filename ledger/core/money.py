"""Money: integer fen inside, strings in JSON. No float anywhere. What is handed over to be shown: `ledger.core.cny`."""

from __future__ import annotations

import re
from typing import Final

from ledger.core.errors import InvalidInput

RATIO_ONE: Final = 10_000
"""Ratios are integers of ten-thousandths: 0.6000 is 6000."""

AMOUNT_DIGITS_MAX: Final = 14
"""Digits before the point: the platform's 16,2."""

_AMOUNT = re.compile(r"-?(0|[1-9][0-9]{0,13})(?:\.([0-9]{1,2})(0*))?", re.ASCII)
_RATIO = re.compile(r"(0|1)(?:\.([0-9]{1,4})0*)?", re.ASCII)


def parse_fen(text: str) -> int:
    """Yuan as text to fen: `"1234.5"` to 123450; at most 14 digits and two decimals (trailing zeros pass).

    Raises InvalidInput `amount.format` for anything else: NaN, 1e3, full-width digits, 0.005, a leading plus,
    thousands separators; `amount.negative_zero` for `-0`.
    """
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise InvalidInput(
            "amount.format", f"金额“{text[:40]}”不合规：应为最多14位整数、两位小数的元", value=text[:40]
        )
    whole, cents = match.group(1), match.group(2) or ""
    fen = int(whole) * 100 + int(cents.ljust(2, "0") or 0)
    if text[0] != "-":
        return fen
    if fen == 0:
        raise InvalidInput("amount.negative_zero", f"金额“{text[:40]}”为负零，无法判断原意", value=text[:40])
    return -fen


def yuan(fen: int) -> str:
    """Fen to yuan with two decimals, no separators: -74074 to `"-740.74"`."""
    sign = "-" if fen < 0 else ""
    whole, cents = divmod(abs(fen), 100)
    return f"{sign}{whole}.{cents:02d}"


def yuan_grouped(fen: int) -> str:
    """Fen to yuan for people: 123456789 to `"1,234,567.89"`."""
    sign = "-" if fen < 0 else ""
    whole, cents = divmod(abs(fen), 100)
    return f"{sign}{whole:,}.{cents:02d}"


def parse_ratio(text: str) -> int:
    """A ratio in [0, 1] with at most four decimals to ten-thousandths: `"0.6"` to 6000. Raises InvalidInput."""
    match = _RATIO.fullmatch(text)
    if match is None:
        raise InvalidInput(
            "ratio.format", f"比例“{text[:20]}”不合规：应在0到1之间、最多四位小数", value=text[:20]
        )
    ratio = int(match.group(1)) * RATIO_ONE + int((match.group(2) or "").ljust(4, "0") or 0)
    if ratio > RATIO_ONE:
        raise InvalidInput("ratio.format", f"比例“{text[:20]}”大于1", value=text[:20])
    return ratio


def ratio_text(ratio: int) -> str:
    """Ten-thousandths as a decimal: 6000 to `"0.6"`, 10000 to `"1"`; the opposite of `parse_ratio`."""
    whole, part = divmod(ratio, RATIO_ONE)
    return f"{whole}.{part:04d}".rstrip("0").rstrip(".")


def share(amount_fen: int, ratio: int) -> int:
    """`amount × ratio` in fen, rounded half up in magnitude: the one rounding rule (procedure.md 2.2, 7A).

    A reversal gives exactly the negative of its original: share(-a, r) == -share(a, r).
    """
    magnitude = (abs(amount_fen) * ratio * 2 + RATIO_ONE) // (RATIO_ONE * 2)
    return magnitude if amount_fen >= 0 else -magnitude
