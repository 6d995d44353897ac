"""Bulk posting from Python objects, every guard on, against L."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import Final

from benchmarks.drafts import Receipts
from benchmarks.limit import BATCH, Limit
from benchmarks.measured import PAIRS, Measured, measured, rate, say
from benchmarks.world import BOOK, PAY_DAY, World
from ledger.books.bulk import post_batches
from ledger.books.journal import post
from ledger.books.setup import open_period
from ledger.core.dates import period_of
from ledger.core.entries import EntryDraft
from ledger.db.unit_of_work import unit_of_work

ENTRIES_PER_HALF: Final = 6 * BATCH


def post_all(world: World, drafts: Sequence[EntryDraft]) -> None:
    """Post in batches of 10,000, one transaction each."""
    batches = (drafts[start : start + BATCH] for start in range(0, len(drafts), BATCH))
    for _ in post_batches(world.service, "xitong", BOOK, PAY_DAY, batches):
        pass


def post_alone(world: World, drafts: Sequence[EntryDraft]) -> None:
    """The same by one connection, batch after batch, as the program's own acts post theirs."""
    for start in range(0, len(drafts), BATCH):
        with unit_of_work(world.service, "xitong", BOOK.region) as tx:
            post(tx, BOOK, PAY_DAY, drafts[start : start + BATCH])


def fill(world: World, receipts: Receipts, entries: int) -> None:
    """Open the month and post so many receipts."""
    with unit_of_work(world.service, "li", BOOK.region) as tx:
        open_period(tx, BOOK, period_of(PAY_DAY))
    for start in range(0, entries, BATCH):
        post_all(world, receipts.take(min(BATCH, entries - start)))


def measure(world: World) -> list[Measured]:
    """`posting.bulk.vs_copy`, the same by one connection (`posting.one.vs_copy`), and the rates."""
    started = time.perf_counter()
    receipts, limit = Receipts(), Limit(world)
    # Accounts and dimensions are there before, as in the trials this is compared with.
    fill(world, receipts, BATCH)
    ratios, rates, limits, alone = [], [], [], []
    for pair in range(PAIRS):
        drafts = receipts.take(ENTRIES_PER_HALF)
        text = limit.text(drafts)
        limits.append(rate(ENTRIES_PER_HALF, partial(limit.copy, text)))
        rates.append(rate(ENTRIES_PER_HALF, partial(post_all, world, drafts)))
        ratios.append(rates[-1] / limits[-1])
        drafts = receipts.take(2 * BATCH)
        alone.append(rate(2 * BATCH, partial(post_alone, world, drafts)) / limits[-1])
        say(
            f"  posting {pair + 1}/{PAIRS}: {rates[-1]:,.0f}/s, L {limits[-1]:,.0f}/s, {ratios[-1]:.2f}; one connection {alone[-1]:.2f}"
        )
    limit.close()
    return [
        measured("posting.bulk.vs_copy", "ratio", ratios, started),
        measured("posting.one.vs_copy", "ratio", alone, started),
        measured("posting.bulk.entries_per_s", "1/s", rates, started),
        measured("limit.entries_per_s", "1/s", limits, started),
    ]
