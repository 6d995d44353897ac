"""`fundledger monitor`: the figures of a day by fund and institution, coverage, and how far the years' clearing is."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli.line.context import JsonFlag, RegionOption, app_for, day_or_today, show
from ledger.control.monitor.coverage import GOAL
from ledger.control.monitor.figures import Figures
from ledger.control.monitor.shown import Monitor, read_monitor
from ledger.control.risk.words import percent
from ledger.core.dates import SHANGHAI
from ledger.core.entries import FUND_NAMES
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import unit_of_work

app = typer.Typer(help="监测：当日数据、到账时间、覆盖率、清算进度", no_args_is_help=True)


@app.callback()
def monitor() -> None:
    """监测。"""


@app.command("show")
def show_command(
    region: RegionOption,
    day: Annotated[str, typer.Option(help="哪一日 YYYY-MM-DD，未给出则为今日")] = "",
    fund: Annotated[int, typer.Option(help="310职工、390居民；0全部", min=0, max=999)] = 0,
    institution: Annotated[str, typer.Option(help="只看一家机构")] = "",
    term: Annotated[
        int, typer.Option(help="覆盖率的期号（年年年年月月），未给出则为最近已结算的", min=0, max=299_912)
    ] = 0,
    *,
    as_json: JsonFlag = False,
) -> None:
    """一日的数据：接入机构、应付、拨付单、到账、失败、到账时间；覆盖率与清算进度。"""
    running = app_for("reviewer")
    looked = day_or_today(day)
    with unit_of_work(running.engine, running.user, region) as tx:
        found = read_monitor(tx, looked, running.clock.today(), fund=fund, institution=institution, term=term)
    show(found.as_json(), _words(found), as_json=as_json)


def _words(found: Monitor) -> list[str]:
    at = f"{found.counted_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}的数" if found.counted_at else "现在的数"
    lines = [
        f"{found.day} {at}：协议在执行的机构{found.connected.institutions}家，其中按日拨付{found.connected.daily}家",
        f"合计 {_said(found.all)}",
    ]
    lines += [
        f"{FUND_NAMES.get(one.fund, one.fund)} {one.institution}{one.name} {_said(one.figures)}"
        for one in found.rows
    ]
    if found.term:
        whole = found.covered
        lines.append(
            f"{found.term}覆盖率{percent(whole.share)}（目标{percent(GOAL)}）：即时结算{yuan_grouped(whole.instant_fen)}元，"
            f"已结算{yuan_grouped(whole.settled_fen)}元；其中日拨付{percent(whole.daily_share)}；机构{percent(whole.institution_share)}"
        )
    for one in found.years:
        reached = f"{one.reached_on}完成" if one.reached_on else "未完成"
        lines.append(
            f"清算 {FUND_NAMES.get(one.fund, one.fund)} {one.year}年度：{one.cleared}/{one.institutions}家，目标{one.target.by}，{reached}，"
            f"留待清算{percent(one.share_ratio)}（目标{percent(one.target.share_low)}—{percent(one.target.share_high)}）"
        )
    return lines


def _said(one: Figures) -> str:
    mean = "" if one.mean_days is None else f"，到账平均{one.mean_days // 100}.{one.mean_days % 100:02d}日"
    return (
        f"结算{one.records}笔，应付{yuan_grouped(one.payable_fen)}元，拨付单{one.orders}张{yuan_grouped(one.order_fen)}元，"
        f"到账{one.paid}张{yuan_grouped(one.paid_fen)}元，失败{one.failed}张{mean}"
    )
