"""The few words a rules file may use: amounts, conditions, account places. All else is refused at load."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from ledger.core.accounts import (
    CLEARING_OWED,
    CLEARING_PAID,
    DAILY_OWED,
    DAILY_PAID,
    FISCAL_DEPOSIT,
    MONTH_OWED,
    MONTH_PAID,
    PREALLOCATION,
    PREALLOCATION_OFFSET,
    PREPAYMENT,
    PREPAYMENT_OFFSET,
    SPENDING_DEPOSIT,
    SUPPLIER_ADVANCE,
    SUPPLIER_OFFSET,
)
from ledger.rules.values import Item, Sheet

Form = Mapping[str, int]
"""A linear form over the fields of an item or sheet: field name to coefficient."""

TOTAL: Final = "total"
"""The one amount that is taken over all items, on one line."""

ITEM: Final = "item"
SHEET: Final = "sheet"
CLOSING: Final = "closing"
"""Items of a closing: `source` is the income or expense leaf whose balance is carried, `amount_fen` that balance on its side."""
_SHEET_WORDS: Final = [field.removesuffix("_fen") for field in Sheet._fields if field.endswith("_fen")]
_DEBITS: Final = {"open_daily_fen": 1, "waiting_fen": 1}

FORMS: Final[Mapping[str, Mapping[str, Form]]] = {
    ITEM: {
        "amount": {"amount_fen": 1},
        TOTAL: {"amount_fen": 1},
        "F": {"amount_fen": 1},
        "d": {"daily_fen": 1},
        "F-d": {"amount_fen": 1, "daily_fen": -1},
    },
    CLOSING: {"amount": {"amount_fen": 1}},
    SHEET: {
        **{word: {f"{word}_fen": 1} for word in _SHEET_WORDS},
        # Article 19's formula, and row 9 of the clearing letter.
        "month_result": {
            **_DEBITS,
            **dict.fromkeys(("retained_fen", "audit_fen", "other_fen", "offset_fen"), -1),
        },
        "clearing_result": {
            **_DEBITS,
            **dict.fromkeys(("month_open_fen", "retained_fen", "surplus_fen"), 1),
            **dict.fromkeys(("audit_fen", "forfeited_fen", "other_fen", "borne_fen", "offset_fen"), -1),
        },
    },
}
"""Amount words by the shape of what an event is given."""

FORM_TITLES: Final[Mapping[str, str]] = {
    "amount": "本项金额",
    TOTAL: "各项合计",
    "F": "基金金额",
    "d": "日拨付额",
    "F-d": "基金金额－日拨付额",
    "open_daily": "未拨付的日拨付",
    "waiting": "待月结",
    "month_open": "月结应付余额",
    "retained": "预留质量保证金",
    "audit": "审核扣款",
    "other": "其他扣款",
    "forfeited": "保证金扣减",
    "borne": "机构自担",
    "surplus": "结余留用",
    "offset": "抵扣额",
    "advance": "转列支出的日拨付",
    "returned": "不再应付的退汇（已列支）",
    "returned_advance": "不再应付的退汇（多付的日拨付）",
    "month_result": "未拨付的日拨付＋待月结－预留－审核扣款－其他扣款－抵扣额",
    "clearing_result": "未拨付的日拨付＋待月结＋月结应付余额＋预留＋结余留用－审核扣款－保证金扣减－其他扣款－机构自担－抵扣额",
}


class Condition(NamedTuple):
    """An atom and the answer it must give; the load check tries every answer of every atom."""

    atom: str
    wanted: bool
    title: str
    shapes: frozenset[str] = frozenset({ITEM})
    """Of the events that may use it."""


CONDITIONS: Final[Mapping[str, Condition]] = {
    "recovery": Condition("recovery", True, "负数且属以前服务年度"),
    "expense": Condition("recovery", False, "其余"),
    "daily": Condition("daily", True, "来自9101"),
    "not-daily": Condition("daily", False, f"来自{MONTH_OWED}、{CLEARING_OWED}"),
    "earlier": Condition("earlier", True, "属以前服务年度", frozenset({ITEM, SHEET})),
    "current": Condition("earlier", False, "属本服务年度", frozenset({ITEM, SHEET})),
    "income": Condition("income", True, "收入类科目", frozenset({CLOSING})),
    "outlay": Condition("income", False, "支出类科目", frozenset({CLOSING})),
}

ATOMS: Final[Mapping[str, Callable[[Item | Sheet, int], bool]]] = {
    # V4: money of an earlier service year taken back by netting; this year's own netting is a red expense.
    "recovery": lambda item, year: (
        isinstance(item, Item) and item.amount_fen < 0 and item.dims.service_year < year
    ),
    "daily": lambda item, _year: item.source == DAILY_OWED,
    # Returned money that is owed no more was expensed in its own service year (docs/adr/0013).
    "earlier": lambda item, year: item.dims.service_year < year,
    "income": lambda item, _year: str(item.source)[0] == "4",
}

NEEDS_YEAR: Final = frozenset({"recovery", "earlier"})
"""Atoms that compare with the year of the event."""

BY_SOURCE: Final[Mapping[str, Mapping[int, int]]] = {
    "source": {DAILY_OWED: DAILY_OWED, MONTH_OWED: MONTH_OWED, CLEARING_OWED: CLEARING_OWED},
    "paid": {DAILY_OWED: DAILY_PAID, MONTH_OWED: MONTH_PAID, CLEARING_OWED: CLEARING_PAID},
    # A daily payment that comes back after its month was settled is owed as part of the month's result.
    "owed": {DAILY_OWED: MONTH_OWED, MONTH_OWED: MONTH_OWED, CLEARING_OWED: CLEARING_OWED},
    "offset": {
        PREPAYMENT: PREPAYMENT_OFFSET,
        PREALLOCATION: PREALLOCATION_OFFSET,
        SUPPLIER_ADVANCE: SUPPLIER_OFFSET,
    },
    "kind": {PREPAYMENT: PREPAYMENT, PREALLOCATION: PREALLOCATION, SUPPLIER_ADVANCE: SUPPLIER_ADVANCE},
}
"""Places whose account follows from the item's source."""

BY_KEY: Final = (
    "benefit", "recovered", "penalty", "interest", "unsplit",
    "premium", "premium_back", "outlay", "transfer_in", "transfer_out", "to_upper", "to_lower", "from_upper", "from_lower",
    "subsidy",
)  # fmt: skip
"""Places whose account follows from fund, sub-fund and category: places.csv."""

BY_CLOSING: Final = ("closed", "surplus")
"""Places of a closing: the leaf that is carried itself, and the sub-account of 3001 it is carried to (closing.csv)."""

OWN: Final = "own"
"""The bank account a paper is of: 1002, 1003, 1004 or 1005, as that account is kept."""

OTHER: Final = "other"
"""The own account that our own money came from: 1002 or 1005, as that account is kept."""

BY_ENTRY: Final[Mapping[str, int]] = {
    "bank": SPENDING_DEPOSIT,
    "fiscal": FISCAL_DEPOSIT,
    OWN: SPENDING_DEPOSIT,
    OTHER: SPENDING_DEPOSIT,
}
"""Places of one account whose counterparty is a bank account of the whole entry; of `own` and `other` the kind is told with it."""

CHECKS: Final = ("items+", "items-", "total+", "sheet", "closing")

PLACE_TITLES: Final[Mapping[str, str]] = {
    "source": f"应付来源（{DAILY_OWED}、{MONTH_OWED}、{CLEARING_OWED}）",
    "paid": f"已付（{DAILY_PAID}、{MONTH_PAID}、{CLEARING_PAID}，随来源）",
    "owed": f"回到应付（{MONTH_OWED}、{CLEARING_OWED}，随来源）",
    "offset": "9204抵扣结清（末级随预付种类）",
    "kind": "1101暂付款（预付金、按月预拨、集采直接结算）",
    "benefit": "5001社会保险待遇支出（末级随账目与待遇类别）",
    "recovered": "4501其他收入—跨年度退回待遇（末级随账目）",
    "penalty": "4501其他收入—其他（末级随账目）",
    "interest": "4201存款利息（末级随账目，未分清的4602）",
    "unsplit": "4602待转利息收入",
    "closed": "4xxx收入、5xxx支出各末级（4601、4602除外，随余额）",
    "surplus": "3001一般基金结余（职工：统筹基金或个人账户基金）",
    "premium": "4001社会保险费收入（职工随账目，未分清的4601）",
    "premium_back": "4001社会保险费收入（职工随账目）",
    "outlay": "5401其他支出（职工随账目）",
    "transfer_in": "4301转移收入（职工）",
    "transfer_out": "5201转移支出（职工）",
    "to_upper": "5301上解上级支出（职工随账目）",
    "to_lower": "5302补助下级支出（职工随账目）",
    "from_upper": "4401上级补助收入（职工随账目）",
    "from_lower": "4402下级上解收入（职工随账目）",
    "subsidy": "4101财政补贴收入（末级由经办人指明）",
    OWN: "1002、1003、1004、1005（随回单所在的账户）",
    OTHER: "1002、1005（款项由其转来的自有账户）",
    "bank": "1004支出户存款",
    "fiscal": "1003财政专户存款",
}
