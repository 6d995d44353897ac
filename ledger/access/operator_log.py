"""The operator log of the norm: who did what to what, when, with which outcome. Append-only in the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ledger.core.errors import LedgerError
from ledger.db.connections import Engine
from ledger.db.unit_of_work import NO_REGION, Transaction, unit_of_work


def write_log(
    engine: Engine, user: str, region: int, action: str, subject: str, outcome: str, detail: str
) -> None:
    """Append one line in a transaction of its own, so that a refused act leaves its trace too."""
    with unit_of_work(engine, user, region) as tx:
        append_line(tx, action, subject, outcome, detail)


def append_line(tx: Transaction, action: str, subject: str, outcome: str, detail: str) -> None:
    """Append one line within `tx`: for what an act does to something else than its own subject."""
    visible = tx.value("SELECT access.region()") == tx.region
    tx.run(
        """INSERT INTO access.operator_log (region, user_name, action, object, outcome, detail)
           VALUES (%(region)s, %(user)s, %(action)s, %(object)s, %(outcome)s, %(detail)s)""",
        region=tx.region if visible else NO_REGION,
        user=tx.user,
        action=action,
        object=subject,
        outcome=outcome,
        detail=detail.replace("\r", " ").replace("\n", " "),
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


@contextmanager
def logged(engine: Engine, user: str, region: int, action: str, subject: str) -> Iterator[None]:
    """Log the act inside the block as done, or as refused with its code."""
    try:
        yield
    except LedgerError as error:
        write_log(engine, user, region, action, subject, "refused", f"{error.code}：{error.message}")
        raise
    write_log(engine, user, region, action, subject, "done", "")
