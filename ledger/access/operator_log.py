"""The operator log of the norm: who did what to what, when, with which outcome. Append-only in the database."""

from __future__ import annotations

from ledger.core.text import one_line
from ledger.db.connections import Engine
from ledger.db.unit_of_work import Transaction, unit_of_work


def write_log(
    engine: Engine, user: str, region: int, action: str, subject: str, outcome: str, detail: str
) -> None:
    """Append one line in a transaction of its own, so that a refused act leaves its trace too."""
    with unit_of_work(engine, user, region) as tx:
        append_line(tx, action, subject, outcome, detail)


def append_line(tx: Transaction, action: str, subject: str, outcome: str, detail: str) -> None:
    """Append one line within `tx`: it is there if and only if what it speaks of is.

    `outcome` is `done`, `refused` (a rule said no, nothing was changed), `failed` (it broke off) or `unknown` (the
    connection was lost at COMMIT). A user without a role in the region has no line there: it is kept under region 0.
    """
    tx.run(
        """INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail)
           VALUES (CASE access.region() WHEN %(region)s THEN %(region)s ELSE 0 END, %(user)s, %(action)s, %(object)s, %(outcome)s, %(detail)s)""",
        region=tx.region,
        user=tx.user,
        action=action,
        object=one_line(subject),
        outcome=outcome,
        detail=one_line(detail.replace("\r", " ").replace("\n", " ")),
    )


def append_at_commit(tx: Transaction, action: str, subject: str, detail: str) -> None:
    """Append the line of an act that is done together with COMMIT: for what is done too often for a round trip more."""
    tx.at_commit(
        """INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail)
           VALUES ({region}, {user}, {action}, {object}, 'done', {detail})""",
        region=tx.region,
        user=tx.user,
        action=action,
        object=subject,
        detail=detail,
    )
