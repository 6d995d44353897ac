"""The audit administrator of a region that has none: named by the database administrator, and logged as by him."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import psycopg

from ledger.core.errors import Conflict, NotFound
from ledger.db.unit_of_work import translate

if TYPE_CHECKING:  # for the type only
    from ledger.access.users import Person

DATABASE_ADMIN: Final = "db.admin"
"""The name under which the log has what the database administrator did; no user has it."""


def name_audit_admin(connection: psycopg.Connection[Any], region: int, named: Person) -> None:
    """Name the region's audit administrator, in one transaction of the administrator's `connection`.

    Raises NotFound `region.unknown` for a region where nobody works; Conflict `user.audit_admin_there`, `user.exists`;
    Forbidden `access.incompatible_roles`; InvalidInput `db.constraint` for a name that is none.
    """
    try:
        with connection.transaction():
            _name(connection, region, named)
    except psycopg.Error as error:
        raise translate(error) from error


def _name(connection: psycopg.Connection[Any], region: int, named: Person) -> None:
    said = {"region": region, "user": named.user, "person": named.person, "name": named.display_name}
    connection.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('access.proposal ' || %(region)s::text, 0))", said
    )
    if not connection.execute(
        "SELECT 1 FROM access.user_role WHERE region = %(region)s LIMIT 1", said
    ).fetchone():
        raise NotFound("region.unknown", f"统筹区{region}还没有任何用户：请先建账", region=region)
    there = connection.execute(
        "SELECT user_name FROM access.user_role JOIN access.app_user u USING (user_name)"
        " WHERE region = %(region)s AND role = 'audit_admin' AND fund = 0 AND u.active",
        said,
    ).fetchone()
    if there is not None:
        raise Conflict("user.audit_admin_there", f"统筹区{region}已有审计管理员{there[0]}", user=there[0])
    known = connection.execute(
        "SELECT person, active FROM access.app_user WHERE user_name = %(user)s", said
    ).fetchone()
    if known is None:
        connection.execute("INSERT INTO access.app_user VALUES (%(user)s, %(person)s, %(name)s)", said)
    elif known != (named.person, True):
        raise Conflict("user.exists", f"已有用户{named.user}，是另一人或已停用", user=named.user)
    connection.execute(
        "INSERT INTO access.user_role VALUES (%(region)s, %(user)s, 'audit_admin', 0) ON CONFLICT DO NOTHING",
        said,
    )
    connection.execute("SELECT set_config('app.actor', %s, true)", [DATABASE_ADMIN])
    connection.execute(
        "INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail)"
        " VALUES (%(region)s, access.user_name(), 'db.audit_admin', %(user)s, 'done', %(person)s)",
        said,
    )


def without_audit_admin(connection: psycopg.Connection[Any]) -> list[int]:
    """Regions where people work and nobody may confirm a change of who they are."""
    rows = connection.execute(
        "SELECT region FROM access.user_role EXCEPT SELECT region FROM access.user_role"
        " JOIN access.app_user USING (user_name) WHERE role = 'audit_admin' AND fund = 0 AND active ORDER BY 1"
    )
    return [region for (region,) in rows]
