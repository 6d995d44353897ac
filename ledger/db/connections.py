"""What a transaction begins on: SQLAlchemy's pool in the long-running service, `Direct` in a command.

Importing SQLAlchemy costs a command more than its work: nothing on a command's way to its first transaction does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ledger.db.cluster import DATABASE, cluster_of
from ledger.db.logins import ROLES, require_password, session_of
from ledger.db.passwords import Working
from ledger.db.server import entered
from ledger.settings import Settings

if TYPE_CHECKING:
    from psycopg.rows import TupleRow

# Written alike for libpq and for SQLAlchemy: one host, no percent or plus sign where the two read differently.
_ALIKE: Final = re.compile(
    r"postgres(?:ql)?(?:\+psycopg)?://(?:[^@/?#\s]*@)?[^@/?#%+,\s]*(?:/[^/?#%+\s]*)?(?:\?[^#+\s]*)?"
)


class Held(Protocol):
    """A connection as a pool holds it."""

    @property
    def driver_connection(self) -> Any | None:
        """The driver's own connection."""


class Lent(Protocol):
    """A connection for the time of a `with` block; given back at its end."""

    @property
    def connection(self) -> Held:
        """What the pool holds."""

    def __enter__(self) -> Any: ...

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None: ...


class Engine(Protocol):
    """Where a transaction gets its connection. `sqlalchemy.Engine` is one, `Direct` is another."""

    def connect(self) -> Lent:
        """Lend a connection; raises the driver's error, or SQLAlchemy's with it in `orig`."""

    def dispose(self) -> None:
        """Close what is not lent."""


class Direct:
    """A login's connections in one command: opened when asked for, kept for the next transaction.

    Threads may share it. A kept connection is asked whether it still lives before it is lent again.
    """

    def __init__(self, place: dict[str, Any], home: Path | None = None) -> None:
        """`place` is libpq's parameters; `home` where the timelines met so far are remembered (`ledger.db.server`)."""
        self._place = place
        self._home = home
        self._kept: list[psycopg.Connection[TupleRow]] = []

    def connect(self) -> Lent:
        """A living connection outside any transaction. Raises psycopg.OperationalError, Conflict (`db.version`, `db.standby`,
        `db.fenced`)."""
        while self._kept:
            try:
                kept = self._kept.pop()
            except IndexError:  # another thread was quicker
                break
            if _lives(kept):
                return _Borrowed(self, kept)
            kept.close()
        return _Borrowed(self, entered(self._place, self._home))

    def beside(self, settings: Settings, login: Working) -> Direct:
        """Another login's connections to the same place, which is not looked for again. Raises Unavailable `db.secret_missing`."""
        who = {"user": ROLES[login], "password": require_password(settings, login)}
        return Direct(self._place | who | session_of(login), self._home)

    def take_back(self, connection: psycopg.Connection[TupleRow]) -> None:
        """Keep a connection for the next one, cleared of what its borrower left open."""
        try:
            connection.rollback()
            connection.autocommit = False
        except psycopg.Error:
            connection.close()
        if not connection.closed:
            self._kept.append(connection)

    def dispose(self) -> None:
        """Close what is kept."""
        while self._kept:
            self._kept.pop().close()


class _Borrowed:
    """One of `Direct`'s connections, lent."""

    def __init__(self, lender: Direct, connection: psycopg.Connection[TupleRow]) -> None:
        self._lender = lender
        self.driver_connection = connection

    @property
    def connection(self) -> Held:
        return self

    def __enter__(self) -> _Borrowed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lender.take_back(self.driver_connection)


def _lives(connection: psycopg.Connection[TupleRow]) -> bool:
    """Whether the server still answers on a kept connection; asked outside any transaction."""
    try:
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = False
    except psycopg.Error:
        return False
    return True


def of_post(engine: Engine, login: Working) -> Engine:
    """The engine of a post beside a shared one (`ledger.db.engine.Posts`), or the shared one where it has none."""
    of: Callable[[Working], Engine] | None = getattr(engine, "of_post", None)
    return engine if of is None else of(login)


def direct(settings: Settings, login: Working = "service") -> Direct:
    """A working login's connections; starts the embedded server where there is no DATABASE_URL and it does not run.

    Raises InvalidInput `db.url`, Unavailable `db.secret_missing`, and what `Cluster.start` raises.
    """
    place = _place(settings) | {"user": ROLES[login], "password": require_password(settings, login)}
    return Direct(place | session_of(login), settings.home)


def _place(settings: Settings) -> dict[str, Any]:
    """Where the installation's database is, as libpq's parameters."""
    if settings.database_url is None:
        return conninfo_to_dict(cluster_of(settings).start())
    url = settings.database_url
    names = [pair.partition("=")[0] for pair in url.partition("?")[2].split("&")]
    if not _ALIKE.fullmatch(url) or len(names) != len(set(names)):
        # whatever the two could read differently, or is no URL at all, is read and refused in the one way
        from ledger.db.engine import sqlalchemy_url
        from ledger.db.urls import libpq_url

        url = libpq_url(sqlalchemy_url(url))
    place = conninfo_to_dict(url.replace("+psycopg://", "://", 1))
    return {**place, "dbname": place.get("dbname") or DATABASE}


def driver_of(lent: Lent) -> psycopg.Connection[TupleRow]:
    """The driver's connection under a lent one."""
    return cast("psycopg.Connection[TupleRow]", lent.connection.driver_connection)


def is_lost(error: BaseException) -> bool:
    """Whether an error is the database's or its pool's, whichever of the two wrapped it; SQLAlchemy is not imported to look."""
    return isinstance(problem_of(error), psycopg.Error) or type(error).__module__.startswith("sqlalchemy.")


def is_busy(error: BaseException) -> bool:
    """Whether an error says that all of a pool's connections are lent; SQLAlchemy is not imported to look."""
    return (type(error).__module__, type(error).__name__) == ("sqlalchemy.exc", "TimeoutError")


def problem_of(error: BaseException) -> BaseException:
    """The driver's error inside SQLAlchemy's, else the error itself; SQLAlchemy is not imported to look."""
    inside = getattr(error, "orig", None)
    return inside if isinstance(inside, psycopg.Error) else error
