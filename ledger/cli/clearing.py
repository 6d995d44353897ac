"""`fundledger clear`: the year's plan and rates, confirmation letters, their orders, the figures of the three-year plan."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from ledger.bootstrap import App
from ledger.cli.line.acting import ACTING
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, day_or_today, show
from ledger.cli.line.many import AllFlag, each, require_given, require_one_way, words_of_many
from ledger.cli.words.clearing import (
    letter_json,
    letter_words,
    orders_json,
    orders_words,
    plan_json,
    plan_words,
    target_json,
    target_words,
)
from ledger.core.digests import parse_digest
from ledger.core.entries import FUND_NAMES
from ledger.core.errors import InvalidInput
from ledger.core.private import write_private
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.clearing.approve_all import YearScope, approve_letters, living_letters, settled_in
from ledger.fund.clearing.cases import approve_cases
from ledger.fund.clearing.confirm import confirm_letter, sign_institution, write_off_notice
from ledger.fund.clearing.file import load_plan, load_rates
from ledger.fund.clearing.letter import approve_letter, draft_letter, send_letter, void_letter
from ledger.fund.clearing.orders import draft_clearing_orders
from ledger.fund.clearing.plan import ClearingPlan, approve_plan, read_plan
from ledger.fund.clearing.rates import rate_text
from ledger.fund.clearing.store import Letter, letters, read_letter, read_paper
from ledger.fund.clearing.targets import year_figures
from ledger.fund.ordering.given_up import GivenUp, given_up_by

app = typer.Typer(help="年度清算", no_args_is_help=True)

FundOption = Annotated[int, typer.Option("--fund", help="基金：310职工，390居民")]
YearOption = Annotated[int, typer.Option("--year", help="服务年度")]
LetterOption = Annotated[str, typer.Option("--letter", help="清算确认书编号")]
DigestOption = Annotated[str, typer.Option("--digest", help="摘要（64位十六进制）")]
DateOption = Annotated[str, typer.Option("--date", help="业务日期 YYYY-MM-DD，默认今天")]
FileOption = Annotated[Path, typer.Option("--file", help="JSON文件", exists=True, dir_okay=False)]
_T = TypeVar("_T")


@app.callback()
def _group() -> None:
    """年度清算."""


def _do(running: App, region: int, action: str, subject: str, work: Callable[[Transaction], _T]) -> _T:
    """One logged act in one transaction."""
    with act(running, region, f"clear.{action}", subject) as tx:
        return work(tx)


@app.command()
def budget(
    region: RegionOption,
    fund: FundOption,
    year: YearOption,
    file: Annotated[
        Path | None, typer.Option("--file", help="清算方案JSON", exists=True, dir_okay=False)
    ] = None,
    digest: Annotated[str, typer.Option("--approve", help="复核方案：所复核的摘要")] = "",
    cases: Annotated[str, typer.Option("--approve-cases", help="复核该机构的考核、特例单议、逾期个案")] = "",
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """录入、复核或查看年度清算方案：预算、分段、考核等级与个案。"""
    approving = bool(digest or cases)
    running = app_for("checker" if approving else "maker")

    def work(tx: Transaction) -> ClearingPlan:
        if file is not None:
            load_plan(tx, fund, year, file.name, file.read_bytes())
        if cases:
            approve_cases(tx, fund, year, cases, day_or_today(date))
        if digest:
            return approve_plan(tx, fund, year, parse_digest(digest, "clearing.digest"), day_or_today(date))
        return read_plan(tx, fund, year)

    plan = _do(running, region, "budget", f"{fund}/{year}", work)
    show(plan_json(plan), plan_words(plan), as_json=as_json)


@app.command()
def rates(
    region: RegionOption, fund: FundOption, year: YearOption, file: FileOption, *, as_json: JsonFlag = False
) -> None:
    """录入DRG权重与费率或DIP分值与点值；与可分配预算不符的拒绝。"""
    running = app_for("maker")
    rate, plan = _do(
        running,
        region,
        "rates",
        f"{fund}/{year}",
        lambda tx: (load_rates(tx, fund, year, file.name, file.read_bytes()), read_plan(tx, fund, year)),
    )
    words = [f"费率或点值{rate_text(rate)}元", *plan_words(plan)]
    show(plan_json(plan) | {"rate": rate_text(rate)}, words, as_json=as_json)


@app.command()
def letter(
    region: RegionOption,
    fund: FundOption,
    year: YearOption,
    institution: Annotated[str, typer.Option("--institution", help="机构编码")] = "",
    period: Annotated[str, typer.Option("--period", help="year或Q1…Q4")] = "year",
    date: DateOption = "",
    *,
    every: AllFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """编制清算确认书（不记账），待另一人审批；已有的给出首次结果。--all为当年已月结的全部机构，不能编制的列明原因。"""
    running = app_for("maker")
    require_one_way(institution, "--institution", every=every)
    if every:
        _letter_all(running, region, YearScope(fund, year, period), day_or_today(date), as_json=as_json)
        return
    subject = f"{fund}/{year}/{period}/{institution}"
    made = _do(
        running,
        region,
        "letter",
        subject,
        lambda tx: draft_letter(tx, fund, institution, year, day_or_today(date), period),
    )
    show(letter_json(made), letter_words(made), as_json=as_json)


def _letter_all(running: App, region: int, scope: YearScope, day: datetime.date, *, as_json: bool) -> None:
    with unit_of_work(running.engine, running.user, region) as tx:
        institutions = settled_in(tx, scope.fund, scope.year)
    made, refused = each(
        running,
        region,
        "clear.letter",
        institutions,
        lambda tx, institution: draft_letter(tx, scope.fund, institution, scope.year, day, scope.period),
    )
    with unit_of_work(running.engine, running.user, region) as tx:
        _, shown = living_letters(tx, scope)
    document = {"letters": [letter_json(one) for one in made], "refused": refused, "digest": shown.shown}
    show(document, words_of_many("编制", len(made), refused, shown), as_json=as_json)


@app.command()
def approve(
    region: RegionOption,
    digest: DigestOption,
    letter: Annotated[str, typer.Option("--letter", help="清算确认书编号")] = "",
    date: DateOption = "",
    fund: Annotated[int, typer.Option("--fund", help="基金（--all）")] = 0,
    year: Annotated[int, typer.Option("--year", help="服务年度（--all）")] = 0,
    period: Annotated[str, typer.Option("--period", help="year或Q1…Q4（--all）")] = "year",
    *,
    every: AllFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """审批清算确认书（另一人）。--all按clear letter --all所列摘要审批一个年度或季度的全部，要么全部、要么一张也不。"""
    running = app_for("checker")
    require_one_way(letter, "--letter", every=every)
    if every:
        require_given(fund=fund, year=year)
        approved = _do(
            running,
            region,
            "approve",
            f"{fund}/{year}/{period}",
            lambda tx: approve_letters(
                tx, YearScope(fund, year, period), parse_digest(digest, "clearing.digest"), day_or_today(date)
            ),
        )
        show(
            {"letters": [letter_json(one) for one in approved]},
            [f"已审批{len(approved)}张", *(f"  {one.letter_id}" for one in approved)],
            as_json=as_json,
        )
        return
    done = _do(
        running,
        region,
        "approve",
        letter,
        lambda tx: approve_letter(tx, letter, parse_digest(digest, "clearing.digest"), day_or_today(date)),
    )
    show(letter_json(done), letter_words(done), as_json=as_json)


@app.command()
def send(
    region: RegionOption,
    letter: LetterOption,
    to: Annotated[Path | None, typer.Option("--to", help="确认书写入的文件")] = None,
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """发出已审批的清算确认书。"""
    running = app_for("maker")
    content, done = _do(
        running,
        region,
        "send",
        letter,
        lambda tx: (send_letter(tx, letter, day_or_today(date)), read_letter(tx, letter)),
    )
    if to is not None:
        write_private(to, content)
    show(
        letter_json(done) | {"text": content.decode()},
        content.decode().splitlines(),
        as_json=as_json,
    )


@app.command()
def void(
    region: RegionOption,
    letter: LetterOption,
    reason: Annotated[str, typer.Option("--reason", help="作废原因")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """作废机构尚未确认的清算确认书，以便重新编制。"""
    running = app_for("maker")
    done = _do(running, region, "void", letter, lambda tx: void_letter(tx, letter, reason))
    show(letter_json(done), letter_words(done), as_json=as_json)


@app.command()
def confirm(
    region: RegionOption,
    letter: LetterOption,
    side: Annotated[str, typer.Option("--side", help="institution机构，agency经办机构")],
    document: Annotated[Path, typer.Option("--document", help="签章文书", exists=True, dir_okay=False)],
    signed_by: Annotated[str, typer.Option("--signed-by", help="签章人")],
    digest: Annotated[str, typer.Option("--digest", help="机构所签确认书的摘要（--side institution）")] = "",
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """登记一方确认；经办机构确认在后，并记清算凭证。"""
    if side not in ("institution", "agency"):
        raise InvalidInput("clearing.side", f"确认方“{side[:20]}”应为institution或agency")
    running = app_for("maker" if side == "institution" else "checker")
    content = document.read_bytes()

    def work(tx: Transaction) -> tuple[Letter, str, list[GivenUp]]:
        if side == "institution":
            return (
                sign_institution(
                    tx,
                    letter,
                    parse_digest(digest, "clearing.digest"),
                    content,
                    signed_by,
                    day_or_today(date),
                ),
                "",
                [],
            )
        done = confirm_letter(tx, letter, content, signed_by, day_or_today(date))
        return done, write_off_notice(tx, letter), given_up_by(tx, letter)

    done, notice, given_up = _do(running, region, f"confirm.{side}", letter, work)
    given = {"given_up": [one.as_json() for one in given_up], "warnings": ACTING.warnings}
    show(
        letter_json(done) | {"write_off": notice} | given,
        [*letter_words(done), *notice.splitlines(), *(one.message for one in given_up)],
        as_json=as_json,
    )


@app.command()
def orders(
    region: RegionOption,
    fund: FundOption,
    year: YearOption,
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """为双方已确认且应付大于零的清算确认书编制拨付单；此后与日拨付同一流程。"""
    running = app_for("maker")
    made = _do(
        running,
        region,
        "orders",
        f"{fund}/{year}",
        lambda tx: draft_clearing_orders(tx, fund, year, day_or_today(date), running.bears()),
    )
    show(orders_json(made), orders_words(made), as_json=as_json)


@app.command("list")
def list_command(
    region: RegionOption,
    year: YearOption,
    fund: Annotated[int, typer.Option("--fund", help="基金，默认全部")] = 0,
    institution: Annotated[str, typer.Option("--institution", help="机构，默认全部")] = "",
    paper: Annotated[str, typer.Option("--paper", help="另列该编号确认书的原文")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """列出年度的清算确认书。"""
    running = app_for("maker")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = letters(tx, year, fund, institution)
        text = read_paper(tx, paper, "letter").decode() if paper else ""
    document: dict[str, Any] = {"letters": [letter_json(one) for one in found]}
    if paper:
        document["text"] = text
    words = [line for one in found for line in letter_words(one)] + text.splitlines()
    show(document, words, as_json=as_json)


@app.command()
def targets(
    region: RegionOption, year: YearOption, date: DateOption = "", *, as_json: JsonFlag = False
) -> None:
    """清算提质增效的两个指标：完成日期与清算资金占比，列出与目标的距离。"""
    running = app_for("maker")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = [year_figures(tx, fund, year, day_or_today(date)) for fund in FUND_NAMES]
    show(
        {"targets": [target_json(one) for one in found]},
        [target_words(one) for one in found],
        as_json=as_json,
    )
