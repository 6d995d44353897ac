"""Connections: who logs in, where, with which limits. The administrator migrates; the service and the auditor work."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import ArgumentError, InvalidatePoolError

from ledger.core.errors import InvalidInput
from ledger.db.cluster import DATABASE, cluster_of
from ledger.db.logins import ROLES, require_password, session_of
from ledger.db.passwords import Login, Working
from ledger.db.server import entered
from ledger.db.watch import Watched
from ledger.settings import Settings

# libpq's way to name several hosts, which SQLAlchemy does not read: `//user:password@one:5432,other:5432/database?…`
_SEVERAL: Final = re.compile(r"(?<=://)([^@/?#]*@)?([^@/?#]*,[^@/?#]*)(/[^?#]*)?(?:\?(.*))?$")
DRIVER: Final = "postgresql+psycopg"
_LET_GO: Final[WeakKeyDictionary[Engine, float]] = WeakKeyDictionary()
POOL_SECONDS: Final = 3
"""How long one waits for a connection that others have; then `service.busy`."""


class Pool(NamedTuple):
    """How many connections a login keeps, and how many more it opens while they are lent."""

    kept: int
    more: int


# A service holds 41 connections at the most (15 + 8 + 8 + 8 + 1, and one that asks whether the database lives); the embedded
# server takes 100. Six requests work at once (ledger.api.application.THREADS), each of them may need a second connection, and
# two can have it at once: whoever waits has it as soon as those are done. Nothing is opened before somebody asks for it.
SERVICE_POOL: Final = Pool(5, 10)
POSTS: Final[Mapping[Working, Pool]] = {"books": Pool(2, 6), "payments": Pool(2, 6), "read": Pool(6, 2)}
_INTAKE_POOL: Final = Pool(1, 0)
"""One thread stores."""


def sqlalchemy_url(text: str) -> URL:
    """A libpq or SQLAlchemy URL of PostgreSQL, its driver set to psycopg 3; raises InvalidInput `db.url`."""
    try:
        url = make_url(_SEVERAL.sub(_as_parameters, text))
    except (ArgumentError, ValueError):  # the latter of a port that is no number
        raise InvalidInput("db.url", "DATABASE_URL不合规：应为postgresql://用户:口令@主机/库名") from None
    if url.drivername not in ("postgres", "postgresql", DRIVER):
        raise InvalidInput("db.url", f"DATABASE_URL须指向PostgreSQL，不能是{url.drivername}")
    return url.set(drivername=DRIVER, database=url.database or DATABASE)


def _as_parameters(found: re.Match[str]) -> str:
    who, places, database, rest = (part or "" for part in found.groups())
    parts = [place.partition(":") for place in places.split(",")]
    hosts = ",".join(host for host, _, _ in parts)
    ports = ",".join(port or "5432" for _, _, port in parts)
    if "port=" in rest:  # said once for all of them
        return f"{who}{database or '/'}?host={hosts}&{rest}"
    return f"{who}{database or '/'}?host={hosts}&port={ports}" + (f"&{rest}" if rest else "")


def admin_url(settings: Settings, dbname: str | None = None) -> URL:
    """The administrator's URL, for `dbname` or the installation's own database.

    Starts the embedded server when there is no DATABASE_URL and it does not run; raises what `Cluster.start` raises.
    """
    if settings.database_url is not None:
        url = sqlalchemy_url(settings.database_url)
    else:
        url = sqlalchemy_url(cluster_of(settings).start())
    return url if dbname is None else url.set(database=dbname)


def login_url(settings: Settings, login: Working, dbname: str | None = None) -> URL:
    """A working login's URL: the administrator's place with another user; starts the server like `admin_url`.

    Raises Unavailable `db.secret_missing` before the first `migrate`.
    """
    admin = admin_url(settings, dbname)
    password = require_password(settings, login)
    # libpq also takes them as parameters, which would win over the user and password set here
    plain = admin.difference_update_query(["user", "password"])
    return plain.set(username=ROLES[login], password=password)


def build_engine(
    url: URL, login: Login, *, ping: bool = True, home: Path | None = None, pool: Pool = SERVICE_POOL
) -> Engine:
    """An engine with the limits of `login`; every new connection refuses a server that is not the one (`ledger.db.server`).

    `ping` asks a pooled connection whether it still lives before it is used; without it the caller repeats a
    transaction that found it dead.
    """
    engine = create_engine(
        url,
        pool_pre_ping=ping,
        pool_timeout=POOL_SECONDS,
        pool_size=pool.kept,
        max_overflow=pool.more,
        connect_args=session_of(login),
    )

    def connect(_dialect: object, _record: object, _args: list[Any], place: dict[str, Any]) -> Watched:
        return entered(place, home)

    def born(driver: Watched, _record: object) -> None:
        driver.born = time.monotonic()

    def stale(driver: Watched) -> bool:
        return driver.born < _LET_GO.get(engine, -1.0)

    def refused(driver: Watched) -> bool:
        return stale(driver) and _LET_GO[engine] < math.inf

    def refuse_stale(driver: Watched, _record: object, _proxy: object) -> None:
        if refused(driver):
            raise InvalidatePoolError

    def close_stale(driver: Watched | None, _record: object) -> None:
        if driver is not None and stale(driver):
            driver.close()

    answers = engine.dialect.do_ping

    def lives(driver: Any) -> bool:
        # one that was let go is not even asked: its server process may stand still while the database answers others
        return not refused(driver) and answers(driver)

    engine.dialect.do_ping = lives  # type: ignore[assignment,method-assign]
    event.listen(engine, "do_connect", connect)
    event.listen(engine, "connect", born)
    event.listen(engine, "checkout", refuse_stale)
    event.listen(engine, "checkin", close_stale)
    return engine


def let_go(engine: Engine, *, for_good: bool = False) -> None:
    """Nobody is given what `engine` keeps or has lent now: it is closed as it comes to hand, and the next gets a new one.

    The pool stays: a thread that waits in one that was replaced would leave its connection there. `for_good` closes it; who is
    late, in a thread that nobody waits for, gets one for himself, closed when he gives it back.
    """
    _LET_GO[engine] = math.inf if for_good else time.monotonic()
    if for_good:
        engine.dispose()


def service_engine(settings: Settings, dbname: str | None = None, *, ping: bool = True) -> Engine:
    """The service's engine: reads, and posts through functions only."""
    return build_engine(login_url(settings, "service", dbname), "service", ping=ping, home=settings.home)


def intake_engine(settings: Settings) -> Engine:
    """What brings records in: with split logins one that can do nothing else, else the service's; its caller repeats what it finds dead."""
    login: Working = "intake" if settings.split_logins else "service"
    return build_engine(login_url(settings, login), login, ping=False, home=settings.home, pool=_INTAKE_POOL)


class Posts:
    """The service's engine, with one beside it for each post where logins are split: what transactions of a running service
    begin on. Pools are kept per login, opened at first use."""

    def __init__(self, settings: Settings, service: Engine) -> None:
        self._service = service
        self._posts: dict[Working, Engine] = {}
        if settings.split_logins:
            place = login_url(settings, "service")
            for login, pool in POSTS.items():
                url = place.set(username=ROLES[login], password=require_password(settings, login))
                self._posts[login] = build_engine(url, login, home=settings.home, pool=pool)

    def connect(self) -> Any:
        """A connection of the service's."""
        return self._service.connect()

    def dispose(self) -> None:
        """Close what is not lent."""
        for engine in self.engines():
            engine.dispose()

    def engines(self) -> tuple[Engine, ...]:
        """All of them, the service's first."""
        return (self._service, *self._posts.values())

    def of_post(self, login: Working) -> Engine:
        """A post's engine; the service's where logins are not split."""
        return self._posts.get(login, self._service)


def auditor_engine(settings: Settings, dbname: str | None = None) -> Engine:
    """The auditor's engine: reads everything, writes nothing."""
    return build_engine(login_url(settings, "auditor", dbname), "auditor", home=settings.home)


def admin_engine(settings: Settings, dbname: str | None = None) -> Engine:
    """The administrator's engine, for migration, backup and restore only."""
    return build_engine(admin_url(settings, dbname), "admin")
