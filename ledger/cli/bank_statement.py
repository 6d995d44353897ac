"""`fundledger bank-statement`: statements of own accounts taken in; one copied from paper by two persons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from adapters.banks.ports import AccountStatement, Assembled
from ledger.bootstrap import statement_reader
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, day_or_today, show
from ledger.core.dates import parse_day
from ledger.core.digests import parse_digest
from ledger.core.errors import InvalidInput
from ledger.core.money import parse_fen, yuan_grouped
from ledger.core.os_errors import os_reason
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work
from ledger.payments.statements.pages import load_page
from ledger.payments.statements.take import (
    KeptStatement,
    StatementFile,
    TakenStatement,
    confirm_entered,
    enter,
    files,
    load,
    refuse_entered,
    taken,
)
from ledger.payments.statements.withdraw import (
    Withdrawal,
    ask_page_withdrawal,
    ask_withdrawal,
    decide_withdrawal,
    withdrawals,
)

app = typer.Typer(help="银行对账单：收入、按纸质录入、收回、列出", no_args_is_help=True)

Account = Annotated[str, typer.Option(help="自有账户")]
DateOption = Annotated[str, typer.Option("--date", help="办理日期 YYYY-MM-DD；缺省为业务日期")]
From = Annotated[str, typer.Option("--from", help="起日 YYYY-MM-DD；缺省为第一行")]
To = Annotated[str, typer.Option("--to", help="止日 YYYY-MM-DD；缺省为末行")]
Opening = Annotated[str, typer.Option(help="期初余额，元；表中有逐行余额的可省")]
Closing = Annotated[str, typer.Option(help="期末余额，元；表中有逐行余额的可省")]
Number = Annotated[str, typer.Option(help="对账单编号")]


@app.command("load")
def load_command(
    file: Annotated[Path, typer.Option(help="银行给出的对账单，原样：camt.053、bkrs（XML或OFD）、表格")],
    region: RegionOption,
    account: Account,
    profile: Annotated[Path | None, typer.Option(help="表格的格式文件（TOML或JSON）")] = None,
    first: From = "",
    last: To = "",
    opening: Opening = "",
    closing: Closing = "",
    number: Number = "",
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """收入一份对账单：逐行余额、期初期末、与上一份相接都经核对，有一处不符即整份拒收；同一文件再来得到第一次的结果。"""
    running, day = app_for("accountant"), day_or_today(date)
    content = _bytes(file)
    described = None if profile is None else (profile.name, _bytes(profile))
    stated = _stated(account, number, first, last, opening, closing)
    kept = StatementFile(
        file.name,
        content,
        "" if described is None else described[1].decode("utf-8", "replace"),
        _kept(stated),
    )
    missing: tuple[str, ...] = ()
    if described is None and statement_reader().is_page(file.name, content, account):
        with act(running, region, "statement.page", f"{account} {file.name}") as tx:
            made, missing = load_page(tx, account, kept, _pages(account), day)
    else:
        statements = statement_reader().read(file.name, content, stated, described)
        with act(running, region, "statement.load", f"{account} {file.name}") as tx:
            made = load(tx, account, kept, statements, day)
    document: dict[str, object] = {"statements": [plain(one) for one in made]}
    if missing:
        document["missing"] = list(missing)
    show(document, [*map(_words, made), *(f"已存待齐：{one}" for one in missing)], as_json=as_json)


@app.command("enter")
def enter_command(
    file: Annotated[Path, typer.Option(help="按纸质对账单录入的表格（CSV），列名固定")],
    region: RegionOption,
    account: Account,
    first: Annotated[str, typer.Option("--from", help="起日 YYYY-MM-DD")],
    last: Annotated[str, typer.Option("--to", help="止日 YYYY-MM-DD")],
    opening: Annotated[str, typer.Option(help="期初余额，元")],
    closing: Annotated[str, typer.Option(help="期末余额，元")],
    number: Number = "",
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """会计按纸质对账单录入：待另一人核对后按摘要复核，在此之前不算数。"""
    running, day = app_for("accountant"), day_or_today(date)
    content, stated = _bytes(file), _stated(account, number, first, last, opening, closing)
    statement = statement_reader().read_written(file.name, content, stated)
    with act(running, region, "statement.enter", f"{account} {file.name}") as tx:
        made = enter(tx, account, StatementFile(file.name, content, stated=_kept(stated)), statement, day)
    show({"file": plain_file(made)}, [_file_words(made)], as_json=as_json)


@app.command("confirm")
def confirm_command(
    digest: Annotated[str, typer.Argument(help="录入的摘要SHA-256，64位十六进制，见bank-statement list")],
    region: RegionOption,
    account: Account,
    date: DateOption = "",
    refusal: Annotated[str, typer.Option("--refuse", help="不同意的理由")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """复核录入的对账单：与纸质核对一致即收入；给出理由则退回。"""
    running, day = app_for("checker"), day_or_today(date)
    wanted = parse_digest(digest, "statement.digest_format")
    if refusal:
        with act(running, region, "statement.refuse", f"{account} {digest}") as tx:
            known = refuse_entered(tx, account, wanted, day, refusal)
        show({"file": plain_file(known)}, [_file_words(known)], as_json=as_json)
        return
    with act(running, region, "statement.confirm", f"{account} {digest}") as tx:
        made = confirm_entered(tx, account, wanted, _written(account), day)
    show({"statements": [plain(one) for one in made]}, [_words(one) for one in made], as_json=as_json)


@app.command("withdraw")
def withdraw_command(
    region: RegionOption,
    account: Account,
    reason: Annotated[str, typer.Option(help="收回的理由")],
    statement: Annotated[
        int, typer.Argument(help="第几份，见bank-statement list；同一文件的各份一并收回")
    ] = 0,
    page: Annotated[
        str,
        typer.Option(help="只收回待齐的一页：其摘要（见bank-statement list）或文件的SHA-256，64位十六进制"),
    ] = "",
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """会计申请收回误收的对账单或待齐的一页（对账单只限最后的、没有勾对、没有列入余额调节表、月份未结账的），待另一人复核。"""
    running, day = app_for("accountant"), day_or_today(date)
    if (statement == 0) == (page == ""):
        raise InvalidInput("statement.which", "收回哪一份对账单，或哪一待齐的页（--page），须写明其一")
    wanted = parse_digest(page, "statement.digest_format") if page else b""
    with act(running, region, "statement.withdraw", f"{account} {page or statement}") as tx:
        if page:
            made = ask_page_withdrawal(tx, account, wanted, reason, day)
        else:
            made = ask_withdrawal(tx, account, statement, reason, day)
    show({"withdrawal": plain_withdrawal(made)}, [_withdrawal_words(made)], as_json=as_json)


@app.command("confirm-withdrawal")
def confirm_withdrawal_command(
    n: Annotated[int, typer.Argument(help="收回申请的编号，见bank-statement list")],
    region: RegionOption,
    account: Account,
    date: DateOption = "",
    refusal: Annotated[str, typer.Option("--refuse", help="不同意的理由")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """复核收回：同意即不再计入，文件与各行仍保存，改正的对账单可接在其前一份之后；给出理由则退回。"""
    running, day = app_for("checker"), day_or_today(date)
    verb = "statement.keep" if refusal else "statement.withdrawn"
    with act(running, region, verb, f"{account} {n}") as tx:
        done = decide_withdrawal(tx, account, n, day, refusal)
    show({"withdrawal": plain_withdrawal(done)}, [_withdrawal_words(done)], as_json=as_json)


@app.command("list")
def list_command(
    region: RegionOption,
    account: Annotated[str, typer.Option(help="自有账户；缺省为全部")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """列出收到的对账单，和录入待复核的。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        made, back = taken(tx, account), withdrawals(tx, account)
        waiting = [one for one in files(tx, account) if one.form == "hand" or one.state == "waiting"]
    show(
        {
            "statements": [plain(one) for one in made],
            "files": [plain_file(one) for one in waiting],
            "withdrawals": [plain_withdrawal(one) for one in back],
        },
        [*map(_words, made), *map(_file_words, waiting), *map(_withdrawal_words, back)] or ["没有对账单"],
        as_json=as_json,
    )


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as refusal:
        raise InvalidInput("file.unreadable", f"文件{path}不能读取：{os_reason(refusal)}") from refusal


def _stated(account: str, number: str, first: str, last: str, opening: str, closing: str) -> dict[str, str]:
    for day in filter(None, (first, last)):
        parse_day(day)
    for yuan in filter(None, (opening, closing)):
        parse_fen(yuan)
    return {
        "account": account, "number": number, "first": first, "last": last, "opening": opening, "closing": closing,
    }  # fmt: skip


def _kept(stated: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in stated.items() if value}


def _written(account: str) -> Callable[[StatementFile], AccountStatement]:
    def read(kept: StatementFile) -> AccountStatement:
        said_of = dict(kept.stated or {})
        stated = _stated(
            account, *(said_of.get(name, "") for name in ("number", "first", "last", "opening", "closing"))
        )
        return statement_reader().read_written(kept.name, kept.content, stated)

    return read


def _pages(account: str) -> Callable[[Sequence[StatementFile]], Assembled]:
    def read(files: Sequence[StatementFile]) -> Assembled:
        return statement_reader().read_pages([(one.name, one.content) for one in files], account)

    return read


def plain_withdrawal(one: Withdrawal) -> dict[str, object]:
    """A withdrawal for machines."""
    return {
        "account": one.account,
        "n": one.n,
        "from": one.first_statement,
        "to": one.last_statement,
        "page": one.page,
        "sha256": one.file_sha256.hex(),
        "state": one.state,
        "reason": one.reason,
        "prepared_by": one.prepared_by,
        "approved_by": one.approved_by,
        "refusal": one.refusal,
    }


def _withdrawal_words(one: Withdrawal) -> str:
    by = f"，{one.approved_by}复核" if one.approved_by else ""
    span = f"第{one.first_statement}份" + (
        "" if one.last_statement == one.first_statement else f"至第{one.last_statement}份"
    )
    if one.page:
        span = f"待齐的页{one.page}"
    return (
        f"收回申请{one.n} {one.account} {span} {said('statement_withdrawal.state', one.state)}：{one.reason}，{one.prepared_by}提出{by}"
        + (f"（{one.refusal}）" if one.refusal else "")
    )


def plain(one: TakenStatement) -> dict[str, object]:
    """A statement for machines; money in fen as text."""
    return {
        "account": one.account,
        "statement": one.n,
        "form": one.form,
        "number": one.number,
        "from": one.first_day.isoformat(),
        "to": one.last_day.isoformat(),
        "opening_fen": str(one.opening_fen),
        "closing_fen": str(one.closing_fen),
        "lines": one.lines,
        "sha256": one.file_sha256.hex(),
        "gap_days": one.gap_days,
    }


def plain_file(one: KeptStatement) -> dict[str, object]:
    """A copy from paper for machines."""
    return {
        "account": one.account,
        "name": one.name,
        "digest": one.digest.hex(),
        "state": one.state,
        "stated": dict(one.stated),
        "prepared_by": one.prepared_by,
        "approved_by": one.approved_by,
        "reason": one.reason,
    }


def _words(one: TakenStatement) -> str:
    gap = f"；此前{one.gap_days}天没有对账单，余额相接" if one.gap_days else ""
    return (
        f"{one.account} 第{one.n}份 {said('statement.form', one.form)} {one.first_day}至{one.last_day} 期初{yuan_grouped(one.opening_fen)}元 "
        f"{one.lines}行 期末{yuan_grouped(one.closing_fen)}元{gap}"
    )


def _file_words(one: KeptStatement) -> str:
    by = f"，{one.approved_by}复核" if one.approved_by else ""
    why = f"：{one.reason}" if one.reason else ""
    return f"{one.account} {one.name} {one.prepared_by}录入{by}，{said('statement_file.state', one.state)}{why}，摘要{one.digest.hex()}"
