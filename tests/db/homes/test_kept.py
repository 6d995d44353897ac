"""Every release's kept home is brought to today's schema: the same chains, the same balances, every promise kept."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.cli.installation import db
from ledger.control.checks.house.traces import BEGUN
from ledger.control.verify import examine
from ledger.core.errors import InvalidInput
from ledger.db.engine import auditor_engine
from ledger.db.identity import carried
from ledger.db.migrate import migrate
from ledger.db.safekeeping.backup import manifest_path
from ledger.db.safekeeping.region_keys import unseal
from ledger.db.safekeeping.sealing import home_key, home_recipient, open_stream, read_private, sealed_for
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
def test_a_kept_home_is_upgraded_with_all_it_holds(
    old_home: tuple[Settings, dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    settings, head = old_home
    monkeypatch.setattr(db, "get_settings", lambda: settings)
    with pytest.raises(InvalidInput) as refused:  # outside the home, and for nobody
        db.migrate(tmp_path / "before.dump")
    assert (refused.value.code, list(tmp_path.iterdir())) == ("db.backup_plain", [])
    db.migrate(None, as_json=True)
    done = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (done["needed"], done["verify"], done["revision"]) == (True, "clean", carried().revision)
    dump = Path(done["backup"])
    assert (
        sealed_for(dump) == home_recipient(settings.home).id
    )  # no line of it in clear, and the home opens it
    for path in (dump, manifest_path(dump), home_key(settings.home)):
        assert path.stat().st_mode & 0o777 == 0o600
    with dump.open("rb") as file:
        assert next(open_stream(file, read_private(home_key(settings.home)))).startswith(b"PGDMP")
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
