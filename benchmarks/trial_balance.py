"""The trial balance of a book of some 6,000 rows, to date, into Python objects; and both statements of its month with their checks."""

from __future__ import annotations

import time
from typing import Final

from benchmarks.drafts import Receipts
from benchmarks.measured import Measured, measured, say
from benchmarks.posting import fill
from benchmarks.world import BOOK, PAY_DAY, World
from ledger.db.unit_of_work import unit_of_work
from reports.statements.span import Span
from reports.statements.statement import statements
from reports.trial_balance import trial_balance

ENTRIES: Final = 40_000
TIMES: Final = 25


def measure(world: World) -> list[Measured]:
    """`trial_balance.ms` and `statements.ms`: one call from open transaction to checked rows, `TIMES` times."""
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
    made: list[float] = []
    for _ in range(TIMES):
        with unit_of_work(world.service, "li", BOOK.region) as tx:
            began = time.perf_counter()
            if not statements(tx, BOOK, Span(PAY_DAY.year, PAY_DAY.month)).forms:
                raise RuntimeError("no statements")
            made.append((time.perf_counter() - began) * 1_000)
    say(f"  statements: first {made[0]:.1f} ms, best {min(made):.1f} ms")
    return [
        measured("trial_balance.ms", "ms", samples, started),
        measured("statements.ms", "ms", made, started),
    ]
