"""The account codes the program knows by name, each once, with the chart's name and side (财会〔2017〕28号, memorandum.md 1).

Rules (`ledger/rules/data`) and charts (`ledger/books/data`) are data and name their accounts themselves; a test holds every
account here against both charts. In SQL an account stands as `{MONTH_OWED}` in a text given to `coded`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Final, LiteralString, NamedTuple

from ledger.core.entries import EMPLOYEE_FUND, FUNDS, RESIDENT_FUND, Section, Side, section_of


class KnownAccount(NamedTuple):
    """An account as both charts have it; `name` is its last part, `暂付款—预付金` is `预付金`."""

    code: int
    name: str
    side: Side

    @property
    def section(self) -> Section:
        """会计账 or 备查账."""
        return section_of(self.code)


_KNOWN: Final[dict[int, KnownAccount]] = {}


def _known(code: int, name: str, side: Side) -> int:
    _KNOWN[code] = KnownAccount(code, name, side)
    return code


_DR: Final = Side.DEBIT
_CR: Final = Side.CREDIT

# 会计账
FISCAL_DEPOSIT: Final = _known(1003, "财政专户存款", _DR)
SPENDING_DEPOSIT: Final = _known(1004, "支出户存款", _DR)
REGION_PREPAYMENT: Final = _known(110101, "异地就医预付金", _DR)
PREPAYMENT: Final = _known(110102, "预付金", _DR)
PREALLOCATION: Final = _known(110103, "按月预拨", _DR)
SUPPLIER_ADVANCE: Final = _known(110104, "集采直接结算", _DR)
DAILY_ADVANCE: Final = _known(110105, "日拨付", _DR)
OTHER_ADVANCE: Final = _known(110109, "其他", _DR)
OTHERS_MONEY: Final = _known(200103, "异地就医资金", _CR)
RETURNED_MONEY: Final = _known(200104, "退汇待付", _CR)
FUND_BALANCE: Final = _known(3001, "一般基金结余", _CR)
FISCAL_SUBSIDY: Final = _known(41010101, "缴费补贴", _CR)
"""中央财政补贴的缴费补贴: one leaf of 4101 for what the program itself books by hand."""
OTHER_INCOME: Final = _known(4501, "其他收入", _CR)
BENEFITS: Final = _known(5001, "社会保险待遇支出", _DR)

# 会计账, of the employee fund only
TRANSFERS_IN: Final = _known(4301, "转移收入", _CR)
UNSPLIT_CONTRIBUTIONS: Final = _known(4601, "待转社会保险费收入", _CR)
UNSPLIT_INTEREST: Final = _known(4602, "待转利息收入", _CR)
TRANSFERS_OUT: Final = _known(5201, "转移支出", _DR)

# 备查账
RECOGNISED: Final = _known(9001, "待遇确认", _DR)
SURPLUS_KEPT: Final = _known(9002, "支付方式调整", _DR)
REGION_BILLS: Final = _known(9003, "异地参保清算确认", _DR)
DAILY_OWED: Final = _known(9101, "应付日拨付", _CR)
MONTH_WAITING: Final = _known(9102, "待月结", _CR)
MONTH_OWED: Final = _known(9103, "月结应付", _CR)
IN_FLIGHT: Final = _known(9104, "在途", _CR)
RETAINED: Final = _known(9105, "预留质量保证金", _CR)
CLEARING_OWED: Final = _known(9106, "清算应付", _CR)
DAILY_PAID: Final = _known(9201, "已付日拨付", _CR)
MONTH_PAID: Final = _known(9202, "已付月结", _CR)
CLEARING_PAID: Final = _known(9203, "已付清算", _CR)
PREPAYMENT_OFFSET: Final = _known(920401, "预付金", _CR)
PREALLOCATION_OFFSET: Final = _known(920402, "按月预拨", _CR)
SUPPLIER_OFFSET: Final = _known(920403, "集采直接结算", _CR)
REFUNDED: Final = _known(9209, "机构已退回", _DR)
AUDIT_DEDUCTED: Final = _known(9301, "审核扣款", _CR)
RETAINED_FORFEITED: Final = _known(9302, "保证金扣减", _CR)
OTHER_DEDUCTED: Final = _known(9303, "其他扣款", _CR)
BORNE: Final = _known(9304, "机构自担", _CR)
CARE_RECOGNISED: Final = _known(9501, "异地就医确认", _DR)
CARE_OWED: Final = _known(9502, "应付异地就医", _CR)
CARE_IN_FLIGHT: Final = _known(9503, "异地就医在途", _CR)
CARE_PAID: Final = _known(9504, "已付异地就医", _CR)

KNOWN: Final = tuple(_KNOWN.values())
"""All of them."""

# Groups that several places count together.
ADVANCES: Final = (PREPAYMENT, PREALLOCATION, SUPPLIER_ADVANCE)
"""What institutions are advanced, by kind."""
OFFSETS: Final = (PREPAYMENT_OFFSET, PREALLOCATION_OFFSET, SUPPLIER_OFFSET)
"""9204 抵扣结清: every account below it, in the order of ADVANCES."""
OWED: Final = (DAILY_OWED, MONTH_OWED, CLEARING_OWED)
"""What orders draw on for our own patients."""
PAID: Final = (DAILY_PAID, MONTH_PAID, CLEARING_PAID)
"""Where it stands when paid, in the order of OWED."""
CONSERVED: Final = (
    RECOGNISED, SURPLUS_KEPT, REGION_BILLS,
    DAILY_OWED, MONTH_WAITING, MONTH_OWED, IN_FLIGHT, RETAINED, CLEARING_OWED,
    *PAID, *OFFSETS, REFUNDED,
    AUDIT_DEDUCTED, RETAINED_FORFEITED, OTHER_DEDUCTED, BORNE,
)  # fmt: skip
"""Where the fund's money of an institution and service year can be: every account from 90 to 93 (INV-08)."""

FISCAL_KIND: Final = str(FISCAL_DEPOSIT)
"""The kind of a book's 财政专户 in `payments.book_account`: the code of its account, as text."""
SPENDING_KIND: Final = str(SPENDING_DEPOSIT)
"""The kind of a book's 支出户."""

BANK_DEPOSITS: Final = (1002, FISCAL_DEPOSIT, SPENDING_DEPOSIT, 1005)
"""Money at banks and in the treasury (收入户, 财政专户, 支出户, 国库存款): never below nothing."""
ONE_SIDED: Final[Mapping[str, Side]] = {
    **dict.fromkeys(("4101", "4201", "44", "4501"), _CR),
    **dict.fromkeys(("5101", "53", "5401"), _DR),
}
"""Beginnings of the codes whose row of 会社保02 takes this side's turnover alone (docs/adr/0022)."""

_PLACE: Final = re.compile(r"\{([A-Z_]+)\}")
_CODES: Final[dict[str, str]] = {
    name: ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    for name, value in [
        *globals().items(),
        ("FUNDS", FUNDS),
        ("EMPLOYEE_FUND", EMPLOYEE_FUND),
        ("RESIDENT_FUND", RESIDENT_FUND),
    ]
    if name.isupper() and not name.startswith("_") and name != "KNOWN" and isinstance(value, (int, tuple))
}


@cache
def coded(text: LiteralString) -> LiteralString:
    """SQL with `{MONTH_OWED}`, `{OWED}`, `{FUNDS}` filled in: codes of the program's own, so no parameters are needed.

    Raises KeyError for a name that is none: when the module is imported, not when the statement runs.
    """
    return _PLACE.sub(lambda found: _CODES[found[1]], text)
