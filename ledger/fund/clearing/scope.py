"""Annual clearing 年度清算 (arts. 21–25, 附件3): its scope, its dated choices, the words of the confirmation letter.

A letter speaks of one institution, one book and one year, or, where the region clears by quarter, of a quarter. A
year's letter counts what quarters have cleared as paid, and what earlier years' letters counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from ledger.core.errors import Conflict, InvalidInput
from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction
from ledger.fund.month.sheet import Key
from ledger.fund.region.policy import choice

Period = Literal["year", "Q1", "Q2", "Q3", "Q4"]
PERIODS: Final[Mapping[str, Period]] = {
    "year": "year", "Q1": "Q1", "Q2": "Q2", "Q3": "Q3", "Q4": "Q4",
}  # fmt: skip

PARTS: Final = words_of("letter.part")
"""The form's split of row 6; a basic book has the first two, the others belong to books of their own."""

ROWS: Final = {
    1: "定点医药机构申报的本基金金额",
    2: "医保经办机构根据协议约定审核扣减违规费用",
    4: "根据协议考核扣减的质量保证金额度",
    5: "其他扣款（含超支分担，减结余留用）",
    6: "医保经办机构应支付的资金总额",
    7: "已拨付（含日拨付、月结算、季度清算、抵扣结清）",
    8: "退费抵扣",
    9: "清算应付费用",
}
"""附件3. Row 1 is the fund amount claimed, though the form prints 医疗费用总额; row 3 is the grade."""

CUTOFF_DEFAULT: Final = "02-10"


@dataclass(frozen=True, slots=True)
class LetterScope:
    """What one letter speaks of."""

    fund: int
    institution: str
    year: int
    period: Period

    @property
    def terms(self) -> tuple[int, int]:
        """First and last 期号 of the year or quarter."""
        quarter = 0 if self.period == "year" else int(self.period[1])
        first = 1 if not quarter else 3 * quarter - 2
        return self.year * 100 + first, self.year * 100 + (12 if not quarter else first + 2)

    def holds(self, key: Key) -> bool:
        """Whether a key may belong to it: a quarter has its own 期号 of its own year, a year every earlier key too."""
        first, last = self.terms
        if self.period != "year":
            return key.service_year == self.year and first <= key.term <= last
        return key.service_year <= self.year

    def letter_id(self, region: int, version: int) -> str:
        """`CL420100-310-2026-YEAR-H42010000001-1`."""
        return f"CL{region}-{self.fund}-{self.year}-{self.period.upper()}-{self.institution}-{version}"

    @property
    def title(self) -> str:
        """`2026年度` or `2026年第1季度`."""
        return f"{self.year}年度" if self.period == "year" else f"{self.year}年第{self.period[1]}季度"


def period_named(text: str) -> Period:
    """`year`, `Q1` … `Q4`; raises InvalidInput `clearing.period`."""
    if text not in PERIODS:
        raise InvalidInput("clearing.period", f"清算期“{text[:10]}”不合规：应为year、Q1、Q2、Q3或Q4")
    return PERIODS[text]


def cutoff_of(tx: Transaction, year: int) -> date:
    """Until when costs of `year` may be declared (art. 23): 10 February of the next year, or the region's choice.

    Raises InvalidInput `clearing.cutoff` for a choice that is no day of that year.
    """
    value = choice(tx, "clearing_cutoff", date(year + 1, 1, 1), CUTOFF_DEFAULT)
    try:
        return date.fromisoformat(f"{year + 1}-{value}")
    except ValueError:
        raise InvalidInput("clearing.cutoff", f"申报截止日{value}不是{year + 1}年的日期") from None


def require_period(tx: Transaction, scope: LetterScope, day: date) -> None:
    """A quarter is cleared only where the region chose so, and never before it is over.

    Raises Conflict `clearing.no_quarters`, `clearing.not_over`.
    """
    if scope.period != "year" and choice(tx, "clearing_quarterly", day, "N") != "Y":
        raise Conflict("clearing.no_quarters", "本统筹区没有选择按季清算", period=scope.period)
    last = scope.terms[1]
    if (day.year, day.month) <= divmod(last, 100):
        raise Conflict("clearing.not_over", f"{scope.title}尚未结束，不能清算", term=last)
