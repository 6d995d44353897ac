"""Every release's kept home is brought to today's schema: the same chains, the same balances, every promise kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from ledger.control.checks.house.traces import BEGUN
from ledger.control.verify import examine
from ledger.db.engine import auditor_engine
from ledger.db.identity import carried
from ledger.db.migrate import migrate
from ledger.db.safekeeping.region_keys import unseal
from ledger.settings import Settings
from tests.db.homes.home import as_left, facts, kept


@pytest.fixture
def old_home(
    cluster: Any, new_database_name: str, request: pytest.FixtureRequest
) -> Iterator[tuple[Settings, dict[str, Any]]]:
    """A kept home as its release left it: its revision's schema, its rows, its anchors."""
    with as_left(cluster, new_database_name, request.param) as left:
        yield left


@pytest.mark.fault(23)
@pytest.mark.parametrize(
    "old_home", kept(), indirect=True, ids=lambda path: path.name.removesuffix(".txt.xz")
)
def test_a_kept_home_is_upgraded_with_all_it_holds(old_home: tuple[Settings, dict[str, Any]]) -> None:
    settings, head = old_home
    done = migrate(settings)
    assert (done.needed, done.holds_books, done.want.revision) == (True, True, carried().revision)
    with psycopg.connect(str(settings.database_url)) as connection:
        assert facts(connection) == head["facts"]
        lines = connection.execute("SELECT raw FROM fund.quarantine WHERE raw <> ''").fetchall()
        assert all(unseal(settings.home, bytes(raw)) for (raw,) in lines), (
            "what lay in clear is sealed, and opens"
        )
    engine = auditor_engine(settings)
    try:
        seen = examine(engine, settings.home)
        assert seen.breaches == []
        assert seen.waiting[BEGUN] > 20  # what was there before traces, chained as of the upgrade
    finally:
        engine.dispose()
    assert not migrate(settings).needed


def test_there_is_a_home_to_upgrade_from() -> None:
    assert [path.name for path in kept()][:1] == ["0.2.txt.xz"]
