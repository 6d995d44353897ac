"""附注: what the forms cannot show (28号, part five, 三): main items by kind, and what is owed by the memorandum section."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from ledger.books.account_months import AccountMonths
from ledger.books.chart import chart
from ledger.core.accounts import (
    CLEARING_OWED,
    DAILY_ADVANCE,
    DAILY_OWED,
    DAILY_PAID,
    MONTH_OWED,
    RETAINED,
)
from ledger.core.entries import Side
from reports.statements.filling import year_open_fen
from reports.statements.span import Span


class Note(NamedTuple):
    """One line of the notes: an account with its opening, this year's increase and decrease, and its closing, in fen."""

    part: str
    article: str
    account: int
    name: str
    opening_fen: int
    more_fen: int
    less_fen: int
    closing_fen: int

    def as_json(self) -> dict[str, str]:
        """Money as strings of integer fen."""
        return {
            "part": self.part,
            "article": self.article,
            "code": str(self.account),
            "name": self.name,
            "opening_fen": str(self.opening_fen),
            "increase_fen": str(self.more_fen),
            "decrease_fen": str(self.less_fen),
            "closing_fen": str(self.closing_fen),
        }


_COMPOSED: Final = (("1101", "一"), ("2001", "一"), ("2101", "一"), ("1201", "三"))
"""Items of the sheet shown by kind, each with the paragraph that asks for it."""
_OFF_SHEET: Final = (
    (DAILY_OWED, "已确认尚未拨付的日拨付"),
    (MONTH_OWED, "已审批尚未拨付的月结算"),
    (RETAINED, "预留的质量保证金"),
    (CLEARING_OWED, "已确认尚未拨付的年度清算"),
    (DAILY_PAID, "已拨付尚未在月结算抵扣的日拨付（备查）"),
    (DAILY_ADVANCE, "已拨付尚未在月结算抵扣的日拨付（暂付款）"),
)


def notes_of(months: AccountMonths, span: Span, fund: int, names: Mapping[int, str]) -> tuple[Note, ...]:
    """The notes at the end of a span, zero lines of the memorandum section shown too; `names` are the book's own accounts."""
    sides = {account.account: account for account in chart(fund)}
    notes = []
    for code, article in _COMPOSED:
        for account in months.accounts((code,)):
            side = Side.DEBIT if code[0] == "1" else Side.CREDIT
            name = names.get(account, str(account))
            notes.append(_note(months, span, "项目构成", article, account, name, side))
    for account, said in _OFF_SHEET:
        notes.append(_note(months, span, "未列示项目", "二", account, said, sides[account].normal_side))
    return tuple(notes)


def _note(
    months: AccountMonths, span: Span, part: str, article: str, account: int, name: str, side: Side
) -> Note:
    moved = months.turnover(account, span.first, span.last)
    if months.taken is not None:
        moved = moved.plus(months.taken.turnover(account, span.first, span.last, from_start=True))
    more, less = moved.debit_fen, moved.credit_fen
    if side is Side.CREDIT:
        more, less = less, more
    return Note(
        part,
        f"第五部分三（{article}）",
        account,
        name,
        side * year_open_fen(months, account, span.first, span.before),
        more,
        less,
        side * months.balance_fen(account, span.last),
    )
