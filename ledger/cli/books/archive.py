"""`fundledger archive`: a closed period as a package of electronic accounting archives, and its check."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.access.signing.pair import algorithm_named
from ledger.books.reading import parse_book, parse_period
from ledger.cli.books.report import BookOption
from ledger.cli.books.seal import AlgorithmOption, KeyOption, PeriodOption, kept_keys
from ledger.cli.line.context import JsonFlag, app_for, show
from ledger.core.errors import InvalidInput
from ledger.core.os_errors import os_reason
from ledger.db.unit_of_work import unit_of_work
from reports.archive.export import export_archive
from reports.archive.index import KIND_WORDS
from reports.archive.verify import verify_archive
from reports.seal.key import ensure_key

app = typer.Typer(help="电子会计档案：按期间成包、核对", no_args_is_help=True)


@app.command("export")
def export(
    book: BookOption,
    period: PeriodOption,
    out: Annotated[Path, typer.Option(help="写入的目录，或以.zip结尾的文件；写完才出现")],
    algorithm: AlgorithmOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """已结账期间的档案包：凭证、账簿、报表、银行文件原件、期间封存，目录附摘要与保管期限并签名。"""
    running, named = app_for("accountant"), parse_book(book)
    settings = running.settings
    key, _ = ensure_key(settings.home, algorithm_named(algorithm or settings.seal_algorithm))
    with unit_of_work(running.engine, running.user, named.region) as tx:
        try:
            head, items = export_archive(
                tx,
                named,
                parse_period(period),
                running.clock.today(),
                key,
                out,
                lambda part: typer.echo(f"归档{part}…", err=True),
            )
        except OSError as error:
            raise InvalidInput("export.file", f"不能写入{out}：{os_reason(error)}", file=str(out)) from error
    kinds = {word: sum(item.kind == kind for item in items) for kind, word in KIND_WORDS.items()}
    document = {
        "out": str(out),
        "book": head.book,
        "period": head.period,
        "files": [item._asdict() for item in items],
        "key_id": key.id,
    }
    counted = "，".join(f"{word}{count}件" for word, count in kinds.items() if count)
    show(document, [f"已归档{out}：{counted}；密钥指纹{key.id}"], as_json=as_json)


@app.command("verify")
def verify(
    package: Annotated[Path, typer.Argument(help="档案包：目录或ZIP")],
    key: KeyOption = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """核对档案包，不用数据库：目录、签名、每个文件的摘要、期间封存；有不符则逐项指明并以1退出。"""
    done = verify_archive(package, kept_keys(key))
    document = {
        "package": str(package),
        "archive": "clean" if done.clean else "findings",
        "valid": done.clean,
        "book": done.head and done.head.book,
        "period": done.head and done.head.period,
        "files": done.files,
        "key_id": done.key_id,
        "key_checked": done.key_checked,
        "findings": [{"where": where, "message": what} for where, what in done.findings],
    }
    words = [f"{where}：{what}" for where, what in done.findings]
    if done.clean:
        words = [f"相符：账套{document['book']}期间{document['period']}，{done.files}个文件"]
        if not done.key_checked:
            words.append(
                f"签名自身有效，但没有留存的公钥可比：请核对指纹{done.key_id}，或用 --key 指明公钥文件"
            )
    show(document, words, as_json=as_json)
    if not done.clean:
        raise typer.Exit(1)
