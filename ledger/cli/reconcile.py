"""`fundledger reconcile`: totals and details with institutions (art. 16), differences and their decisions."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, business_day, laid_out, show
from ledger.core.dates import parse_day
from ledger.core.errors import InvalidInput
from ledger.core.money import yuan_grouped
from ledger.core.private import write_private
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.reconcile.decisions import confirm_decisions, propose_decision
from ledger.fund.reconcile.details import (
    OUTCOME_NAMES,
    DetailFile,
    DetailResult,
    Difference,
    compare_details,
    differences,
    our_details,
    result_rows,
)
from ledger.fund.reconcile.file import write_detail, write_result
from ledger.fund.reconcile.period import PeriodQuery, settlements
from ledger.fund.reconcile.scope import ReconcileScope
from ledger.fund.reconcile.totals import compare_totals, totals_request

app = typer.Typer(help="对账", no_args_is_help=True)

FundOption = Annotated[int, typer.Option("--fund", help="账套：310职工、390居民")]
InstitutionOption = Annotated[str, typer.Option("--institution", help="定点医药机构编号")]
TermOption = Annotated[int, typer.Option("--term", help="期号 YYYYMM")]
ClrTypeOption = Annotated[str, typer.Option("--clr-type", help="清算类别：11门诊、21住院、41药店、99其他")]
DateOption = Annotated[str, typer.Option("--date", help="业务日期 YYYY-MM-DD")]
RunOption = Annotated[str, typer.Option("--run", help="对账批次")]


@app.callback()
def _group() -> None:
    """对账."""


def read_json(path: Path) -> dict[str, Any]:
    """A message's `data` node from a file; decimals stay decimal. Raises InvalidInput `request.json`."""
    try:
        document = json.loads(path.read_bytes().decode("utf-8"), parse_float=Decimal)
    except (ValueError, RecursionError):
        raise InvalidInput("request.json", f"{path.name}不是UTF-8编码的JSON") from None
    if not isinstance(document, dict):
        raise InvalidInput("request.json", f"{path.name}应为一个JSON对象")
    return document


@app.command()
def totals(
    region: RegionOption,
    institution: InstitutionOption,
    file: Annotated[Path, typer.Argument(help="3201的data节点，JSON", exists=True, dir_okay=False)],
    date: DateOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """对总账（3201）：平或不平，列明双方数字。"""
    running = app_for("maker")
    request, on = totals_request(read_json(file)), business_day(date)
    with act(running, region, "reconcile.totals", institution) as tx:
        found = compare_totals(tx, institution, request, on)
    document = {
        "total": found.total_id,
        "fund": found.fund,
        "stmt_rslt": found.stmt_rslt,
        "stmt_rslt_dscr": found.description,
        "ours": {name: str(value) for name, value in found.ours._asdict().items()},
        "theirs": {name: str(value) for name, value in found.theirs._asdict().items()},
    }
    show(document, [found.description], as_json=as_json)


@app.command()
def details(
    region: RegionOption,
    fund: FundOption,
    institution: InstitutionOption,
    term: TermOption,
    clr_type: ClrTypeOption,
    file: Annotated[Path, typer.Argument(help="机构明细文件，ZIP", exists=True, dir_okay=False)],
    date: DateOption,
    result: Annotated[Path | None, typer.Option(help="结果文件写到这里")] = None,
    *,
    without_refunded: Annotated[
        bool, typer.Option("--without-refunded", help="不含已退费（refd_setl_flag=0）")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """对明细账（3202）：四种结果，列出差异，可写结果文件。"""
    running = app_for("maker")
    scope, on = ReconcileScope(fund, institution, term, clr_type), business_day(date)
    sent = DetailFile(file.name, file.read_bytes(), with_refunded=not without_refunded)
    with act(running, region, "reconcile.details", institution) as tx:
        found = compare_details(tx, scope, sent, on)
        listed = differences(tx, found.run_id)
        packed = write_result(result_rows(tx, found.run_id), f"{found.run_id}.txt")
    if result is not None:
        write_private(result, packed)
    show(plain(found, listed), words(found, listed), as_json=as_json)


@app.command()
def ours(
    region: RegionOption,
    fund: FundOption,
    institution: InstitutionOption,
    term: TermOption,
    clr_type: ClrTypeOption,
    out: Annotated[Path, typer.Argument(help="写到这里，ZIP", dir_okay=False)],
    *,
    as_json: JsonFlag = False,
) -> None:
    """导出中心明细文件（3202格式）。"""
    running = app_for("maker")
    with laid_out(running, region, "reconcile.details") as tx:
        rows = our_details(tx, ReconcileScope(fund, institution, term, clr_type))
    write_private(out, write_detail(rows, f"{institution}-{term}-{clr_type}.txt"))
    show({"file": str(out), "records": len(rows)}, [f"{len(rows)}笔写入{out}"], as_json=as_json)


@app.command()
def propose(
    region: RegionOption,
    run: RunOption,
    setl_id: Annotated[str, typer.Option(help="结算ID")],
    decision: Annotated[str, typer.Option(help="ours：以中心为准；out：不申报")],
    reason: Annotated[str, typer.Option(help="理由")],
    date: DateOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出差异处理，由另一人确认。"""
    running = app_for("maker")
    with act(running, region, "reconcile.propose", f"{run}/{setl_id}") as tx:
        propose_decision(tx, run, setl_id, decision, reason, business_day(date))
    show(
        {"run": run, "setl_id": setl_id, "decision": decision},
        [f"{setl_id}：{decision}，待另一人确认"],
        as_json=as_json,
    )


@app.command()
def confirm(
    region: RegionOption,
    run: RunOption,
    setl_id: Annotated[list[str], typer.Option(help="结算ID，可多次")],
    date: DateOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """确认他人提出的差异处理。"""
    running = app_for("checker")
    with act(running, region, "reconcile.confirm", run) as tx:
        found = confirm_decisions(tx, run, setl_id, business_day(date))
        left = differences(tx, run, unresolved=True)
    show(plain(found, left), words(found, left), as_json=as_json)


@app.command()
def period(
    region: RegionOption,
    institution: InstitutionOption,
    begin: Annotated[str, typer.Option(help="起 YYYY-MM-DD")],
    end: Annotated[str, typer.Option(help="止 YYYY-MM-DD")],
    after: Annotated[str, typer.Option(help="上一页的next")] = "",
    size: Annotated[int, typer.Option(help="每页条数")] = 100,
    *,
    as_json: JsonFlag = False,
) -> None:
    """结算信息按时段查询（5262）。"""
    running = app_for("maker")
    with unit_of_work(running.engine, running.user, region) as tx:
        page = settlements(tx, PeriodQuery(institution, parse_day(begin), parse_day(end), after, size))
    lines = [f"{row['setl_time']} {row['setl_id']} {row['medfee_sumamt']}" for row in page.rows]
    show({"setlinfo": page.rows, "next": page.next}, [*lines, f"next：{page.next}"], as_json=as_json)


def plain(found: DetailResult, listed: list[Difference]) -> dict[str, object]:
    """A comparison for machines; amounts in fen as text, null where a side has no such record."""
    return {
        "run": found.run_id,
        **found.scope._asdict(),
        "state": found.state,
        "matched": found.matched,
        "center_only": found.center_only,
        "provider_only": found.provider_only,
        "amount_diff": found.amount_diff,
        "differences": [
            {
                "setl_id": item.setl_id,
                "outcome": item.outcome,
                "decision": item.decision,
                "resolved": item.resolved,
                **{name: None if fen is None else str(fen) for name, fen in item.sides._asdict().items()},
            }
            for item in listed
        ],
    }


def words(found: DetailResult, listed: list[Difference]) -> list[str]:
    """A comparison for people."""
    state = said("reconciliation.state", found.state)
    lines = [
        f"对账批次{found.run_id}：平{found.matched}、中心多{found.center_only}、医药机构多{found.provider_only}、"
        f"数据不一致{found.amount_diff}；{state}"
    ]
    for item in listed:
        ours_, theirs = (
            "/".join("无" if fen is None else yuan_grouped(fen) for fen in side)
            for side in (item.sides[:3], item.sides[3:])
        )
        lines.append(
            f"  {item.setl_id} {OUTCOME_NAMES[item.outcome]}：中心{ours_} 机构{theirs} "
            f"{said('difference.decision', item.decision)}".rstrip()
        )
    return lines
