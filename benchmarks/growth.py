"""FULL=1: what grows with size. A file of a million records against 100,000, and posting into a filled journal."""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.drafts import Receipts
from benchmarks.intake import files
from benchmarks.limit import BATCH
from benchmarks.measured import Measured, measured, rate, say
from benchmarks.posting import fill, post_all
from benchmarks.world import World, take_institutions
from ledger.fund.intake.file import load_file
from ledger.fund.record.judge import IntakeRules

SMALL: Final = 100_000
LARGE: Final = 1_000_000
MILLIONS_OF_LINES: Final = 10
_SAMPLES: Final = 5


def memory(world: World) -> list[Measured]:
    """`growth.intake.us_per_record_ratio`: a file of 1,000,000 ÷ files of 100,000 loaded before and after it, no record twice.

    Its `peak_mb` is the large load's.
    """
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="flb-growth-") as folder:
        institutions, (before, *parts, after) = files(Path(folder), LARGE // SMALL + 2, SMALL)
        take_institutions(world, institutions)
        large = Path(folder, "large.jsonl")
        with large.open("wb") as file:
            for part in parts:
                file.write(part.read_bytes())
                part.unlink()
        first, grown, last = (_seconds(world, path, records) for path, records in
                              ((before, SMALL), (large, LARGE), (after, SMALL)))  # fmt: skip
    return [measured("growth.intake.us_per_record_ratio", "ratio", [grown / first, grown / last], started)]


def _seconds(world: World, path: Path, records: int) -> float:
    """Seconds a record; says how each tenth of the file went, so that growth within it is seen."""
    began = lapped = time.perf_counter()
    tenths: list[float] = []

    def progress(done: int, size: int) -> None:
        nonlocal lapped
        if done * 10 >= size * (len(tenths) + 1):
            now = time.perf_counter()
            tenths.append((now - lapped) / records * 10e6)
            lapped = now

    done = load_file(world.service, "jieru", path, IntakeRules(), progress=progress)
    seconds = (time.perf_counter() - began) / records
    say(
        f"  {records:,} records: {seconds * 1e6:.1f} us each ({', '.join(f'{t:.0f}' for t in tenths)}), {done.accepted:,} accepted"
    )
    return seconds


def posting(world: World) -> list[Measured]:
    """`growth.posting.us_per_entry_ratio`: at `MILLIONS_OF_LINES` million lines ÷ at the first 400,000, medians."""
    started = time.perf_counter()
    receipts = Receipts()
    fill(world, receipts, BATCH)

    def seconds_per_entry() -> float:
        samples = []
        for _ in range(_SAMPLES):
            drafts = receipts.take(BATCH)
            samples.append(1 / rate(BATCH, partial(post_all, world, drafts)))
        return median(samples)

    first = seconds_per_entry()
    while (have := _count(world)) < MILLIONS_OF_LINES * 1_000_000:
        fill(world, receipts, 5 * BATCH)
        say(f"  {have:,} lines")
    last = seconds_per_entry()
    say(f"  {first * 1e6:.1f} us an entry at first, {last * 1e6:.1f} us at {MILLIONS_OF_LINES} M lines")
    return [measured("growth.posting.us_per_entry_ratio", "ratio", [last / first], started)]


def _count(world: World) -> int:
    with world.connect() as connection:
        row = connection.execute("SELECT coalesce(sum(legs), 0)::bigint FROM books.block").fetchone()
    return int(str(row[0])) if row else 0
