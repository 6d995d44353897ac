"""The rows of both forms as data: `rows.csv`, a row a line, in printed order, each with its codes, its rule and its article."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Final


class Form(StrEnum):
    """The two forms of 28号, part four."""

    SHEET = "01"
    """会社保01 资产负债表."""
    INCOME = "02"
    """会社保02 收支表."""


FORM_TITLES: Final = {Form.SHEET: "资产负债表", Form.INCOME: "收支表"}


class FillRule(StrEnum):
    """How a row is filled; the words are the regulation's (28号, part five)."""

    DEBIT_BALANCE = "debit_balance"
    CREDIT_BALANCE = "credit_balance"
    FUND_BALANCE = "fund_balance"
    NET_CREDIT = "net_credit"
    NET_DEBIT = "net_debit"
    CREDIT = "credit"
    DEBIT = "debit"
    SUM = "sum"


READINGS: Final = {
    FillRule.DEBIT_BALANCE: "期末借方余额",
    FillRule.CREDIT_BALANCE: "期末贷方余额",
    FillRule.FUND_BALANCE: "3001期末贷方余额，加尚未结转的收入，减尚未结转的支出",
    FillRule.NET_CREDIT: "贷方发生额减去借方发生额（不含期初、结转）",
    FillRule.NET_DEBIT: "借方发生额减去贷方发生额（不含期初、结转）",
    FillRule.CREDIT: "贷方发生额（不含期初、结转）",
    FillRule.DEBIT: "借方发生额（不含期初、结转）",
    FillRule.SUM: "本表项目加总",
}
ONE_SIDED: Final = frozenset({FillRule.CREDIT, FillRule.DEBIT})
"""Rows that take one side's turnover: what is booked blue on the other side is not in them."""
BALANCES: Final = frozenset({FillRule.DEBIT_BALANCE, FillRule.CREDIT_BALANCE, FillRule.FUND_BALANCE})


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a form."""

    key: str
    name: str
    """As printed, without the form's asterisk and 其中."""
    printed: str
    """As the form has it, asterisk and all."""
    level: int
    flags: frozenset[str]
    """`total` printed bold; `monthly` not in the year's form; `part` 其中; `broken_down` and its `detail` rows add up."""
    rule: FillRule
    codes: tuple[str, ...]
    """Accounts by the beginning of their code."""
    formula: tuple[tuple[int, str], ...]
    """For `sum`: (sign, key of the row)."""
    article: str

    @property
    def counted(self) -> bool:
        """Whether its codes stand in this row and in no other: neither a sum nor a part of another row."""
        return self.rule is not FillRule.SUM and not self.flags & {"part", "detail"}

    @property
    def reading(self) -> str:
        """How it is filled, in the regulation's words."""
        return READINGS[self.rule]


@cache
def rows_of(form: Form, fund: int, *, yearly: bool) -> tuple[Row, ...]:
    """The rows of a form in printed order, without its three headings; the year's form has no 待转基金."""
    text = (files(__name__.rpartition(".")[0]) / "rows.csv").read_text(encoding="utf-8")
    found = [
        _row(line)
        for line in csv.DictReader(text.splitlines(), strict=True)
        if line["form"] == form and int(line["fund"]) == fund
    ]
    kept = [row for row in found if not (yearly and "monthly" in row.flags)]
    keys = {row.key for row in kept}
    return tuple(_without(row, keys) for row in kept)


def _row(line: dict[str, str]) -> Row:
    return Row(
        line["key"],
        line["name"],
        line["printed"],
        int(line["level"]),
        frozenset(line["flags"].split()),
        FillRule(line["rule"]),
        tuple(line["codes"].split()),
        tuple((1 if part[0] == "+" else -1, part[1:]) for part in line["formula"].split()),
        line["article"],
    )


def _without(row: Row, keys: set[str]) -> Row:
    """The row with a formula of rows that are in the form."""
    kept = tuple(part for part in row.formula if part[1] in keys)
    if kept == row.formula:
        return row
    return Row(row.key, row.name, row.printed, row.level, row.flags, row.rule, row.codes, kept, row.article)
