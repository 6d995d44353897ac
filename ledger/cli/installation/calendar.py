"""`fundledger calendar`: the years whose holidays are known; next year's table by two persons."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.region.calendar import read_years
from ledger.fund.region.holidays import (
    confirm_calendar,
    propose_calendar,
    read_proposals,
    read_table,
    refuse_calendar,
)

app = typer.Typer(help="节假日表", no_args_is_help=True)

YearArgument = Annotated[int, typer.Argument(help="年份YYYY")]
DigestOption = Annotated[str, typer.Option("--digest", help="所核对的节假日表的摘要")]


@app.command("import")
def import_table(
    file: Annotated[Path, typer.Argument(help="CSV：year,day,working,source")],
    region: RegionOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """录入一年的节假日表（国务院办公厅通知），待另一人复核后生效。"""
    running = app_for("maker")
    table = read_table(file)
    with act(running, region, "calendar.import", str(table.year)) as tx:
        digest = propose_calendar(tx, table, running.clock.today())
    off = sum(1 for _, working in table.days if not working)
    show(
        {"year": table.year, "source": table.source, "off": off, "worked": len(table.days) - off, "digest": digest},
        [f"{table.year}年：放假{off}天、调休上班{len(table.days) - off}天，依据{table.source}，待另一人复核", f"摘要 {digest}"],
        as_json=as_json,
    )  # fmt: skip


@app.command()
def confirm(
    year: YearArgument, region: RegionOption, digest: DigestOption, *, as_json: JsonFlag = False
) -> None:
    """复核节假日表，使其生效；须为另一人。"""
    running = app_for("checker")
    with act(running, region, "calendar.confirm", str(year)) as tx:
        confirm_calendar(tx, year, digest, running.clock.today())
    show({"year": year, "state": "confirmed"}, [f"{year}年节假日表已生效"], as_json=as_json)


@app.command()
def refuse(
    year: YearArgument,
    region: RegionOption,
    digest: DigestOption,
    reason: Annotated[str, typer.Option(help="理由")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """退回节假日表。"""
    running = app_for("checker")
    with act(running, region, "calendar.refuse", str(year)) as tx:
        refuse_calendar(tx, year, digest, reason, running.clock.today())
    show({"year": year, "state": "refused"}, [f"{year}年节假日表已退回"], as_json=as_json)


@app.command("show")
def show_calendar(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """在用的年份与依据，待复核的节假日表。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        years, proposals = read_years(tx), read_proposals(tx)
    lines = [f"{year}年在用，依据{source}" for year, source in years]
    lines += [
        f"{one.year}年第{one.version}版{said('calendar.state', one.state)}，{one.proposed_by}录入，摘要{one.digest}，{one.days}"
        for one in proposals
        if one.state == "proposed"
    ]
    show(
        {
            "years": [{"year": year, "source": source} for year, source in years],
            "proposals": [one._asdict() for one in proposals],
        },
        lines,
        as_json=as_json,
    )
