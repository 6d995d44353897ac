"""机构年度对账单 on the terminal: the figures, the equation, and what each part rests on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from moneyed import Money
from rich.table import Table
from rich.text import Text

from ledger.core.cny import grouped
from ledger.core.entries import FUND_NAMES
from ledger.core.words import evidence_named, said
from ledger.fund.advances.offset import KIND_NAMES
from reports.institution_statement import SUBFUND_NAMES, InstitutionStatement
from reports.wording import printable

RECOVERIES: Final = {"offset": "月结抵扣", "cash": "现金收回"}


def statement_tables(page: InstitutionStatement) -> Iterator[Table]:
    """The page from top to bottom."""
    yield _figures(page)
    yield _rows(
        "结算记录（按期号）",
        ("子基金", "期号", "笔数", "已结算笔数", "基金金额", "日拨付应付"),
        (
            (
                SUBFUND_NAMES[row.subfund],
                row.term,
                row.records,
                row.settled,
                grouped(row.fund),
                grouped(row.daily),
            )
            for row in page.records
        ),
    )
    yield _rows(
        "月结单与清算确认书",
        ("单号", "种类", "期号", "结算金额", "凭证"),
        (
            (paper.paper, paper.what, paper.term or "", grouped(paper.result), paper.entry)
            for paper in page.papers
        ),
    )
    yield _rows(
        "暂付款（预付金、按月预拨、集采直接结算）" + ("" if page.advances.agree else "  与账面不符！"),
        ("编号", "种类", "收回方式", "年初在外", "本年付出", "本年收回", "尚在外", "应收回日"),
        (
            (
                row.advance_id,
                KIND_NAMES[row.kind],
                RECOVERIES[row.recovery],
                *map(grouped, row.columns),
                row.due_on,
            )
            for row in page.advances.rows
        ),
    )
    yield _rows(
        "拨付单与回单",
        ("拨付单", "种类", "状态", "本年度金额", "回单"),
        (
            (
                order.order_no,
                said("kind", order.kind),
                said("order.state", order.state),
                grouped(order.amount),
                _receipts(order.receipts),
            )
            for order in page.orders
        ),
    )


def equation(page: InstitutionStatement) -> str:
    """The identity in figures, checked."""
    received, paid, refunded, taken, owed = (
        grouped(page.money_of(part)) for part in ("received", "paid", "refunded", "taken", "owed")
    )
    mark = "平" if page.conserved and page.records_agree else "不平！"
    return f"应得{received} ＝ 已付及抵扣{paid} － 已退回{refunded} ＋ 扣减{taken} ＋ 尚欠{owed}  （{mark}）"


def _figures(page: InstitutionStatement) -> Table:
    title = (
        f"机构年度对账单  {page.institution} {page.name}  {FUND_NAMES[page.fund]}  {page.year}年度  单位：元"
    )
    table = Table(
        title=_text(title), caption=_text(equation(page)), title_justify="left", caption_justify="left"
    )
    for heading in ("项目", "科目"):
        table.add_column(heading, no_wrap=True)
    for heading in (*SUBFUND_NAMES.values(), "合计"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("凭证", no_wrap=True)
    part = page.figures[0].kind.part
    for figure in page.figures:
        if figure.kind.part != part:
            table.add_section()
            part = figure.kind.part
        made_of = figure.entries
        opens = (
            f"{made_of[0].voucher}…共{len(made_of)}张"
            if len(made_of) > 1
            else "".join(e.voucher for e in made_of)
        )
        table.add_row(
            figure.kind.title,
            "/".join(map(str, figure.kind.accounts)),
            *map(_amount, figure.columns),
            _text(opens),
        )
    return table


def _rows(title: str, headings: tuple[str, ...], rows: Iterator[tuple[object, ...]]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, no_wrap=True)
    for row in rows:
        table.add_row(*(_text(str(cell)) for cell in row))
    return table


def _receipts(listed: str) -> str:
    """`-bker:R1@2026-10-13，…` in words: 退 before what came back."""
    found = []
    for one in filter(None, listed.split("，")):
        back = one.startswith("-")
        found.append(("退回 " if back else "") + evidence_named(one.removeprefix("-")))
    return "，".join(found)


def _amount(money: Money) -> Text:
    return Text(grouped(money) if money else "", style="red" if money.amount < 0 else "")


def _text(words: str) -> Text:
    return Text(printable(words))
