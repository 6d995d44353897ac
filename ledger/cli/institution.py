"""`fundledger institution`: master data of designated institutions; what one person proposes, another confirms as shown."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adapters.banks.ports import BankAccount
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show
from ledger.cli.words.institution import (
    STATE_NAMES,
    account_line,
    confirmed_line,
    loaded_lines,
    next_lines,
    open_lines,
    payee_lines,
    standing_line,
    terms_line,
)
from ledger.core.dates import parse_day
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.institutions import documents
from ledger.fund.institutions.callbacks import Callback, record_callback
from ledger.fund.institutions.load import load_institutions
from ledger.fund.institutions.master import read_institutions
from ledger.fund.institutions.payees import propose_payee
from ledger.fund.institutions.proposals import confirm_waiting, refuse_waiting
from ledger.fund.institutions.read import read_failed
from ledger.fund.institutions.terms import set_agreement

app = typer.Typer(help="定点医药机构与收款账户", no_args_is_help=True)

CodeArgument = Annotated[str, typer.Argument(help="机构编码")]
DigestOption = Annotated[str, typer.Option("--digest", help="所核对内容的摘要（list --open或show所列）")]


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="机构JSON行文件")],
    region: RegionOption,
    reason: Annotated[str, typer.Option(help="曾停用的账户重新启用的理由")] = "",
    correction: Annotated[str, typer.Option(help="更正同一起始日的参加方式的理由（其后尚无记录时）")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """导入机构：与在用不同的协议、参加方式、收款账户待另一人确认后生效；中止、终止即时生效。"""
    running = app_for("maker")
    with act(running, region, "institution.load", file.name) as tx:
        today = running.clock.today()
        done = load_institutions(tx, read_institutions(file), today, reason.strip(), correction.strip())
    show(done.as_json(), loaded_lines(done), as_json=as_json)


@app.command("payee")
def propose_account(
    institution: CodeArgument,
    region: RegionOption,
    payee: Annotated[tuple[str, str, str, str], typer.Option(help="收款账户：户名 账号 开户行 行号")],
    reason: Annotated[str, typer.Option(help="变更的理由，如机构的申请、银行的退回")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出一家机构的新收款账户：待另一人确认，自确认之日起用。"""
    running = app_for("maker")
    with act(running, region, "institution.payee", institution) as tx:
        today = running.clock.today()
        done = propose_payee(tx, institution, BankAccount(*payee), today, reason.strip())
    show(done._asdict(), payee_lines(done, institution), as_json=as_json)


@app.command("list")
def list_institutions(
    region: RegionOption,
    waiting_only: Annotated[bool, typer.Option("--open", help="只列有待确认事项的机构，新旧对照")] = False,
    *,
    as_json: JsonFlag = False,
) -> None:
    """全部机构：协议、参加方式、在用账户；待另一人确认的事项及其摘要。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = documents.list_institutions(tx, running.clock.today(), waiting_only=waiting_only)
        failed = read_failed(tx)
    lines = open_lines(found.waiting, failed) if waiting_only else [standing_line(row) for row in found.rows]
    show(found.as_json(), [*lines, *next_lines(found.waiting, region)], as_json=as_json)


@app.command("show")
def show_institution(institution: CodeArgument, region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """一家机构：在用的与待确认的新旧对照，全部账户的来历。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = documents.show_institution(tx, running.clock.today(), institution)
        failed = read_failed(tx)
    lines = [
        standing_line(found.standing),
        "账户：",
        *map(account_line, found.accounts),
        "协议与参加方式：",
        *map(terms_line, found.terms),
        *open_lines(found.waiting, failed),
    ]
    show(found.as_json(), [*lines, *next_lines(found.waiting, region, institution)], as_json=as_json)


@app.command()
def confirm(
    region: RegionOption,
    digest: DigestOption,
    institution: Annotated[str, typer.Argument(help="机构编码；缺省为全部待确认的")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """由另一人确认所核对的内容，使其生效；之后有变动的拒绝，不作任何改动。"""
    running = app_for("checker")
    with act(running, region, "institution.confirm", f"{institution or '全部'} {digest}") as tx:
        confirmed = confirm_waiting(tx, digest, running.clock.today(), institution)
    show({"confirmed": confirmed}, [f"已确认：{confirmed_line(confirmed)}"], as_json=as_json)


@app.command()
def refuse(
    institution: CodeArgument,
    region: RegionOption,
    digest: DigestOption,
    reason: Annotated[str, typer.Option(help="理由")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """退回一家机构待确认的事项，写明理由；留存备查。"""
    running = app_for("checker")
    with act(running, region, "institution.refuse", f"{institution} {digest}") as tx:
        refused = refuse_waiting(tx, institution, digest, reason, running.clock.today())
    show({"refused": refused}, [f"机构{institution}待确认的{sum(refused.values())}项已退回"], as_json=as_json)


@app.command()
def callback(
    institution: CodeArgument,
    region: RegionOption,
    number: Annotated[str, typer.Option(help="所拨的电话号码：取自协议档案，不取自变更申请")],
    spoke_with: Annotated[str, typer.Option("--with", help="与谁通话")],
    called_on: Annotated[str, typer.Option("--on", help="通话日期 YYYY-MM-DD")],
    called_at: Annotated[str, typer.Option("--at", help="通话时间 HH:MM")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """记录对收款账户变更的回访，暂缓即告结束：由提出、确认账户以外的另一人办理。"""
    running = app_for("accountant")
    call = Callback(number, spoke_with, parse_day(called_on), called_at)
    with act(running, region, "institution.callback", institution) as tx:
        version = record_callback(tx, institution, call, running.clock.today())
    said = f"机构{institution}第{version}版账户已由{running.user}回访确认"
    show({"institution": institution, "version": version}, [said], as_json=as_json)


@app.command()
def agreement(
    institution: CodeArgument,
    state: Annotated[str, typer.Argument(help="active、suspended或ended")],
    region: RegionOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """中止、终止协议：即时生效，未发送的款项一并停付；恢复须另一人确认。"""
    running = app_for("maker")
    with act(
        running, region, "institution.agreement", f"{institution} {STATE_NAMES.get(state, state)}"
    ) as tx:
        in_force = set_agreement(tx, institution, state, running.clock.today())
    said = (
        f"机构{institution}协议状态已为{STATE_NAMES[state]}"
        if in_force
        else f"机构{institution}协议改为{STATE_NAMES[state]}，待另一人确认：fundledger institution show {institution} --region {region}"
    )
    show({"institution": institution, "state": state, "in_force": in_force}, [said], as_json=as_json)
