"""Bringing a database to this version's schema: roles first, then Alembic's revisions, configured in code.

No alembic.ini: an installed wheel carries its revisions beside this file (`migrations/`), a checkout in `alembic/`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text
from sqlalchemy.engine import Connection, Engine
from sqlalchemy.exc import DBAPIError

from alembic import command
from ledger.core.errors import Unavailable
from ledger.db.engine import admin_engine
from ledger.db.roles import LOCK, OWNER, prepare
from ledger.db.urls import no_such_database
from ledger.settings import Settings

HERE: Final = Path(__file__).resolve().parent
VERSION_SCHEMA: Final = "meta"
VERSION_TABLE: Final = "alembic_version"
# readable by the working logins from its first row on, so that a service can tell a half-migrated database
_VERSION_SCHEMA: Final = f"""
CREATE SCHEMA IF NOT EXISTS {VERSION_SCHEMA} AUTHORIZATION {OWNER};
GRANT USAGE ON SCHEMA {VERSION_SCHEMA} TO fundledger_service, fundledger_auditor;
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA {VERSION_SCHEMA}
    GRANT SELECT ON TABLES TO fundledger_service, fundledger_auditor;
"""


def script_location() -> Path:
    """The folder of env.py and versions/: the wheel's, else the checkout's."""
    packaged = HERE / "migrations"
    return packaged if packaged.is_dir() else HERE.parents[1] / "alembic"


def sql_files() -> list[Path]:
    """The SQL of the schema, in the order of its file names."""
    return sorted((HERE / "sql").glob("*.sql"))


def run_script(connection: Connection, script: str) -> None:
    """Run many statements as they stand, in the open transaction: no placeholders, so `%` and `:` mean themselves."""
    driver = connection.connection.driver_connection
    if driver is None:
        raise Unavailable("db.connect", "数据库连接已断开")
    driver.execute(script)


def head() -> str | None:
    """The newest revision this version knows."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def current(engine: Engine) -> str | None:
    """The revision a database is at; None before its first migration, which also makes the database. Any login may ask."""
    try:
        connection = engine.connect()
    except DBAPIError as error:
        if no_such_database(error.orig):
            return None
        raise
    with connection:
        if not inspect(connection).has_table(VERSION_TABLE, schema=VERSION_SCHEMA):
            return None
        options = {"version_table": VERSION_TABLE, "version_table_schema": VERSION_SCHEMA}
        return MigrationContext.configure(connection, opts=options).get_current_revision()


def require_current(engine: Engine) -> None:
    """Raise Unavailable `db.not_migrated` unless the database is at `head()`."""
    have, want = current(engine), head()
    if have != want:
        raise Unavailable(
            "db.not_migrated",
            f"数据库结构为{have or '空'}，本程序需要{want}：请执行 fundledger db migrate",
            current=have,
            head=want,
        )


def migrate(settings: Settings, dbname: str | None = None) -> str | None:
    """Bring the database to `head()` and return it. Raises what `prepare` raises, and the failed statement's error.

    Two at once wait for each other; each revision is one transaction, so a run killed half-way is simply repeated.
    """
    prepare(settings, dbname)
    engine = admin_engine(settings, dbname)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
            run_script(connection, _VERSION_SCHEMA)
            connection.commit()
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.commit()
            connection.invalidate()  # its role and lock end with it
    finally:
        engine.dispose()
    return head()


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(script_location()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
