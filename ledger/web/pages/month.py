"""The monthly sheets of a term: all that are declared prepared at once, all that are shown approved under one digest."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ledger.books.reading import parse_period
from ledger.core.entries import FUND_NAMES
from ledger.core.words import said
from ledger.fund.month.approve_all import declared_in, list_of_sheets
from ledger.fund.month.store import list_sheets
from ledger.web.show import Filter, grid_page
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line


def sheets(desk: Desk, _request: Request) -> Response:
    """What every institution of a term comes to, and what may be done about it."""
    asked = desk.query.get("fund", "")
    fund = int(asked) if asked in {str(one) for one in FUND_NAMES} else next(iter(FUND_NAMES))
    last = desk.today.year * 12 + desk.today.month - 2  # the term before this month
    term = parse_period(desk.query["term"]) if desk.query.get("term") else last // 12 * 100 + last % 12 + 1
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
        Filter("fund", "险种", [(str(code), name) for code, name in FUND_NAMES.items()]), Filter("term", "期号"),
    )  # fmt: skip
    return grid_page(desk, grid, filters=filters, extra=extra, template="month.html")
