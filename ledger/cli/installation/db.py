"""`fundledger db`: start, stop, ask, migrate, back up and restore the database."""

from __future__ import annotations

from dataclasses import asdict
from itertools import count
from pathlib import Path
from typing import Annotated, Final

import psycopg
import typer

from ledger.books.anchors import heads_of
from ledger.cli.installation.db_continuous import archive, base, recipient_of, recover, verified
from ledger.cli.installation.db_keys import app as keys
from ledger.cli.installation.db_people import audit_admin, link, missing_audit_admins
from ledger.cli.line.context import JsonFlag, show
from ledger.control.breach import Breach
from ledger.control.restored import verify_restored
from ledger.core.errors import Forbidden
from ledger.core.money import yuan_grouped
from ledger.core.private import private_folder
from ledger.db.cluster import cluster_of
from ledger.db.connections import Engine, direct, driver_of
from ledger.db.engine import admin_engine, admin_url
from ledger.db.entrances import entrances
from ledger.db.identity import Identity, carried, stored
from ledger.db.migrate import MigrationPlan, plan
from ledger.db.migrate import migrate as migrate_database
from ledger.db.safekeeping import backup as backups
from ledger.db.safekeeping.sealing import home_recipient, make_recipient
from ledger.db.server import require_safe, unsafe_settings, who
from ledger.db.tamper import tamper
from ledger.db.urls import libpq_url
from ledger.settings import USERS_FILE, Settings, get_settings

app = typer.Typer(help="数据库：启动、停止、状态、建库升级、备份、恢复", no_args_is_help=True)
app.command("audit-admin")(audit_admin)
app.command("link")(link)
app.add_typer(keys, name="keys")
for _command in (base, archive, recover):
    app.command()(_command)

_NOT_OURS: Final = "使用DATABASE_URL所指的服务器，不由本程序启停"


@app.command()
def start(*, as_json: JsonFlag = False) -> None:
    """启动内嵌数据库；已在运行则不变。"""
    settings = get_settings()
    if settings.database_url is not None:
        show(_place(settings), [_NOT_OURS], as_json=as_json)
        return
    cluster_of(settings).start()
    engine = admin_engine(settings, "postgres")
    try:
        with engine.connect() as lent:
            require_safe(driver_of(lent))
    finally:
        engine.dispose()
    show(_place(settings) | {"running": True}, [f"数据库已运行，数据目录 {settings.home}"], as_json=as_json)


@app.command()
def stop(*, as_json: JsonFlag = False) -> None:
    """停止内嵌数据库：未提交的事务回滚，已提交的都在。"""
    settings = get_settings()
    if settings.database_url is not None:
        show(_place(settings), [_NOT_OURS], as_json=as_json)
        return
    stopped = cluster_of(settings).stop()
    document = _place(settings) | {"running": False, "stopped": stopped}
    show(document, ["数据库已停止" if stopped else "数据库未在运行"], as_json=as_json)


@app.command()
def status(*, as_json: JsonFlag = False) -> None:
    """数据目录、版本、是否运行、结构版本；不启动任何东西。"""
    settings = get_settings()
    document, lines = _place(settings), [_NOT_OURS]
    if settings.database_url is None:
        found = cluster_of(settings).status()
        document |= {"server": found.major, "running": found.running}
        running = "运行中" if found.running else "未运行"
        lines = [f"数据目录 {found.home}", f"PostgreSQL {found.major or '尚未建立'}，{running}"]
    if document.get("running", True):
        engine = admin_engine(settings)
        try:
            have, want = stored(engine), carried()
        finally:
            engine.dispose()
        fits = have is not None and have[:2] == want[:2]
        document |= {
            "revision": have and have.revision,
            "digest": have and have.digest,
            "made_by": have and have.version,
            "head": want.revision,
            "head_digest": want.digest,
            "fits": fits,
        }
        lines.append(
            f"结构版本 {_shown(have)}，本程序需要 {_shown(want)}：{'相符' if fits else '不符，请执行 fundledger db migrate'}"
        )
    show(document, lines, as_json=as_json)


@app.command()
def migrate(
    backup: Annotated[Path | None, typer.Option(help="升级前备份到此文件；缺省为数据目录的backups/")] = None,
    *,
    no_backup: Annotated[bool, typer.Option("--no-backup", help="不备份（已另行备份）")] = False,
    plain: Annotated[bool, typer.Option("--plain", help="备份不加密（另有保护）")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只说明将做什么，不作任何改动")] = False,
    as_json: JsonFlag = False,
) -> None:
    """建库、建角色，并把结构升级到本程序的版本：先说明、先备份，升级后核验；可重复执行，中断则一如升级前。"""
    settings = get_settings()
    if dry_run:
        found = plan(settings)
        show(_plan_json(found), _plan_words(found), as_json=as_json)
        return
    kept: list[Path] = []

    def before(found: MigrationPlan) -> None:
        for line in _plan_words(found):
            typer.echo(line, err=True)
        if found.holds_books and not no_backup:
            kept.append(backup or _backup_place(settings, found))
            private_folder(kept[0].parent)
            inside = backup is None and settings.backup_recipient is None and not plain
            whom = home_recipient(settings.home) if inside else recipient_of(settings, None, plain=plain)
            backups.backup(settings, kept[0], heads_of, whom)
            typer.echo(f"已备份到{kept[0]}，" + (f"为{whom.name}加密" if whom else "未加密"), err=True)

    done = migrate_database(settings, before=before)
    breaches = verified(settings) if done.needed and done.holds_books else []
    document = _plan_json(done) | {
        "revision": done.want.revision,
        "backup": str(kept[0]) if kept else None,
        "verify": "findings" if breaches else "clean" if done.needed and done.holds_books else "not asked",
        "findings": [asdict(breach) for breach in breaches],
    }
    lines = [f"结构版本 {_shown(done.want)}" + ("" if done.needed else "，无须升级")]
    lines += [f"{f.promise} {f.book} {f.entry}：{f.message}" for f in breaches]
    missing = missing_audit_admins(settings)
    show(document | {"no_audit_admin": missing}, lines + missing, as_json=as_json)
    if breaches:
        raise typer.Exit(1)


def _backup_place(settings: Settings, found: MigrationPlan) -> Path:
    """A name nobody has taken: from which revision to which, numbered."""
    folder = settings.home / "backups"
    have = found.have.revision if found.have else "0000"
    for number in count(1):
        place = folder / f"before-{have}-to-{found.want.revision}-{found.want.digest[:8]}-{number}.dump"
        if not place.exists() and not backups.manifest_path(place).exists():
            return place
    raise AssertionError("numbers do not end")


def _plan_json(found: MigrationPlan) -> dict[str, object]:
    return {
        "from": found.have and found.have.revision,
        "to": found.want.revision,
        "needed": found.needed,
        "revisions": list(found.revisions),
        "replaced": list(found.replaced),
        "removed": list(found.removed),
    }


def _plan_words(found: MigrationPlan) -> list[str]:
    if not found.needed:
        return [f"结构版本 {_shown(found.want)}，无须升级"]
    steps = "、".join(found.revisions) or "无"
    words = [
        f"由 {_shown(found.have)} 升级到 {_shown(found.want)}：结构修订 {steps}；更新函数、视图、触发器{len(found.replaced)}个"
    ]
    if found.removed:
        words.append("移除不属于本版本的：" + "、".join(found.removed))
    return words


def _shown(identity: Identity | None) -> str:
    if identity is None:
        return "空"
    return f"{identity.revision}（{identity.digest[:8] or '未标识'}）"


@app.command()
def check(*, as_json: JsonFlag = False) -> None:
    """所连的是不是该写的数据库：版本、主库而非备库、时间线未被接替、设置不丢已提交的数据，也没有不该有的入口；不是则以1退出。"""
    settings = get_settings()
    with direct(settings).connect() as lent:
        connection = driver_of(lent)
        found = unsafe_settings(connection)
        system, timeline = who(connection)
    with psycopg.connect(libpq_url(admin_url(settings))) as admin:
        ways, hidden = entrances(admin)
    document = _place(settings) | {
        "system": system,
        "timeline": timeline,
        "unsafe": found,
        "entrances": [one._asdict() for one in ways],
        "not_seen": hidden,
        "fits": not found and not any(one.remote for one in ways),
    }
    lines = [f"主库，系统标识{system}，时间线{timeline}"]
    lines += [f"设置{name}={value}不保证已提交的数据不丢、不损" for name, value in sorted(found.items())]
    lines += [one.message for one in ways]
    lines += [f"管理员的登录无权看{what}，入口未能查看" for what in hidden]
    show(document, lines, as_json=as_json)
    if not document["fits"]:
        raise typer.Exit(1)


@app.command()
def recipient(
    name: Annotated[str, typer.Argument(help="接收人名称，写入备份清单")],
    out: Annotated[Path, typer.Option(help="私钥文件，不得已存在；公钥写在同名的.pub中")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """生成备份接收人的密钥：私钥由接收人离线保管，公钥留在本机，备份只为其加密。"""
    made = make_recipient(name, out)
    public = out.with_name(out.name + ".pub")
    lines = [
        f"已生成接收人“{made.name}”的密钥{made.id}：私钥{out}请移至离线介质保管，遗失则备份不能打开",
        f"备份时：fundledger db backup --out 文件 --recipient {public}，或设FUNDLEDGER_BACKUP_RECIPIENT={public}",
    ]
    show({"name": made.name, "id": made.id, "public": str(public)}, lines, as_json=as_json)


@app.command()
def backup(
    out: Annotated[Path, typer.Option(help="备份文件，不得已存在")],
    recipient: Annotated[
        Path | None, typer.Option(help="接收人公钥文件；缺省为FUNDLEDGER_BACKUP_RECIPIENT所指")
    ] = None,
    *,
    plain: Annotated[bool, typer.Option("--plain", help="不加密（备份另有保护）")] = False,
    as_json: JsonFlag = False,
) -> None:
    """备份到文件，为接收人加密，清单写在同名的.json中；没有接收人且未明言不加密的拒绝（演示目录除外）。"""
    settings = get_settings()
    whom = recipient_of(settings, recipient, plain=plain)
    manifest = backups.backup(settings, out, heads_of, whom)
    document = asdict(manifest) | {"out": str(out), "manifest": str(backups.manifest_path(out))}
    sealed = f"已为{manifest.recipient}加密" if manifest.recipient else "未加密，含个人信息，请妥善保管"
    said = f"已备份 {out}（{manifest.bytes}字节，SHA-256 {manifest.sha256}），{sealed}"
    show(document, [said], as_json=as_json)


@app.command()
def restore(
    source: Annotated[Path, typer.Option("--from", help="备份文件，其清单在旁")],
    into: Annotated[str | None, typer.Option(help="恢复到此新库；缺省为本安装的库，须为空")] = None,
    key: Annotated[Path | None, typer.Option(help="接收人私钥文件，备份已加密时须给出")] = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """从备份恢复到空库，并立即核验；摘要与清单不符则拒绝，核验有问题则列出并以1退出。"""
    settings = get_settings()
    breaches: list[Breach] = []

    def check(engine: Engine, manifest: backups.Manifest) -> None:
        breaches.extend(verify_restored(engine, settings.home, manifest.facts, beside=into is not None))

    manifest = backups.restore(settings, source, into=into, key=key, after=check)
    database = into or manifest.database
    document = {
        "from": str(source),
        "database": database,
        "revision": manifest.revision,
        "verify": "findings" if breaches else "clean",
        "findings": [asdict(breach) for breach in breaches],
    }
    lines = [f"已恢复 {source} 到 {database}，结构版本 {manifest.revision or '空'}"]
    lines += [f"{f.promise} {f.book} {f.entry}：{f.message}" for f in breaches] or ["clean"]
    show(document, lines, as_json=as_json)
    if breaches:
        raise typer.Exit(1)


@app.command("tamper-drill")
def tamper_drill(*, as_json: JsonFlag = False) -> None:
    """篡改演练（仅演示目录）：以超级用户绕过触发器改动一笔已记账金额，之后 verify 应指出它。"""
    settings = get_settings()
    if not (settings.home / USERS_FILE).is_file():
        raise Forbidden("drill.not_demo", f"{settings.home}不是演示目录，不做篡改演练")
    done = tamper(settings)
    show(
        asdict(done) | {"before_fen": str(done.before_fen), "after_fen": str(done.after_fen)},
        [
            f"已将账套{done.book}序号{done.seq}第{done.line}行由{yuan_grouped(done.before_fen)}元改为{yuan_grouped(done.after_fen)}元；请执行 verify"
        ],
        as_json=as_json,
    )


def _place(settings: Settings) -> dict[str, object]:
    """Where the database is: embedded below the home, or another server that is neither started nor stopped from here."""
    return {"home": str(settings.home), "embedded": settings.database_url is None}
