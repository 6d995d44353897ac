"""风险: the cases the rules found, one of them on its line of time, and the steps that two persons take."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ledger.control.risk.cases import RiskCase, next_step, read_case, read_cases
from ledger.control.risk.words import EVIDENCE, begins, measured
from ledger.core.entries import FUND_NAMES
from ledger.core.errors import NotFound
from ledger.core.money import ratio_text
from ledger.core.words import said, words_of
from ledger.web.record import Ask, Offer, record_page
from ledger.web.show import Filter, Linked, address
from ledger.web.sitting import Desk
from reports.render.grid import Cell, Column, Grid, Line

_DOCUMENT = Ask("document", "依据（通知、约谈记录、决定的文号）")


def listing(desk: Desk, _request: Request) -> Response:
    """All cases, newest first; of a rule, an institution, a state."""
    q = desk.query
    with desk.tx() as tx:
        found = read_cases(
            tx, rule=q.get("rule", ""), institution=q.get("institution", ""), state=q.get("state", "")
        )
    columns = (
        Column("case", "事项"), Column("found", "发现", "day"), Column("rule", "规则"), Column("institution", "机构"), Column("name", "名称"),
        Column("period", "期间"), Column("figure", "数"), Column("threshold", "起点"), Column("state", "进展"), Column("waits", "待复核"),
    )  # fmt: skip
    lines = [
        Line((
            Linked(str(one.n), address(f"risk/{one.n}", region=desk.region)), one.found_on, said("risk.rule", one.rule), one.institution,
            one.name, one.period, measured(one.rule, one.figure), begins(one), said("risk.state", one.state),
            said("risk.step", one.waiting.step) if one.waiting else "",
        ))
        for one in found
    ]  # fmt: skip
    filters = (
        Filter("rule", "规则", list(words_of("risk.rule").items())), Filter("state", "进展", list(words_of("risk.state").items())),
        Filter("institution", "机构"),
    )  # fmt: skip
    day = Ask("day", "看哪一日", "date", value=str(desk.today - timedelta(days=1)))
    run = Offer(
        ("accountant",),
        "risk run",
        "按规则看一日",
        {"region": desk.region},
        (day,),
        note="同一规则、机构、期间只立一件。",
    )
    note = "规则每日自动运行；起点在统筹区选择中按日期设定。点编号办理。"
    grid = Grid("风险事项", "风险事项", columns, lines, notes=(note,))
    here = address("risk", region=desk.region)
    return record_page(desk, "风险", (), (grid,), (run,), filters=filters, here=here)


def one(desk: Desk, request: Request) -> Response:
    """One case: what the rule read, what was done since, what may be done next."""
    number = request.path_params["case"]
    if not (number.isascii() and number.isdigit() and len(number) < 10):
        raise NotFound("risk.unknown", f"没有风险事项{number[:20]}")
    with desk.tx() as tx:
        case = read_case(tx, int(number))
        step = next_step(tx, case, desk.today)
    terms = case.terms
    facts = (
        ("机构", f"{case.institution} {case.name}"), ("规则", said("risk.rule", case.rule)), ("期间", case.period),
        ("数", measured(case.rule, case.figure)), ("起点", begins(case)), ("看到", case.day),
        ("与前几日比较", terms.get("history")), ("少于几笔不比较", terms.get("least")), ("出院后几日内", terms.get("again_days")),
        ("账户变更后几日内", terms.get("payee_days")), ("发现", f"{case.found_on} {case.found_by}"), ("进展", said("risk.state", case.state)),
    )  # fmt: skip
    here = address(f"risk/{case.n}", region=desk.region)
    grids = (_evidence(case),) if case.evidence else ()
    return record_page(
        desk, f"风险事项 {case.n}", facts, grids, _offers(desk, case, step), here=here, template="risk.html", extra={"line": _line(case)},
    )  # fmt: skip


def _line(case: RiskCase) -> list[tuple[str, str, str]]:
    """(day, station, what) of the finding and each step."""
    line = [
        (str(case.found_on), "发现", f"{said('risk.rule', case.rule)} {measured(case.rule, case.figure)}")
    ]
    for one in case.steps:
        lower = f"，日拨付比例自{one.from_day}起{ratio_text(one.ratio)}" if one.ratio is not None else ""
        line.append(
            (
                str(one.proposed_on),
                f"提出{said('risk.step', one.step)}",
                f"{one.document}{lower}，{one.proposed_by}",
            )
        )
        if one.decided_on:
            why = f"：{one.reason}" if one.reason else ""
            station = f"{said('risk.step', one.step)}{said('risk.step_state', one.state)}"
            line.append((str(one.decided_on), station, f"{one.decided_by}{why}"))
    return line


def _evidence(case: RiskCase) -> Grid:
    named = EVIDENCE[case.rule]
    columns = [Column(key, title, "money" if key.endswith("fen") else "text") for key, title in named]
    lines = [Line(tuple(_cell(key, row.get(key)) for key, _ in named)) for row in case.evidence]
    return Grid(f"风险事项{case.n}", "规则所据的各行", columns, lines, notes=("单位：元",))


def _cell(key: str, value: Any) -> Cell:
    if key.endswith("fen"):
        return None if value is None else int(value)
    if key == "fund":
        return FUND_NAMES.get(value, str(value))
    return "" if value is None else str(value)


def _offers(desk: Desk, case: RiskCase, step: str) -> Iterator[Offer]:
    held = {"region": desk.region, "case": case.n, "date": desk.today}
    if case.digest:
        digest = held | {"digest": case.digest}
        yield Offer(("checker",), "risk confirm", "复核同意", digest)
        yield Offer(("checker",), "risk refuse", "退回", digest, (Ask("reason", "理由"),))
        return
    if step:
        asks = [_DOCUMENT]
        note = ""
        if step == "lower_ratio":
            asks += [
                Ask("ratio", "下调后的日拨付比例（如0.4）"),
                Ask("from_day", "自何日起", "date", value=str(desk.today + timedelta(days=1))),
            ]
            note = "与机构参加方式的变更一并提出、一并复核。"
        elif step == "suspend":
            note = "复核后协议即中止，未发送的款项一并停付。"
        yield Offer(
            ("maker", "accountant"),
            "risk propose",
            f"提出{said('risk.step', step)}",
            held | {"step": step},
            asks,
            note=note,
        )
    if case.state != "withdraw":
        note = "比例、协议的恢复另在定点机构处办理。"
        yield Offer(
            ("maker", "accountant"),
            "risk propose",
            "提出撤回",
            held | {"step": "withdraw"},
            (_DOCUMENT,),
            note=note,
        )
