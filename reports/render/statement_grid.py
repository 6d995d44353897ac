"""机构年度对账单 as tables: the figures with their equation, then what each part rests on."""

from __future__ import annotations

from ledger.core.entries import FUND_NAMES
from ledger.core.words import evidence_named, said
from ledger.fund.advances.offset import KIND_NAMES
from reports.institution_statement import SUBFUND_NAMES, InstitutionStatement
from reports.render.grid import Column, Grid, Line
from reports.render.statement_table import RECOVERIES, equation


def statement_grids(page: InstitutionStatement) -> list[Grid]:
    """The page from top to bottom; parts without rows are left out, the figures never."""
    parts = [_records(page), _papers(page), _advances(page), _orders(page)]
    return [_figures(page), *(part for part in parts if part.lines)]


def _figures(page: InstitutionStatement) -> Grid:
    sums = [Column(f"{key}_fen", name, "money") for key, name in SUBFUND_NAMES.items()]
    columns = [
        Column("item", "项目"),
        Column("accounts", "科目"),
        *sums,
        Column("total_fen", "合计", "money"),
        Column("vouchers", "凭证"),
    ]
    lines = []
    for figure in page.figures:
        made_of = figure.entries
        opens = f"{made_of[0].voucher}…共{len(made_of)}张" if len(made_of) > 1 else ""
        if len(made_of) == 1:
            opens = made_of[0].voucher
        accounts = "/".join(map(str, figure.kind.accounts))
        lines.append(
            Line([figure.kind.title, accounts, *figure.by_subfund.values(), figure.total_fen, opens])
        )
    return Grid(
        f"statement-{page.institution}-{page.fund}-{page.year}",
        "定点医药机构年度对账单",
        columns,
        lines,
        heads=[
            f"机构：{page.institution} {page.name}　{FUND_NAMES[page.fund]}　{page.year}年度　单位：元",
        ],
        notes=[equation(page)],
        signers=["经办机构：", "复核：", "定点医药机构（盖章）："],
    )


def _part(
    page: InstitutionStatement, name: str, title: str, columns: list[Column], lines: list[Line]
) -> Grid:
    heads = [f"机构：{page.institution} {page.name}　{page.year}年度　单位：元"]
    return Grid(f"{name}-{page.institution}", title, columns, lines, heads=heads)


def _records(page: InstitutionStatement) -> Grid:
    columns = [
        Column("subfund", "子基金"),
        Column("term", "期号"),
        Column("records", "笔数", "count"),
        Column("settled", "已结算笔数", "count"),
        Column("fund_fen", "基金金额", "money"),
        Column("daily_fen", "日拨付应付", "money"),
    ]
    lines = [
        Line(
            [SUBFUND_NAMES[row.subfund], str(row.term), row.records, row.settled, row.fund_fen, row.daily_fen]
        )
        for row in page.records
    ]
    return _part(page, "records", "结算记录（按期号）", columns, lines)


def _papers(page: InstitutionStatement) -> Grid:
    columns = [
        Column("paper", "单号"),
        Column("what", "种类"),
        Column("term", "期号"),
        Column("result_fen", "结算金额", "money"),
        Column("entry", "凭证"),
    ]
    lines = [
        Line([row.paper, row.what, str(row.term or ""), row.result_fen, row.entry]) for row in page.papers
    ]
    return _part(page, "papers", "月结单与清算确认书", columns, lines)


def _advances(page: InstitutionStatement) -> Grid:
    columns = [
        Column("advance_id", "编号"),
        Column("kind", "种类"),
        Column("recovery", "收回方式"),
        Column("opening_fen", "年初在外", "money"),
        Column("paid_fen", "本年付出", "money"),
        Column("taken_fen", "本年收回", "money"),
        Column("out_fen", "尚在外", "money"),
        Column("due_on", "应收回日", "day"),
    ]
    lines = [
        Line(
            [
                row.advance_id,
                KIND_NAMES[row.kind],
                RECOVERIES[row.recovery],
                row.opening_fen,
                row.paid_fen,
                row.taken_fen,
                row.out_fen,
                row.due_on,
            ]
        )
        for row in page.advances.rows
    ]
    warned = "" if page.advances.agree else "（与账面不符！）"
    return _part(page, "advances", f"暂付款{warned}", columns, lines)


def _orders(page: InstitutionStatement) -> Grid:
    columns = [
        Column("order_no", "拨付单"),
        Column("kind", "种类"),
        Column("state", "状态"),
        Column("amount_fen", "本年度金额", "money"),
        Column("receipts", "回单"),
    ]
    lines = [
        Line(
            [
                row.order_no,
                said("kind", row.kind),
                said("order.state", row.state),
                row.amount_fen,
                "，".join(map(_receipt, filter(None, row.receipts.split("，")))),
            ]
        )
        for row in page.orders
    ]
    return _part(page, "orders", "拨付单与回单", columns, lines)


def _receipt(one: str) -> str:
    return ("退回 " if one.startswith("-") else "") + evidence_named(one.removeprefix("-"))
