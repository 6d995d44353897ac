"""Backup and restore: a pg_dump archive with a manifest of what it must hold, and a way back into nothing only.

For a named recipient the archive is sealed (ledger.db.safekeeping.sealing) as pg_dump gives it: nothing of it is ever on the disk in clear, and
restoring opens it straight into pg_restore.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import text
from sqlalchemy.engine import Connection, Engine

from ledger.core.errors import Conflict, InvalidInput, Unavailable
from ledger.core.os_errors import os_reason
from ledger.core.private import opened, write_private
from ledger.db.cluster import cluster_of
from ledger.db.engine import admin_engine, admin_url, auditor_engine
from ledger.db.identity import stored
from ledger.db.migrate import migrate
from ledger.db.programs import RunAs, find_bindir, piped, run
from ledger.db.roles import prepare
from ledger.db.safekeeping.sealing import (
    Recipient,
    home_key,
    home_recipient,
    is_sealed,
    open_stream,
    read_private,
    seal_stream,
    sealed_for,
)
from ledger.db.urls import libpq_url
from ledger.settings import MADE_FILE, Settings

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

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
    recipient: str = ""
    """Key id and name of who can open it; empty where it lies in clear."""


def manifest_path(archive: Path) -> Path:
    """The manifest's place: the archive's name with `.json` behind it."""
    return archive.with_name(archive.name + ".json")


def note_made(home: Path, made: Manifest) -> None:
    """Note a nightly backup in the home's list, once."""
    line, path = f"{made.file}\t{made.sha256}\n", home / MADE_FILE
    there = path.read_text(encoding="utf-8") if path.is_file() else ""
    if line not in there.splitlines(keepends=True):
        write_private(path, there + line)


def backup(
    settings: Settings, out: Path, facts: Facts | None = None, recipient: Recipient | None = None
) -> Manifest:
    """Dump the database to `out`, sealed for `recipient`, and describe it in `out`.json; neither exists half-written under its
    final name.

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
            if recipient is None:
                _program(settings, "pg_dump", "-Fc", "--snapshot", snapshot, "-f", partial)
            else:
                _dump_sealed(settings, snapshot, partial, recipient)
        found = stored(engine)
        revision = None if found is None else found.revision
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
        recipient="" if recipient is None else f"{recipient.id} {recipient.name}",
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
    key: Path | None = None,
    after: Callable[[Engine, Manifest], None] | None = None,
) -> Manifest:
    """Bring a backup back into an empty database (`into`, or the installation's own), whole or not at all.

    `key` is the recipient's private key, for a sealed one; without it the home's own is tried. A dump of an earlier release is upgraded at once. `after` is given the auditor's engine on the restored database and
    the manifest, to verify it; what it raises is raised here. Raises what `migrate` raises, InvalidInput `db.name`, `db.backup_damaged`, `db.backup_sealed` without a key, what
    `sealing.read_private` and `open_stream` raise, Conflict `db.not_empty`, Unavailable `db.restore`.
    """
    if into is not None:
        _require_name(into)
    manifest = read_manifest(source)
    private = _key_for(source, manifest, key or _own_key(source, settings.home))
    prepare(settings, into)
    _require_empty(libpq_url(admin_url(settings, into)))
    if private is None:
        _program(settings, "pg_restore", "--single-transaction", "--exit-on-error", source, into=into)
    else:
        _restore_sealed(settings, source, private, into)
    migrate(settings, into)  # a dump of an earlier release is brought to this one's schema
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


def _own_key(source: Path, home: Path) -> Path | None:
    """The home's own key where the archive is sealed for it: what `db migrate` kept in the home opens without being given one."""
    path = home_key(home)
    if not path.is_file() or not is_sealed(source):
        return None
    return path if sealed_for(source) == home_recipient(home).id else None


def _key_for(source: Path, manifest: Manifest, key: Path | None) -> X25519PrivateKey | None:
    """The private key of a sealed archive, its place in the head looked at; None for one in clear."""
    if not is_sealed(source):
        return None
    if key is None:
        raise InvalidInput(
            "db.backup_sealed",
            f"备份{source}已为接收人{manifest.recipient or '（清单未载）'}加密，恢复须以--key给出其私钥文件",
        )
    private = read_private(key)
    with source.open("rb") as file:
        next(open_stream(file, private))
    return private


def _dump_sealed(settings: Settings, snapshot: str, partial: Path, recipient: Recipient) -> None:
    with (
        _piped(settings, "pg_dump", "-Fc", "--snapshot", snapshot, feed=False) as (process, pipe, complaints),
        opened(partial) as target,
    ):
        try:
            seal_stream(pipe, target, recipient)
        except OSError as problem:
            raise Unavailable("db.backup", f"不能写入{partial}：{os_reason(problem)}") from problem
        _require_done("db.backup", "pg_dump", process.wait(), complaints)


def _restore_sealed(settings: Settings, source: Path, key: X25519PrivateKey, into: str | None) -> None:
    """Into one transaction of pg_restore; what cannot be opened kills it, so that nothing of it is there."""
    args = ("--single-transaction", "--exit-on-error")
    with (
        _piped(settings, "pg_restore", *args, into=into, feed=True) as (process, pipe, complaints),
        source.open("rb") as file,
    ):
        try:
            for part in open_stream(file, key):
                pipe.write(part)
            pipe.close()
        except BrokenPipeError:
            pass  # it ended first, and says why
        _require_done("db.restore", "pg_restore", process.wait(), complaints)


def _require_done(code: str, name: str, returned: int, complaints: IO[bytes]) -> None:
    if returned != 0:
        complaints.seek(0)
        said = complaints.read().decode(errors="replace").strip()[-1000:]
        raise Unavailable(code, f"{name}未完成，未留下任何结果（PostgreSQL原文）：{said}")


def _piped(
    settings: Settings, name: str, *args: str, into: str | None = None, feed: bool
) -> AbstractContextManager[tuple[subprocess.Popen[bytes], IO[bytes], IO[bytes]]]:
    bindir, place, secret = _where(settings, into)
    return piped(RunAs.myself(), bindir / name, "-d", place, *args, env=secret, feed=feed)


def _where(settings: Settings, into: str | None) -> tuple[Path, str, dict[str, str]]:
    """The programs, the database without its password, and the password for the environment."""
    bindir = cluster_of(settings).bindir if settings.database_url is None else find_bindir(settings.pg_bindir)
    place = conninfo_to_dict(libpq_url(admin_url(settings, into)))
    secret = {"PGPASSWORD": str(place.pop("password", ""))}
    return bindir, make_conninfo("", **place), secret


def _program(settings: Settings, name: str, *args: str | Path, into: str | None = None) -> None:
    """Run one client program of PostgreSQL as the administrator; the password never shows among its arguments."""
    bindir, place, secret = _where(settings, into)
    done = run(RunAs.myself(), bindir / name, "-d", place, *args, timeout=86_400, env=secret)
    if done.returncode != 0:
        kind = "backup" if name == "pg_dump" else "restore"
        raise Unavailable(
            f"db.{kind}", f"{name}未完成，未留下任何结果（PostgreSQL原文）：{done.stderr.strip()[-1000:]}"
        )


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_durably(path: Path, content: str) -> None:
    write_private(path, content)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
