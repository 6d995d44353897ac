"""Users, roles and keys (design.md 4, INV-11, INV-14). The database checks every grant; this is the door to it."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final

from ledger.access.operator_log import write_log
from ledger.core.errors import Forbidden, LedgerError, Unauthenticated
from ledger.core.words import words_of
from ledger.db.connections import Engine
from ledger.db.unit_of_work import NO_REGION, Transaction, unit_of_work

if TYPE_CHECKING:  # for the type only: it costs more than most commands
    from sqlalchemy.engine import Engine as AdminEngine

ROLES: Final = words_of("user.role")
KEY_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Person:
    """A user to set up: login name, the human behind it, shown name, role."""

    user: str
    person: str
    display_name: str
    role: str


def found_region(engine: AdminEngine, region: int, people: tuple[Person, ...]) -> None:
    """The first users of a region, its administrator among them, written by the database administrator (`migrate`'s login).

    Safe to repeat. Everybody after them is added by the region's administrator.
    """
    with engine.begin() as connection:
        for person in people:
            connection.exec_driver_sql(
                "INSERT INTO access.app_user VALUES (%(user)s, %(person)s, %(name)s) ON CONFLICT DO NOTHING",
                {"user": person.user, "person": person.person, "name": person.display_name},
            )
            connection.exec_driver_sql(
                "INSERT INTO access.user_role VALUES (%(region)s, %(user)s, %(role)s, 0) ON CONFLICT DO NOTHING",
                {"region": region, "user": person.user, "role": person.role},
            )


def add_user(tx: Transaction, user: str, person: str, display_name: str) -> None:
    """Add a user; raises Forbidden unless the acting user is the region's administrator, Conflict `db.duplicate`."""
    tx.run(
        "SELECT access.add_user(%(region)s, %(user)s, %(person)s, %(name)s)",
        region=tx.region,
        user=user,
        person=person,
        name=display_name,
    )


def grant_role(tx: Transaction, user: str, role: str, fund: int = 0) -> None:
    """Give a role in the transaction's region (fund 0: all). Raises Forbidden `access.incompatible_roles`, `access.own_grant`."""
    tx.run(
        "SELECT access.grant_role(%(region)s, %(user)s, %(role)s, %(fund)s::smallint)",
        region=tx.region,
        user=user,
        role=role,
        fund=fund,
    )


def revoke_role(tx: Transaction, user: str, role: str, fund: int = 0) -> None:
    """Take a role away again."""
    tx.run(
        "SELECT access.revoke_role(%(region)s, %(user)s, %(role)s, %(fund)s::smallint)",
        region=tx.region,
        user=user,
        role=role,
        fund=fund,
    )


def issue_key(tx: Transaction, user: str, label: str, expires_on: date) -> str:
    """A new API key for a user with a role in the region: shown once, only its SHA-256 is kept."""
    key = f"fl_{secrets.token_urlsafe(KEY_BYTES)}"
    tx.run(
        "SELECT access.add_key(%(region)s, %(user)s, %(hash)s, %(label)s, %(expires)s)",
        region=tx.region,
        user=user,
        hash=_hash(key),
        label=label,
        expires=expires_on,
    )
    return key


def revoke_key(tx: Transaction, key: str) -> None:
    """Make a key useless at once."""
    tx.run("SELECT access.revoke_key(%(region)s, %(hash)s)", region=tx.region, hash=_hash(key))


def require_known(engine: Engine, user: str, region: int = NO_REGION) -> None:
    """Raise unless `user` works in `region` (NO_REGION: anywhere); the refusal is in the operator log.

    Raises Unauthenticated `user.unknown`; Forbidden `access.no_role`, `region.not_allowed`.
    """
    with unit_of_work(engine, user) as tx:
        active = tx.value("SELECT active FROM access.app_user WHERE user_name = %(user)s", user=user)
        regions = [found for (found,) in tx.rows("SELECT access.regions_of(%(user)s)", user=user)]
    refusal: LedgerError
    if not active:
        refusal = Unauthenticated("user.unknown", f"没有用户{user}，或已停用", user=user)
    elif not regions:
        refusal = Forbidden("access.no_role", f"用户{user}没有任何角色", user=user)
    elif region not in (NO_REGION, *regions):
        refusal = Forbidden(
            "region.not_allowed", f"用户{user}在统筹区{region}没有角色，或没有这个统筹区", region=region
        )
    else:
        return
    write_log(
        engine,
        user,
        NO_REGION,
        "access.ask",
        str(region or ""),
        "refused",
        f"{refusal.code}：{refusal.message}",
    )
    raise refusal


def user_of_key(tx: Transaction, key: str, today: date) -> str:
    """The user a key belongs to; raises Unauthenticated `key.unknown` for an unknown, revoked or expired key."""
    user: str | None = tx.value(
        """SELECT k.user_name FROM access.api_key k JOIN access.app_user u USING (user_name)
            WHERE k.key_hash = %(hash)s AND NOT k.revoked AND k.expires_on >= %(today)s AND u.active""",
        hash=_hash(key),
        today=today,
    )
    if user is None:
        raise Unauthenticated("key.unknown", "接口密钥无效、已停用或已过期")
    return user


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()
