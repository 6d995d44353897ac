"""`fundledger evidence`: what persons signed as a file, and its check without any database."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ledger.access.signing.register import FORMAT as LIST
from ledger.access.signing.register import check_list, read_document
from ledger.cli.line.context import JsonFlag, RegionOption, app_for, show
from ledger.core.errors import InvalidInput
from ledger.core.os_errors import os_reason
from ledger.core.private import write_private
from ledger.db.unit_of_work import unit_of_work
from reports.evidence.export import FORMAT, evidence_of
from reports.evidence.verify import check_evidence

app = typer.Typer(help="签名证据：导出、离线核对", no_args_is_help=True)
Persons = Annotated[Path | None, typer.Option("--list", help="另行保存的人员密钥名册；缺省用证据内所附的")]


@app.command()
def export(
    act: Annotated[str, typer.Argument(help="事项，如payments.approve")],
    subject: Annotated[str, typer.Argument(metavar="OBJECT", help="对象，如批次号")],
    region: RegionOption,
    persons: Annotated[Path, typer.Option("--list", help="两人已签名的人员密钥名册")],
    out: Annotated[Path, typer.Option("--out", help="写入的文件")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """导出一项审批的签名、所签内容与名册。"""
    running = app_for("reviewer")
    listed = read_document(persons, LIST)
    check_list(listed)
    with unit_of_work(running.engine, running.user, region) as tx:
        document = evidence_of(tx, act, subject, listed)
    try:
        write_private(out, json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    except OSError as error:
        raise InvalidInput("export.file", f"不能写入{out}：{os_reason(error)}", file=str(out)) from error
    count = len(document["signatures"])
    show({"out": str(out), "signatures": count}, [f"已写入{out}：{count}个签名"], as_json=as_json)


@app.command()
def verify(
    file: Annotated[Path, typer.Argument(help="证据文件")],
    persons: Persons = None,
    trust: Annotated[
        list[str] | None, typer.Option("--trust", help="纸上留存的指纹（前8位以上），可多个")
    ] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """离线核对证据：名册由两人签名，签名成立，所附内容与摘要相符；不成立则列出并以1退出。"""
    document = read_document(file, FORMAT)
    listed = read_document(persons, LIST) if persons else None
    found = check_evidence(document, listed, tuple(trust or ()))
    answer = {
        "ok": not found.flaws,
        "signatures": [one._asdict() for one in found.proven],
        "flaws": found.flaws,
        "content": found.content,
        "list_signed_by": list(found.listed.signers),
    }
    lines = [f"{one.user}（{one.person}）于{one.signed_at}签名，密钥{one.key}" for one in found.proven]
    lines += found.flaws
    lines.append(
        "所附内容与所签摘要相符"
        if found.content and not found.flaws
        else "未附内容：只证明摘要"
        if not found.content
        else ""
    )
    lines += ["名册由下列密钥签名，请与纸上留存的指纹核对：", *(f"  {one}" for one in found.listed.signers)]
    show(answer, [line for line in lines if line], as_json=as_json)
    if found.flaws:
        raise typer.Exit(1)
