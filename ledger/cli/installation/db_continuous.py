"""`fundledger db base|archive|recover`: continuous archiving, and a home as it was at a moment."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from ledger.books.anchors import anchors_path
from ledger.cli.line.context import JsonFlag, show
from ledger.control.breach import Breach
from ledger.control.verify import examine
from ledger.core.errors import InvalidInput
from ledger.db.engine import auditor_engine
from ledger.db.safekeeping import continuous
from ledger.db.safekeeping.sealing import Recipient, read_recipient
from ledger.settings import USERS_FILE, Settings, get_settings


def verified(settings: Settings) -> list[Breach]:
    """What `verify` finds, its checks named as they run."""
    engine = auditor_engine(settings)
    try:
        done = examine(engine, settings.home, progress=lambda name: typer.echo(f"核验{name}…", err=True))
    finally:
        engine.dispose()
    return list(done.breaches)


def recipient_of(settings: Settings, named: Path | None, *, plain: bool) -> Recipient | None:
    """Whom a backup is for; None: nobody, and that was said. Raises InvalidInput `db.backup_plain`."""
    place = named or settings.backup_recipient
    if plain and named is None:
        return None
    if plain:
        raise InvalidInput("db.backup_plain", "--recipient与--plain只能取其一")
    if place is not None:
        return read_recipient(place)
    if (settings.home / USERS_FILE).is_file():
        return None
    raise InvalidInput(
        "db.backup_plain",
        "备份含个人信息，须加密：请以--recipient给出接收人公钥（fundledger db recipient），或以--plain明言不加密",
    )


def base(
    out: Annotated[Path, typer.Option(help="新的文件夹，不得已存在")],
    recipient: Annotated[
        Path | None, typer.Option(help="接收人公钥文件；缺省为FUNDLEDGER_BACKUP_RECIPIENT所指")
    ] = None,
    *,
    plain: Annotated[bool, typer.Option("--plain", help="不加密（备份另有保护）")] = False,
    as_json: JsonFlag = False,
) -> None:
    """基础备份：整个服务器的数据目录，逐文件有摘要，为接收人加密；与日志归档一起，可恢复到任一时刻。"""
    settings = get_settings()
    whom = recipient_of(settings, recipient, plain=plain)
    continuous.base(settings, out, whom)
    sealed = "未加密，含个人信息，请妥善保管" if whom is None else f"已为{whom.id} {whom.name}加密"
    document = {"out": str(out), "recipient": "" if whom is None else f"{whom.id} {whom.name}"}
    show(document, [f"已做基础备份 {out}，{sealed}"], as_json=as_json)


def archive(
    to: Annotated[Path, typer.Option(help="归档目录，应在另一台机器上")], *, as_json: JsonFlag = False
) -> None:
    """此后每段日志写完即复制到归档目录，至多一分钟一段；内嵌数据库为此重启一次。"""
    restart = continuous.archive(get_settings(), to)
    line = "请重启数据库，归档才会开始" if restart else "归档已开始"
    show({"to": str(to), "restart": restart}, [line], as_json=as_json)


def recover(
    source: Annotated[Path, typer.Option("--from", help="基础备份的文件夹")],
    log: Annotated[Path, typer.Option("--log", help="日志归档目录")],
    to: Annotated[str, typer.Option(help="恢复到此时刻，如2026-10-13T15:04:05+08:00；缺省为归档之末")] = "",
    key: Annotated[Path | None, typer.Option(help="接收人私钥文件，基础备份已加密时须给出")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """从基础备份和日志归档恢复到新的数据目录，并立即核验；存证较新的，支付冻结，直到两人与银行核对。"""
    settings = get_settings()
    done = continuous.recover(settings, source, log, _moment(to), key)
    breaches = verified(settings)
    document = {
        "timeline": done.timeline,
        "last": done.last and done.last.isoformat(),
        "anchors": anchors_path(settings.home).is_file(),
        "verify": "findings" if breaches else "clean",
        "findings": [asdict(breach) for breach in breaches],
    }
    lines = [f"已恢复，时间线{done.timeline}，最后一笔事务 {done.last or '无'}"]
    if not document["anchors"]:
        lines.append("数据目录没有存证：缺了什么无从得知，请先放回anchors/的副本，再作任何支付")
    lines += [f"{f.promise} {f.book} {f.entry}：{f.message}" for f in breaches] or ["clean"]
    show(document, lines, as_json=as_json)
    if breaches:
        raise typer.Exit(1)


def _moment(text: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidInput("db.recover_moment", f"时刻应写作2026-10-13T15:04:05+08:00，不能是“{text[:40]}”")
    return moment
