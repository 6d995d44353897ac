"""`fundledger cash request-plan|request-float|plan`: 请款 by a month's plan and as a float; the plan beside what was paid."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, business_day, show
from ledger.core.errors import InvalidInput
from ledger.core.money import parse_fen, yuan_grouped
from ledger.core.words import said, words_of
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.cash.fund_request import FundRequest
from ledger.fund.cash.plans import request_float, request_plan, shown
from ledger.fund.ordering.forecast import KIND_NAMES, KINDS

app = typer.Typer()

FundOption = Annotated[int, typer.Option("--fund", help="基金：310职工，390居民")]
DateOption = Annotated[str, typer.Option("--date", help="业务日期 YYYY-MM-DD")]
AmountOption = Annotated[str, typer.Option("--amount", help="金额，元")]
MonthOption = Annotated[int, typer.Option(help="月份 YYYYMM")]


@app.command("request-plan")
def request_plan_command(
    region: RegionOption,
    fund: FundOption,
    month: MonthOption,
    date: DateOption,
    planned: Annotated[
        list[str], typer.Option("--planned", help="种类=金额，如daily=120000.00；可多次：" + "、".join(KINDS))
    ],
    amount: Annotated[str, typer.Option(help="金额，元；默认为计划减可用")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """按月用款计划请款（不记账），待另一人复核；统筹区须选此方式（fund_request_basis）。"""
    running, by_kind = app_for("maker"), _planned(planned)
    with act(running, region, "cash.request_plan", f"{fund}/{month}") as tx:
        made = request_plan(tx, fund, month, by_kind, business_day(date), parse_fen(amount) if amount else 0)
    show(request_json(made), [request_words(made)], as_json=as_json)


@app.command("request-float")
def request_float_command(
    region: RegionOption,
    fund: FundOption,
    amount: AmountOption,
    date: DateOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """请拨周转金（不记账），待另一人复核；限额为float_limit，供日拨付周转。"""
    running = app_for("maker")
    with act(running, region, "cash.request_float", f"{fund}/{amount}") as tx:
        made = request_float(tx, fund, parse_fen(amount), business_day(date))
    show(request_json(made), [request_words(made)], as_json=as_json)


@app.command("plan")
def plan_command(
    region: RegionOption, fund: FundOption, month: MonthOption, *, as_json: JsonFlag = False
) -> None:
    """月用款计划与实际：各类款项计划、已付，请款与到账，周转金。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = shown(tx, fund, month)
    document = {
        "fund": fund,
        "month": month,
        "state": found.state,
        "lines": [
            {"kind": one.kind, "planned_fen": str(one.planned_fen), "paid_fen": str(one.paid_fen)}
            for one in found.lines
        ],
        "asked_fen": str(found.asked_fen),
        "granted_fen": str(found.granted_fen),
        "float_fen": str(found.float_fen),
    }
    state = said("fund_request.state", found.state) if found.state else "没有计划"
    lines = [f"{month}用款计划：{state}"]
    lines += [
        f"{KIND_NAMES[one.kind]} 计划{yuan_grouped(one.planned_fen)}元 已付{yuan_grouped(one.paid_fen)}元"
        f" 差{yuan_grouped(one.planned_fen - one.paid_fen)}元"
        for one in found.lines
    ]
    lines.append(
        f"请款{yuan_grouped(found.asked_fen)}元，到账{yuan_grouped(found.granted_fen)}元，周转金{yuan_grouped(found.float_fen)}元"
    )
    show(document, lines, as_json=as_json)


def _planned(told: list[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for one in told:
        kind, _, yuan = one.partition("=")
        if kind in found or not yuan:
            raise InvalidInput("cash.plan", f"用款计划“{one[:40]}”应为种类=金额，每类一次")
        found[kind] = parse_fen(yuan)
    return found


def request_json(one: FundRequest) -> dict[str, object]:
    """A request for machines; money in fen as text."""
    return {
        "request": one.request_id,
        "fund": one.fund,
        "basis": one.basis,
        "month": one.month,
        "upto": one.upto.isoformat(),
        "state": one.state,
        "forecast_fen": str(one.forecast_fen),
        "available_fen": str(one.available_fen),
        "amount_fen": str(one.amount_fen),
        "granted_fen": str(one.granted_fen),
        "receipt": one.receipt_no,
    }


def request_words(one: FundRequest) -> str:
    """A request in a line."""
    state = words_of("fund_request.state")[one.state]
    how = "" if one.basis == "due" else said("fund_request.basis", one.basis) + " "
    return f"请款{one.request_id} {how}截至{one.upto} {yuan_grouped(one.amount_fen)}元 {state}"
