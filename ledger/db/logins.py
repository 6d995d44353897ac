"""The logins of the database: their names, what no session of theirs may exceed, which servers they enter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ledger.core.errors import Conflict, Unavailable
from ledger.db.passwords import Login, Passwords, Working
from ledger.db.programs import SUPPORTED_MAJORS
from ledger.settings import Settings

OWNER: Final = "fundledger_owner"
"""Whose the schema is; nobody logs in as it."""
ROLES: Final[dict[Working, str]] = {
    "service": "fundledger_service",
    "auditor": "fundledger_auditor",
    "intake": "fundledger_intake",
    "books": "fundledger_books",
    "payments": "fundledger_payments",
    "read": "fundledger_read",
}

CONNECTIONS: Final[Mapping[Working, int]] = {
    "service": 45,
    "books": 25,
    "payments": 25,
    "read": 25,
    "intake": 15,
    "auditor": 15,
}
"""How many sessions a login may have on its server at once: none alone uses up the hundred of the embedded one. A running service
holds 17, 8, 8, 8, 1 and none of them at the most (ledger.db.engine), a command one or two; so there is room for two services, a worker
and whoever sits at a terminal."""

# What no session may exceed. Migrations have no limit: a rewrite cut short is only a rewrite to repeat.
_WORK: Final = {
    "lock_timeout": "5s",
    "statement_timeout": "300s",
    "idle_in_transaction_session_timeout": "60s",
}
_LIMITS: Final[dict[Login, dict[str, str]]] = {
    "admin": {},
    "service": _WORK,
    "intake": _WORK,
    "books": _WORK,
    "payments": _WORK,
    "read": {**_WORK, "default_transaction_read_only": "on"},
    "auditor": {
        "lock_timeout": "5s",
        "statement_timeout": "3600s",
        "idle_in_transaction_session_timeout": "600s",
        "default_transaction_read_only": "on",
    },
}


# How long one waits for a server that is not there, and for one whose machine went without a word.
WIRE: Final[dict[str, str]] = {
    "connect_timeout": "5",
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


def session_of(login: Login) -> dict[str, str]:
    """What libpq is told of a session beside where it goes: its limits, its name, how long it waits for a silent wire."""
    # no query of ours runs long enough to be worth compiling; PostgreSQL 15 to 17 compile by an estimate that a refused plan inflates
    options = " ".join(f"-c {name}={value}" for name, value in {"jit": "off", **_LIMITS[login]}.items())
    return {"options": options, "application_name": f"fundledger-{login}", **WIRE}


def login_password(settings: Settings, login: Working) -> str | None:
    """The password of a working login: the environment's, else this home's file, else None."""
    given = {
        "service": settings.service_password,
        "auditor": settings.auditor_password,
        "intake": settings.intake_password,
        "books": settings.books_password,
        "payments": settings.payments_password,
        "read": settings.read_password,
    }[login]
    return given or Passwords(settings.home).read(login)


def require_password(settings: Settings, login: Working) -> str:
    """The same; raises Unavailable `db.secret_missing` before the first `migrate`."""
    password = login_password(settings, login)
    if password is None:
        raise Unavailable(
            "db.secret_missing",
            f"没有{ROLES[login]}的口令：请先执行 fundledger db migrate，或设置FUNDLEDGER_{login.upper()}_PASSWORD",
            login=login,
        )
    return password


def check_version(server_version: int) -> None:
    """Refuse an unsupported server, by libpq's number of it (180003): Conflict `db.version`."""
    major = server_version // 10000
    if major not in SUPPORTED_MAJORS:
        raise Conflict(
            "db.version",
            f"PostgreSQL {major}不受支持：须为{SUPPORTED_MAJORS.start}至{SUPPORTED_MAJORS.stop - 1}",
            major=major,
        )
