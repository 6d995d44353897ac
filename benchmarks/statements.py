"""A bank's statement taken in from a table and matched with a filled journal: what a month of a large agency's account takes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import date
from typing import Final

from adapters.banks.formats.statements.profile import Profile
from adapters.banks.formats.statements.table import Stated, read_table
from benchmarks.drafts import Receipts
from benchmarks.limit import BATCH
from benchmarks.measured import Measured, Processor, measured, say
from benchmarks.posting import fill, post_all
from benchmarks.world import BOOK, PAY_DAY, World
from ledger.core.entries import EntryDraft, Side
from ledger.core.money import yuan
from ledger.db.unit_of_work import unit_of_work
from ledger.payments.statements.matching import match
from ledger.payments.statements.take import StatementFile, load
from ledger.simulation.people import EXPENDITURE_ACCOUNT

LINES: Final = 100_000
MANY: Final = 1_000_000
_PROFILE: Final = Profile(columns={"day": "day", "debit": "debit", "credit": "credit", "receipt": "receipt"})
_ACCOUNT: Final = EXPENDITURE_ACCOUNT.number
_LAST: Final = date(2026, 10, 31)
_OVER: Final = date(2026, 11, 2)


def measure(world: World) -> list[Measured]:
    """`statements.*.s_per_million`: seconds to read, take in and match `LINES` lines by their receipts' numbers, for a million."""
    started = time.perf_counter()
    laps = _month(world, Receipts(), LINES)
    return [
        measured(f"statements.{lap}.s_per_million", "s", [seconds / LINES * 1e6], started)
        for lap, seconds in laps.items()
    ]


def growth(world: World) -> list[Measured]:
    """`growth.statements.*.s`: the same for a million lines of one month; its `peak_mb` is that of a million lines."""
    started = time.perf_counter()
    laps = _month(world, Receipts(), MANY)
    return [measured(f"growth.statements.{lap}.s", "s", [seconds], started) for lap, seconds in laps.items()]


def _month(world: World, receipts: Receipts, count: int) -> dict[str, float]:
    """Post `count` receipts, then take in the statement that has them, and match: the seconds of each lap."""
    fill(world, receipts, BATCH)  # what no line of the statement has: open in the books
    rows: list[str] = []
    total = 0
    for start in range(0, count, BATCH):
        drafts = receipts.take(min(BATCH, count - start))
        post_all(world, drafts)
        for fen, row in map(_row, drafts):
            total -= fen
            rows.append(row)
    content = ("day,debit,credit,receipt\n" + "\n".join(rows) + "\n").encode()
    say(f"  {count:,} receipts in the journal, {len(content):,} bytes of statement")
    laps = {}
    for name, seconds, spent in _laps(world, content, total, count):
        laps[name], laps[f"{name}_cpu"] = seconds, spent
    say("  " + ", ".join(f"{name} {seconds:.1f} s" for name, seconds in laps.items()))
    return laps


def _row(draft: EntryDraft) -> tuple[int, str]:
    paid = next(leg for leg in draft.legs if leg.account == 1004 and leg.side is Side.CREDIT)
    return paid.amount_fen, f"{PAY_DAY},{yuan(paid.amount_fen)},,{draft.evidence.removeprefix('bker:')}"


def _laps(world: World, content: bytes, closing: int, count: int) -> Iterator[tuple[str, float, float]]:
    """Each lap's seconds by the clock, and of a processor for us and the database together."""
    with world.service.connect():
        pass  # the connection of every lap is there, so that its backend's time is counted
    processor = Processor(world.home, os.getpid())
    began, spent = time.perf_counter(), processor.ms()

    def lap(name: str) -> tuple[str, float, float]:
        nonlocal began, spent
        before, before_ms = began, spent
        began, spent = time.perf_counter(), processor.ms()
        return name, began - before, (spent - before_ms) / 1_000

    stated = Stated(_ACCOUNT, "", PAY_DAY.replace(day=1), _LAST, 0, closing)
    statement = read_table(content, _PROFILE, stated)
    yield lap("read")
    with unit_of_work(world.service, "li", BOOK.region) as tx:
        load(tx, _ACCOUNT, StatementFile("month.csv", content), [statement], _OVER)
    yield lap("taken")
    with unit_of_work(world.service, "li", BOOK.region) as tx:
        done = match(tx, _ACCOUNT, _OVER)
    yield lap("matched")
    if (done.groups["receipt"], done.open_lines, done.open_legs) != (count, 0, BATCH):
        raise RuntimeError(f"matched {done}")
