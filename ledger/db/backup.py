"""Backup and restore: a pg_dump archive with a manifest of what it must hold, and a way back into nothing only."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import text
from sqlalchemy.engine import Connection, Engine

from ledger.core.errors import Conflict, InvalidInput, Unavailable
from ledger.core.os_errors import os_reason
from ledger.db.cluster import cluster_of
from ledger.db.engine import admin_engine, admin_url, auditor_engine
from ledger.db.programs import RunAs, find_bindir, run
from ledger.db.revision import current
from ledger.db.roles import prepare
from ledger.db.urls import libpq_url
from ledger.settings import Settings

_OF_THE_SERVER: Final = frozenset({"postgres", "template0", "template1"})
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}", re.ASCII)

Facts = Callable[[Connection], Mapping[str, object]]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What stands beside a backup: its digest, the server and revision it came from, and the ledger's own `facts`.

    `bytes` is the archive's size; `server` its PostgreSQL major; `facts` are JSON values of the dump's very snapshot.
    """

    file: str
    sha256: str
    bytes: int
    server: int
    database: str
    revision: str | None
    facts: Mapping[str, object]


def manifest_path(archive: Path) -> Path:
    """The manifest's place: the archive's name with `.json` behind it."""
    return archive.with_name(archive.name + ".json")


def backup(settings: Settings, out: Path, facts: Facts | None = None) -> Manifest:
    """Dump the database to `out` and describe it in `out`.json; neither exists half-written under its final name.

    `facts` is asked inside the snapshot that is dumped. Raises Conflict `db.backup_exists`, Unavailable
    `db.backup`; what `engine.connect` raises where there is no database.
    """
    if out.exists() or manifest_path(out).exists():
        raise Conflict("db.backup_exists", f"{out}已存在，备份不覆盖已有文件", path=str(out))
    partial = out.with_name(out.name + ".partial")
    try:  # what forbids writing there is told before the database is asked
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o600, exist_ok=False)
    except OSError as problem:
        raise Unavailable("db.backup", f"不能写入{out}：{os_reason(problem)}", path=str(out)) from problem
    engine: Engine | None = None
    try:
        engine = admin_engine(settings)
        with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
            known = dict(facts(connection)) if facts is not None else {}
            server = int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10000
            _program(settings, "pg_dump", "-Fc", "--snapshot", snapshot, "-f", partial)
        revision = current(engine)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    finally:
        if engine is not None:
            engine.dispose()
    manifest = Manifest(
        file=out.name,
        sha256=_digest(partial),
        bytes=partial.stat().st_size,
        server=server,
        database=str(admin_url(settings).database),
        revision=revision,
        facts=known,
    )
    _write_durably(manifest_path(out), json.dumps(asdict(manifest), ensure_ascii=False, indent=2) + "\n")
    _sync(partial)
    partial.rename(out)
    _sync(out.parent)
    return manifest


def read_manifest(archive: Path) -> Manifest:
    """The manifest beside `archive`, once the archive's digest agrees; raises InvalidInput `db.backup_damaged`."""
    try:
        manifest = Manifest(**json.loads(manifest_path(archive).read_text(encoding="utf-8")))
        digest = _digest(archive)
    except OSError as problem:
        raise InvalidInput(
            "db.backup_damaged", f"备份或其清单不可读：{problem.filename or archive}{os_reason(problem)}"
        ) from None
    except (ValueError, TypeError):
        raise InvalidInput(
            "db.backup_damaged", f"备份清单{manifest_path(archive)}不是本程序所写的清单"
        ) from None
    if digest != manifest.sha256:
        raise InvalidInput(
            "db.backup_damaged",
            f"备份{archive}与清单不符：摘要应为{manifest.sha256}，实为{digest}，拒绝恢复",
            expected=manifest.sha256,
            found=digest,
        )
    return manifest


def restore(
    settings: Settings,
    source: Path,
    *,
    into: str | None = None,
    after: Callable[[Engine, Manifest], None] | None = None,
) -> Manifest:
    """Bring a backup back into an empty database (`into`, or the installation's own), whole or not at all.

    `after` is given the auditor's engine on the restored database and the manifest, to verify it; what it raises is
    raised here. Raises InvalidInput `db.name`, `db.backup_damaged`, Conflict `db.not_empty`, Unavailable `db.restore`.
    """
    if into is not None:
        _require_name(into)
    manifest = read_manifest(source)
    prepare(settings, into)
    _require_empty(libpq_url(admin_url(settings, into)))
    _program(settings, "pg_restore", "--single-transaction", "--exit-on-error", source, into=into)
    if after is not None:
        engine = auditor_engine(settings, into)
        try:
            after(engine, manifest)
        finally:
            engine.dispose()
    return manifest


def _require_name(into: str) -> None:
    """A new database is named so that every tool can name it; the server's own stay the server's."""
    if into in _OF_THE_SERVER or not _NAME.fullmatch(into):
        why = "是PostgreSQL自用的库，请另取；库名" if into in _OF_THE_SERVER else "不合规："
        raise InvalidInput(
            "db.name",
            f"库名“{into[:80]}”{why}应以字母或下划线开头，由字母、数字、下划线、连字符组成，不超过63个字符",
            database=into[:80],
        )


def _require_empty(url: str) -> None:
    with psycopg.connect(url) as admin:
        row = admin.execute(
            "SELECT n.nspname, c.relname FROM pg_namespace n LEFT JOIN pg_class c ON c.relnamespace = n.oid"
            " WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
            " AND (n.nspname <> 'public' OR c.oid IS NOT NULL) LIMIT 1"
        ).fetchone()
        name = admin.info.dbname
    if row is not None:
        raise Conflict(
            "db.not_empty",
            f"数据库{name}不是空库（已有{row[0]}.{row[1] or ''}），恢复只进空库：请用--into给出新库名",
            database=name,
        )


def _program(settings: Settings, name: str, *args: str | Path, into: str | None = None) -> None:
    """Run one client program of PostgreSQL as the administrator; the password never shows among its arguments."""
    bindir = cluster_of(settings).bindir if settings.database_url is None else find_bindir(settings.pg_bindir)
    place = conninfo_to_dict(libpq_url(admin_url(settings, into)))
    secret = {"PGPASSWORD": str(place.pop("password", ""))}
    done = run(
        RunAs.myself(), bindir / name, "-d", make_conninfo("", **place), *args, timeout=86_400, env=secret
    )
    if done.returncode != 0:
        kind = "backup" if name == "pg_dump" else "restore"
        raise Unavailable(
            f"db.{kind}", f"{name}未完成，未留下任何结果（PostgreSQL原文）：{done.stderr.strip()[-1000:]}"
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_durably(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")
    path.chmod(0o600)
    _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
