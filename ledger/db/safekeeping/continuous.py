"""Continuous archiving and a way back to a moment, with PostgreSQL's own tools (ADR 26): a base, the log after it, a new home.

`base` is pg_basebackup, checked by pg_verifybackup, or sealed for a recipient (sealed_base) and checked when it is opened; `archive` has the server copy every finished piece of its log, whole or not at
all; `recover` makes a new home of both, at a moment or at the end of what was archived.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ledger.core.errors import Conflict, InvalidInput, Unavailable
from ledger.core.os_errors import os_reason
from ledger.core.private import opened_text
from ledger.db.cluster import START_SECONDS, Cluster, cluster_of
from ledger.db.engine import admin_url
from ledger.db.programs import RunAs, find_bindir, run
from ledger.db.safekeeping.sealed_base import SEALED, key_of_base, open_base, write_base
from ledger.db.safekeeping.sealing import Recipient
from ledger.db.server import who
from ledger.db.urls import libpq_url
from ledger.settings import Settings

_PLAIN: Final = re.compile(r"/[A-Za-z0-9_./-]+", re.ASCII)
# Beside, synced, then renamed: a piece is in the archive whole or not at all. One that is there is not copied again unless it
# differs, and then the archive belongs to another server: the server keeps its log and says so.
_ARCHIVE: Final = (
    "if [ -e {place}/%f ]; then cmp -s %p {place}/%f;"
    " else cp %p {place}/%f.part && sync {place}/%f.part && mv {place}/%f.part {place}/%f && sync {place}; fi"
)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What came back: the server, the timeline it writes now, and the moment of its last transaction, None where there was none."""

    system: str
    timeline: int
    last: datetime | None


def base(settings: Settings, out: Path, recipient: Recipient | None = None) -> None:
    """A base backup in the new folder `out`, whole or not at all, every file by its digest; sealed for `recipient`.

    Raises Conflict `db.backup_exists`, Unavailable `db.backup`; what finding the server raises.
    """
    if out.exists():
        raise Conflict("db.backup_exists", f"{out}已存在，备份不覆盖已有文件", path=str(out))
    place = conninfo_to_dict(libpq_url(admin_url(settings)))
    secret = {"PGPASSWORD": str(place.pop("password", ""))}
    place.pop("dbname", None)
    partial = out.with_name(out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    if recipient is not None:
        _base_sealed(settings, make_conninfo("", **place), secret, partial, recipient)
        partial.rename(out)
        return
    where = ("-d", make_conninfo("", **place), "-D", partial)
    how = ("-X", "stream", "-c", "fast", "--manifest-checksums=SHA256", "--no-password")
    done = run(RunAs.myself(), _bindir(settings) / "pg_basebackup", *where, *how, timeout=86_400, env=secret)
    if done.returncode == 0:
        done = run(RunAs.myself(), _bindir(settings) / "pg_verifybackup", "--quiet", partial, timeout=86_400)
    if done.returncode != 0:
        shutil.rmtree(partial, ignore_errors=True)
        raise Unavailable(
            "db.backup",
            f"基础备份未完成，未留下任何结果（PostgreSQL原文）：{(done.stderr or done.stdout).strip()[-1000:]}",
        )
    partial.rename(out)


def _base_sealed(
    settings: Settings, place: str, secret: dict[str, str], partial: Path, recipient: Recipient
) -> None:
    try:
        partial.mkdir(mode=0o700)
    except OSError as problem:
        raise Unavailable(
            "db.backup", f"不能写入{partial}：{os_reason(problem)}", path=str(partial)
        ) from problem
    try:
        write_base(_bindir(settings) / "pg_basebackup", place, secret, partial, recipient)
        for path in (partial / SEALED, partial):
            handle = os.open(path, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def archive(settings: Settings, folder: Path) -> bool:
    """Have the server copy its log to `folder` from now on; whether it must be restarted for that.

    An embedded server is restarted here. Raises InvalidInput `db.archive_path`.
    """
    if not _PLAIN.fullmatch(str(folder)):
        raise InvalidInput(
            "db.archive_path", f"归档目录须为只含字母、数字和._-的绝对路径：{folder}", path=str(folder)
        )
    url = libpq_url(admin_url(settings, "postgres"))
    if settings.database_url is None:
        user = cluster_of(settings).user
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if user.drop:
            os.chown(folder, user.uid, user.gid)
    with psycopg.connect(url, autocommit=True) as admin:
        for name, value in (
            ("archive_mode", "on"),
            ("archive_command", _ARCHIVE.format(place=folder)),
            ("archive_timeout", "60"),
        ):
            admin.execute(
                sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), sql.Literal(value))
            )
        admin.execute("SELECT pg_reload_conf()")
        (running,) = admin.execute("SHOW archive_mode").fetchone() or ("off",)
    if running == "on" or settings.database_url is not None:
        return str(running) != "on"
    cluster = cluster_of(settings)
    cluster.stop()
    cluster.start()
    return False


def recover(
    settings: Settings, source: Path, log: Path, to: datetime | None = None, key: Path | None = None
) -> Recovered:
    """Make the home of `settings` of a base and an archive, as it was at `to`, or at the end of what was archived.

    The home has `secrets/` of the lost one and no `pg/` yet; it writes a timeline of its own, archives nothing until told to, and
    what it lacks is told by its anchors. `key` opens a sealed base; without it the home's own is tried. Raises Conflict `db.recover_home`, InvalidInput `db.backup_damaged`, what `key_of_base` raises, Unavailable
    `db.restore`, `db.secret_missing`.
    """
    cluster = cluster_of(settings)
    if settings.database_url is not None or cluster.data.exists():
        raise Conflict(
            "db.recover_home",
            f"{settings.home}已有数据库，或用的是DATABASE_URL：只能恢复到没有数据库的数据目录",
        )
    private = key_of_base(source, key, settings.home)
    if private is None and not (source / "backup_manifest").is_file():
        raise InvalidInput("db.backup_damaged", f"{source}不是基础备份：没有backup_manifest")
    if private is None:
        _require_whole(cluster, source, source)
    cluster.admin_url()  # of the lost home's secrets: told before anything is copied
    cluster.pg.mkdir(parents=True, exist_ok=True, mode=0o700)
    aside = cluster.pg / "recover.partial"
    shutil.rmtree(aside, ignore_errors=True)
    if private is None:
        shutil.copytree(source, aside)
    else:
        try:
            open_base(source, private, aside)
            _require_whole(cluster, aside, source)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
    _lay(cluster, aside, log, to)
    try:
        cluster.start()
        return _awaited(cluster)
    except Unavailable as problem:
        raise Unavailable("db.restore", f"恢复未完成：{problem.message}", path=str(cluster.pg)) from problem


def _require_whole(cluster: Cluster, folder: Path, source: Path) -> None:
    done = run(RunAs.myself(), cluster.bindir / "pg_verifybackup", "--quiet", folder, timeout=86_400)
    if done.returncode != 0:
        raise InvalidInput(
            "db.backup_damaged", f"基础备份{source}与其清单不符，拒绝恢复：{done.stderr.strip()[-500:]}"
        )


def _lay(cluster: Cluster, aside: Path, log: Path, to: datetime | None) -> None:
    """The base in its place, owned by the server's user, told where the log is and where to stop."""
    wanted = {
        "restore_command": f"cp {log}/%f %p",
        "recovery_target_timeline": "latest",
        "recovery_target_action": "promote",
    }
    if to is not None:
        wanted["recovery_target_time"] = to.isoformat()
    else:
        wanted["recovery_target"] = ""
    lines = [f"{name} = '{value}'\n" for name, value in (*wanted.items(), ("archive_mode", "off"))]
    with opened_text(aside / "postgresql.auto.conf", "a") as file:
        file.writelines(lines)
    (aside / "recovery.signal").touch(mode=0o600)
    if cluster.user.drop:
        for path in (cluster.pg, aside, *aside.rglob("*")):
            os.chown(path, cluster.user.uid, cluster.user.gid)
    aside.chmod(0o700)
    aside.rename(cluster.data)


def _awaited(cluster: Cluster) -> Recovered:
    deadline = time.monotonic() + START_SECONDS
    with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
        while admin.execute("SELECT pg_is_in_recovery()").fetchone() != (False,):
            if time.monotonic() > deadline:
                raise Unavailable("db.restore", f"{START_SECONDS}秒内未恢复到所指时刻")
            time.sleep(0.1)
        (last,) = admin.execute("SELECT pg_last_xact_replay_timestamp()").fetchone() or (None,)
        for name in (
            "restore_command",
            "recovery_target_time",
            "recovery_target",
            "recovery_target_timeline",
            "recovery_target_action",
        ):
            admin.execute(sql.SQL("ALTER SYSTEM RESET {}").format(sql.Identifier(name)))
        system, timeline = who(admin)
    return Recovered(system, timeline, last)


def _bindir(settings: Settings) -> Path:
    return cluster_of(settings).bindir if settings.database_url is None else find_bindir(settings.pg_bindir)
