"""A province's day: 34,000 records from files to the payment files ready, our own time only."""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from adapters.banks.ports import BankFormat, Channel
from adapters.banks.registry import make_format
from benchmarks.measured import Measured, measured, say
from benchmarks.world import DAY, PAY_DAY, World, allot, fresh_world, take_institutions
from ledger.core.dates import SHANGHAI
from ledger.fund.daily.run import run_daily
from ledger.fund.intake.file import load_file
from ledger.fund.record.judge import IntakeRules
from ledger.payments.orders.approve import approve
from ledger.payments.out.files import file
from ledger.simulation.people import DEMO_REGION
from ledger.simulation.platform.day import Generated, generate

RECORDS: Final = 34_000
INSTITUTIONS: Final = 300
TIMES: Final = 3
_MORNING: Final = datetime(PAY_DAY.year, PAY_DAY.month, PAY_DAY.day, 9, tzinfo=SHANGHAI)


@dataclass(frozen=True)
class _Bank:
    """A bank whose files are written; the day ends before one is sent."""

    format: BankFormat

    @property
    def channel(self) -> Channel:
        raise AssertionError("nothing is sent here")


def _bank_of(account: str) -> _Bank:
    return _Bank(make_format("iso20022", frozenset({account})))


def run_day(world: World, made: Generated) -> dict[str, float]:
    """Seconds of each step; raises AssertionError if the day's numbers are not the generator's."""
    laps: dict[str, float] = {}
    began = time.perf_counter()

    def lap(name: str) -> None:
        nonlocal began
        now = time.perf_counter()
        laps[name], began = now - began, now

    loads = [load_file(world.service, "jieru", path, IntakeRules()) for path in made.settlements]
    lap("load")
    run = run_daily(world.service, "zhao", DEMO_REGION, PAY_DAY)
    lap("daily")
    for batch in run.batches:
        approve(world.service, "qian", DEMO_REGION, batch.batch_id, batch.digest, PAY_DAY)
    lap("approve")
    filed = [
        file(world.service, "zhao", DEMO_REGION, batch.batch_id, _bank_of, _MORNING) for batch in run.batches
    ]
    lap("file")
    assert sum(load.accepted for load in loads) == made.expected.accepted
    ordered = sum(paper.total_fen for filing in filed for paper in filing.files)
    assert ordered + sum(blocked.amount_fen for blocked in run.blocked) == sum(
        load.payable_fen for load in loads
    )
    return laps


def measure(world: World) -> list[Measured]:
    """`day.records_per_s`, each day on a database of its own without statistics."""
    started = time.perf_counter()
    rates, seconds = [], []
    with tempfile.TemporaryDirectory(prefix="flb-day-") as folder:
        made = generate(RECORDS, INSTITUTIONS, DAY, 1, Path(folder))
        for number in range(1, TIMES + 1):
            with fresh_world(world.home, f"{world.name}_{number}") as own:
                take_institutions(own, made.institutions)
                allot(own)
                laps = run_day(own, made)
                own.service.dispose()
            seconds.append(sum(laps.values()))
            rates.append(RECORDS / seconds[-1])
            parts = ", ".join(f"{name} {lap:.2f}" for name, lap in laps.items())
            say(f"  day {number}/{TIMES}: {seconds[-1]:.2f} s ({parts})")
    return [
        measured("day.records_per_s", "1/s", rates, started),
        measured("day.seconds", "s", seconds, started),
    ]
