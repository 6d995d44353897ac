"""Fen and `moneyed.Money`: there and back without a fen lost, and shown as the integers are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moneyed import CNY, USD, Money

from ledger.core.cny import from_money, grouped, plain, to_money
from ledger.core.errors import InvalidInput
from ledger.core.money import yuan, yuan_grouped

FEN = st.integers(-(10**16) + 1, 10**16 - 1)


@given(FEN)
def test_there_and_back_is_exact_and_shown_alike(fen: int) -> None:
    money = to_money(fen)
    assert money.amount * 100 == fen
    assert (from_money(money), plain(money), grouped(money)) == (fen, yuan(fen), yuan_grouped(fen))


@given(FEN, FEN)
def test_sums_of_money_are_sums_of_fen(one: int, other: int) -> None:
    assert from_money(to_money(one) + to_money(other)) == one + other
    assert from_money(abs(to_money(one))) == abs(one)


def test_another_currency_and_half_a_fen_are_refused() -> None:
    with pytest.raises(InvalidInput) as foreign:
        from_money(Money("1.00", USD))
    assert foreign.value.code == "amount.currency"
    with pytest.raises(InvalidInput) as broken:
        plain(Money("0.005", CNY))
    assert broken.value.code == "amount.format"
