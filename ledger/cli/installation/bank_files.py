"""`fundledger bank files` and `bank read-again`: what the banks sent, what was set aside and why, and reading it again."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.books.setup import open_period
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show
from ledger.core.dates import parse_day, period_of
from ledger.core.digests import parse_digest
from ledger.core.entries import Book
from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import unit_of_work
from ledger.payments.incoming.again import KeptFile, ReadAgain, kept_files
from ledger.payments.incoming.again import read_again as read_file_again

app = typer.Typer()

OUTCOMES = {"read": "已读取", "quarantined": "已隔离"}


@app.command("files")
def files_command(
    region: RegionOption,
    account: Annotated[str, typer.Option(help="只列此账户")] = "",
    outcome: Annotated[str, typer.Option(help="只列：read已读取，quarantined已隔离")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """列出银行送来的文件；隔离的附原因，重读过的以最后一次为准。"""
    if outcome and outcome not in OUTCOMES:
        raise InvalidInput("file.outcome", f"文件结果“{outcome[:20]}”应为{'、'.join(OUTCOMES)}")
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = kept_files(tx, account, outcome)
    show(
        {"files": [_plain(one) for one in found]}, [_words(one) for one in found] or ["没有"], as_json=as_json
    )


@app.command("read-again")
def read_again_command(
    digest: Annotated[str, typer.Argument(help="文件摘要SHA-256，64位十六进制，见bank files")],
    region: RegionOption,
    account: Annotated[str, typer.Option(help="自有账户")],
    date: Annotated[str, typer.Option("--date", help="办理日期 YYYY-MM-DD，即填制日期")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """程序修好后，重读一份隔离的文件：以本人名义，原件不变，结果留存；已读成的给出第一次的结果。"""
    running, day = app_for("accountant"), parse_day(date)
    sha256 = parse_digest(digest, "file.digest_format")
    format_ = running.format_of(region, account)
    with act(running, region, "bank.read_again", f"{account} {digest}") as tx:
        for fund in tx.value(
            "SELECT payments.account_funds(%(region)s, %(account)s)", region=region, account=account
        ):
            open_period(tx, Book(region, fund), period_of(day))
        done = read_file_again(tx, account, format_, sha256, day)
    show(_again_json(done), _again_words(done), as_json=as_json)


def _plain(one: KeptFile) -> dict[str, object]:
    return {
        "account": one.account,
        "sha256": one.sha256.hex(),
        "name": one.name,
        "received_on": one.received_on.isoformat(),
        "kind": one.kind,
        "outcome": one.outcome,
        "code": one.code,
        "message": one.message,
        "attempts": one.attempts,
        "read_by": one.read_by,
    }


def _words(one: KeptFile) -> str:
    why = f"：{one.message}（{one.code}）" if one.code else ""
    again = f"，{one.read_by}第{one.attempts}次重读" if one.attempts else ""
    return f"{one.received_on} {one.account} {one.name} {OUTCOMES[one.outcome]}{again}{why} 摘要{one.sha256.hex()}"


def _again_json(done: ReadAgain) -> dict[str, object]:
    return {
        "account": done.account,
        "sha256": done.sha256.hex(),
        "attempt": done.n,
        "outcome": done.outcome,
        "code": done.code,
        "message": done.message,
        "read_by": done.read_by,
        "read_on": done.read_on.isoformat(),
        **done.result,
    }


def _again_words(done: ReadAgain) -> list[str]:
    if done.outcome != "read":
        return [f"仍不能读取，继续隔离：{done.message}（{done.code}）"]
    papers = sum(done.result["papers"].values())
    orders = sum(done.result["orders"].values())
    lines = [f"{done.read_by}于{done.read_on}重读成功：回单{papers}张，拨付单变动{orders}次"]
    return lines + [f"  注意 {p['place']}：{p['message']}（{p['code']}）" for p in done.result["problems"]]
