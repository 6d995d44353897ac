"""Settings 设置: the region's dated choices with their sources, holiday tables, own accounts with their channels, accounting rules."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.words import said
from ledger.fund.region.calendar import read_years
from ledger.fund.region.choices import read_choices
from ledger.fund.region.holidays import read_proposals
from ledger.payments.orders.own_accounts import own_accounts
from ledger.rules.load import rulebook
from ledger.rules.shown import plain_line
from ledger.web.record import Ask, Offer, record_page
from ledger.web.show import Filter, address, grid_page
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line

_REASON = Ask("reason", "理由")
_FINAL: Final = "状态即终局，可即重付"
_TO_PROVE: Final = "对账单证实未扣款后可重付"


def policy(desk: Desk, _request: Request) -> Response:
    """What the region chose, since when, on which document; what waits with the old value beside the new."""
    with desk.tx() as tx:
        found = read_choices(tx)
        keys = tx.rows('SELECT key, title FROM fund.policy_key ORDER BY key COLLATE "C"')
    chosen = Grid(
        "选择", "在用的选择",
        (Column("key", "名称"), Column("title", "含义"), Column("from", "自", "day"), Column("value", "值"), Column("source", "依据"),
         Column("by", "提出"), Column("confirmed", "确认")),
        [Line((c.key, c.title, c.from_day, c.value, c.source, c.set_by, c.checker)) for c in found.chosen],
    )  # fmt: skip
    waiting = Grid(
        "待确认", "待另一人确认",
        (Column("key", "名称"), Column("title", "含义"), Column("from", "自", "day"), Column("old", "现行值"), Column("value", "提出的值"),
         Column("source", "依据"), Column("by", "提出")),
        [Line((w.key, w.title, w.from_day, w.in_force or "（按默认）", w.value, w.source, f"{w.proposed_by} {w.proposed_on}"))
         for w in found.waiting],
    )  # fmt: skip
    taken = {one.key for one in found.chosen}
    unchosen = Grid(
        "未选择", "未选择的（按默认）", (Column("key", "名称"), Column("title", "含义"), Column("may", "可填")),
        [Line((key, title, said("policy.value", key))) for key, title in keys if key not in taken],
    )  # fmt: skip
    held = {"region": desk.region}
    offers = [
        Offer(("maker",), "policy propose", "提出", held,
              (Ask("key", "名称", choices=[(key, f"{key} {title}") for key, title in keys]), Ask("value", "值"),
               Ask("since", "自何日起", "date", value=str(desk.today)), Ask("source", "依据的文件"))),
    ]  # fmt: skip
    if found.digest:
        digest = held | {"digest": found.digest}
        offers.append(Offer(("checker",), "policy confirm", f"确认以上{len(found.waiting)}项", digest))
        offers.append(Offer(("checker",), "policy refuse", "退回", digest, (_REASON,)))
    grids = [*([waiting] if found.waiting else []), chosen, unchosen]
    return record_page(desk, "统筹区的选择", (), grids, offers, here=address("policy", region=desk.region))


def calendar(desk: Desk, _request: Request) -> Response:
    """Years whose holidays are known, and tables that wait; a year that is not known is refused wherever it is asked for."""
    with desk.tx() as tx:
        years = read_years(tx)
        proposals = read_proposals(tx)
    known = Grid("节假日表", "在用的年份", (Column("year", "年份"), Column("source", "依据")),
                 [Line((str(year), source)) for year, source in years], notes=("没有节假日表的年份，凡涉及工作日的一律拒绝办理。",))  # fmt: skip
    waits = Grid(
        "提出的节假日表", "提出的节假日表",
        (Column("year", "年份"), Column("state", "状态"), Column("source", "依据"), Column("days", "放假（N）与上班（Y）"),
         Column("by", "提出"), Column("decided", "复核"), Column("reason", "理由")),
        [Line((str(p.year), said("calendar.state", p.state), p.source, p.days.replace(";", "；"), p.proposed_by, p.decided_by, p.reason))
         for p in proposals],
    )  # fmt: skip
    offers = []
    for one in proposals:
        if one.state == "proposed":
            held = {"region": desk.region, "year": one.year, "digest": one.digest}
            offers.append(Offer(("checker",), "calendar confirm", f"复核{one.year}年", held))
            offers.append(Offer(("checker",), "calendar refuse", f"退回{one.year}年", held, (_REASON,)))
    return record_page(
        desk, "节假日表", (), (known, *([waits] if proposals else [])), offers, here=address("calendar", region=desk.region)
    )  # fmt: skip


def banks(desk: Desk, _request: Request) -> Response:
    """Own accounts and the channels their files travel by, with all that a second person confirms of one."""
    with desk.tx() as tx:
        found = own_accounts(tx)
    columns = (
        Column("account", "账号"), Column("kind", "户类"), Column("name", "户名"), Column("bank", "开户行"), Column("cnaps", "行号"),
        Column("funds", "账套"), Column("channel", "通道"), Column("host", "主机"), Column("user", "用户名"), Column("folders", "目录"), Column("keys", "主机公钥"),
        Column("refusal", "银行拒绝后"), Column("by", "提出、确认"),
    )  # fmt: skip
    lines = [
        Line((
            one.number, said("account.kind", one.kind), one.name, one.bank_name, one.cnaps, "、".join(map(str, one.funds)),
            said("channel.state", one.channel) if one.channel else "未设", one.host, one.username, "；".join(one.folders), "；".join(one.host_keys),
            (_FINAL if one.final else _TO_PROVE) if one.channel else "",
            "、".join(who for who in (one.proposed_by, one.confirmed_by) if who),
        ))
        for one in found
    ]  # fmt: skip
    offers = [
        Offer(
            ("checker",),
            "bank confirm",
            f"确认{one.number}的通道",
            {"region": desk.region, "account": one.number, "version": one.version},
        )
        for one in found
        if one.channel == "proposed"
    ]
    return record_page(
        desk, "自有账户与银行通道", (), (Grid("自有账户", "自有账户", columns, lines),), offers,
        here=address("banks", region=desk.region),
    )  # fmt: skip


def rules(desk: Desk, _request: Request) -> Response:
    """Every line that the rules book, with its article; by event and accounting policy."""
    event, wanted = desk.query.get("event", ""), desk.query.get("policy", "")
    lines: list[Line] = []
    events: dict[str, str] = {}
    seen: set[str] = set()
    for (name, used), versions in rulebook().rules.items():
        for rule in versions:
            events.setdefault(name, f"{name} {rule.event.title}")
            if rule.name in seen or event not in ("", name) or wanted not in ("", used):
                continue
            seen.add(rule.name)
            for line in map(plain_line, rule.lines):
                shown = (
                    line[key]
                    for key in (
                        "section",
                        "side",
                        "account_title",
                        "amount_title",
                        "condition_title",
                        "article",
                        "note",
                    )
                )
                lines.append(Line((rule.name, rule.event.title, rule.valid_from, *shown)))
    columns = (
        Column("rule", "规则"), Column("event", "事件"), Column("from", "自", "day"), Column("section", "部分"), Column("side", "向"),
        Column("account", "科目"), Column("amount", "金额"), Column("condition", "条件"), Column("article", "依据"), Column("note", "说明"),
    )  # fmt: skip
    filters = (
        Filter("event", "事件", list(events.items())),
        Filter("policy", "会计政策", [("P1", "P1 暂付款"), ("P2", "P2 列支出")]),
    )
    return grid_page(desk, Grid("记账规则", "记账规则", columns, lines), filters=filters)
