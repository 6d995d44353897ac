"""The chart of accounts: 财会〔2017〕28号 for the statutory section, memorandum.md 1 for 9xxx, from data files."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ledger.core.entries import FUND_NAMES, Dimensions, Side
from ledger.core.errors import NotFound


@dataclass(frozen=True, slots=True)
class Account:
    """One account of a chart; only leaves take lines, and only with exactly the dimensions of `dims`.

    `dims` adds up bits: 1 counterparty, 2 sub-fund, 4 service year, 8 期号, 16 benefit category.
    """

    account: int
    name: str
    """Full name, levels joined by —: statements and vouchers never show a number alone (28号 art. 10)."""
    class_: str
    normal_side: Side
    leaf: bool
    dims: int


@cache
def chart(fund: int) -> tuple[Account, ...]:
    """All accounts of a fund (310 职工, 390 居民) in code order; raises NotFound `fund.unknown`."""
    if fund not in FUND_NAMES:
        raise NotFound("fund.unknown", f"没有基金{fund}的会计科目表", fund=fund)
    text = (files("ledger.books") / "data" / f"chart_{fund}.csv").read_text(encoding="utf-8")
    return tuple(
        Account(
            int(row["account"]),
            row["name"],
            row["class"],
            Side.DEBIT if row["normal_side"] == "借" else Side.CREDIT,
            row["leaf"] == "Y",
            int(row["dims"]),
        )
        for row in csv.DictReader(text.splitlines())
    )


@cache
def account(fund: int, code: int) -> Account:
    """One account; raises NotFound `account.unknown`."""
    for row in chart(fund):
        if row.account == code:
            return row
    raise NotFound("account.unknown", f"{FUND_NAMES.get(fund, fund)}科目表没有科目{code}", account=code)


def keep(code_dims: int, dims: Dimensions) -> Dimensions:
    """`dims` cut down to what an account asks for (its `dims` bits)."""
    return Dimensions(
        dims.counterparty if code_dims & 1 else "",
        dims.subfund if code_dims & 2 else "",
        dims.service_year if code_dims & 4 else 0,
        dims.term if code_dims & 8 else 0,
        dims.category if code_dims & 16 else "",
    )
