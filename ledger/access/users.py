"""Users, roles and keys (design.md 4, INV-11, INV-14). The database checks every grant; this is the door to it."""

from __future__ import annotations

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
ASKED: Final = "access.ask"
"""The operator log's name for an act that nobody began: its user, or the region, is not known."""


@dataclass(frozen=True, slots=True)
class Person:
    """A user to set up: login name, the human behind it, shown name, role."""

    user: str
    person: str
    display_name: str
    role: str


def found_region(
    engine: AdminEngine, region: int, people: tuple[Person, ...], signed_from: date | None = None
) -> None:
    """The first users of a region, its two administrators among them, written by the database administrator (`migrate`'s login).

    Safe to repeat. Everybody after them is proposed by its security administrator and confirmed by its audit administrator.
    With `signed_from` the region demands its persons' signatures from that day on and for good; one that has users already is
    left as it is: there two persons demand them (`key demand`).
    """
    with engine.begin() as connection:
        if signed_from is not None:
            connection.exec_driver_sql(
                "INSERT INTO access.signing_demand (region, digest, asked_by, asked_on, confirmed_on, confirmed_at)"
                " SELECT %(region)s, '', '', %(day)s, %(day)s, clock_timestamp()"
                " WHERE NOT EXISTS (SELECT 1 FROM access.user_role WHERE region = %(region)s)",
                {"region": region, "day": signed_from},
            )
        for person in people:
            connection.exec_driver_sql(
                "INSERT INTO access.app_user VALUES (%(user)s, %(person)s, %(name)s) ON CONFLICT DO NOTHING",
                {"user": person.user, "person": person.person, "name": person.display_name},
            )
            connection.exec_driver_sql(
                "INSERT INTO access.user_role VALUES (%(region)s, %(user)s, %(role)s, 0) ON CONFLICT DO NOTHING",
                {"region": region, "user": person.user, "role": person.role},
            )


def revoke_role(tx: Transaction, user: str, role: str, fund: int = 0) -> None:
    """Take a role away at once. Raises NotFound `user.nothing`; Forbidden `user.two_administrators` for an administrator's."""
    tx.run(
        "SELECT access.revoke_role(%(region)s, %(user)s, %(role)s, %(fund)s::smallint)",
        region=tx.region,
        user=user,
        role=role,
        fund=fund,
    )


def deactivate(tx: Transaction, user: str) -> list[str]:
    """Stop a user's name and keys at once; the prefixes of the keys that were live.

    Raises NotFound `user.unknown`, `user.nothing`; Forbidden `user.two_administrators`, `user.other_region`.
    """
    stopped: list[str] = tx.value(
        "SELECT access.deactivate(%(region)s, %(user)s)", region=tx.region, user=user
    )
    return stopped


def require_known(engine: Engine, user: str, region: int = NO_REGION) -> None:
    """Raise unless `user` works in `region` (NO_REGION: anywhere); it is asked by one who may only look, so that the refusal's
    line (`note_unknown`) is the caller's to write.

    Raises Unauthenticated `user.unknown`; Forbidden `access.no_role`, `region.not_allowed`.
    """
    with unit_of_work(engine, user) as tx:
        active = tx.value("SELECT active FROM access.app_user WHERE user_name = %(user)s", user=user)
        regions = _regions(tx, user)
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
    raise refusal


def note_unknown(engine: Engine, user: str, region: int, refusal: LedgerError) -> None:
    """The line of the operator log for what `require_known` refused."""
    write_log(
        engine,
        user,
        NO_REGION,
        ASKED,
        str(region or ""),
        "refused",
        f"{refusal.code}：{refusal.message}",
    )


def regions_of(engine: Engine, user: str) -> list[int]:
    """Where a user works, ascending."""
    with unit_of_work(engine, user) as tx:
        return sorted(_regions(tx, user))


def _regions(tx: Transaction, user: str) -> list[int]:
    return [found for (found,) in tx.rows("SELECT access.regions_of(%(user)s)", user=user)]
