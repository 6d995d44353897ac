"""Databases of tests: copied from a template and dropped, by one administrator's session a process.

Opening a session for each of the three steps would cost a third of them.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

import psycopg
from psycopg import sql

from ledger.db.roles import grant_on


class Server(Protocol):
    """A server, as far as it is asked here."""

    def admin_url(self, dbname: str = ...) -> str: ...


_SESSIONS: Final[dict[str, psycopg.Connection[Any]]] = {}


def administrator(server: Server) -> psycopg.Connection[Any]:
    """The session beside all databases, in autocommit; until `leave`."""
    url = server.admin_url("postgres")
    kept = _SESSIONS.get(url)
    if kept is None or kept.closed:
        kept = _SESSIONS[url] = psycopg.connect(url, autocommit=True)
    return kept


def leave() -> None:
    """Close what is kept."""
    while _SESSIONS:
        _SESSIONS.popitem()[1].close()


def copy_database(server: Server, template: str, name: str) -> str:
    """A copy of `template`, granted as the original is; its administrator's URL."""
    admin = administrator(server)
    made, base = sql.Identifier(name), sql.Identifier(template)
    admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY").format(made, base))
    grant_on(admin, name)
    return server.admin_url(name)


def close_database(server: Server, name: str) -> None:
    """From now on a template: nobody enters it, copies are made of it."""
    statement = sql.SQL("ALTER DATABASE {} IS_TEMPLATE true ALLOW_CONNECTIONS false")
    administrator(server).execute(statement.format(sql.Identifier(name)))


def drop_database(server: Server, name: str) -> None:
    """Away with it, whoever is still in it."""
    administrator(server).execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
