"""`fundledger cutover`: taking over a book at a month's end: templates, checking, proposing, confirming, the report to sign."""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from ledger.acts.posts import login_of
from ledger.books.reading import parse_book
from ledger.bootstrap import App
from ledger.cli.line.context import JsonFlag, act, app_for, progress_bar, show
from ledger.core.dates import parse_day
from ledger.core.errors import InvalidInput
from ledger.core.words import said
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.cutover.files import write_template, write_template_workbook
from ledger.fund.cutover.opening import confirm_cutover, refuse_cutover
from ledger.fund.cutover.read import read_set
from ledger.fund.cutover.store import differences, propose, read_cutovers, sealed_set, stage
from ledger.fund.cutover.values import CutoverSet, SetDifference
from reports.cutover import as_csv, as_document, cutover_report

app = typer.Typer(help="接转：期初余额、未了事项、旧账明细", no_args_is_help=True)

BookOption = Annotated[str, typer.Option("--book", help="账套：统筹区代码-基金，如420100-310")]
DayOption = Annotated[str, typer.Option("--on", help="接转日，月末，YYYY-MM-DD：期初为该日终了的余额")]
FilesArgument = Annotated[Path, typer.Argument(help="接转资料：含七个CSV文件的目录或zip，或一个xlsx工作簿")]
_SHOWN: int = 50


class Shape(StrEnum):
    """How the report is written."""

    CSV = "csv"
    JSON = "json"


class TemplateShape(StrEnum):
    """How the template is written."""

    CSV = "csv"
    XLSX = "xlsx"


class _Undone(Exception):
    """Rolls back what was only looked at."""


@app.command()
def template(
    out: Annotated[Path, typer.Option("--out", help="写到这个目录；xlsx写成这个文件")],
    shape: Annotated[TemplateShape, typer.Option("--format", help="csv或xlsx")] = TemplateShape.CSV,
    *,
    as_json: JsonFlag = False,
) -> None:
    """写出接转资料的模板：七个CSV文件或一个工作簿，标题与一行示例。"""
    paths = write_template(out) if shape is TemplateShape.CSV else [write_template_workbook(out)]
    show({"files": [path.name for path in paths]}, [str(path) for path in paths], as_json=as_json)


@app.command()
def check(files: FilesArgument, book: BookOption, on: DayOption, *, as_json: JsonFlag = False) -> None:
    """核对接转资料：逐处列出不符之处，不作任何改动；有不符则以1退出。"""
    running, named, day = app_for("accountant"), parse_book(book), parse_day(on)
    found, wrong = read_set(files, named, day)
    found = _sealed(running, named.region, found)
    with progress_bar("写入核对") as progress:
        try:
            # written and undone: by the login that may propose it
            with (
                running.as_post(login_of("cutover.propose")),
                unit_of_work(running.engine, running.user, named.region) as tx,
            ):
                version = stage(tx, named, day, found, running.clock.today(), progress)
                wrong += differences(tx, named, version)
                raise _Undone
        except _Undone:
            pass
    _tell(named, found, sorted(wrong), found.digest(named, day), as_json=as_json)
    if wrong:
        raise typer.Exit(1)


@app.command("propose")
def propose_set(files: FilesArgument, book: BookOption, on: DayOption, *, as_json: JsonFlag = False) -> None:
    """提出接转，待另一人复核；有任何不符则全部拒绝。"""
    running, named, day = app_for("accountant"), parse_book(book), parse_day(on)
    found, wrong = read_set(files, named, day)
    if wrong:
        raise _refused(wrong)
    found = _sealed(running, named.region, found)
    digest = found.digest(named, day)
    with (
        progress_bar("写入") as progress,
        act(running, named.region, "cutover.propose", f"{book} {on}") as tx,
    ):
        known = _same(tx, book, day, digest)
        if not known:
            version = stage(tx, named, day, found, running.clock.today(), progress)
            propose(tx, named, version, digest)
    document = _document(named, found, [], digest) | {"state": "proposed", "again": known}
    show(document, [*_words(found), "已提出，待另一人复核", f"摘要 {digest}"], as_json=as_json)


@app.command()
def confirm(
    book: BookOption,
    on: DayOption,
    files: Annotated[Path | None, typer.Argument(help="复核人手中的接转资料；或用 --digest")] = None,
    digest: Annotated[str, typer.Option("--digest", help="所核对的接转资料的摘要")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """复核接转：期初凭证入账，未了事项开立，一次完成；须为另一人，凭同一份资料或其摘要。"""
    running, named, day = app_for("checker"), parse_book(book), parse_day(on)
    if files is not None:
        found, wrong = read_set(files, named, day)
        if wrong:
            raise _refused(wrong)
        own = _sealed(running, named.region, found).digest(named, day)
        if digest and digest != own:
            raise InvalidInput("cutover.digest", "所给摘要与所给资料不符")
        digest = own
    if not digest:
        raise InvalidInput("cutover.digest", "请给出接转资料，或用 --digest 给出其摘要")
    with act(running, named.region, "cutover.confirm", f"{book} {on}") as tx:
        done = confirm_cutover(tx, named, day, digest, running.clock.today())
    document = {
        "book": book, "on": on, "state": "confirmed", "digest": digest, "vouchers": done.vouchers, "lines": done.lines,
    }  # fmt: skip
    show(
        document,
        [f"账套{book}已按{on}的余额接转：期初凭证{'、'.join(done.vouchers)}，共{done.lines}行"],
        as_json=as_json,
    )


@app.command()
def refuse(
    book: BookOption,
    digest: Annotated[str, typer.Option("--digest", help="所核对的接转资料的摘要")],
    reason: Annotated[str, typer.Option(help="理由")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """退回接转资料，写明理由。"""
    running, named = app_for("checker"), parse_book(book)
    with act(running, named.region, "cutover.refuse", book) as tx:
        refuse_cutover(tx, named, digest, reason, running.clock.today())
    show({"book": book, "state": "refused"}, [f"账套{book}的接转资料已退回"], as_json=as_json)


@app.command("show")
def show_cutover(book: BookOption, *, as_json: JsonFlag = False) -> None:
    """此账套提出过的接转及其状态。"""
    running, named = app_for("reviewer"), parse_book(book)
    with unit_of_work(running.engine, running.user, named.region) as tx:
        found = read_cutovers(tx, named)
    lines = [
        f"第{one.version}版 {one.day} {said('cutover.state', one.state)}，{one.proposed_by}提出"
        + (f"，{one.decided_by}办理" if one.decided_by else "")
        + (f"：{one.reason}" if one.reason else "")
        + f"，摘要{one.digest}"
        for one in found
    ]
    show({"book": book, "cutovers": [one._asdict() for one in found]}, lines, as_json=as_json)


@app.command()
def report(
    book: BookOption,
    shape: Annotated[Shape, typer.Option("--format", help="csv或json")] = Shape.CSV,
    *,
    as_json: JsonFlag = False,
) -> None:
    """接转报告：年初、本年发生、期初余额与未了事项，供提出人与复核人签字。"""
    running, named = app_for("reviewer"), parse_book(book)
    with unit_of_work(running.engine, running.user, named.region) as tx:
        grid = cutover_report(tx, named)
    if as_json or shape is Shape.JSON:
        typer.echo(json.dumps(as_document(grid), ensure_ascii=False, default=str))
    else:
        typer.echo(as_csv(grid), nl=False)


def _sealed(running: App, region: int, found: CutoverSet) -> CutoverSet:
    """The set with its persons' names and accounts sealed, as it is stored: what its digest is of."""
    with unit_of_work(running.engine, running.user, region) as tx:
        return sealed_set(tx, found)


def _same(tx: Transaction, book: str, day: object, digest: str) -> bool:
    """Whether the very same set is proposed already: proposing again changes nothing."""
    return any(
        (one.state, one.digest, one.day) == ("proposed", digest, day)
        for one in read_cutovers(tx, parse_book(book))
    )


def _refused(wrong: Sequence[SetDifference]) -> InvalidInput:
    first = min(wrong)
    return InvalidInput(
        "cutover.unreadable",
        f"接转资料有{len(wrong)}处不合规，第一处：{first.file}第{first.line}行{first.field}（{first.code}）{first.message}",
        differences=[one._asdict() for one in sorted(wrong)[:_SHOWN]],
    )


def _document(
    named: object, found: CutoverSet, wrong: Sequence[SetDifference], digest: str
) -> dict[str, Any]:
    return {
        "book": str(named),
        "digest": digest,
        "balances": sum(1 for line in found.lines if line.file == "balances"),
        "open_items": sum(1 for line in found.lines if line.file == "open_items") + len(found.advances) + len(found.deductions),
        "orders": len({order.reference for order in found.orders}),
        "bank": len(found.banks),
        "history": len(found.history),
        "records": len(found.records),
        "trial_balance": len(found.trial),
        "differences": [one._asdict() for one in wrong],
    }  # fmt: skip


def _words(found: CutoverSet) -> list[str]:
    items = sum(1 for line in found.lines if line.file == "open_items")
    return [
        f"余额{sum(1 for line in found.lines if line.file == 'balances')}行，未了事项"
        f"{items + len(found.advances) + len(found.deductions)}行，历史{len(found.history)}行，"
        f"结算记录{len(found.records)}笔，在途拨付{len({order.reference for order in found.orders})}单，"
        f"银行{len(found.banks)}行，余额表{len(found.trial)}行"
    ]


def _tell(
    named: object, found: CutoverSet, wrong: Sequence[SetDifference], digest: str, *, as_json: bool
) -> None:
    lines = _words(found)
    lines += [f"{one.file} 第{one.line}行 {one.field} {one.code}：{one.message}" for one in wrong]
    lines.append(f"共{len(wrong)}处不符" if wrong else f"全部相符，摘要 {digest}")
    show(_document(named, found, wrong, digest), lines, as_json=as_json)
