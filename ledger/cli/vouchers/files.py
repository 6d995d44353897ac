"""`fundledger book voucher import`, `imported`: files of the tax office and the fiscal office drafted row by row."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.books.reading import parse_book
from ledger.books.templates.file_rows import KINDS
from ledger.books.templates.files import Imported, ImportRow, import_rows, take_file, template_bytes
from ledger.books.templates.files import imported as imported_files
from ledger.cli.line.context import JsonFlag, act, app_for, show
from ledger.cli.vouchers.attachments import file_bytes, write_new
from ledger.core.digests import parse_digest
from ledger.core.errors import InvalidInput
from ledger.core.money import yuan_grouped
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work

BookOption = Annotated[str, typer.Option("--book", help="账套，如420100-310")]
_SHOWN = 50


def import_file(
    file: Annotated[
        Path, typer.Option(help="税务或财政的文件：CSV（UTF-8）或一张工作表的xlsx，列名固定，见docs/formats")
    ],
    book: BookOption,
    kind: Annotated[
        str, typer.Option(help="、".join(f"{one}{said('voucher_file.kind', one)}" for one in KINDS))
    ],
    *,
    as_json: JsonFlag = False,
) -> None:
    """按模板逐行制单：合规的行成为草稿，不合规的行留存并逐行说明；同一文件再来得到第一次的结果。"""
    running, named = app_for("accountant"), parse_book(book)
    content = file_bytes(file)
    with act(running, named.region, "voucher.import", f"{book} {file.name}") as tx:
        made, fresh = take_file(tx, named, kind, file.name, content, running.clock.today())
        bad = import_rows(tx, named, made.sha256, bad_only=True)
    document = made.as_json() | {"again": not fresh, "rows": [one._asdict() for one in bad[:_SHOWN]]}
    show(document, [_words(made), *_bad(made, bad)], as_json=as_json)


def imported(
    book: BookOption,
    file: Annotated[str, typer.Option("--file", help="一个文件的SHA-256：列出其不合规的行")] = "",
    template: Annotated[Path | None, typer.Option(help="写出文件模板到这个新文件，.xlsx为工作簿")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """列出导入过的文件；给出一个则列其不合规的行；或写出模板。"""
    running, named = app_for("reviewer"), parse_book(book)
    if template is not None:
        if file:
            raise InvalidInput("voucher_file.which", "--file与--template不能同用")
        write_new(template, template_bytes(template.name))
        show({"template": template.name}, [str(template)], as_json=as_json)
        return
    sha = parse_digest(file) if file else None
    with unit_of_work(running.engine, running.user, named.region) as tx:
        bad = import_rows(tx, named, sha, bad_only=True) if sha else []
        found = imported_files(tx, named, sha)
    document = {"files": [one.as_json() for one in found], "rows": [one._asdict() for one in bad]}
    lines = [line for one in found for line in (_words(one), *_bad(one, bad))]
    show(document, lines or ["没有导入过文件"], as_json=as_json)


def _words(one: Imported) -> str:
    return (
        f"{one.name}（{said('voucher_file.kind', one.kind)}）{one.imported_on} {one.imported_by}：制单{one.good}张，"
        f"借方合计{yuan_grouped(one.amount_fen)}元；不合规{one.bad}行；SHA-256 {one.sha256.hex()}"
    )


def _bad(one: Imported, rows: list[ImportRow]) -> list[str]:
    lines = [f"  {one.name} 第{row.line}行 {row.field}（{row.code}）：{row.message}" for row in rows[:_SHOWN]]
    return lines + ([f"  …另{len(rows) - _SHOWN}行"] if len(rows) > _SHOWN else [])
