"""`fundledger institution`: master data of designated institutions and their payee accounts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show
from ledger.core.words import said
from ledger.fund.institutions.enrolment import set_agreement
from ledger.fund.institutions.load import load_institutions
from ledger.fund.institutions.master import read_institutions
from ledger.fund.institutions.payees import confirm_payees

app = typer.Typer(help="定点医药机构与收款账户", no_args_is_help=True)


@app.command()
def load(
    file: Annotated[Path, typer.Argument(help="机构JSON行文件")],
    region: RegionOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """导入机构、参加方式与收款账户（账户待另一人确认）。"""
    running = app_for("maker")
    with act(running, region, "institution.load", file.name) as tx:
        done = load_institutions(tx, read_institutions(file))
    document = {"new": done.new, "changed": done.changed, "payees_proposed": done.payees_proposed}
    show(
        document,
        [f"新增{done.new}家，变更{done.changed}家，收款账户待确认{done.payees_proposed}个"],
        as_json=as_json,
    )


@app.command()
def confirm(
    region: RegionOption,
    institution: Annotated[str, typer.Option(help="机构编码；缺省为全部待确认的")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """由另一人确认收款账户。"""
    running = app_for("checker")
    with act(running, region, "payee.confirm", institution or "全部") as tx:
        confirmed = confirm_payees(tx, institution)
    show({"confirmed": confirmed}, [f"已确认收款账户{confirmed}个"], as_json=as_json)


@app.command()
def agreement(
    institution: Annotated[str, typer.Argument(help="机构编码")],
    state: Annotated[str, typer.Argument(help="active、suspended或ended")],
    region: RegionOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """中止、终止或恢复协议：即时结算随之停止，未发送的款项一并停付。"""
    running = app_for("maker")
    with act(running, region, "institution.agreement", f"{institution} {state}") as tx:
        set_agreement(tx, institution, state)
    show(
        {"institution": institution, "state": state},
        [f"机构{institution}协议状态已为{said('institution.state', state)}"],
        as_json=as_json,
    )
