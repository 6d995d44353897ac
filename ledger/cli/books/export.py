"""`fundledger export`: a whole book for hledger, ledger or beancount, or as JSON lines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ledger.books.reading import cut, parse_book, parse_period
from ledger.bootstrap import App
from ledger.cli.books.report import BookOption
from ledger.cli.line.context import JsonFlag, app_for, show
from ledger.core.entries import Book
from ledger.core.errors import InvalidInput
from ledger.core.os_errors import os_reason
from ledger.db.unit_of_work import unit_of_work
from reports.export import ExportFormat, write_book
from reports.export import export as export_book
from reports.gbt24589.write import export_gbt24589
from reports.statements.span import Span, span_of
from reports.wording import cut_object, cut_text


def export(
    book: BookOption,
    format_: Annotated[
        ExportFormat,
        typer.Option(
            "--format",
            help="hledger、ledger、beancount、jsonl（一行一张凭证）或gbt24589（GB/T 24589审计数据接口）",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option(help="写入的文件（gbt24589为目录）；写完才出现。省略则写到标准输出")
    ] = None,
    period: Annotated[str | None, typer.Option(help="gbt24589：会计期间YYYYMM")] = None,
    year: Annotated[int | None, typer.Option(help="gbt24589：会计年度YYYY")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """导出整个账套，供其他记账软件核对：每个末级科目×辅助核算为其中一个账户。"""
    running = app_for("reviewer")
    chosen = parse_book(book)
    if format_ is ExportFormat.GBT24589:
        _interface(
            running, chosen, span_of(parse_period(period) if period else None, year), out, as_json=as_json
        )
        return
    if period is not None or year is not None:
        raise InvalidInput("export.span", "只有 --format gbt24589 按期间或年度导出，其他格式导出整个账套")
    with unit_of_work(running.engine, running.user, chosen.region) as tx:
        if out is None:
            known = cut(tx, chosen, None)
            write_book(tx, chosen, format_, known, sys.stdout)
            typer.echo(cut_text(known), err=True)
            return
        try:
            done = export_book(tx, chosen, format_, out)
        except OSError as error:
            raise InvalidInput("export.file", f"不能写入{out}：{os_reason(error)}", file=str(out)) from error
    document = {
        "book": str(chosen),
        "format": format_.value,
        "out": str(out),
        "entries": done.entries,
        "accounts": done.accounts,
        "known_at": cut_object(done.known),
    }
    words = f"已导出{out}：{done.entries}张凭证，{done.accounts}个账户；{cut_text(done.known)}"
    show(document, [words], as_json=as_json)


def _interface(running: App, book: Book, span: Span, out: Path | None, *, as_json: bool) -> None:
    """GB/T 24589: a folder of XML files with their schemas."""
    if out is None:
        raise InvalidInput("export.folder", "--format gbt24589 写出多个文件，请以 --out 指明目录")
    with unit_of_work(running.engine, running.user, book.region) as tx:
        try:
            done = export_gbt24589(tx, book, span, out)
        except OSError as error:
            raise InvalidInput("export.file", f"不能写入{out}：{os_reason(error)}", file=str(out)) from error
    document = {
        "book": str(book),
        "format": ExportFormat.GBT24589.value,
        "span": span.text,
        "out": str(out),
        "files": [one._asdict() for one in done],
    }
    words = [
        f"{one.name}：{'，'.join(f'{kind}{count}条' for kind, count in one.records.items())}；SHA-256 {one.sha256}"
        for one in done
    ]
    show(document, [f"已导出{out}：{span.text}", *words], as_json=as_json)
