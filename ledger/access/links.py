"""One-time links by which a person chooses a password: by the two administrators, for these by the database administrator.

Of a link by two administrators each has one half of the code, so that neither can open it: who proposes is shown the first, who
confirms the second, and the person needs both. The database administrator's, for an administrator alone, is whole.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

import psycopg

from ledger.core.errors import Forbidden

LINK_DAYS: Final = 3
"""How long a link waits for its holder."""


class Link(NamedTuple):
    """A link just made, or half of one: the code, for its holder alone, and what is kept of it."""

    code: str
    digest: bytes


def make_link() -> Link:
    """A new random code of 192 bits; it opens nothing until its digest is confirmed."""
    code = secrets.token_urlsafe(24)
    return Link(code, digest_of_code(code))


def digest_of_code(code: str) -> bytes:
    """What is kept of a code."""
    return hashlib.sha256(code.encode()).digest()


def last_day(today: date) -> date:
    """The last day on which a link made today opens anything."""
    return today + timedelta(days=LINK_DAYS)


def give_link(connection: psycopg.Connection[Any], region: int, user: str, today: date) -> Link:
    """A link for one of a region's two administrators, given by the database administrator; the log says so when it is used.

    Raises Forbidden `login.not_administrator` for anybody else: theirs is proposed and confirmed.
    """
    made = make_link()
    said = {"region": region, "user": user, "code": made.digest, "until": last_day(today)}
    with connection.transaction():
        found = connection.execute(
            "SELECT 1 FROM access.user_role JOIN access.app_user u USING (user_name) WHERE region = %(region)s"
            " AND user_name = %(user)s AND role IN ('admin', 'audit_admin') AND fund = 0 AND u.active",
            said,
        ).fetchone()
        if found is None:
            raise Forbidden(
                "login.not_administrator",
                f"{user}不是管理员：登录链接须由安全管理员提出、审计管理员确认",
                user=user,
            )
        connection.execute(
            "INSERT INTO access.link (code_hash, given_in, user_name, expires_on) VALUES (%(code)s, %(region)s, %(user)s, %(until)s)",
            said,
        )
    return made
