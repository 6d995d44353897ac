"""Bringing a database to this version's schema: roles first, then Alembic's revisions, configured in code.

No alembic.ini: an installed wheel carries its revisions beside this file (`migrations/`), a checkout in `alembic/`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import Connection

from alembic import command
from ledger.core.errors import Unavailable
from ledger.db import revision
from ledger.db.engine import admin_engine
from ledger.db.revision import VERSION_SCHEMA
from ledger.db.roles import LOCK, OWNER, prepare
from ledger.settings import Settings

HERE: Final = Path(__file__).resolve().parent
# readable by the working logins from its first row on, so that a service can tell a half-migrated database
_VERSION_SCHEMA: Final = f"""
CREATE SCHEMA IF NOT EXISTS {VERSION_SCHEMA} AUTHORIZATION {OWNER};
GRANT USAGE ON SCHEMA {VERSION_SCHEMA} TO fundledger_service, fundledger_auditor;
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA {VERSION_SCHEMA}
    GRANT SELECT ON TABLES TO fundledger_service, fundledger_auditor;
"""


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
    config.set_main_option("script_location", str(revision.script_location()).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
