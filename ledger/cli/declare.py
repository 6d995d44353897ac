"""`fundledger declare`: the monthly declaration (art. 17, 3203/3204) and its settlement lists."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Annotated

import typer

from ledger.bootstrap import App
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, business_day, show
from ledger.cli.line.many import AllFlag, each, require_one_way, words_of_many
from ledger.cli.reconcile import (
    DateOption,
    FundOption,
    InstitutionOption,
    TermOption,
    read_json,
)
from ledger.core.errors import InvalidInput
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.declare.claim import Declaration, claim_request, declarations, read_declaration
from ledger.fund.declare.declaration import declare, reconciled_in
from ledger.fund.declare.lists import read_lists, record_lists
from ledger.fund.declare.states import STATE_NAMES, move
from ledger.fund.reconcile.scope import ReconcileScope

app = typer.Typer(help="申报", no_args_is_help=True)

IdOption = Annotated[str, typer.Option("--id", help="申报编号（clr_appy_evt_id）")]


@app.callback()
def _group() -> None:
    """申报."""


@app.command()
def lists(
    region: RegionOption,
    file: Annotated[
        Path, typer.Argument(help="setl_id、setl_list_id、上传日期，TAB分隔", exists=True, dir_okay=False)
    ],
    *,
    as_json: JsonFlag = False,
) -> None:
    """登记已上传的结算清单。"""
    running = app_for("maker")
    read = read_lists(file.name, file.read_bytes())
    with act(running, region, "declare.lists", file.name) as tx:
        new = record_lists(tx, read)
    show({"lists": len(read), "new": new}, [f"清单{len(read)}份，新增{new}份"], as_json=as_json)


@app.command("apply")
def apply_(
    region: RegionOption,
    fund: FundOption,
    term: TermOption,
    date: DateOption,
    institution: Annotated[str, typer.Option("--institution", help="定点医药机构编号")] = "",
    clr_type: Annotated[
        str, typer.Option("--clr-type", help="清算类别：11门诊、21住院、41药店、99其他；--all时缺省为各类")
    ] = "",
    request: Annotated[
        Path | None, typer.Option(help="3203的data节点，JSON", exists=True, dir_okay=False)
    ] = None,
    msgid: Annotated[str, typer.Option(help="3203的报文ID")] = "",
    *,
    every: AllFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """申报（3203）：对账一致、清单已传、在期限内；逾期标明。"""
    running = app_for("maker")
    require_one_way(institution, "--institution与--clr-type", every=every)
    if every:
        _apply_all(running, region, (fund, term, clr_type), business_day(date), as_json=as_json)
        return
    scope = ReconcileScope(fund, institution, term, clr_type)
    claim = claim_request(fund, institution, read_json(request), msgid) if request else None
    if claim is not None and claim.scope != scope:
        raise InvalidInput("declare.field", "请求中的清算年月或清算类别与命令不符", field="setlym")
    with act(running, region, "declare.apply", f"{institution}/{term}/{clr_type}") as tx:
        made = declare(tx, scope, business_day(date), request=claim)
    show(plain(made), words(made), as_json=as_json)


def _apply_all(
    running: App, region: int, scope: tuple[int, int, str], on: datetime.date, *, as_json: bool
) -> None:
    fund, term, clr_type = scope
    with unit_of_work(running.engine, running.user, region) as tx:
        found = {f"{s.institution}/{s.term}/{s.clr_type}": s for s in reconciled_in(tx, fund, term, clr_type)}
    made, refused = each(
        running, region, "declare.apply", list(found), lambda tx, name: declare(tx, found[name], on)
    )
    document = {"declarations": [plain(one) for one in made], "refused": refused}
    show(document, words_of_many("申报", len(made), refused, None), as_json=as_json)


@app.command()
def withdraw(
    region: RegionOption,
    declaration: IdOption,
    reason: Annotated[str, typer.Option(help="原因")],
    date: DateOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """撤销申报（3204）：受理之前。"""
    _move(region, declaration, ("withdraw", "maker"), (date, reason), as_json=as_json)


@app.command()
def advance(
    region: RegionOption,
    declaration: IdOption,
    event: Annotated[str, typer.Option(help="accept受理、reject驳回、audit开始审核、audited审核完成")],
    date: DateOption,
    reason: Annotated[str, typer.Option(help="驳回原因")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """受理、驳回、转入审核、审核完成。"""
    if event not in {"accept", "reject", "audit", "audited"}:
        raise InvalidInput("declare.event", f"动作“{event[:20]}”应为accept、reject、audit或audited")
    _move(region, declaration, (event, "checker"), (date, reason), as_json=as_json)


@app.command("list")
def list_(
    region: RegionOption,
    fund: FundOption,
    institution: InstitutionOption,
    term: TermOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """列出一家机构一个期号的申报（3205）。"""
    running = app_for("maker")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = declarations(tx, fund, institution, term)
    show(
        {"declarations": [plain(one) for one in found]},
        [line for one in found for line in words(one)],
        as_json=as_json,
    )


def _move(
    region: int, declaration: str, doing: tuple[str, str], when: tuple[str, str], *, as_json: bool
) -> None:
    event, role = doing
    date, reason = when
    running = app_for(role)
    with act(running, region, f"declare.{event}", declaration) as tx:
        move(tx, declaration, event, business_day(date), reason)
        now = read_declaration(tx, declaration)
    show(plain(now), words(now), as_json=as_json)


def plain(made: Declaration) -> dict[str, object]:
    """A declaration for machines; amounts in fen as text."""
    return {
        "declaration": made.declaration_id,
        **made.scope._asdict(),
        "clr_stas": made.state,
        "late": made.late,
        "withdrawn": made.withdrawn,
        "records": made.records,
        **{name: str(value) for name, value in made.claim._asdict().items()},
        "pool_fen": str(made.pool_fen),
        "book_acct_fen": str(made.book_acct_fen),
        "declared_by": made.declared_by,
        "declared_on": made.declared_on.isoformat(),
    }


def words(made: Declaration) -> list[str]:
    """A declaration for people."""
    marks = ("（逾期）" if made.late else "") + ("（已撤销）" if made.withdrawn else "")
    return [
        f"{made.declaration_id} {STATE_NAMES[made.state]}{marks}：{made.records}笔，医疗费{yuan_grouped(made.claim.medfee_fen)}元，"
        f"基金申报{yuan_grouped(made.claim.fund_appy_fen)}元（本账套统筹{yuan_grouped(made.pool_fen)}元、"
        f"个账{yuan_grouped(made.book_acct_fen)}元）"
    ]
