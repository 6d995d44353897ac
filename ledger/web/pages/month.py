"""The monthly sheets of a term, all at once under one digest; and one sheet with each term of its formula opened up."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.entries import FUND_NAMES
from ledger.core.words import said
from ledger.fund.month.approve_all import declared_in, list_of_sheets
from ledger.fund.month.store import list_sheets, read_sheet
from ledger.web.pages.declarations import term_of
from ledger.web.record import Offer, record_page
from ledger.web.show import Filter, address, grid_page
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line


def sheets(desk: Desk, _request: Request) -> Response:
    """What every institution of a term comes to, and what may be done about it."""
    fund, term = term_of(desk)
    with desk.tx() as tx:
        found = list_sheets(tx, term, fund)
        shown = list_of_sheets(tx, term, fund, found) if found else None
        declared = declared_in(tx, term, fund)
    columns = (
        Column("sheet", "月结算单"), Column("institution", "机构"), Column("state", "状态"), Column("result", "应付", "money"),
        Column("due", "付款期限", "day"),
    )  # fmt: skip
    lines = [
        Line(
            (
                one.sheet_id,
                one.scope.institution,
                said("sheet.state", one.state),
                one.result_fen,
                one.figures.due_on,
            )
        )
        for one in found
    ]
    lines.append(Line(("合计", "", "", sum(one.result_fen for one in found), None), total=True))
    grid = Grid(
        f"月结算-{fund}-{term}", "月结算", columns, lines, heads=(FUND_NAMES[fund], f"期号{term}", "单位：元")
    )
    extra = {
        "fund": fund, "term": term, "declared": len(declared), "digest": shown.shown if shown else "",
        "waits": sum(one.state == "draft" for one in found),
    }  # fmt: skip
    filters = (
        Filter("fund", "险种", [(str(code), name) for code, name in FUND_NAMES.items()], value=str(fund)), Filter("term", "期号", value=str(term)),
    )  # fmt: skip
    return grid_page(desk, grid, filters=filters, extra=extra, template="month.html")


def one(desk: Desk, request: Request) -> Response:
    """One sheet: N = opening carry + F × ratio − audit − other − offsets − paid by the day, each term line by line (art. 19)."""
    with desk.tx() as tx:
        sheet = read_sheet(tx, request.path_params["sheet"])
    figures, lines, person = sheet.figures, sheet.figures.lines, desk.persons()
    terms = (
        ("＋期初结转", sum(one.month_open_fen for one in lines)), ("＋结算额×比例", sum(one.rounded_fen for one in lines)),
        ("－审核扣款", -sum(one.audit_fen for one in lines)), ("－其他扣款", -sum(one.other_fen for one in lines)),
        ("－抵扣", -sum(one.offset_fen for one in lines)), ("－已日拨付", -sum(one.paid_daily_fen for one in lines)),
    )  # fmt: skip
    formula = [Line(term) for term in terms] + [Line(("应付 N", sheet.result_fen), total=True)]
    columns = (
        Column("term", "期号"), Column("category", "待遇类别"), Column("subfund", "账目"), Column("type", "清算类别"),
        Column("records", "结算笔数", "count"), Column("open", "期初结转", "money"), Column("fund", "结算额F", "money"),
        Column("ratio", "比例"), Column("rounded", "F×比例", "money"), Column("retained", "预留", "money"),
        Column("audit", "审核扣款", "money"), Column("other", "其他扣款", "money"), Column("offset", "抵扣", "money"),
        Column("paid", "已日拨付", "money"), Column("result", "应付", "money"),
    )  # fmt: skip
    rows = [
        Line((
            str(one.key.term), said("category", one.key.category), said("subfund", one.key.subfund), one.clr_type, one.records,
            one.month_open_fen, one.fund_fen, f"{one.ratio / 100:.2f}%", one.rounded_fen, one.retained_fen, one.audit_fen,
            one.other_fen, one.offset_fen, one.paid_daily_fen, one.result_fen,
        ))
        for one in lines
    ]  # fmt: skip
    takings = [
        Line((said("taking.kind", one.kind), one.reference if one.kind == "finding" else "",
              "" if one.kind == "finding" else one.reference, one.amount_fen))
        for one in figures.takings
    ]  # fmt: skip
    grids = [
        Grid(
            "公式",
            "应付的构成（第十九条）",
            (Column("what", "项目"), Column("amount", "金额", "money")),
            formula,
        ),
        Grid("明细", "各项由来（期号、待遇类别、账目）", columns, rows),
    ]
    if takings:
        kinds = (
            Column("kind", "种类"),
            Column("finding", "审核结果"),
            Column("ref", "编号"),
            Column("amount", "金额", "money"),
        )
        grids.append(Grid("扣减", "所扣审核结果、其他扣款、预付金", kinds, takings))
    facts = (
        ("机构", sheet.scope.institution), ("险种", FUND_NAMES[sheet.scope.fund]), ("期号", sheet.scope.term),
        ("状态", said("sheet.state", sheet.state)), ("月结算比例", f"{figures.month_ratio / 100:.2f}%"),
        ("结算笔数", figures.records), ("截止", figures.cutoff), ("付款期限", figures.due_on),
        ("编制", f"{person(sheet.prepared_by)} {sheet.prepared_on}"), ("审批", f"{person(sheet.approved_by)} {sheet.approved_on or ''}".strip()),
        ("凭证", sheet.entry),
    )  # fmt: skip
    offers = []
    if sheet.state == "draft":
        held = {"region": desk.region, "sheet": sheet.sheet_id, "digest": sheet.digest.hex()}
        offers.append(Offer(("checker",), "month approve", "审批", held))
    here = address(f"sheets/{sheet.sheet_id}", region=desk.region)
    return record_page(desk, f"月结算单 {sheet.sheet_id}", facts, grids, offers, here=here)
