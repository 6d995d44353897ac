"""`fundledger layers`: who pays which part of a bill, per record and day; the map of fund_pay_type."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show
from ledger.core.dates import parse_day
from ledger.core.money import yuan_grouped
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.layers.map import PAYERS, map_type
from ledger.fund.layers.store import read_bill, totals

app = typer.Typer(help="一单式：各方承担", no_args_is_help=True)


@app.command()
def bill(
    setl_id: Annotated[str, typer.Argument(help="结算ID")], region: RegionOption, *, as_json: JsonFlag = False
) -> None:
    """一张单：各方承担多少，合计等于总额。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = read_bill(tx, setl_id)
    document = {
        "setl_id": found.setl_id,
        "day": found.day.isoformat(),
        "medfee_fen": str(found.medfee_fen),
        "shares": {payer: str(fen) for payer, fen in found.shares.items()},
        "rows": [
            {"fund_pay_type": code, "fen": str(fen), "payer": row.payer, "source": row.source}
            for code, fen, row in found.rows
        ],
    }
    lines = [f"{PAYERS[payer]} {yuan_grouped(fen)}元" for payer, fen in found.shares.items() if fen]
    show(document, [*lines, f"合计 {yuan_grouped(found.medfee_fen)}元"], as_json=as_json)


@app.command("totals")
def day_totals(
    region: RegionOption,
    first: Annotated[str, typer.Option("--from", help="起日")],
    last: Annotated[str, typer.Option("--to", help="止日")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """按日、按承担方合计。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = totals(tx, parse_day(first), parse_day(last))
    days = [
        {"day": day.isoformat(), "bills_fen": str(fen), "shares": {k: str(v) for k, v in shares.items()}}
        for day, shares, fen in found
    ]
    lines = [
        f"{day} 合计{yuan_grouped(fen)}元："
        + "、".join(f"{PAYERS[payer]}{yuan_grouped(part)}元" for payer, part in shares.items() if part)
        for day, shares, fen in found
    ]
    show({"days": days}, lines, as_json=as_json)


@app.command("map")
def map_code(
    code: Annotated[str, typer.Argument(help="基金支付类型，6位，或前4位")],
    payer: Annotated[str, typer.Argument(help="承担方")],
    region: RegionOption,
    since: Annotated[str, typer.Option("--from", help="起始日")],
    source: Annotated[str, typer.Option(help="依据")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """登记本统筹区的基金支付类型对照，自某日起。"""
    running = app_for("accountant")
    with act(running, region, "layers.map", code) as tx:
        map_type(tx, code, payer, parse_day(since), source)
    show(
        {"fund_pay_type": code, "payer": payer, "from": since},
        [f"{code} 自{since}起为{said('layer.payer', payer)}"],
        as_json=as_json,
    )
