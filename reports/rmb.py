"""Amounts in capital Chinese characters, by the rules for writing negotiable instruments (支付结算办法 annex 1)."""

from __future__ import annotations

import re
from typing import Final

from ledger.core.errors import InvalidInput
from ledger.core.money import yuan_grouped

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_LIMIT_FEN: Final = 10**18


def rmb_upper(fen: int) -> str:
    """Fen to capitals without the leading 人民币: 10700053 to `壹拾万零柒仟元伍角叁分`, negative begins with 负.

    整 follows 元 or 角 where nothing comes after; 零 stands between 元 and 分 and for every inner gap of the yuan.
    Raises InvalidInput `amount.range` from 10^16 yuan on.
    """
    if abs(fen) >= _LIMIT_FEN:
        raise InvalidInput("amount.range", f"金额{yuan_grouped(fen)}元超出大写金额的范围", value=str(fen))
    yuan, cents = divmod(abs(fen), 100)
    jiao, rest = divmod(cents, 10)
    text = f"{_integer(yuan)}元" if yuan or not cents else ""
    if jiao:
        text += f"{_DIGITS[jiao]}角"
    elif rest and yuan:
        text += "零"
    text += f"{_DIGITS[rest]}分" if rest else "整"
    return f"负{text}" if fen < 0 else text


def _integer(number: int) -> str:
    """A non-negative integer below 10^16; 亿 counts what stands before it as a number of its own."""
    for size, unit in ((10**8, "亿"), (10**4, "万")):
        if number >= size:
            high, low = divmod(number, size)
            if low == 0:
                return _integer(high) + unit
            gap = "零" if high % 10 == 0 or low < size // 10 else ""
            return f"{_integer(high)}{unit}{gap}{_integer(low)}"
    if number == 0:
        return _DIGITS[0]
    units = ("仟", "佰", "拾", "")
    digits = "".join(
        _DIGITS[int(digit)] + (unit if digit != "0" else "")
        for digit, unit in zip(f"{number:04d}", units, strict=True)
    )
    return re.sub("零+", "零", digits).strip("零")
