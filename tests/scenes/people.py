"""People who come to a region after its founding: by its two administrators, as `user add` and `user grant` do it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from sqlalchemy.engine import Engine

from ledger.access.proposals import AskedChange, confirm, propose_role, propose_user
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.simulation.people import DEMO_REGION

DAY = date(2026, 1, 4)


def admit(
    engine: Engine, user: str, person: str, display_name: str, role: str, *, region: int = DEMO_REGION
) -> None:
    """A new name, of a new person or of one who has another, with one role."""
    decided(engine, lambda tx: propose_user(tx, user, person, display_name, DAY), region)
    give(engine, user, role, region=region)


def give(engine: Engine, user: str, role: str, *, region: int = DEMO_REGION) -> None:
    """One role more, of every fund."""
    decided(engine, lambda tx: propose_role(tx, user, role, 0, DAY), region)


def decided(
    engine: Engine,
    propose: Callable[[Transaction], AskedChange],
    region: int,
    by: tuple[str, str] = ("guan", "shen"),
) -> None:
    """What the security administrator proposes, confirmed by the audit administrator."""
    with unit_of_work(engine, by[0], region) as tx:
        asked = propose(tx)
    with unit_of_work(engine, by[1], region) as tx:
        confirm(tx, asked.n, asked.digest, DAY)
