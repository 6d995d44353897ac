"""`fundledger seal`: a closed period as a signed file; checked without a database, or against the books."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.access.signing.pair import algorithm_named
from ledger.acts.posts import login_of
from ledger.books.reading import parse_book, parse_period
from ledger.cli.books.report import BookOption
from ledger.cli.line.acting import ACTING
from ledger.cli.line.context import JsonFlag, app_for, show
from ledger.closing.seal import seal
from ledger.core.errors import InvalidInput
from ledger.core.os_errors import os_reason
from ledger.db.unit_of_work import unit_of_work
from ledger.settings import get_settings
from reports.seal.compare import differences
from reports.seal.export import export_seal
from reports.seal.key import ensure_key, own_public_keys, public_path, read_public
from reports.seal.verify import SealCheck, verify_seal

app = typer.Typer(help="封存：已结账期间的签名文件", no_args_is_help=True)
PeriodOption = Annotated[str, typer.Option("--period", help="会计期间YYYYMM，须已结账")]
KeyOption = Annotated[
    Path | None, typer.Option("--key", help="留存的公钥文件；缺省为本安装的，没有则只核对签名自身")
]
AlgorithmOption = Annotated[
    str, typer.Option("--algorithm", help="签名算法：ed25519或sm2；缺省按FUNDLEDGER_SEAL_ALGORITHM")
]
SealFile = Annotated[Path, typer.Argument(help="封存文件")]


@app.command("key")
def key(algorithm: AlgorithmOption = "", *, as_json: JsonFlag = False) -> None:
    """本安装的签名公钥及其指纹；没有密钥则生成一对。请打印留存，另存一份于他处。"""
    settings = ACTING.settings or get_settings()
    found, made = ensure_key(settings.home, algorithm_named(algorithm or settings.seal_algorithm))
    kept_at = public_path(settings.home, found.algorithm)
    document = {"algorithm": found.algorithm, "public_key": found.public, "key_id": found.id, "made": made}
    words = [f"算法 {found.algorithm}", f"公钥 {found.public}", f"指纹 {found.id}", f"公钥文件 {kept_at}"]
    show(document, [*words, "已新生成" if made else "早已生成"], as_json=as_json)


@app.command("export")
def export(
    book: BookOption,
    period: PeriodOption,
    out: Annotated[Path, typer.Option(help="写入的文件；写完才出现")],
    algorithm: AlgorithmOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """封存已结账期间：凭证、账链、余额表与清单，签名，附SHA-256与SM3摘要。会计主管导出即封存，此后不能重新开启。"""
    running, named = app_for("chief"), parse_book(book)
    settings = running.settings
    found, made = ensure_key(settings.home, algorithm_named(algorithm or settings.seal_algorithm))
    if made:
        typer.echo(f"已生成签名密钥，指纹{found.id}：请以 fundledger seal key 打印留存", err=True)
    # sealing is the books' part, and a chief's export seals
    with (
        running.as_post(login_of("period.seal")),
        unit_of_work(running.engine, running.user, named.region) as tx,
    ):
        try:
            month, today = parse_period(period), running.clock.today()
            done = export_seal(tx, named, month, today, found, out)
            state = seal(tx, named, month, done.sha256, found.id, today)
        except OSError as error:
            raise InvalidInput("export.file", f"不能写入{out}：{os_reason(error)}", file=str(out)) from error
    document = {
        **done.manifest,
        "out": str(out),
        "manifest_sha256": done.sha256,
        "algorithm": found.algorithm,
        "state": state,
    }
    del document["t"]
    words = [f"已写入{out}：{done.manifest['entries']}张凭证，清单SHA-256 {done.sha256}，密钥指纹{found.id}"]
    sealed = (
        "已封存，不能再重新开启" if state == "sealed" else "仍为已结账：由会计主管执行 seal export 即封存"
    )
    show(document, [*words, f"账套{book}会计期间{period}{sealed}"], as_json=as_json)


@app.command("verify")
def verify(file: SealFile, key: KeyOption = None, *, as_json: JsonFlag = False) -> None:
    """核对封存文件，不用数据库：逐张凭证、账链、余额、清单、签名；有不符则逐项指明并以1退出。"""
    _answer(file, verify_seal(file, kept_keys(key)), as_json=as_json)


@app.command("compare")
def compare(file: SealFile, key: KeyOption = None, *, as_json: JsonFlag = False) -> None:
    """封存文件与现在的账相比：账链此后被改写则指明区块并以1退出。"""
    done = verify_seal(file, kept_keys(key))
    if done.clean:
        running, named = app_for("reviewer"), parse_book(str(done.manifest["book"]))
        with unit_of_work(running.engine, running.user, named.region) as tx:
            for where, what in differences(tx, named, file):
                done.find(where, what)
    _answer(file, done, as_json=as_json)


def kept_keys(named: Path | None) -> frozenset[str]:
    """The public key named, else those of this installation, as many as it has."""
    if named is not None:
        return frozenset([read_public(named)])
    return own_public_keys((ACTING.settings or get_settings()).home)


def _answer(file: Path, done: SealCheck, *, as_json: bool) -> None:
    document = {
        "file": str(file),
        "seal": "clean" if done.clean else "findings",
        "valid": done.clean,
        "book": done.manifest.get("book"),
        "period": done.manifest.get("period"),
        "entries": done.entries,
        "key_id": done.manifest.get("key_id"),
        "key_checked": done.key_checked,
        "findings": [{"where": where, "message": what} for where, what in done.findings],
    }
    words = [f"{where}：{what}" for where, what in done.findings]
    if done.clean:
        words = [f"相符：账套{document['book']}期间{document['period']}，{done.entries}张凭证"]
        if not done.key_checked:
            words.append(
                f"签名自身有效，但没有留存的公钥可比：请核对指纹{document['key_id']}，或用 --key 指明公钥文件"
            )
    show(document, words, as_json=as_json)
    if not done.clean:
        raise typer.Exit(1)
