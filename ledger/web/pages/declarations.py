"""Declarations of a term 期号: every institution's line, compared, declared, accepted, audited; all that are ready at once."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from ledger.books.reading import parse_period
from ledger.core.entries import FUND_NAMES
from ledger.core.words import said
from ledger.fund.declare.claim import read_declaration
from ledger.fund.declare.declaration import due_days
from ledger.fund.declare.listing import declaration_events, term_lines
from ledger.web.record import Ask, Offer, offered, record_page
from ledger.web.show import Filter, address, grid_page
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line

_REASON = Ask("reason", "原因")
_NEXT = {
    "10": (("accept", "受理"), ("reject", "驳回")),
    "20": (("audit", "开始审核"), ("reject", "驳回")),
    "30": (("audited", "审核完成"),),
}
"""What may come next of a declaration, by its clr_stas: what to offer; what is allowed fund.declaration_transition says."""


def term_of(desk: Desk) -> tuple[int, int]:
    """Fund and 期号 looked at: those named, else the first fund and the month before the business date's."""
    asked = desk.query.get("fund", "")
    fund = int(asked) if asked in {str(one) for one in FUND_NAMES} else next(iter(FUND_NAMES))
    last = desk.today.year * 12 + desk.today.month - 2
    term = parse_period(desk.query["term"]) if desk.query.get("term") else last // 12 * 100 + last % 12 + 1
    return fund, term


def listing(desk: Desk, _request: Request) -> Response:
    """The lines of a fund's term; those not declared yet first."""
    fund, term = term_of(desk)
    with desk.tx() as tx:
        found = term_lines(tx, fund, term)
    on_time, last = due_days(term)
    found.sort(key=lambda one: (one.state != "", one.institution, one.clr_type))
    columns = (
        Column("institution", "机构"), Column("name", "名称"), Column("clr_type", "清算类别"), Column("reconciled", "对账"),
        Column("differences", "未决差异", "count"), Column("records", "结算笔数", "count"), Column("declaration", "申报编号"),
        Column("state", "申报状态"), Column("late", "逾期"), Column("amount", "基金申报额", "money"),
    )  # fmt: skip
    lines = [
        Line((
            one.institution, one.name, one.clr_type or "—", said("reconciliation.state", one.reconciled), one.differences or None,
            one.records or None, one.declaration_id, said("declaration.state", one.state) if one.state else "未申报",
            "逾期" if one.late else "", one.fund_fen if one.declaration_id else None,
        ))
        for one in found
    ]  # fmt: skip
    owing = len({one.institution for one in found} - {one.institution for one in found if one.declaration_id})
    ready = sum(one.state == "" and one.reconciled == "agreed" for one in found)
    shown = Grid(
        f"申报-{fund}-{term}", "月度申报", columns, lines,
        heads=(FUND_NAMES[fund], f"期号{term}", f"按时申报至{on_time}，最迟{last}", f"未申报{owing}家", f"对账一致待申报{ready}家次"),
    )  # fmt: skip
    here = address("declarations", region=desk.region, fund=fund, term=term)
    every = Offer(
        ("maker",), "declare apply", f"申报全部（{ready}家次）",
        {"region": desk.region, "fund": fund, "term": term, "date": desk.today, "every": True},
        note="不能申报的逐家列明原因。",
    )  # fmt: skip
    filters = (
        Filter("fund", "险种", [(str(code), name) for code, name in FUND_NAMES.items()], value=str(fund)), Filter("term", "期号", value=str(term)),
    )  # fmt: skip
    return grid_page(
        desk, shown, filters=filters, extra={"offers": offered(desk, [every] if ready else []), "here": here}
    )


def one(desk: Desk, request: Request) -> Response:
    """One declaration: its totals, its history, what may come next."""
    declaration_id = request.path_params["declaration"]
    with desk.tx() as tx:
        found = read_declaration(tx, declaration_id)
        events = declaration_events(tx, declaration_id)
    claim, person = found.claim, desk.persons()
    amounts = (
        ("医疗费总额", claim.medfee_fen), ("医保认可费用", claim.med_sumfee_fen), ("基金申报总额", claim.fund_appy_fen),
        ("现金支付", claim.cash_fen), ("个人账户支付", claim.acct_fen), ("本账套统筹基金", found.pool_fen),
        ("本账套个人账户", found.book_acct_fen),
    )  # fmt: skip
    scope = found.scope
    facts = (
        ("机构", scope.institution), ("险种", FUND_NAMES.get(scope.fund, scope.fund)), ("期号", scope.term),
        ("清算类别", scope.clr_type), ("状态", "已撤销" if found.withdrawn else said("declaration.state", found.state)),
        ("逾期", "是" if found.late else ""), ("结算笔数", found.records), ("清算人次", claim.psntime),
        ("申报人", f"{person(found.declared_by)} {found.declared_on}"),
    )  # fmt: skip
    held = {"region": desk.region, "declaration": found.declaration_id, "date": desk.today}
    offers = []
    if not found.withdrawn:
        offers = [
            Offer(("checker",), "declare advance", word, {**held, "event": event}, (_REASON,) if event == "reject" else ())
            for event, word in _NEXT.get(found.state, ())
        ]  # fmt: skip
        if found.state == "10":
            offers.append(Offer(("maker",), "declare withdraw", "撤销申报", held, (_REASON,)))
    return record_page(
        desk, f"申报 {found.declaration_id}", facts,
        (
            Grid("金额", "申报金额", (Column("what", "项目"), Column("amount", "金额", "money")), [Line(row) for row in amounts]),
            history([(e.event, e.from_state, e.to_state, person(e.user), e.on, e.reason) for e in events], "declaration"),
        ),
        offers, here=address(f"declarations/{found.declaration_id}", region=desk.region),
    )  # fmt: skip


def history(events: Sequence[tuple[str, str, str, str, object, str]], of: str) -> Grid:
    """(event, from, to, who, day, reason) in order, in words of the family `of`."""
    columns = (
        Column("on", "日期"), Column("event", "经过"), Column("from", "自"), Column("to", "至"), Column("user", "办理人"),
        Column("reason", "说明"),
    )  # fmt: skip
    lines = [
        Line((str(on), said(f"{of}.event", event), said(f"{of}.state", before) if before else "", said(f"{of}.state", after),
              user, reason))
        for event, before, after, user, on, reason in events
    ]  # fmt: skip
    return Grid("经过", "经过", columns, lines)
