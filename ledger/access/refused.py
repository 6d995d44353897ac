"""Log-ins that failed, kept by hour, address and code: bounded, whatever strangers do, and read by who administers users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ledger.db.connections import Engine
from ledger.db.unit_of_work import unit_of_work

KEEPING: Final = "api.key"
"""The actor of the transaction: no user, sees no region."""


@dataclass(frozen=True, slots=True)
class Failed:
    """So many failures with one code from one address; an empty address stands for many."""

    address: str
    code: str
    attempts: int


def keep_refused(engine: Engine, failed: Sequence[Failed]) -> None:
    """Add to the counts of this hour. Raises what opening a transaction raises."""
    with unit_of_work(engine, KEEPING) as tx:
        tx.run(
            "SELECT access.note_refused(%(addresses)s::text[], %(codes)s::text[], %(attempts)s::bigint[])",
            addresses=[one.address for one in failed],
            codes=[one.code for one in failed],
            attempts=[one.attempts for one in failed],
        )
