"""`moneyed.Money` at the edges: what reports and statements hand over to be shown is money, not a bare number.

The one place where fen become `Money` and back. `moneyed` brings babel, so only what shows money imports this module.
"""

from __future__ import annotations

from decimal import Decimal

from moneyed import CNY, Money

from ledger.core.errors import InvalidInput
from ledger.core.money import yuan, yuan_grouped


def to_money(fen: int) -> Money:
    """Fen to a `Money` in CNY, exact."""
    return Money(Decimal(fen).scaleb(-2), CNY)


def from_money(money: Money) -> int:
    """`Money` in CNY to fen; raises InvalidInput `amount.currency` or `amount.format`."""
    if money.currency != CNY:
        raise InvalidInput(
            "amount.currency", f"币种应为人民币，收到{money.currency}", currency=str(money.currency)
        )
    scaled = money.amount.scaleb(2)
    if scaled != scaled.to_integral_value():
        raise InvalidInput("amount.format", "金额超过两位小数", value=str(money.amount))
    return int(scaled)


def plain(money: Money) -> str:
    """Yuan with two decimals for files: `-740.74`; raises as `from_money`."""
    return yuan(from_money(money))


def grouped(money: Money) -> str:
    """Yuan for people: `1,234,567.89`; raises as `from_money`."""
    return yuan_grouped(from_money(money))
