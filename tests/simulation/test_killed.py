"""Killed with -9 on a day of settlements: what is there is whole, it is how the books begin, and a run anew ends the same."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.control.verify import examine
from ledger.simulation.town import Asked
from tests.scenes.passwords import passwords_of

FROM, TO = date(2026, 9, 28), date(2026, 10, 27)
ASKED = Asked(420100, FROM, TO, 8, 6, 2)
"""The sheets of September are approved on 26 October, a Monday."""
CHILD = """
import json, sys
from datetime import date
from pathlib import Path
from ledger.simulation.life.run import run
from ledger.simulation.town import Asked
from ledger.settings import Settings

home, url, passwords, first, last = json.loads(sys.argv[1])
settings = Settings(home=Path(home), database_url=url, **passwords)
run(settings, Asked(420100, date.fromisoformat(first), date.fromisoformat(last), 8, 6, 2), lambda done, days: None)
"""
BOOKS = "SELECT fund, seq, source_key, encode(content_digest, 'hex') FROM books.source ORDER BY fund, seq"
Live = Callable[[Asked], dict[str, Any]]


def _books(url: str) -> dict[int, list[tuple[Any, ...]]]:
    with psycopg.connect(url) as admin:
        told = admin.execute(BOOKS).fetchall()
    # What a closing entry rests on is the chain as the chief saw it, with its moments: no two runs have the same.
    told = [row[:3] if row[2].startswith("CLOSE-") else row for row in told]
    return {fund: [row for row in told if row[0] == fund] for fund in (310, 390)}


def _kill_while_settling(cluster: Any, database: Any, home: Path) -> int:
    """Start the simulation in another process and kill it as soon as a sheet is approved; how many were."""
    facts = [str(home), database.admin_url, passwords_of(cluster.home, home)]
    given = [*facts, FROM.isoformat(), TO.isoformat()]
    with subprocess.Popen([sys.executable, "-c", CHILD, json.dumps(given)], start_new_session=True) as child:
        try:
            with psycopg.connect(database.admin_url, autocommit=True) as admin:
                while not _approved(admin):
                    assert child.poll() is None, "the simulation ended before a month was settled"
                    time.sleep(0.01)
        finally:
            os.killpg(child.pid, signal.SIGKILL)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        return _approved(admin)


def _approved(admin: psycopg.Connection[Any]) -> int:
    found = admin.execute("SELECT count(*) FROM fund.sheet WHERE state = 'approved'").fetchone()
    return 0 if found is None else int(found[0])


@pytest.mark.slow
@pytest.mark.fault(6)
def test_killed_on_a_day_of_settlements(
    live: Live, afresh: Callable[[], None], cluster: Any, database: Any, home: Path
) -> None:
    approved = _kill_while_settling(cluster, database, home)
    killed = _books(database.admin_url)
    assert examine(database.auditor_engine, home).breaches == []
    with psycopg.connect(database.admin_url) as admin:
        broken = "SELECT count(*) FROM fund.conservation WHERE difference_fen <> 0"
        assert admin.execute(broken).fetchone() == (0,)
    database.close()
    afresh()
    for folder in ("anchors", "demo", "simulate"):
        shutil.rmtree(home / folder)
    whole = live(ASKED)
    assert (whole["bank_agrees"], whole["differences"], whole["findings"]) == (True, [], [])
    assert whole["events"]["settlements"] > approved > 0
    told = _books(database.admin_url)
    for fund, entries in killed.items():
        assert len(told[fund]) > len(entries) > 0
        assert told[fund][: len(entries)] == entries
