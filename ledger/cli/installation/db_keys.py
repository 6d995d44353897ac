"""`fundledger db keys`: the home's keys and what is sealed for each; turning to a new one, and taking an old one away."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ledger.cli.line.context import JsonFlag, show
from ledger.core.errors import InvalidInput
from ledger.db.engine import admin_url
from ledger.db.safekeeping.rotation import HomeKey, owning
from ledger.db.safekeeping.rotation import keys as keys_of
from ledger.db.safekeeping.rotation import retire as retire_key
from ledger.db.safekeeping.rotation import rotate as rotate_key
from ledger.db.urls import libpq_url
from ledger.settings import get_settings

app = typer.Typer(help="加密密钥：列表、更换、停用", no_args_is_help=True)


@app.command("list")
def list_keys(*, as_json: JsonFlag = False) -> None:
    """各密钥及以其加密的内容：哪一把在用，哪一把还有多少处须以其打开。"""
    settings = get_settings()
    with owning(libpq_url(admin_url(settings)), settings.home) as connection:
        found = keys_of(connection, settings.home)
    show({"keys": [asdict(one) for one in found]}, [_line(one) for one in found], as_json=as_json)


@app.command()
def rotate(
    *,
    anew: Annotated[bool, typer.Option("--anew", help="旧密钥尚未停用也另生成一把新的")] = False,
    as_json: JsonFlag = False,
) -> None:
    """更换数据目录的密钥：生成新密钥，逐表重新加密，服务不必停；旧密钥停用（retire）之前再次执行即继续。有打不开的内容则列出并以1退出。"""
    settings = get_settings()
    with owning(libpq_url(admin_url(settings)), settings.home) as connection:

        def told(column: str, done: int) -> None:
            typer.echo(f"{column} 已重新加密{done}处", err=True)

        done = rotate_key(connection, settings.home, told, anew=anew)
        older = [one for one in keys_of(connection, settings.home) if not one.newest and one.region == 0]
    lines = [
        ("已更换为新密钥" if done.fresh else "已继续上次的更换，现用密钥")
        + f"{done.key_id}，重新加密{done.done}处"
    ]
    lines += [
        f"{column}有{count}处打不开，未作改动，请执行 verify 查明" for column, count in done.broken.items()
    ]
    lines += [_line(one) for one in older if one.present]
    document = asdict(done) | {"older": [asdict(one) for one in older]}
    show(document, lines, as_json=as_json)
    if done.broken:
        raise typer.Exit(1)


@app.command()
def retire(
    key: Annotated[str, typer.Argument(help="密钥编号（db keys list 所列）")],
    to: Annotated[Path | None, typer.Option(help="移出到此文件（离线保管，旧备份须以其打开）")] = None,
    *,
    destroy: Annotated[bool, typer.Option("--destroy", help="不保留：以其加密的旧备份从此不能打开")] = False,
    as_json: JsonFlag = False,
) -> None:
    """停用一把旧密钥：确认没有任何内容须以其打开后，从数据目录移出到文件，或销毁。"""
    if (to is None) != destroy:
        raise InvalidInput("data.key_fate", "请以--to写明移出到哪个文件，或以--destroy写明销毁，二者择一")
    settings = get_settings()
    with owning(libpq_url(admin_url(settings)), settings.home) as connection:
        found = retire_key(connection, settings.home, key, to)
    said = (
        f"密钥{found.key_id}已移出到{to}，旧备份恢复后须放回keys目录" if to else f"密钥{found.key_id}已销毁"
    )
    show({"key": found.key_id, "to": str(to) if to else None}, [said], as_json=as_json)


def _line(key: HomeKey) -> str:
    under = "、".join(f"{column} {count}处" for column, count in sorted(key.seals.items())) or "无"
    whose = f"统筹区{key.region}" if key.region else "数据目录"
    state = ("在用" if key.newest else "旧") + ("" if key.present else "，私钥不在数据目录")
    return f"{whose}第{key.n}把 {key.key_id}（{state}）以其加密的：{under}"
