"""The few words a rules file may use: amounts, conditions, account places. All else is refused at load."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from ledger.rules.values import Item

Form = tuple[int, int]
"""A linear form over an item: how many times `amount_fen`, how many times `daily_fen`."""

TOTAL: Final = "total"
"""The one amount that is taken over all items, on one line."""

FORMS: Final[Mapping[str, Form]] = {
    "amount": (1, 0),
    TOTAL: (1, 0),
    "F": (1, 0),
    "d": (0, 1),
    "F-d": (1, -1),
}


FORM_TITLES: Final[Mapping[str, str]] = {
    "amount": "本项金额",
    TOTAL: "各项合计",
    "F": "基金金额",
    "d": "日拨付额",
    "F-d": "基金金额－日拨付额",
}


class Condition(NamedTuple):
    """An atom and the answer it must give; the load check tries every answer of every atom."""

    atom: str
    wanted: bool
    title: str


CONDITIONS: Final[Mapping[str, Condition]] = {
    "recovery": Condition("recovery", True, "负数且属以前服务年度"),
    "expense": Condition("recovery", False, "其余"),
    "daily": Condition("daily", True, "来自9101"),
    "not-daily": Condition("daily", False, "来自9103、9106"),
}

ATOMS: Final[Mapping[str, Callable[[Item, int], bool]]] = {
    # V4: money of an earlier service year taken back by netting; this year's own netting is a red expense.
    "recovery": lambda item, year: item.amount_fen < 0 and item.dims.service_year < year,
    "daily": lambda item, _year: item.source == 9101,
}

BY_SOURCE: Final[Mapping[str, Mapping[int, int]]] = {
    "source": {9101: 9101, 9103: 9103, 9106: 9106},
    "paid": {9101: 9201, 9103: 9202, 9106: 9203},
    # A daily payment that comes back after its month was settled is owed as part of the month's result.
    "owed": {9101: 9103, 9103: 9103, 9106: 9106},
}
"""Places whose account follows from the item's source."""

BY_KEY: Final = ("benefit", "recovered")
"""Places whose account follows from fund, sub-fund and category: places.csv."""

BY_ENTRY: Final[Mapping[str, int]] = {"bank": 1004, "fiscal": 1003}
"""Places of one account whose counterparty is a bank account of the whole entry."""

CHECKS: Final = ("items+", "items-", "total+")

PLACE_TITLES: Final[Mapping[str, str]] = {
    "source": "应付来源（9101、9103、9106）",
    "paid": "已付（9201、9202、9203，随来源）",
    "owed": "回到应付（9103、9106，随来源）",
    "benefit": "5001社会保险待遇支出（末级随账目与待遇类别）",
    "recovered": "4501其他收入—跨年度退回待遇（末级随账目）",
    "bank": "1004支出户存款",
    "fiscal": "1003财政专户存款",
}
