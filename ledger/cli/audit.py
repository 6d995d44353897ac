"""`fundledger audit`: findings, appeal, panel, evidence, samples, trace codes (art. 18)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import typer

from ledger.cli.line.context import JsonFlag, RegionOption, app_for, business_day, laid_out, show
from ledger.cli.line.context import act as one_act
from ledger.cli.reconcile import ClrTypeOption, DateOption, FundOption, InstitutionOption, TermOption
from ledger.core.errors import InvalidInput
from ledger.core.money import parse_fen, yuan_grouped
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.audit.appeal import (
    STATE_NAMES,
    Act,
    AuditFinding,
    act,
    attach_evidence,
    findings,
    history,
    read_finding,
    set_appeal_days,
)
from ledger.fund.audit.findings import load_findings
from ledger.fund.audit.sample import Sample, SampleAsk, check_sample, draw_sample
from ledger.fund.audit.trace import load_codes, read_codes
from ledger.fund.reconcile.scope import ReconcileScope

app = typer.Typer(help="审核", no_args_is_help=True)

FindingOption = Annotated[str, typer.Option("--finding", help="审核结果编号")]
FileArgument = Annotated[Path, typer.Argument(exists=True, dir_okay=False)]

ACTORS: Final = {
    "appeal": "maker", "review": "maker", "panel": "maker", "accept": "checker", "lapse": "checker", "decide": "checker",
    "cancel": "checker", "release": "checker", "regrade": "checker",
}  # fmt: skip
"""The demo's post for each act; the database holds the rule (fund.finding_transition)."""


@app.callback()
def _group() -> None:
    """审核."""


@app.command()
def load(region: RegionOption, file: FileArgument, date: DateOption, *, as_json: JsonFlag = False) -> None:
    """装入审核结果（JSON行，3101字段）；高级别的当即拦截。"""
    running = app_for("maker")
    with one_act(running, region, "audit.load", file.name) as tx:
        done = load_findings(tx, file.name, file.read_bytes(), business_day(date))
    show(done._asdict(), [f"新增{done.new}条，已有{done.known}条，拦截{done.held}笔"], as_json=as_json)


@app.command("act")
def act_(
    region: RegionOption,
    finding: FindingOption,
    event: Annotated[str, typer.Option(help="、".join(ACTORS))],
    reason: Annotated[str, typer.Option(help="理由")],
    date: DateOption,
    amount: Annotated[str, typer.Option(help="复审或合议所定金额，元")] = "",
    member: Annotated[list[str] | None, typer.Option(help="合议成员用户，可多次")] = None,
    severity: Annotated[str, typer.Option(help="改级：low、middle、high")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """申诉、复审、合议、终审、取消、解除拦截、改级。"""
    if event not in ACTORS:
        raise InvalidInput("finding.event", f"动作“{event[:20]}”应为{'、'.join(ACTORS)}之一")
    running = app_for(ACTORS[event])
    what = Act(
        event, business_day(date), reason, parse_fen(amount) if amount else None, member or (), severity
    )
    with one_act(running, region, f"audit.{event}", finding) as tx:
        act(tx, finding, what)
        now = read_finding(tx, finding)
    show(plain(now), [words(now)], as_json=as_json)


@app.command("list")
def list_(
    region: RegionOption,
    institution: Annotated[str, typer.Option(help="定点医药机构编号")] = "",
    state: Annotated[str, typer.Option(help="、".join(STATE_NAMES))] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """列出审核结果。"""
    running = app_for("maker")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = findings(tx, institution, state)
    show({"findings": [plain(one) for one in found]}, [words(one) for one in found], as_json=as_json)


@app.command("show")
def show_(region: RegionOption, finding: FindingOption, *, as_json: JsonFlag = False) -> None:
    """一条审核结果及其全部经过。"""
    running = app_for("maker")
    with unit_of_work(running.engine, running.user, region) as tx:
        found, steps = read_finding(tx, finding), history(tx, finding)
    document = {
        **plain(found),
        "history": [{**step._asdict(), "amount_fen": str(step.amount_fen)} for step in steps],
    }
    lines = [
        f"  {s.n} {s.on} {s.user} {said('finding.event', s.event)} → {STATE_NAMES[s.to_state]} {yuan_grouped(s.amount_fen)}元：{s.reason}"
        for s in steps
    ]
    show(document, [words(found), *lines], as_json=as_json)


@app.command()
def attach(
    region: RegionOption,
    finding: FindingOption,
    file: FileArgument,
    date: DateOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """附上证据，原样保存，不得更改。"""
    running = app_for("maker")
    with one_act(running, region, "audit.attach", f"{finding}/{file.name}") as tx:
        digest = attach_evidence(tx, finding, file.name, file.read_bytes(), business_day(date))
    show({"finding": finding, "sha256": digest.hex()}, [f"{file.name}：{digest.hex()}"], as_json=as_json)


@app.command()
def sample(
    region: RegionOption,
    sample_id: Annotated[str, typer.Option("--id", help="抽样编号")],
    fund: FundOption,
    institution: InstitutionOption,
    term: TermOption,
    clr_type: ClrTypeOption,
    seed: Annotated[str, typer.Option(help="随机种子，如开奖号")],
    size: Annotated[int, typer.Option(help="抽取笔数")],
    date: DateOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """随机抽审：记下种子与抽样框，任何人可复算。"""
    running = app_for("maker")
    ask = SampleAsk(sample_id, ReconcileScope(fund, institution, term, clr_type), seed, size)
    with one_act(running, region, "audit.sample", sample_id) as tx:
        drawn = draw_sample(tx, ask, business_day(date))
    show(_sample(drawn), [f"由{drawn.frame_size}笔中抽取：", *drawn.setl_ids], as_json=as_json)


@app.command("sample-check")
def sample_check(
    region: RegionOption,
    sample_id: Annotated[str, typer.Option("--id", help="抽样编号")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """按记下的种子重新抽取并比对。"""
    running = app_for("maker")
    with laid_out(running, region, "audit.sample") as tx:
        drawn = check_sample(tx, sample_id)
    show(_sample(drawn), [f"复算一致：{len(drawn.setl_ids)}笔"], as_json=as_json)


@app.command()
def trace(region: RegionOption, file: FileArgument, date: DateOption, *, as_json: JsonFlag = False) -> None:
    """装入追溯码；同一码两次支付即成审核结果。"""
    running = app_for("maker")
    codes = read_codes(file.name, file.read_bytes())
    with one_act(running, region, "audit.trace", file.name) as tx:
        done = load_codes(tx, codes, business_day(date))
    show(
        done._asdict(),
        [f"新增{done.new}个，已有{done.known}个，重复支付{len(done.findings)}条"],
        as_json=as_json,
    )


@app.command("appeal-days")
def appeal_days(
    region: RegionOption,
    days: Annotated[int, typer.Option(help="工作日数")],
    source: Annotated[str, typer.Option(help="依据文件")],
    date: DateOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """设定申诉期限，自某日起。"""
    running = app_for("maker")
    with one_act(running, region, "audit.appeal_days", str(days)) as tx:
        set_appeal_days(tx, days, business_day(date), source)
    show({"appeal_days": days, "from": date}, [f"自{date}起申诉期{days}个工作日"], as_json=as_json)


def _sample(drawn: Sample) -> dict[str, object]:
    return {
        "sample": drawn.sample_id,
        "seed": drawn.seed,
        "frame_size": drawn.frame_size,
        "frame_digest": drawn.frame_digest.hex(),
        "setl_ids": drawn.setl_ids,
    }


def plain(found: AuditFinding) -> dict[str, object]:
    """A finding for machines; amounts in fen as text."""
    return {
        "finding": found.finding_id,
        **found.target._asdict(),
        "det_type": found.kind,
        "severity": found.severity,
        "found_fen": str(found.found_fen),
        "amount_fen": str(found.amount_fen),
        "taken_fen": str(found.taken_fen),
        "state": found.state,
        "detd_stas": found.detd_stas,
        "rule_id": found.rule_id,
        "rule_name": found.rule_name,
        "appeal_until": found.appeal_until.isoformat(),
        "held": found.held,
    }


def words(found: AuditFinding) -> str:
    """A finding for people."""
    about = found.target.setl_id or found.target.institution
    held = "，已拦截" if found.held else ""
    return (
        f"{found.finding_id} {STATE_NAMES[found.state]} {said('finding.severity', found.severity)} {about} {found.rule_name}："
        f"{yuan_grouped(found.amount_fen)}元，已扣{yuan_grouped(found.taken_fen)}元，申诉至{found.appeal_until}{held}"
    )
