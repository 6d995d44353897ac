"""The locks a transaction can hold until it ends, each name once: what it keeps apart, and how wide.

The database's own functions hold `outregion.room` and `fund.calendar` (ledger/db/sql); a migration has its own number.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Final, LiteralString

from ledger.db.connections import Engine, driver_of
from ledger.db.unit_of_work import Transaction

_HOLD: Final[LiteralString] = "SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 0))"
_TRY: Final[LiteralString] = "SELECT pg_try_advisory_xact_lock(hashtextextended(%(key)s, 0))"

_ALONE: Final[LiteralString] = "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))"
_LET_GO: Final[LiteralString] = "SELECT pg_advisory_unlock(hashtextextended(%s, 0))"


class Lock(StrEnum):
    """What is done one at a time; the scope is written behind the name."""

    RECEIVE = "payments.receive"
    """Of a region: bank papers are taken in, explained, or a month that counts on them is settled."""
    DRAFT = "payments.draft"
    """Of a book: orders get their numbers and money."""
    DECIDE = "fund.decide"
    """Of a kind of paper and a region: a second person decides."""
    PREPARE_MONTH = "month.prepare"
    """Of a book, institution and 期号: a version of its sheet is made."""
    HANDBACK = "handback"
    """Of a book and month: what was paid is handed back."""
    OUTREGION_RECORDS = "fund.outregion"
    """Of a book: which records are other regions' is worked out."""
    OUTREGION_MOVE = "fund.outregion_move"
    """Of a region: a movement between regions is decided."""
    CLOSE = "period.close"
    """Of a book and month: an accountant's steps of its close, which are many transactions."""
    STATEMENT = "payments.statement"
    """Of a region and own account: its statements come in, are matched, reconciled."""
    IDEMPOTENCY = "access.idempotency"
    """Of a region, user, route and key: the act under it is being done."""


def hold(tx: Transaction, lock: Lock, scope: str) -> None:
    """Wait for the lock, and hold it until the transaction ends."""
    tx.run(_HOLD, key=f"{lock} {scope}")


@contextmanager
def alone(engine: Engine, lock: Lock, scope: str) -> Iterator[bool]:
    """Whether this is the only process inside; never waits. For acts of many transactions: the lock is its own connection's,
    and the server lets go of it when the process dies.
    """
    key = f"{lock} {scope}"
    with engine.connect() as lent:
        connection = driver_of(lent)
        connection.rollback()
        row = connection.execute(_ALONE, [key]).fetchone()
        connection.commit()
        free = row is not None and bool(row[0])
        try:
            yield free
        finally:
            if free:
                connection.execute(_LET_GO, [key])
                connection.commit()


def try_hold(tx: Transaction, lock: Lock, scope: str) -> bool:
    """Hold the lock if nobody else does; never wait."""
    return bool(tx.value(_TRY, key=f"{lock} {scope}"))
