"""File intake against L: validated, de-duplicated, payable, durable, every field kept."""

from __future__ import annotations

import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.drafts import Receipts
from benchmarks.limit import BATCH, Limit
from benchmarks.measured import PAIRS, Measured, measured, rate, say
from benchmarks.world import DAY, World, take_institutions
from ledger.fund.intake.file import load_file
from ledger.fund.record.judge import IntakeRules
from ledger.simulation.platform.day import generate

RECORDS_PER_FILE: Final = 40_000
INSTITUTIONS: Final = 2_000


def files(
    folder: Path, count: int, records: int, institutions: int = INSTITUTIONS
) -> tuple[Path, list[Path]]:
    """The institutions' file and `count` files of `records` lines each, no record in two of them."""
    made = generate(count * records, institutions, DAY, 11, folder)
    parts = iter(made.settlements)
    per_file = -(-records // 10_000)
    joined = []
    for number in range(count):
        path = folder / f"load-{number}.jsonl"
        with path.open("wb") as file:
            for _ in range(per_file):
                part = next(parts)
                file.write(part.read_bytes())
                part.unlink()
        joined.append(path)
    return made.institutions, joined


def measure(world: World) -> list[Measured]:
    """`intake.file.vs_copy`, and the rate itself."""
    started = time.perf_counter()
    limit, receipts = Limit(world), Receipts()
    ratios, rates = [], []
    with tempfile.TemporaryDirectory(prefix="flb-files-") as folder:
        institutions, paths = files(Path(folder), PAIRS, RECORDS_PER_FILE)
        take_institutions(world, institutions)
        for pair, path in enumerate(paths, 1):
            text = limit.text(receipts.take(2 * BATCH))
            bare = rate(2 * BATCH, partial(limit.copy, text))
            rates.append(
                rate(RECORDS_PER_FILE, partial(load_file, world.service, "jieru", path, IntakeRules()))
            )
            ratios.append(rates[-1] / bare)
            say(f"  intake {pair}/{PAIRS}: {rates[-1]:,.0f}/s, L {bare:,.0f}/s, {ratios[-1]:.2f}")
    limit.close()
    return [
        measured("intake.file.vs_copy", "ratio", ratios, started),
        measured("intake.file.records_per_s", "1/s", rates, started),
    ]
