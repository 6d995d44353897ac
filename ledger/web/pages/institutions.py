"""Institutions: agreement, how and where each is paid, what waits with old and new side by side; its year on one page."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.entries import FUND_NAMES
from ledger.core.words import said
from ledger.fund.institutions.documents import list_institutions, show_institution
from ledger.fund.institutions.master import AGREEMENT_STATES
from ledger.fund.institutions.read import read_failed
from ledger.web.record import Ask, Offer, account_asks, offered, record_page
from ledger.web.show import Filter, address, grid_page, page
from ledger.web.sitting import Desk
from reports.institution_statement import institution_statement
from reports.render.grid import Column, Grid, Line
from reports.render.statement_grid import statement_grids


def listing(desk: Desk, _request: Request) -> Response:
    """All of the region, or those of which something waits."""
    waiting_only = bool(desk.query.get("waiting"))
    with desk.tx() as tx:
        found = list_institutions(tx, desk.today, waiting_only=waiting_only)
        failed = read_failed(tx)
    columns = (
        Column("institution", "机构"), Column("name", "名称"), Column("type", "类别"), Column("level", "级别"),
        Column("agreement", "协议"), Column("from", "协议自", "day"), Column("to", "至", "day"), Column("mode", "参加方式"),
        Column("ratio", "日拨付比例"), Column("payee", "收款户名"), Column("number", "账号"), Column("bank", "开户行"),
        Column("waiting", "待确认", "count"),
    )  # fmt: skip
    lines = [
        Line((
            one.institution, one.name, said("institution.type", one.type), one.level,
            said("institution.state", one.agreement_state), one.agreement_from, one.agreement_to,
            said("enrolment.mode", one.mode or ""), "" if one.ratio is None else f"{one.ratio / 100:.2f}%",
            one.payee_name or "", one.payee_number or "", one.payee_bank or "", one.waiting or None,
        ))
        for one in found.rows
    ]  # fmt: skip
    shown = Grid("定点医药机构", "定点医药机构", columns, lines, heads=(f"{desk.today}",))
    return grid_page(
        desk,
        shown,
        extra={
            "waiting": found.waiting if waiting_only else None,
            "failed": failed,
            "person": desk.persons(),
        },
        template="institutions.html",
    )


def one(desk: Desk, request: Request) -> Response:
    """One institution, with every account it ever had."""
    with desk.tx() as tx:
        found = show_institution(tx, desk.today, request.path_params["institution"])
        failed = read_failed(tx)
    code = found.standing.institution
    return page(
        desk, "institution.html", title=found.standing.name, found=found, standing=found.standing, failed=failed, person=desk.persons(),
        offers=offered(desk, _offers(desk, code, found.standing.agreement_state)), here=address(f"institutions/{code}", region=desk.region),
    )  # fmt: skip


def _offers(desk: Desk, code: str, state: str) -> Iterator[Offer]:
    """The agreement suspended or ended at once, taken up again by two; the call by which a changed account was made sure of."""
    held = {"region": desk.region, "institution": code}
    yield Offer(
        ("maker",), "institution payee", "变更收款账户", held,
        (*account_asks(), Ask("reason", "变更的理由（机构的申请、银行的退回）")),
        note="待另一人对照原账户确认；自确认之日起用，此前仍拨原账户。",
    )  # fmt: skip
    yield Offer(
        ("maker",), "institution agreement", "协议状态", held,
        (Ask("state", "改为", choices=[(one, said("institution.state", one)) for one in sorted(AGREEMENT_STATES - {state})]),),
        note="中止、终止即时生效，未发送的款项一并停付；恢复须另一人确认。",
    )  # fmt: skip
    yield Offer(
        ("maker", "checker", "accountant", "cashier", "chief"), "institution callback", "登记对账户变更的回访", held,
        (Ask("number", "所拨的电话（取自协议档案）"), Ask("spoke_with", "与谁通话"), Ask("called_on", "日期", "date", value=str(desk.today)),
         Ask("called_at", "时间（时:分）")),
        note="由提出、确认账户以外的另一人办理，暂缓即告结束。",
    )  # fmt: skip


def statement(desk: Desk, request: Request) -> Response:
    """What was owed, paid, deducted and is still owed in a service year; every figure down to its vouchers."""
    code = request.path_params["institution"]
    q = desk.query
    fund = int(q["fund"]) if q.get("fund") in {str(one) for one in FUND_NAMES} else next(iter(FUND_NAMES))
    year = int(q["year"]) if len(q.get("year", "")) == 4 and q["year"].isdigit() else desk.today.year
    with desk.tx() as tx:
        made = institution_statement(tx, fund, code, year)
    facts = (
        ("险种", FUND_NAMES[fund]), ("年度", year), ("本页平衡", "是" if made.conserved else "否：请内控核查"),
        ("与结算记录相符", "是" if made.records_agree else "否：请内控核查"),
    )  # fmt: skip
    filters = (
        Filter("fund", "险种", [(str(one), name) for one, name in FUND_NAMES.items()], value=str(fund)),
        Filter("year", "年度", value=str(year)),
    )
    return record_page(
        desk, f"{code} 年度对账单", facts, statement_grids(made), filters=filters,
        here=address(f"institutions/{code}/statement", region=desk.region, fund=fund, year=year),
    )  # fmt: skip
