"""Which revision a database is at and which one this program needs: asked at every start, so without Alembic.

Importing Alembic costs more than most commands; it is there for `migrate` alone.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import psycopg

from ledger.core.errors import Unavailable
from ledger.db.connections import Engine, driver_of, problem_of
from ledger.db.urls import no_such_database

HERE: Final = Path(__file__).resolve().parent
VERSION_SCHEMA: Final = "meta"
VERSION_TABLE: Final = "alembic_version"
_THERE: Final = """
SELECT 1 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname = %s AND c.relname = %s"""


def script_location() -> Path:
    """The folder of env.py and versions/: the wheel's, else the checkout's."""
    packaged = HERE / "migrations"
    return packaged if packaged.is_dir() else HERE.parents[1] / "alembic"


def newest() -> str | None:
    """The newest revision this version knows, by its file's name `NNNN_what.py`; a test holds it to Alembic's own head."""
    found = (path.stem.partition("_")[0] for path in (script_location() / "versions").glob("[0-9]*.py"))
    return max(found, default=None)


def current(engine: Engine) -> str | None:
    """The revision a database is at; None before its first migration, which also makes the database. Any login may ask."""
    try:
        lent = engine.connect()
    except Exception as error:
        if no_such_database(problem_of(error)):
            return None
        raise
    with lent:
        connection = driver_of(lent)
        try:
            return _revision_in(connection)
        finally:
            connection.rollback()


def _revision_in(connection: psycopg.Connection) -> str | None:
    if connection.execute(_THERE, (VERSION_SCHEMA, VERSION_TABLE)).fetchone() is None:
        return None
    rows = connection.execute(f"SELECT version_num FROM {VERSION_SCHEMA}.{VERSION_TABLE}").fetchall()  # noqa: S608 both fixed above
    return "、".join(sorted(str(number) for (number,) in rows)) or None


def require_current(engine: Engine) -> None:
    """Raise Unavailable `db.not_migrated` unless the database is at the newest revision."""
    have, want = current(engine), newest()
    if have != want:
        raise Unavailable(
            "db.not_migrated",
            f"数据库结构为{have or '空'}，本程序需要{want}：请执行 fundledger db migrate",
            current=have,
            head=want,
        )
