"""Who works in a region: its users with their roles, and their keys by prefix."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from ledger.db.unit_of_work import Transaction


@dataclass(frozen=True, slots=True)
class ListedUser:
    """A user with a role in the region; `roles` as (role, fund), fund 0 for all."""

    user: str
    person: str
    display_name: str
    active: bool
    roles: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key issued in the region; `state` is `live`, `expired` or `revoked` on the day asked about."""

    prefix: str
    user: str
    label: str
    expires_on: date
    state: str
    used_on: date | None


def read_users(tx: Transaction) -> list[ListedUser]:
    """Everybody with a role in the transaction's region, by name."""
    rows = tx.rows(
        "SELECT u.user_name, u.person, u.display_name, u.active, array_agg(r.role ORDER BY r.role, r.fund),"
        " array_agg(r.fund ORDER BY r.role, r.fund) FROM access.app_user u JOIN access.user_role r USING (user_name)"
        " WHERE r.region = %(region)s GROUP BY 1 ORDER BY 1",
        region=tx.region,
    )
    return [
        ListedUser(user, person, name, active, tuple(zip(roles, funds, strict=True)))
        for user, person, name, active, roles, funds in rows
    ]


def read_keys(tx: Transaction, today: date) -> list[ListedKey]:
    """Every key issued in the transaction's region: never the secret, nor the whole of its digest."""
    rows = tx.rows(
        """SELECT left(encode(k.key_hash, 'hex'), 8), k.user_name, k.label, k.expires_on,
                  CASE WHEN k.revoked THEN 'revoked' WHEN k.expires_on < %(today)s THEN 'expired' ELSE 'live' END, u.used_on
             FROM access.api_key k LEFT JOIN access.key_use u ON u.region = k.issued_in AND u.key_hash = k.key_hash
            WHERE k.issued_in = %(region)s ORDER BY k.user_name, k.label, 1""",
        region=tx.region,
        today=today,
    )
    return [ListedKey(*row) for row in rows]


def names_of(tx: Transaction, users: Iterable[str]) -> dict[str, str]:
    """What the named users are called: pages and prints show persons, not logins; a rule or a stranger has no name."""
    return dict(
        tx.rows(
            "SELECT user_name, display_name FROM access.app_user WHERE user_name = ANY(%(users)s)",
            users=list({one for one in users if one}),
        )
    )
