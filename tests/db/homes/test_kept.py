"""Every release's kept home is brought to today's schema: the same chains, the same balances, every promise kept."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.control.verify import verify
from ledger.db.engine import auditor_engine
from ledger.db.identity import carried, revisions, script_location
from ledger.db.migrate import migrate
from ledger.db.roles import grant_database, prepare
from ledger.settings import Settings
from tests.conftest import own_settings
from tests.db.catalogue import run
from tests.db.homes.home import facts, fill, kept


@pytest.fixture
def old_home(
    cluster: Any, new_database_name: str, request: pytest.FixtureRequest
) -> Iterator[tuple[Settings, dict[str, Any]]]:
    """A kept home as its release left it: its revision's schema, its rows, its anchors."""
    path: Path = request.param
    url = cluster.admin_url(new_database_name)
    prepare(Settings(home=cluster.home, database_url=url))
    settings = own_settings(cluster, new_database_name, url)
    with psycopg.connect(url, autocommit=True) as admin:
        grant_database(admin)
    with psycopg.connect(url) as connection:
        connection.execute("CREATE SCHEMA meta AUTHORIZATION fundledger_owner")
        connection.execute("SET LOCAL ROLE fundledger_owner")
        versions = script_location() / "versions"
        run(connection, [p.read_text(encoding="utf-8") for p in sorted((versions / "r0001").glob("*.sql"))])
        connection.execute("CREATE TABLE meta.alembic_version (version_num text PRIMARY KEY)")
        connection.execute("INSERT INTO meta.alembic_version VALUES ('0001')")
        connection.execute("RESET ROLE")
        head = fill(connection, path)
        assert head["revision"] == revisions()[0]
        assert facts(connection) == head["facts"]
    anchors = settings.home / "anchors" / "anchors.jsonl"
    anchors.parent.mkdir()
    anchors.write_text(head["anchors"], encoding="utf-8")
    yield settings, head
    with psycopg.connect(cluster.admin_url("postgres"), autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {new_database_name} WITH (FORCE)")


@pytest.mark.parametrize(
    "old_home", kept(), indirect=True, ids=lambda path: path.name.removesuffix(".txt.xz")
)
def test_a_kept_home_is_upgraded_with_all_it_holds(old_home: tuple[Settings, dict[str, Any]]) -> None:
    settings, head = old_home
    done = migrate(settings)
    assert (done.needed, done.holds_books, done.want.revision) == (True, True, carried().revision)
    with psycopg.connect(str(settings.database_url)) as connection:
        assert facts(connection) == head["facts"]
    engine = auditor_engine(settings)
    try:
        assert verify(engine, settings.home) == []
    finally:
        engine.dispose()
    assert not migrate(settings).needed


def test_there_is_a_home_to_upgrade_from() -> None:
    assert [path.name for path in kept()][:1] == ["0.2.txt.xz"]
