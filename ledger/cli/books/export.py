"""`fundledger export`: a whole book for hledger, ledger or beancount, or as JSON lines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ledger.books.reading import cut, parse_book
from ledger.cli.books.report import BookOption
from ledger.cli.line.context import JsonFlag, app_for, show
from ledger.core.errors import InvalidInput
from ledger.core.os_errors import os_reason
from ledger.db.unit_of_work import unit_of_work
from reports.export import ExportFormat, write_book
from reports.export import export as export_book
from reports.wording import cut_object, cut_text


def export(
    book: BookOption,
    format_: Annotated[
        ExportFormat, typer.Option("--format", help="hledger、ledger、beancount或jsonl（一行一张凭证）")
    ],
    out: Annotated[Path | None, typer.Option(help="写入的文件；写完才出现。省略则写到标准输出")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """导出整个账套，供其他记账软件核对：每个末级科目×辅助核算为其中一个账户。"""
    running = app_for("reviewer")
    chosen = parse_book(book)
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
