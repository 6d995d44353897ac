"""`fundledger book voucher attach`, `attachments`: papers a draft rests on, kept by digest; one written out again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.books.attachments import attach as attach_file
from ledger.books.attachments import attachment
from ledger.books.manual import manual_voucher
from ledger.books.reading import parse_book
from ledger.cli.line.context import JsonFlag, act, app_for, show
from ledger.core.errors import Conflict, InvalidInput
from ledger.core.os_errors import os_reason
from ledger.core.private import opened
from ledger.db.unit_of_work import unit_of_work

BookOption = Annotated[str, typer.Option("--book", help="账套，如420100-310")]
Draft = Annotated[str, typer.Argument(help="草稿编号，如MV-…")]


def attach(
    draft: Draft,
    book: BookOption,
    file: Annotated[Path, typer.Option(help="附件文件，原样保存")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """给本人的草稿添加附件：按SHA-256保存，计入附件张数；复核后不能再变动。"""
    running, named = app_for("accountant"), parse_book(book)
    content = file_bytes(file)
    with act(running, named.region, "voucher.attach", f"{book} {draft} {file.name}") as tx:
        made = attach_file(tx, named, draft, file.name, content, running.clock.today())
    show(
        made.as_json(),
        [f"{draft}附件{len(made.attached)}个，复核摘要 {made.shown_digest.hex()}"],
        as_json=as_json,
    )


def attachments(
    draft: Draft,
    book: BookOption,
    n: Annotated[int, typer.Option(help="写出第几个附件，与--out同用", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="写到这个新文件")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """列出草稿或凭证的附件；用 --n 与 --out 取出其中一个。"""
    running, named = app_for("reviewer"), parse_book(book)
    if (n == 0) != (out is None):
        raise InvalidInput("attachment.out", "取出一个附件须同时给出--n与--out")
    with unit_of_work(running.engine, running.user, named.region) as tx:
        found = manual_voucher(tx, named, draft)
        content = attachment(tx, named, draft, n)[1] if out is not None else b""
    if out is not None:
        write_new(out, content)
    lines = [f"{one.n} {one.name} {one.size}字节 SHA-256 {one.sha256.hex()}" for one in found.attached]
    show({"attached": [one.as_json() for one in found.attached]}, lines or ["没有附件"], as_json=as_json)


def file_bytes(path: Path) -> bytes:
    """A file's bytes. Raises InvalidInput `file.unreadable`."""
    try:
        return path.read_bytes()
    except OSError as refusal:
        raise InvalidInput("file.unreadable", f"文件{path}不能读取：{os_reason(refusal)}") from refusal


def write_new(path: Path, content: bytes) -> None:
    """Write a file that is not there yet. Raises Conflict `attachment.exists`, InvalidInput `file.unreadable`."""
    try:
        with opened(path, "xb") as out:
            out.write(content)
    except FileExistsError as refusal:
        raise Conflict("attachment.exists", f"{path.name}已存在，不覆盖") from refusal
    except OSError as refusal:
        raise InvalidInput("export.file", f"不能写入{path}：{os_reason(refusal)}") from refusal
