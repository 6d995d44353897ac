"""`fundledger report control`: the internal-control report of a month (art. 29), and the reviewer's signature on it."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer

from ledger.books.reading import parse_known_at, parse_period
from ledger.cli.books.printing import OutOption, PaperOption
from ledger.cli.books.shapes import GridShape, GridShapeOption, hand_out_all
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, day_or_today, show
from ledger.core.digests import parse_digest
from ledger.db.unit_of_work import unit_of_work
from reports.control.drawn import draw_up
from reports.control.report import CASES, as_signed, control_report
from reports.control.report import sign as sign_report

MonthOption = Annotated[str, typer.Option("--month", "--period", help="月份YYYYMM")]
SeedOption = Annotated[str, typer.Option("--seed", help="抽样的随机种子；缺省为随机，报告印出，可再次使用")]
CasesOption = Annotated[int, typer.Option("--cases", min=1, max=2_000, help="抽查几笔")]
KnownAtOption = Annotated[str | None, typer.Option(help="只取此时已记账的凭证，ISO 8601")]


def control(
    region: RegionOption,
    month: MonthOption,
    seed: SeedOption = "",
    cases: CasesOption = CASES,
    known_at: KnownAtOption = None,
    signed: Annotated[bool, typer.Option("--signed", help="已签署的那一份，一字不改")] = False,
    shape: GridShapeOption = GridShape.TABLE,
    out: OutOption = None,
    paper: PaperOption = None,
) -> None:
    """内控报告（第二十九条）：业财按日核对、拨付准确性抽查、日拨付与月结算衔接、变更与挂账；由内控稽核签署。"""
    running, period = app_for("reviewer"), parse_period(month)
    with unit_of_work(running.engine, running.user, region) as tx:
        report = (
            as_signed(tx, period)
            if signed
            else control_report(
                tx,
                period,
                seed or secrets.token_hex(4),
                cases=cases,
                known_at=parse_known_at(known_at) if known_at else None,
            )
        )
    hand_out_all(
        report.printed(on_paper=shape is GridShape.PDF), report.as_json(), shape, out=out, paper=paper
    )


def control_draw(
    region: RegionOption,
    month: MonthOption,
    seed: SeedOption = "",
    cases: CasesOption = CASES,
    *,
    as_json: JsonFlag = False,
) -> None:
    """编制内控报告与全月三方核对并存下，页面所看的即这一份；再编制即替换；已签署的那一份不变。"""
    running, period = app_for("accountant"), parse_period(month)
    with act(running, region, "control.draw", month) as tx:
        drawn = draw_up(tx, period, seed or secrets.token_hex(4), cases)
    show(
        {"region": region, "month": month, "seed": drawn.seed, "digest": drawn.digest.hex()},
        [f"{month}的内控报告与三方核对已编制，种子{drawn.seed}，摘要{drawn.digest.hex()}"],
        as_json=as_json,
    )


def control_sign(
    region: RegionOption,
    month: MonthOption,
    seed: Annotated[str, typer.Option("--seed", help="所看报告的随机种子")],
    digest: Annotated[str, typer.Option("--digest", help="所看报告的摘要，64位十六进制")],
    cases: CasesOption = CASES,
    on: Annotated[str, typer.Option("--on", help="签署日，YYYY-MM-DD；缺省为今天")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """签署内控报告：内控稽核岗，一月一次，签的是所看的那一份；之后数据有变，签署的内容仍可查（report control --signed）。"""
    running, period, shown = app_for("reviewer"), parse_period(month), parse_digest(digest)
    with act(running, region, "control.sign", month) as tx:
        report = control_report(tx, period, seed, cases=cases)
        sign_report(tx, report, shown, day_or_today(on), day_or_today(""))
    show(
        {"region": region, "month": month, "digest": shown.hex(), "signed_by": running.user},
        [f"{month}的内控报告已由{running.user}签署，摘要{shown.hex()}"],
        as_json=as_json,
    )
