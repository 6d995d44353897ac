"""`fundledger outregion`, the records: what is between two regions, its 清分 (3260–3262) and the month's bill."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, business_day, show
from ledger.cli.outregion.options import DateOption, FundOption, PartyOption, TermOption
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.outregion.bills import make_bill
from ledger.fund.outregion.care import SIDES, recognise_outregion, totals
from ledger.fund.outregion.monthly import confirm, pull, roll_back

app = typer.Typer()


@app.command()
def recognise(region: RegionOption, fund: FundOption, date: DateOption, *, as_json: JsonFlag = False) -> None:
    """确认到某日为止的异地结算：就医地记应付医院（95xx），参保地只登记。"""
    running = app_for("maker")
    day = business_day(date)
    with act(running, region, "outregion.recognise", date) as tx:
        done = recognise_outregion(tx, fund, day, day)
    refused = [{"setl_id": one.setl_id, "error": one.code, "message": one.message} for one in done.refused]
    lines = [
        f"就医地{done.care}笔，参保地{done.insured}笔，凭证{done.entries}张",
        *(one["message"] for one in refused),
    ]
    document = {"care": done.care, "insured": done.insured, "entries": done.entries, "refused": refused}
    show(document, lines, as_json=as_json)


@app.command("pull")
def pull_rows(
    region: RegionOption,
    fund: FundOption,
    year: Annotated[int, typer.Option(help="清分年")],
    month: Annotated[int, typer.Option(help="清分月")],
    startrow: Annotated[int, typer.Option(help="上一次最后的seqno")] = 0,
    side: Annotated[str, typer.Option(help="care就医地、insured参保地")] = "care",
    *,
    as_json: JsonFlag = False,
) -> None:
    """3260：取清分明细，每次至多100行。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        rows = [row._asdict() for row in pull(tx, fund, year, month, startrow, side)]
    show(
        {"rows": rows},
        [f"{row['seqno']} {row['setl_sn']} {row['optins_pay_sumamt']}" for row in rows],
        as_json=as_json,
    )


@app.command("confirm")
def confirm_rows(
    setl_id: Annotated[list[str], typer.Argument(help="结算ID，至多100个")],
    region: RegionOption,
    fund: FundOption,
    date: DateOption,
    *,
    back: Annotated[bool, typer.Option("--back", help="3262：回退")] = False,
    as_json: JsonFlag = False,
) -> None:
    """3261：确认清分；--back 为3262回退。全部成或全部不成。"""
    running = app_for("maker")
    with act(running, region, "outregion.rollback" if back else "outregion.confirm", setl_id[0]) as tx:
        count = roll_back(tx, fund, setl_id) if back else confirm(tx, fund, setl_id, business_day(date))
    show({"rolled_back" if back else "confirmed": count}, [f"{count}笔"], as_json=as_json)


@app.command("totals")
def show_totals(
    region: RegionOption, fund: FundOption, term: TermOption = 0, *, as_json: JsonFlag = False
) -> None:
    """按对方统筹区、期号合计。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = totals(tx, fund, term)
    rows: list[dict[str, Any]] = [
        {"side": side, "counterparty": party, "term": month, "records": count, "amount_fen": str(fen)}
        for side, party, month, count, fen in found
    ]
    lines = [
        f"{SIDES[side]} {party} {month} {count}笔 {yuan_grouped(fen)}元"
        for side, party, month, count, fen in found
    ]
    show({"totals": rows}, lines, as_json=as_json)


@app.command()
def bill(
    region: RegionOption,
    fund: FundOption,
    party: PartyOption,
    term: TermOption,
    date: DateOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """就医地：把已确认的清分列成账单，待送对方。"""
    running = app_for("maker")
    with act(running, region, "outregion.bill", f"{party}/{term}") as tx:
        made = make_bill(tx, fund, party, term, business_day(date))
    document = {"bill": made.bill_id, "records": made.records, "amount_fen": str(made.amount_fen)}
    show(document, [f"{made.bill_id} {made.records}笔 {yuan_grouped(made.amount_fen)}元"], as_json=as_json)
