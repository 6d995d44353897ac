"""A statement against itself: opening and lines are closing, running balances tie, every line lies within its days."""

from __future__ import annotations

from typing import Final

from adapters.banks.ports import AccountStatement
from ledger.core.errors import InvalidInput
from ledger.core.money import yuan_grouped

LENGTHS: Final = {
    "bank_reference": (80, "银行流水号"),
    "receipt_no": (80, "回单号"),
    "order_no": (80, "指令号"),
    "other_account": (40, "对方账号"),
    "other_name": (200, "对方户名"),
    "text": (500, "摘要"),
}
"""Characters a line's fields may have."""


def proven(statement: AccountStatement) -> AccountStatement:
    """The same statement.

    Raises InvalidInput `bankfile.statement_days` (days the wrong way round, a line outside them or before the line above
    it), `bankfile.running_balance`, `bankfile.statement_total`, `bankfile.too_long`, each naming line and figures.
    """
    where = statement.where or "对账单"
    if statement.first_day > statement.last_day:
        raise InvalidInput(
            "bankfile.statement_days", f"{where}：起日{statement.first_day}在止日{statement.last_day}之后"
        )
    balance, day = statement.opening_fen, statement.first_day
    for line in statement.lines:
        if not day <= line.booked_on <= statement.last_day:
            raise InvalidInput(
                "bankfile.statement_days",
                f"{line.where}：记账日{line.booked_on}应在{day}至{statement.last_day}之间（不得早于上一行）",
                line=line.where,
            )
        day, balance = line.booked_on, balance + line.effect_fen
        if line.balance_fen is not None and line.balance_fen != balance:
            raise InvalidInput(
                "bankfile.running_balance",
                f"{line.where}：余额印为{yuan_grouped(line.balance_fen)}元，由上一行推算应为{yuan_grouped(balance)}元",
                line=line.where,
            )
        _require_short(line)
    if balance != statement.closing_fen:
        raise InvalidInput(
            "bankfile.statement_total",
            f"{where}：期初{yuan_grouped(statement.opening_fen)}元加减各行得{yuan_grouped(balance)}元，"
            f"期末印为{yuan_grouped(statement.closing_fen)}元",
        )
    return statement


def _require_short(line: object) -> None:
    for field, (longest, name) in LENGTHS.items():
        value = getattr(line, field)
        if len(value) > longest:
            raise InvalidInput(
                "bankfile.too_long",
                f"{name}“{value[:20]}…”有{len(value)}个字符，超过上限{longest}",
                field=field,
                length=len(value),
            )
