"""Capitals: the examples of the rule, and a reader that turns them back into fen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.core.errors import InvalidInput
from reports.rmb import rmb_upper

DIGITS = {char: value for value, char in enumerate("零壹贰叁肆伍陆柒捌玖")}
UNITS = {"拾": 10, "佰": 100, "仟": 1000}


def read_integer(text):
    for unit, size in (("亿", 10**8), ("万", 10**4)):
        head, found, tail = text.rpartition(unit)
        if found:
            return read_integer(head) * size + read_integer(tail)
    total = digit = 0
    for char in text:
        if char in DIGITS:
            digit = DIGITS[char]
        else:
            total, digit = total + digit * UNITS[char], 0
    return total + digit


def read_fen(text):
    sign = -1 if text.startswith("负") else 1
    yuan, _, rest = text.removeprefix("负").removesuffix("整").rpartition("元")
    fen = read_integer(yuan) * 100
    digit = 0
    for char in rest:
        if char in DIGITS:
            digit = DIGITS[char]
        else:
            fen += digit * {"角": 10, "分": 1}[char]
    return sign * fen


@pytest.mark.parametrize(
    ("fen", "text"),
    [
        (0, "零元整"),
        (5, "伍分"),
        (50, "伍角整"),
        (105, "壹元零伍分"),
        (1000, "壹拾元整"),
        (140950, "壹仟肆佰零玖元伍角整"),
        (600714, "陆仟零柒元壹角肆分"),
        (168032, "壹仟陆佰捌拾元叁角贰分"),
        (10700053, "壹拾万零柒仟元伍角叁分"),
        (1640902, "壹万陆仟肆佰零玖元零贰分"),
        (32504, "叁佰贰拾伍元零肆分"),
        (100000001, "壹佰万元零壹分"),
        (10001000110, "壹亿零壹万零壹元壹角整"),
        (-123456, "负壹仟贰佰叁拾肆元伍角陆分"),
        (10**14, "壹万亿元整"),
        (10**18 - 1, "玖仟玖佰玖拾玖万玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
    ],
)
def test_the_examples(fen, text):
    assert rmb_upper(fen) == text


@given(st.integers(-(10**18) + 1, 10**18 - 1) | st.integers(0, 10**10).map(lambda n: n * 10**5))
def test_capitals_read_back(fen):
    text = rmb_upper(fen)
    assert read_fen(text) == fen
    assert "零零" not in text
    assert not text.startswith("零") or fen == 0
    assert text.endswith(("分", "整"))


def test_out_of_range():
    for fen in (10**18, -(10**18)):
        with pytest.raises(InvalidInput, match=r"amount\.range"):
            rmb_upper(fen)
