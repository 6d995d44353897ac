"""What the traces cost: one record a request over HTTP, and a day from its files to the payment files, with the triggers of traces
and without, in turns."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

from psycopg import sql

from benchmarks.day import INSTITUTIONS, RECORDS, run_day
from benchmarks.http import _prepare, _require_stored, _wrk, served
from benchmarks.measured import Measured, PeerMissing, measured, say
from benchmarks.world import DAY, World, allot, fresh_world, take_institutions
from ledger.db.traced import TRACED
from ledger.simulation.platform.day import generate

ROUNDS: Final = 5
DAYS: Final = 4


def measure(world: World) -> list[Measured]:
    """`intake.http.traced`: records/s with traces ÷ without. Raises PeerMissing where wrk is not installed."""
    started = time.perf_counter()
    wrk = shutil.which("wrk")
    if wrk is None:
        raise PeerMissing("wrk", "wrk")
    ratios = []
    sent = 0
    with tempfile.TemporaryDirectory(prefix="flb-traces-") as folder:
        key = _prepare(world, Path(folder))
        with served(world) as address:
            for turn in range(ROUNDS + 1):
                rates = {}
                for traced in (True, False) if turn % 2 else (False, True):
                    _switch(world, traced=traced)
                    before = _traces(world)
                    load = _wrk(wrk, address, Path(folder), key, 200_000 + 2 * turn + traced)
                    rates[traced] = load.per_second
                    sent += load.requests
                    left = _traces(world) - before
                if turn:
                    ratios.append(rates[True] / rates[False])
                    say(
                        f"  traces {turn}/{ROUNDS}: {rates[True]:,.0f}/s with, {rates[False]:,.0f}/s without, {ratios[-1]:.2f};"
                        f" the last run left {left} traces"
                    )
            _switch(world, traced=True)
    _require_stored(world, sent)
    return [measured("intake.http.traced", "ratio", ratios, started)]


def measure_day(world: World, rounds: int = DAYS, records: int = RECORDS) -> list[Measured]:
    """`day.traced`: seconds of a day with traces ÷ without, each of a database of its own, in turns; and the parts of the last."""
    started = time.perf_counter()
    ratios = []
    with tempfile.TemporaryDirectory(prefix="flb-traces-") as folder:
        made = generate(records, INSTITUTIONS, DAY, 1, Path(folder))
        for turn in range(rounds):
            laps: dict[bool, dict[str, float]] = {}
            for traced in (True, False) if turn % 2 else (False, True):
                with fresh_world(world.home, f"{world.name}_{turn}_{traced:d}") as own:
                    take_institutions(own, made.institutions)
                    allot(own)
                    _switch(own, traced=traced)
                    laps[traced] = run_day(own, made)
                    own.service.dispose()
            ratios.append(sum(laps[True].values()) / sum(laps[False].values()))
            parts = ", ".join(f"{name} {laps[True][name] / lap:.2f}" for name, lap in laps[False].items())
            say(f"  traced day {turn + 1}/{rounds}: {ratios[-1]:.3f} ({parts})")
    return [measured("day.traced", "ratio", ratios, started)]


def _switch(world: World, *, traced: bool) -> None:
    with world.connect() as connection:
        for table in TRACED:
            for name in ("insert", "update", "delete"):
                connection.execute(
                    sql.SQL("ALTER TABLE {} {} TRIGGER {}").format(
                        sql.Identifier(*table.split(".")),
                        sql.SQL("ENABLE" if traced else "DISABLE"),
                        sql.Identifier(f"trace_{name}"),
                    )
                )


def _traces(world: World) -> int:
    with world.connect() as connection:
        row = connection.execute("SELECT count(*) FROM access.trace").fetchone()
    return int(str(row[0])) if row else 0
