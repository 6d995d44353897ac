"""One statement of the bank's: every line of it, and the match each stands in."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.errors import NotFound
from ledger.core.words import evidence_named, said
from ledger.payments.statements.listing import LineRow, statement_lines
from ledger.payments.statements.take import taken
from ledger.web.show import Linked, address, grid_page
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line

_COLUMNS = (
    Column("n", "行", "count"), Column("day", "日期", "day"), Column("amount", "金额", "money"), Column("balance", "余额", "money"),
    Column("paper", "凭据"), Column("summary", "摘要"), Column("match", "勾对"),
)  # fmt: skip


def statement(desk: Desk, request: Request) -> Response:
    """The lines of a statement, with the balances it begins and ends with. Raises NotFound `statement.none`."""
    account, number = request.path_params["account"], request.path_params["statement"]
    with desk.tx() as tx:
        found = [one for one in taken(tx, account) if str(one.n) == number]
        if not found:
            raise NotFound("statement.none", f"账户{account[:40]}没有第{number[:20]}份对账单")
        [made] = found
        lines = statement_lines(tx, account, made.n)
    shown = Grid(
        f"对账单-{account}-{made.n}", f"对账单第{made.n}份", _COLUMNS,
        [
            Line((None, made.first_day, None, made.opening_fen, "", "期初余额", ""), total=True),
            *(_line(desk, account, one) for one in lines),
            Line((None, made.last_day, sum(one.effect_fen for one in lines), made.closing_fen, "", "合计、期末余额", ""), total=True),
        ],
        heads=(f"账户{account}", f"{said('statement.form', made.form)}{made.number}", f"{made.first_day}至{made.last_day}", "单位：元"),
    )  # fmt: skip
    return grid_page(desk, shown)


def _line(desk: Desk, account: str, one: LineRow) -> Line:
    match = (
        Linked(f"第{one.match}号", address(f"matching/{account}/{one.match}", region=desk.region))
        if one.match
        else "尚未勾对"
    )
    return Line(
        (one.n, one.day, one.effect_fen, one.balance_fen, evidence_named(one.paper), one.summary, match)
    )
