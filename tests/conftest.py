"""One server a session, one migrated template, one clone a test.

With pytest-xdist the controller makes an empty folder and hands its name to the workers; the first worker that needs
a database starts the server there, the others join it, and the controller stops it at the end whatever became of them.
"""

from __future__ import annotations

import fcntl
import gc
import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy.engine import Engine

from ledger.control import verify as verifying
from ledger.control.checks.house.shipped import check_house
from ledger.db.cluster import DATABASE, Cluster
from ledger.db.engine import admin_engine, auditor_engine, login_url, service_engine
from ledger.db.migrate import migrate
from ledger.db.urls import libpq_url
from ledger.settings import Settings
from ledger.simulation.people import found_demo
from tests.scenes import everybody
from tests.scenes.databases import close_database, copy_database, drop_database, leave
from tests.scenes.server import fast_cluster, memory, new_home

# a machine that others use too is slow at times: that is no fault of what is tested
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
ROOT = pytest.StashKey[Path]()
EVERYBODY = "--everybody-signs"
FIRST = (
    "tests/control/conservation/", "tests/cli/test_demo.py",
    "tests/web/test_every_page.py", "tests/db/test_schema.py", "tests/web/test_pages.py", "tests/reports/test_contract.py",
)  # fmt: skip
"""What takes longest begins first: a worker that came to it last would end a minute after the others. All in one worker's part
(xdist's `worksteal` deals in the order of the list), so that a region that has lived is lived once."""
_numbers = itertools.count(1)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(EVERYBODY, action="store_true", help="every region demands signatures, everybody signs")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items.sort(
        key=lambda item: next((n for n, of in enumerate(FIRST) if item.nodeid.startswith(of)), len(FIRST))
    )
    if config.getoption(EVERYBODY):
        told = pytest.mark.skip(reason="a region without a demand, or with keys of its own")
        for item in items:
            if item.get_closest_marker("unsigned"):
                item.add_marker(told)


def pytest_collection_finish(session: pytest.Session) -> None:
    # five thousand tests and a thousand modules are here to stay: looking through them again and again for what may go took
    # a tenth to a quarter of the processor's time of Python
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 50)


def pytest_configure(config: pytest.Config) -> None:
    # Every database here is a clone of one template, which tests/db/test_house.py compares with what is shipped; a change of
    # the house is looked for where a test makes one (tests/control/test_administrator.py) and by each `fundledger verify`.
    verifying.CHECKS = tuple(one for one in verifying.CHECKS if one[1] is not check_house)
    given = getattr(config, "workerinput", {}).get("fundledger_root")
    config.stash[ROOT] = Path(given) if given else new_home()
    if (
        there := memory()
    ):  # tests' own folders too: payment files, anchors and the made-up bank's books are synced
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(there))


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["fundledger_root"] = str(node.config.stash[ROOT])


def pytest_unconfigure(config: pytest.Config) -> None:
    root = config.stash.get(ROOT, None)
    leave()
    if root is None or hasattr(config, "workerinput"):
        return
    fast_cluster(root).stop("immediate")
    shutil.rmtree(root)


@dataclass
class Database:
    """A migrated database of one test's own. The URLs are libpq's; `settings` leads every engine builder to it."""

    name: str
    settings: Settings

    @property
    def admin_url(self) -> str:
        return str(self.settings.database_url)

    @property
    def service_url(self) -> str:
        return libpq_url(login_url(self.settings, "service"))

    @property
    def auditor_url(self) -> str:
        return libpq_url(login_url(self.settings, "auditor"))

    @cached_property
    def admin_engine(self) -> Engine:
        return admin_engine(self.settings)

    @cached_property
    def service_engine(self) -> Engine:
        return service_engine(self.settings)

    @cached_property
    def auditor_engine(self) -> Engine:
        return auditor_engine(self.settings)

    @property
    def env(self) -> dict[str, str]:
        """The environment of a child process that shall use this database."""
        return {
            **os.environ,
            "FUNDLEDGER_HOME": str(self.settings.home),
            "DATABASE_URL": self.admin_url,
        }

    def close(self) -> None:
        for name in ("admin_engine", "service_engine", "auditor_engine"):
            if name in self.__dict__:
                self.__dict__[name].dispose()


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """The session's server, running, its database `fundledger` migrated and closed as the template of all others."""
    root = request.config.stash[ROOT]
    made = fast_cluster(root)
    with (root / "session.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made.start()
        migrated = root / "template.ready"
        if not migrated.exists():
            migrate(Settings(home=root, database_url=made.admin_url()))
            if request.config.getoption(EVERYBODY):
                with psycopg.connect(made.admin_url(), autocommit=True) as admin:
                    admin.execute(everybody.DEMAND)
            close_database(made, DATABASE)
            migrated.touch()
    if request.config.getoption(EVERYBODY):
        everybody.let_everybody_sign(made)
    return made


@pytest.fixture
def new_database_name() -> str:
    """A database name no other test or worker uses."""
    return f"t_{os.environ.get('PYTEST_XDIST_WORKER', 'one')}_{next(_numbers)}"


@pytest.fixture
def database(request: pytest.FixtureRequest, cluster: Cluster, new_database_name: str) -> Iterator[Database]:
    """A clone of the migrated template, dropped afterwards; of a later one where the test stands on one (as `world` says)."""
    yield from _clone(cluster, _latest(request, DATABASE), new_database_name)


def _latest(request: pytest.FixtureRequest, base: str) -> str:
    kept = [request.getfixturevalue(name) for name in request.fixturenames if name.startswith("kept_")]
    return max([base, *kept], key=len)


def own_settings(cluster: Cluster, name: str, url: str) -> Settings:
    """Settings of a database with a home of its own: anchors and reports of one test are not another's."""
    home = cluster.home / "homes" / name
    for kept in ("secrets", "keys"):  # what was sealed in the template is opened in its clones
        if (cluster.home / kept).is_dir():
            shutil.copytree(cluster.home / kept, home / kept)
    return Settings(home=home, database_url=url)


def _clone(cluster: Cluster, template: str, name: str) -> Iterator[Database]:
    url = copy_database(cluster, template, name)
    clone = Database(name, own_settings(cluster, name, url))
    yield clone
    clone.close()
    drop_database(cluster, name)


Keep = Callable[[str, str, Callable[[Settings], None]], str]


@pytest.fixture(scope="session")
def keep(cluster: Cluster, request: pytest.FixtureRequest) -> Keep:
    """`keep(name, base, fill)`: a template of that name, made once for all workers: a copy of `base`, filled; its name."""
    root = request.config.stash[ROOT]

    def kept(name: str, base: str, fill: Callable[[Settings], None]) -> str:
        with (root / f"{name}.lock").open("w") as lock:  # others are made meanwhile
            fcntl.flock(lock, fcntl.LOCK_EX)
            ready = root / f"{name}.ready"
            if ready.exists():
                return name
            fill(Settings(home=cluster.home, database_url=copy_database(cluster, base, name)))
            close_database(cluster, name)
            ready.touch()
        return name

    return kept


@pytest.fixture(scope="session")
def founded(keep: Keep) -> str:
    """A second template: the demo's region 420100 with its users, books, accounts and calendar, from 2026-10-01."""
    return keep("founded", DATABASE, lambda settings: found_demo(settings, date(2026, 10, 1)))


@pytest.fixture
def world(
    request: pytest.FixtureRequest, founded: str, cluster: Cluster, new_database_name: str
) -> Iterator[Database]:
    """A clone of the founded region, one person a post (`ledger.founding.DEMO_PEOPLE`), dropped afterwards.

    Of a later template where the test stands on one: a session fixture named `kept_…`, a name made of its base's.
    """
    yield from _clone(cluster, _latest(request, founded), new_database_name)


@pytest.fixture
def home() -> Iterator[Path]:
    """An empty home outside pytest's own folders; a server left running in it is stopped."""
    made = new_home()
    yield made
    if (made / "pg").exists():
        fast_cluster(made).stop("immediate")
    shutil.rmtree(made)
