"""Findings of audit 审核结果: the list with appeal days, one with its history, and the acts from appeal to final."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.entries import FUND_NAMES
from ledger.core.money import yuan_grouped
from ledger.core.words import said, words_of
from ledger.fund.audit.appeal import findings, history, read_finding
from ledger.web.pages.declarations import history as history_grid
from ledger.web.record import Ask, Offer, offered, record_page
from ledger.web.show import Filter, address, grid_page
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line

_NEXT = {
    "first": ("regrade", "appeal", "accept", "lapse", "cancel"),
    "appealed": ("review", "cancel"),
    "review": ("panel", "cancel"),
    "panel": ("decide", "cancel"),
    "final": ("cancel",),
}
"""What may be asked for, by state; what is allowed, by whom and until when fund.finding_transition says."""
_MAKERS = frozenset({"appeal", "review", "panel"})


def listing(desk: Desk, _request: Request) -> Response:
    """Findings, those still open first, by the day until which the institution may appeal."""
    q = desk.query
    with desk.tx() as tx:
        found = findings(tx, q.get("institution", ""), q.get("state", ""))
    found.sort(key=lambda one: (one.state in ("final", "cancelled"), one.appeal_until, one.finding_id))
    columns = (
        Column("finding", "审核结果"), Column("institution", "机构"), Column("setl_id", "结算ID"), Column("rule", "规则"),
        Column("severity", "级别"), Column("state", "状态"), Column("until", "申诉至", "day"), Column("clock", "期限"),
        Column("amount", "违规金额", "money"), Column("taken", "已扣", "money"), Column("held", "拦截"),
    )  # fmt: skip
    lines = [
        Line((
            one.finding_id, one.target.institution, one.target.setl_id, one.rule_name, said("finding.severity", one.severity),
            said("finding.state", one.state), one.appeal_until,
            "" if one.state != "first" else "已过" if one.appeal_until < desk.today else f"余{(one.appeal_until - desk.today).days}天",
            one.amount_fen, one.taken_fen or None, "拦截中" if one.held else "",
        ))
        for one in found
    ]  # fmt: skip
    filters = (
        Filter("state", "状态", list(words_of("finding.state").items())),
        Filter("institution", "机构"),
    )
    shown = Grid("审核结果", "审核结果", columns, lines, notes=("单位：元",))
    extra = {"offers": offered(desk, _offers(desk)), "here": address("findings", region=desk.region)}
    return grid_page(desk, shown, filters=filters, extra=extra)


def _offers(desk: Desk) -> Iterator[Offer]:
    """A sample that anybody can draw again, and the days for appeal from a day on."""
    held, maker = {"region": desk.region, "date": desk.today}, ("maker",)
    yield Offer(maker, "audit sample", "随机抽审", held, (
        Ask("sample_id", "抽样编号"), Ask("fund", "基金", choices=[(str(code), name) for code, name in FUND_NAMES.items()]),
        Ask("institution", "机构编码"), Ask("term", "期号（年年年年月月）"), Ask("clr_type", "清算类别（11、21、41、99）", value="21"),
        Ask("seed", "随机种子（如开奖号）"), Ask("size", "抽取笔数")), note="记下种子与抽样框，任何人可复算。")  # fmt: skip
    yield Offer(
        maker, "audit appeal-days", "设定申诉期限", held, (Ask("days", "工作日数"), Ask("source", "依据文件"))
    )


def one(desk: Desk, request: Request) -> Response:
    """One finding: what, against whom, its history, what may come next."""
    finding_id = request.path_params["finding"]
    with desk.tx() as tx:
        found = read_finding(tx, finding_id)
        events = history(tx, finding_id)
        given_back = found.taken_fen == 0 and tx.value(
            "SELECT EXISTS (SELECT 1 FROM fund.record WHERE region = %(region)s AND init_setl_id = %(setl_id)s AND init_setl_id <> '')",
            region=tx.region,
            setl_id=found.target.setl_id,
        )
    target = found.target
    facts = (
        ("机构", target.institution), ("结算ID", target.setl_id), ("险种", FUND_NAMES.get(target.fund, target.fund)),
        ("期号", target.term), ("扣款类型", said("finding.kind", found.kind)), ("级别", said("finding.severity", found.severity)),
        ("规则", f"{found.rule_id} {found.rule_name}"), ("内容", found.content), ("状态", said("finding.state", found.state)),
        ("初审金额", yuan_grouped(found.found_fen)), ("现金额", yuan_grouped(found.amount_fen)),
        ("已扣", yuan_grouped(found.taken_fen) if found.taken_fen else ""), ("申诉至", found.appeal_until),
        ("拦截", "拦截中，解除前不日拨付" if found.held else ""),
    )  # fmt: skip
    held = {"region": desk.region, "finding": finding_id, "date": desk.today}
    names = words_of("finding.event")
    offers = [
        Offer(("maker",) if event in _MAKERS else ("checker",), "audit act", names[event], {**held, "event": event}, _asks(event))
        for event in (*_NEXT.get(found.state, ()), *(("release",) if found.held else ()))
        if found.state != "final" or event != "cancel" or given_back  # what is final stands, unless its record was reversed
    ]  # fmt: skip
    person = desk.persons()
    told = [
        (e.event, e.from_state, e.to_state, person(e.user), e.on, _reason(e.reason, [person(one) for one in e.members]))
        for e in events
    ]  # fmt: skip
    return record_page(
        desk, f"审核结果 {finding_id}", facts, (history_grid(told, "finding"),), offers,
        here=address(f"findings/{finding_id}", region=desk.region),
    )  # fmt: skip


def _asks(event: str) -> tuple[Ask, ...]:
    asks = [Ask("reason", "说明")]
    if event in ("review", "decide"):
        asks.append(Ask("amount", "认定金额（元，不改则空）", needed=False))
    if event == "panel":
        asks.append(Ask("member", "合议人（姓名或用户名，逗号分隔，不少于3人）", many=True))
    if event == "regrade":
        asks.append(Ask("severity", "级别", choices=list(words_of("finding.severity").items())))
    return tuple(asks)


def _reason(reason: str, members: list[str]) -> str:
    return reason + (f"（合议：{'、'.join(members)}）" if members else "")
