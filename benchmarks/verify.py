"""Re-summing the books from their lines, as verify does, against a plain SUM over the same lines."""

from __future__ import annotations

import time
from typing import Final

from benchmarks.drafts import Receipts
from benchmarks.measured import PAIRS, Measured, measured, rate, say
from benchmarks.posting import fill
from benchmarks.world import World
from ledger.control.verify import resum

ENTRIES: Final = 100_000
LINES: Final = 4 * ENTRIES


def measure(world: World) -> list[Measured]:
    """`verify.sums.vs_sum`: lines a second of `resum` ÷ of a plain SUM of the amounts of the same entries; `…vs_bare_sum`:
    ÷ of a SUM over a bare table with a row a line. All after one warm run."""
    started = time.perf_counter()
    fill(world, Receipts(), ENTRIES)
    ratios: list[float] = []
    bare_ratios: list[float] = []
    with world.connect() as connection:
        connection.execute(
            "CREATE SCHEMA bench; CREATE TABLE bench.line AS SELECT * FROM books.leg; ANALYZE bench.line"
        )
        connection.commit()

        def plain() -> None:
            connection.execute(
                "SELECT sum(fen) FROM (SELECT unnest(amounts) AS fen FROM books.entry) lines"
            ).fetchall()

        def bare() -> None:
            connection.execute("SELECT sum(amount_fen) FROM bench.line").fetchall()

        bare()
        plain()
        found = resum(world.auditor)
        assert found.lines == LINES, found
        assert found.debit == found.credit, found
        for pair in range(PAIRS):
            summed, bared = rate(LINES, plain), rate(LINES, bare)
            ours = rate(LINES, lambda: resum(world.auditor))
            ratios.append(ours / summed)
            bare_ratios.append(ours / bared)
            say(
                f"  verify {pair + 1}/{PAIRS}: {ours:,.0f} lines/s, SUM {summed:,.0f}/s, bare {bared:,.0f}/s, {ratios[-1]:.2f}"
            )
    return [
        measured("verify.sums.vs_sum", "ratio", ratios, started),
        measured("verify.sums.vs_bare_sum", "ratio", bare_ratios, started),
    ]
