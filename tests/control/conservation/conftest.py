"""A region that has lived: months settled, a year cleared, offsets and deductions taken; cloned for every test."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import Engine

from adapters.banks.simulator.faults import Fault
from ledger.cli.line.acting import close_apps
from ledger.control.breach import Breach
from ledger.control.verify import verify
from ledger.db.cluster import DATABASE
from ledger.db.engine import auditor_engine, service_engine
from ledger.settings import Settings
from ledger.simulation.life.run import run
from ledger.simulation.odds import WEIGHTS
from ledger.simulation.town import Asked
from tests.scenes.databases import copy_database, drop_database
from tests.scenes.passwords import passwords_of

OFTEN = {
    **WEIGHTS,
    "reversal": 60,
    "suspend": 0,
    "surprise": 0,
    "finding": 400,
    "deduction": 600,
    "hold": 100,
}
LIVED = Asked(
    420100, date(2025, 12, 29), date(2026, 3, 4), 4, 5, 2, OFTEN, {Fault.RETURN: 100, Fault.REJECT_NAME: 100}
)
_names = itertools.count(1)


@dataclass
class Lived:
    """A clone of the region; `home` holds its anchors."""

    settings: Settings
    service: Engine
    auditor: Engine
    home: Path

    def break_it(self, *statements: str) -> None:
        """As a superuser whose triggers are off: what a database administrator can always do."""
        with psycopg.connect(str(self.settings.database_url), autocommit=True) as admin:
            admin.execute("SET session_replication_role = replica")
            for statement in statements:
                assert admin.execute(statement).rowcount != 0, statement

    def rows(self, query: str) -> list[Any]:
        with psycopg.connect(str(self.settings.database_url)) as admin:
            return admin.execute(query).fetchall()

    def verify(self) -> list[Breach]:
        return verify(self.auditor, self.home)


def _clone(cluster: Any, template: str, home: Path) -> tuple[str, Settings]:
    name = f"lived_{os.environ.get('PYTEST_XDIST_WORKER', 'one')}_{next(_names)}"
    url = copy_database(cluster, template, name)
    return name, Settings(home=home, database_url=url, **passwords_of(cluster.home, home))


@pytest.fixture(scope="session")
def lived_template(cluster: Any, keep: Any) -> tuple[str, Path]:
    """Lived once for all workers: its template, and its home."""
    return str(keep("lived", DATABASE, _live)), cluster.home / "lived"


def _live(settings: Settings) -> None:
    home = settings.home / "lived"
    own = Settings(home=home, database_url=settings.database_url, **passwords_of(settings.home, home))
    try:
        done = run(own, LIVED, lambda _done, _days: None)
    finally:
        close_apps()
    assert (done["verify"], done["recomputation_agrees"], done["bank_agrees"]) == ("clean", True, True), done
    assert {"letters", "settlements", "finding_final", "deductions"} <= done["events"].keys(), done["events"]


@pytest.fixture
def lived(cluster: Any, lived_template: tuple[str, Path], tmp_path: Path) -> Iterator[Lived]:
    yield from living(cluster, lived_template, tmp_path)


def living(cluster: Any, lived_template: tuple[str, Path], folder: Path) -> Iterator[Lived]:
    """A clone of the lived home, with `folder` for its own."""
    template, home = lived_template
    shutil.copytree(home / "anchors", folder / "anchors")
    name, settings = _clone(cluster, template, folder)
    made = Lived(settings, service_engine(settings), auditor_engine(settings), folder)
    yield made
    made.service.dispose()
    made.auditor.dispose()
    drop_database(cluster, name)
