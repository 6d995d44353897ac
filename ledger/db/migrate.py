"""Bringing a database to this version's schema: roles first, then what is missing of it, in one transaction.

No alembic.ini: an installed wheel carries its revisions beside this file (`migrations/`), a checkout in `alembic/`. What a
killed run leaves is the schema before it or the one after it, never a third.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, cast

import psycopg
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DBAPIError

from alembic import command
from ledger.core.errors import Conflict, InFlight, Unavailable
from ledger.db import present
from ledger.db.engine import admin_engine
from ledger.db.fingerprint import FROZEN, fingerprint
from ledger.db.identity import (
    VERSION_SCHEMA,
    Identity,
    carried,
    refuse_newer,
    revisions,
    script_location,
    stored_in,
)
from ledger.db.logins import OWNER
from ledger.db.roles import LOCK, prepare
from ledger.db.safekeeping.region_keys import seal_what_is_clear
from ledger.settings import Settings

LOCK_WAIT: Final = "10s"
ATTEMPTS: Final = 5
"""How often an upgrade is begun that was undone for a deadlock."""
STATEMENT_LIMIT: Final = "1h"
# readable by the working logins from its first row on, so that a service can tell a database of another schema
_META: Final = f"""
CREATE SCHEMA IF NOT EXISTS {VERSION_SCHEMA} AUTHORIZATION {OWNER};
GRANT USAGE ON SCHEMA {VERSION_SCHEMA} TO fundledger_service, fundledger_auditor, fundledger_intake, fundledger_books, fundledger_payments, fundledger_read;
GRANT SELECT ON ALL TABLES IN SCHEMA {VERSION_SCHEMA} TO fundledger_intake, fundledger_books, fundledger_payments, fundledger_read;
ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA {VERSION_SCHEMA}
    GRANT SELECT ON TABLES TO fundledger_service, fundledger_auditor, fundledger_intake, fundledger_books, fundledger_payments, fundledger_read;
"""
_IDENTITY: Final = """
CREATE TABLE IF NOT EXISTS meta.schema_identity (
    one boolean PRIMARY KEY DEFAULT true CHECK (one), revision text NOT NULL, digest text NOT NULL, version text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp())
"""
_HEADS: Final = "SELECT coalesce(jsonb_agg(to_jsonb(h) ORDER BY h.region, h.fund), '[]') FROM books.head h"


@dataclass(frozen=True, slots=True)
class MigrationPlan:
    """What `migrate` has to do."""

    have: Identity | None
    want: Identity
    revisions: tuple[str, ...]
    """To be run, oldest first."""
    replaced: tuple[str, ...]
    """Functions, views and triggers to be made anew; empty for a database with no tables yet."""
    removed: tuple[str, ...]
    holds_books: bool
    """Whether there is anything to lose."""

    @property
    def needed(self) -> bool:
        """Whether anything is to be done."""
        return self.have is None or self.have[:2] != self.want[:2]


def run_script(connection: Connection, script: str) -> None:
    """Run many statements as they stand, in the open transaction: no placeholders, so `%` and `:` mean themselves."""
    driver_of(connection).execute(script.encode())


def run_folder(connection: Connection, folder: str) -> None:
    """Run a revision's own SQL, file by file in the order of their names."""
    for path in sorted((script_location() / "versions" / folder).glob("*.sql")):
        run_script(connection, path.read_text(encoding="utf-8"))


def driver_of(connection: Connection) -> psycopg.Connection[Any]:
    """The driver's own connection; raises Unavailable `db.connect` where it is gone."""
    driver = connection.connection.driver_connection
    if driver is None:
        raise Unavailable("db.connect", "数据库连接已断开")
    return cast("psycopg.Connection[Any]", driver)


def plan(settings: Settings, dbname: str | None = None) -> MigrationPlan:
    """What `migrate` would do, nothing of it done. Raises what `judge` raises."""
    prepare(settings, dbname)
    engine = admin_engine(settings, dbname)
    try:
        with engine.connect() as connection:
            return _plan(connection)
    finally:
        engine.dispose()


def migrate(
    settings: Settings, dbname: str | None = None, before: Callable[[MigrationPlan], None] | None = None
) -> MigrationPlan:
    """Bring the database to the schema this program carries; returns what was done.

    `before` is told what will be done while it still can be called off (a backup is taken there). Two at once wait for
    each other. Raises what `prepare` and `judge` raise, InFlight `db.locked` where somebody works in the database,
    Conflict `db.chain_changed` if the ends of the chains moved, and the failed statement's error: nothing is changed then.
    """
    prepare(settings, dbname)
    engine = admin_engine(settings, dbname)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": LOCK})
            connection.commit()
            found = _plan(connection)
            connection.commit()
            if found.needed:
                if before is not None:
                    before(found)
                _persist(connection, found, settings.home)
            connection.invalidate()  # its role and lock end with it
    finally:
        engine.dispose()
    return found


def judge(connection: Connection) -> Identity | None:
    """Which schema the database has. Raises Conflict `db.newer`, and `db.unknown_build` for one made before identities
    were kept by a build that is not release 0.2's: what it holds nobody can say, so nothing is touched.
    """
    have = stored_in(driver_of(connection))
    refuse_newer(have)
    if have is not None and not have.digest and fingerprint(driver_of(connection)) != FROZEN:
        raise Conflict(
            "db.unknown_build",
            f"数据库结构标为{have.revision}，实际却不是任何发布版本的结构（由开发中的某个版本建立）：本程序不能升级它，未作任何"
            "改动。请用建立它的程序导出账套（fundledger export），在新的数据目录中建账后接续",
            current=have.revision,
        )
    return have


def _plan(connection: Connection) -> MigrationPlan:
    have, want = judge(connection), carried()
    known = revisions()
    todo = known if have is None else known[known.index(have.revision) + 1 :]
    if have is None:
        return MigrationPlan(None, want, tuple(todo), (), (), holds_books=False)
    driver = driver_of(connection)
    step = present.plan(driver, present.present()) if have[:2] != want[:2] else present.SchemaStep()
    row = driver.execute("SELECT EXISTS (SELECT 1 FROM books.head)").fetchone()
    return MigrationPlan(
        have, want, tuple(todo), tuple(step.replaced), tuple(step.removed), holds_books=bool(row and row[0])
    )


def _persist(connection: Connection, found: MigrationPlan, home: Path) -> None:
    """The upgrade, again where it and the server's own housekeeping (autovacuum) waited for each other: it was undone whole."""
    for left in reversed(range(ATTEMPTS)):
        try:
            _upgrade(connection, found, home)
        except (DBAPIError, psycopg.Error) as error:
            original = error.orig if isinstance(error, DBAPIError) else error
            if getattr(original, "sqlstate", "") != "40P01" or not left:
                raise
        else:
            return


def _upgrade(connection: Connection, found: MigrationPlan, home: Path) -> None:
    """Everything in one transaction: the revisions, the repeatable step, what lay in clear, the identity."""
    run_script(connection, _META)
    connection.commit()
    try:
        with connection.begin():
            for setting in (
                f"SET LOCAL lock_timeout = '{LOCK_WAIT}'",
                f"SET LOCAL statement_timeout = '{STATEMENT_LIMIT}'",
                f"SET LOCAL ROLE {OWNER}",
            ):
                run_script(connection, setting)
            heads = _heads(connection) if found.have is not None else None
            config = Config()
            config.set_main_option("script_location", str(script_location()).replace("%", "%%"))
            config.set_main_option("path_separator", "os")
            config.set_main_option("recursive_version_locations", "true")
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            present.apply(driver_of(connection))
            seal_what_is_clear(driver_of(connection), home)
            run_script(
                connection,
                "SELECT access.begin_demands(), access.begin_traces(); SET CONSTRAINTS ALL IMMEDIATE",
            )
            _identify(connection, found.want)
            if heads is not None and _heads(connection) != heads:
                raise Conflict("db.chain_changed", "升级使账链末端改变，已全部撤销，请勿继续并联系开发者")
    except (DBAPIError, psycopg.Error) as error:
        original = error.orig if isinstance(error, DBAPIError) else error
        if getattr(original, "sqlstate", "") == "55P03":
            raise InFlight(
                "db.locked",
                f"有其他会话正在使用数据库，{LOCK_WAIT}内未能取得所需的锁，已全部撤销：请停止服务后再升级",
                retry_after=60,
            ) from error
        raise


def _heads(connection: Connection) -> object:
    row = driver_of(connection).execute(_HEADS).fetchone()
    return row and row[0]


def _identify(connection: Connection, want: Identity) -> None:
    run_script(connection, _IDENTITY)
    driver_of(connection).execute(
        "INSERT INTO meta.schema_identity (revision, digest, version) VALUES (%s, %s, %s) ON CONFLICT (one) DO UPDATE"
        " SET revision = excluded.revision, digest = excluded.digest, version = excluded.version,"
        " applied_at = clock_timestamp()",
        [want.revision, want.digest, version("fundledger")],
    )
