"""The trial balance of a book of some 6,000 rows, to date, into Python objects."""

from __future__ import annotations

import time
from typing import Final

from benchmarks.drafts import Receipts
from benchmarks.measured import Measured, measured, say
from benchmarks.posting import fill
from benchmarks.world import BOOK, World
from ledger.db.unit_of_work import unit_of_work
from reports.trial_balance import trial_balance

ENTRIES: Final = 40_000
TIMES: Final = 25


def measure(world: World) -> list[Measured]:
    """`trial_balance.ms`: one call from open transaction to checked rows, `TIMES` times."""
    started = time.perf_counter()
    fill(world, Receipts(), ENTRIES)
    samples: list[float] = []
    rows = 0
    for _ in range(TIMES):
        with unit_of_work(world.service, "li", BOOK.region) as tx:
            began = time.perf_counter()
            rows = len(trial_balance(tx, BOOK).rows)
            samples.append((time.perf_counter() - began) * 1_000)
    say(f"  {rows} rows, first {samples[0]:.1f} ms, best {min(samples):.1f} ms")
    return [measured("trial_balance.ms", "ms", samples, started)]
