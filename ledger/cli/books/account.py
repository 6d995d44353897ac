"""`fundledger account`: accounts an agency adds below the chart, and closes; proposed by one person, confirmed by another."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.books import sub_accounts
from ledger.books.reading import parse_book
from ledger.books.sub_accounts import AccountChange
from ledger.cli.line.context import JsonFlag, act, app_for, show
from ledger.core.digests import parse_digest
from ledger.core.text import bearable
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work

app = typer.Typer(help="科目：增设、停用明细科目", no_args_is_help=True)

BookOption = Annotated[str, typer.Option("--book", help="账套，如420100-310")]
AccountArgument = Annotated[
    int, typer.Argument(help="明细科目编码：上级科目加两位", min=1, max=2_147_483_647)
]
DigestOption = Annotated[str, typer.Option("--digest", help="所核对内容的摘要（account list所列）")]


@app.command()
def add(
    account: AccountArgument,
    book: BookOption,
    name: Annotated[str, typer.Option(help="本级名称，不带上级名称")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出增设一个明细科目，待另一人确认后可用；上级科目不再记账。"""
    running, named = app_for("accountant"), parse_book(book)
    with act(running, named.region, "account.add", f"{book} {account}") as tx:
        found = sub_accounts.propose_account(tx, named, account, name, running.clock.today())
    _show(found, as_json=as_json)


@app.command()
def close(account: AccountArgument, book: BookOption, *, as_json: JsonFlag = False) -> None:
    """提出停用一个增设的明细科目：须没有余额、本年没有发生额；待另一人确认。"""
    running, named = app_for("accountant"), parse_book(book)
    with act(running, named.region, "account.close", f"{book} {account}") as tx:
        found = sub_accounts.propose_closing(tx, named, account, running.clock.today())
    _show(found, as_json=as_json)


@app.command()
def confirm(
    account: AccountArgument, book: BookOption, digest: DigestOption, *, as_json: JsonFlag = False
) -> None:
    """由另一人确认所核对的增设或停用。"""
    running, named, known = app_for("checker"), parse_book(book), parse_digest(digest)
    with act(running, named.region, "account.confirm", f"{book} {account}") as tx:
        found = sub_accounts.decide_account(tx, named, account, known, running.clock.today())
    _show(found, as_json=as_json)


@app.command()
def refuse(
    account: AccountArgument,
    book: BookOption,
    digest: DigestOption,
    reason: Annotated[str, typer.Option(help="理由")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """由另一人退回待确认的增设或停用，写明理由。"""
    running, named, known = app_for("checker"), parse_book(book), parse_digest(digest)
    bearable(reason, "理由")
    with act(running, named.region, "account.refuse", f"{book} {account}") as tx:
        found = sub_accounts.decide_account(tx, named, account, known, running.clock.today(), reason=reason)
    _show(found, as_json=as_json)


@app.command("list")
def list_accounts(
    book: BookOption,
    everything: Annotated[bool, typer.Option("--all", help="连同规定的科目")] = False,
    *,
    as_json: JsonFlag = False,
) -> None:
    """增设的明细科目与待确认的；--all列出账套的全部科目。"""
    running, named = app_for("reviewer"), parse_book(book)
    with unit_of_work(running.engine, running.user, named.region) as tx:
        changes = sub_accounts.account_changes(tx, named)
        accounts = [one for one in sub_accounts.book_accounts(tx, named) if everything or one.added]
    lines = [
        f"{one.account}  {one.name}  {'已停用' if one.closed else '末级' if one.leaf else '有明细'}"
        for one in accounts
    ]
    lines += [_words(one) for one in changes if one.state == "proposed"]
    show(
        {"accounts": [one.as_json() for one in accounts], "changes": [one.as_json() for one in changes]},
        lines or ["没有增设的明细科目"],
        as_json=as_json,
    )


def _show(found: AccountChange, *, as_json: bool) -> None:
    show(found.as_json(), [_words(found)], as_json=as_json)


def _words(one: AccountChange) -> str:
    text = f"{one.account}  {one.name}  {said('account_change.act', one.act)}  {said('account_change.state', one.state)}  {one.proposed_by}于{one.proposed_on}提出"
    if one.state == "proposed":
        return f"{text}；核对无误后由另一人确认，摘要{one.digest}"
    return f"{text}，{one.decided_by}于{one.decided_on}办理"
