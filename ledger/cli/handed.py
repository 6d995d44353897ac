"""`fundledger payments handed`: a bank file that somebody brought; an accountant hands it in, a checker confirms its bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.books.setup import open_period
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, business_day, show
from ledger.cli.words.received import plain_received, words_of_received
from ledger.core.dates import period_of
from ledger.core.digests import parse_digest
from ledger.core.entries import Book
from ledger.core.errors import InvalidInput
from ledger.core.os_errors import os_reason
from ledger.db.unit_of_work import unit_of_work
from ledger.payments.incoming.by_hand import (
    STATES,
    Brought,
    HandedFile,
    confirm_handed,
    hand_in,
    handed_files,
    refuse_handed,
)

app = typer.Typer(help="人工送来的银行文件：会计登记，另一人向银行核实后复核", no_args_is_help=True)

Account = Annotated[str, typer.Option(help="自有账户")]
DateOption = Annotated[str, typer.Option("--date", help="办理日期 YYYY-MM-DD，即填制日期")]


@app.command("list")
def list_command(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """列出人工送来的银行文件。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = handed_files(tx)
    show(
        {"files": [plain(one) for one in found]}, [_words(one) for one in found] or ["没有"], as_json=as_json
    )


@app.command("in")
def in_command(
    region: RegionOption,
    account: Account,
    file: Annotated[Path, typer.Option(help="银行给出的文件，原样")],
    brought_by: Annotated[str, typer.Option(help="送来人：银行经办人或出纳以外的同事")],
    document: Annotated[str, typer.Option(help="依据：银行函件、查询查复书")],
    date: DateOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """登记送来的文件：原样保存，不入账，待另一人复核；不能读取的隔离。"""
    running, day = app_for("accountant"), business_day(date)
    try:
        brought = Brought(file.name, file.read_bytes(), brought_by, document)
    except OSError as refusal:
        raise InvalidInput("file.unreadable", f"文件{file}不能读取：{os_reason(refusal)}") from refusal
    format_ = running.format_of(region, account)
    with act(running, region, "payments.hand_in", f"{account} {file.name}") as tx:
        made = hand_in(tx, account, format_, brought, day)
    document_ = {"known": made is None, "file": None if made is None else plain(made)}
    show(document_, [f"文件{file.name}早已收入，不再登记" if made is None else _words(made)], as_json=as_json)


@app.command("confirm")
def confirm_command(
    digest: Annotated[str, typer.Argument(help="文件摘要SHA-256，64位十六进制，见handed list")],
    region: RegionOption,
    account: Account,
    date: DateOption,
    refusal: Annotated[str, typer.Option("--refuse", help="不同意的理由")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """复核：同意即与通道收到的文件同样入账；给出理由则退回，文件仍保存。"""
    running, day = app_for("checker"), business_day(date)
    sha256 = parse_digest(digest, "file.digest_format")
    name = "payments.hand_refuse" if refusal else "payments.hand_confirm"
    if refusal:
        with act(running, region, name, f"{account} {digest}") as tx:
            known = refuse_handed(tx, account, sha256, day, refusal)
        show({"file": plain(known)}, [_words(known)], as_json=as_json)
        return
    format_ = running.format_of(region, account)
    with act(running, region, name, f"{account} {digest}") as tx:
        for fund in tx.value(
            "SELECT payments.account_funds(%(region)s, %(account)s)", region=region, account=account
        ):
            open_period(tx, Book(region, fund), period_of(day))
        known, done = confirm_handed(tx, account, format_, sha256, day)
    document = {"file": plain(known), "account": plain_received(done)}
    show(document, [_words(known), *words_of_received(done)], as_json=as_json)


def plain(one: HandedFile) -> dict[str, object]:
    """A hand-over for machines."""
    return {
        "account": one.account,
        "sha256": one.sha256.hex(),
        "name": one.name,
        "brought_by": one.brought_by,
        "document": one.document,
        "state": one.state,
        "prepared_by": one.prepared_by,
        "approved_by": one.approved_by,
        "reason": one.reason,
    }


def _words(one: HandedFile) -> str:
    by = f"，{one.approved_by}复核" if one.approved_by else ""
    why = f"：{one.reason}" if one.reason else ""
    return (
        f"{one.account} {one.name}由{one.brought_by}送来（{one.document}），{one.prepared_by}登记{by}，"
        f"{STATES[one.state]}{why}，摘要{one.sha256.hex()}"
    )
