"""Which schema this program carries, and which one a database has: compared at every start, before anything is asked of it.

The identity of a schema is its newest revision and a digest over the readable present (`sql/`). It is kept in the
database beside the revision by `migrate`. This file is read at every start: it imports nothing that only migrations need.
"""

from __future__ import annotations

import re
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple

import psycopg

from ledger.core.errors import Conflict, Unavailable
from ledger.db.connections import Engine, driver_of, problem_of
from ledger.db.urls import no_such_database

HERE: Final = Path(__file__).resolve().parent
PRESENT: Final = HERE / "sql"
VERSION_SCHEMA: Final = "meta"
VERSION_TABLE: Final = "alembic_version"
_THERE: Final = """
SELECT to_regclass('meta.schema_identity') IS NOT NULL, to_regclass('meta.alembic_version') IS NOT NULL
"""
_REVISION: Final = re.compile(r"(\d{4})_\w+\.py", re.ASCII)


class Identity(NamedTuple):
    """A schema: its revision, the digest of what that revision was made of, and the program's version that made it."""

    revision: str
    digest: str
    version: str = ""


def script_location() -> Path:
    """The folder of env.py and versions/: the wheel's, else the checkout's."""
    packaged = HERE / "migrations"
    return packaged if packaged.is_dir() else HERE.parents[1] / "alembic"


def present_files() -> list[Path]:
    """The readable present, a file a noun; what secures all of them comes last."""
    return sorted(PRESENT.rglob("*.sql"), key=lambda path: (path.stem == "secure", path.name))


def revisions() -> list[str]:
    """The revisions this program knows, oldest first."""
    found = (_REVISION.fullmatch(path.name) for path in (script_location() / "versions").rglob("*.py"))
    return sorted(match[1] for match in found if match)


@lru_cache(1)
def carried() -> Identity:
    """The schema this program carries."""
    digest = sha256()
    for path in present_files():
        content = path.read_bytes()
        digest.update(f"{path.name}\n{len(content)}\n".encode() + content)
    return Identity(revisions()[-1], digest.hexdigest())


def stored(engine: Engine) -> Identity | None:
    """The schema a database has; None before its first migration, which also makes the database. Any login may ask.

    One made before identities were kept has its revision and no digest.
    """
    try:
        lent = engine.connect()
    except Exception as error:
        if no_such_database(problem_of(error)):
            return None
        raise
    with lent:
        connection = driver_of(lent)
        try:
            return stored_in(connection)
        finally:
            connection.rollback()


def stored_in(connection: psycopg.Connection[Any]) -> Identity | None:
    """The same, on an open connection."""
    identified, versioned = connection.execute(_THERE).fetchone() or (False, False)
    if identified:
        row = connection.execute("SELECT revision, digest, version FROM meta.schema_identity").fetchone()
        if row is not None:
            return Identity(*row)
    if not versioned:
        return None
    revision = connection.execute("SELECT version_num FROM meta.alembic_version").fetchone()
    return None if revision is None else Identity(revision[0], "")


def require_current(engine: Engine) -> None:
    """Raise unless the database has the schema this program carries: Unavailable `db.not_migrated` for an older one,
    Conflict `db.other_build` for one of the same revision made of something else, `db.newer` for a later one.
    """
    have, want = stored(engine), carried()
    if have is not None and have[:2] == want[:2]:
        return
    refuse_newer(have)
    shown = "空" if have is None else f"{have.revision}（{have.digest[:8] or '未标识'}）"
    details = {"current": have and have.revision, "head": want.revision}
    if have is not None and have.digest and have.revision == want.revision:
        raise Conflict(
            "db.other_build",
            f"数据库结构{shown}由另一版本的程序（{have.version}）建立，与本程序的{want.revision}（{want.digest[:8]}）不同："
            "请先停止服务，再执行 fundledger db migrate；若本程序较旧，请改用建立它的程序",
            **details,
        )
    raise Unavailable(
        "db.not_migrated",
        f"数据库结构为{shown}，本程序需要{want.revision}：请执行 fundledger db migrate",
        **details,
    )


def refuse_newer(have: Identity | None) -> None:
    """Raise Conflict `db.newer` for a schema of a revision this program does not know."""
    if have is not None and have.revision not in revisions():
        raise Conflict(
            "db.newer",
            f"数据库结构{have.revision}（程序{have.version or '未知'}）比本程序所知的{revisions()[-1]}新：请改用较新的程序，"
            "不要降级；本程序未作任何改动",
            current=have.revision,
            head=revisions()[-1],
        )
