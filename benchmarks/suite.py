"""The measures by name, and one of them run in the process that shall be measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from benchmarks import (
    close,
    day,
    find,
    flood,
    growth,
    http,
    intake,
    pages,
    posting,
    printing,
    servers,
    start,
    statements,
    traces,
    trial_balance,
    verify,
)
from benchmarks.measured import Measured
from benchmarks.world import World
from ledger.core.errors import LedgerError

MEASURES: Final[dict[str, Callable[[World], list[Measured]]]] = {
    "start": start.measure,
    "posting": posting.measure,
    "trial_balance": trial_balance.measure,
    "verify": verify.measure,
    "intake": intake.measure,
    "statements": statements.measure,
    "day": day.measure,
    "close": close.measure,
    "printing": printing.measure,
    "http": http.measure,
    "find": find.measure,
    "servers": servers.measure,
    "pages": pages.measure,
}
GROWTH: Final[dict[str, Callable[[World], list[Measured]]]] = {
    "growth_intake": growth.memory,
    "growth_posting": growth.posting,
    "growth_statements": statements.growth,
    "growth_find": find.growth,
    "growth_close": close.growth,
    "growth_pages": pages.growth,
    "watch": growth.watch,
    "traces": traces.measure,
    "flood": flood.measure,
}


def measure(name: str, world: World) -> list[Measured]:
    """Run one measure. A refusal of the ledger's comes back as RuntimeError: it cannot travel between processes."""
    try:
        return {**MEASURES, **GROWTH}[name](world)
    except LedgerError as error:
        raise RuntimeError(f"{error.code}: {error.message}") from None
