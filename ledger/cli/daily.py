"""`fundledger daily`: the daily payout run."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli.line.acting import ACTING
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, business_day, show
from ledger.core.money import yuan_grouped
from ledger.fund.daily.run import DailyRun, run_daily_in
from ledger.fund.ordering.available import waits_words

app = typer.Typer(help="日拨付", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """日拨付."""


@app.command()
def run(
    region: RegionOption,
    date: Annotated[str, typer.Option(help="拨付日 YYYY-MM-DD")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """记账并制单：取截至前一日未拨付的应付款，列明不能拨付的金额与原因。"""
    running = app_for("maker")
    day = business_day(date)
    with act(running, region, "daily.run", date) as tx:
        done = run_daily_in(tx, day, running.bears())
    show(done.as_json() | {"warnings": ACTING.warnings}, words(done), as_json=as_json)


def words(done: DailyRun) -> list[str]:
    """The run for people."""
    lines = [f"截至{done.upto}：记账{done.entries}张，制单{len(done.batches)}批"]
    lines += [
        f"  批次{batch.batch_id}：{len(batch.order_nos)}单，{yuan_grouped(batch.total_fen)}元，待另一人审批（摘要{batch.digest.hex()[:16]}）"
        f"{f'，其中首次付款{len(batch.first_payments)}单' if batch.first_payments else ''}"
        for batch in done.batches
    ]
    lines += [
        f"  未拨付 {blocked.institution} {yuan_grouped(blocked.amount_fen)}元："
        f"{blocked.words}{waits_words(blocked.waits_for)}"
        for blocked in done.blocked
    ]
    return lines
