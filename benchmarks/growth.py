"""FULL=1: what grows with size. A file of a million records against 100,000, posting into a filled journal, a year watched."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.day import INSTITUTIONS
from benchmarks.drafts import Receipts
from benchmarks.intake import files
from benchmarks.limit import BATCH
from benchmarks.measured import Measured, Processor, measured, rate, say
from benchmarks.posting import fill, post_all
from benchmarks.world import DAY, World, allot, take_institutions
from ledger.control.monitor.shown import read_monitor
from ledger.control.risk.rules.budget import RULE
from ledger.control.risk.run import asked_of
from ledger.core.entries import FUND_NAMES
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.clearing.targets import year_figures
from ledger.fund.daily.run import run_daily
from ledger.fund.intake.file import load_file
from ledger.fund.record.judge import IntakeRules
from ledger.simulation.people import DEMO_REGION
from ledger.simulation.platform.day import generate

SMALL: Final = 100_000
LARGE: Final = 1_000_000
MILLIONS_OF_LINES: Final = 10
_SAMPLES: Final = 5
_RECORDS: Final = 10_000
_TIMES: Final = 7
# The payables of one day again for days before it, each under a key that is in the books: only how many there are is measured.
_AGAIN: Final = """
    INSERT INTO books.source SELECT region, fund, source_key || '~' || n, period, seq, content_digest
      FROM books.source CROSS JOIN generate_series(%(first)s::int, %(last)s) AS n WHERE source_key ~ '^RE[CV]:' AND source_key !~ '~'"""
_PAYABLES: Final = """
    INSERT INTO fund.payable (region, fund, setl_id, subfund, institution, service_year, term, category, day, fund_fen, daily_fen, ratio,
                              recognised_by, order_no, settled_by)
    SELECT region, fund, setl_id || '~' || n, subfund, institution, service_year, term, category, day - n %% 280, fund_fen, daily_fen,
           ratio, recognised_by || '~' || n, order_no, settled_by
      FROM fund.payable CROSS JOIN generate_series(%(first)s::int, %(last)s) AS n WHERE setl_id !~ '~'"""
_PLAN: Final = """
    INSERT INTO fund.clearing_plan SELECT region, fund, 2026, '文', 'zhao', 'qian', DATE '2026-01-05', sha256('x') FROM books.book;
    INSERT INTO fund.clearing_budget (region, fund, year, class, amount_fen, reserve_fen) SELECT region, fund, 2026, 'A', 1000000, 0
      FROM books.book;
    INSERT INTO fund.clearing_standard SELECT b.region, b.fund, 2026, i.institution, 'A', 1, 1, 0, 1000000
      FROM books.book b JOIN fund.institution i ON i.region = b.region"""


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


def watch(world: World) -> list[Measured]:
    """`watch.*.cpu_ms`: at 100,000 payables of the year, and `watch.*.growth` at ten times as many: processor time, ours and theirs."""
    started = time.perf_counter()
    made = _year(world)
    middle, end = SMALL // made, LARGE // made
    _copy(world, 1, middle - 1)
    first = _costs(world)
    _copy(world, middle, end - 1)
    grown = _costs(world)
    for name, cost in grown.items():
        say(f"  {name}: {first[name]:.0f} ms at {middle * made:,} payables, {cost:.0f} at {end * made:,}")
    return [measured(f"watch.{name}.cpu_ms", "ms", [cost], started) for name, cost in first.items()] + [
        measured(f"growth.watch.{name}.cpu_ms", "ms", [cost], started) for name, cost in grown.items()
    ]


def _year(world: World) -> int:
    """A day's records booked, and a budget for every institution; how many payables there are then."""
    with tempfile.TemporaryDirectory(prefix="flb-watch-") as folder:
        made = generate(_RECORDS, INSTITUTIONS, DAY, 1, Path(folder))
        take_institutions(world, made.institutions)
        allot(world)
        fill(world, Receipts(), 0)
        for path in made.settlements:
            load_file(world.service, "jieru", path, IntakeRules())
    run_daily(world.service, "zhao", DEMO_REGION, DAY + timedelta(1))
    with world.connect() as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(_PLAN)
        row = admin.execute("SELECT count(*) FROM fund.payable").fetchone()
    return int(str(row[0])) if row else 0


def _copy(world: World, first: int, last: int) -> None:
    """By the administrator with the guards off: for the clock alone."""
    with world.connect() as admin:
        admin.execute("SET session_replication_role = replica")
        for query in (_AGAIN, _PAYABLES):
            admin.execute(query, {"first": first, "last": last})
        admin.commit()
        admin.autocommit = True
        admin.execute("ANALYZE")


def _costs(world: World) -> dict[str, float]:
    processor = Processor(world.home, os.getpid())
    asks: dict[str, Callable[[Transaction], object]] = {
        "year_figures": lambda tx: [year_figures(tx, fund, 2026, DAY) for fund in FUND_NAMES],
        "monitor": lambda tx: read_monitor(tx, DAY, DAY + timedelta(1)),
        "budget": _budget,
    }
    costs = {}
    for name, ask in asks.items():
        spent = []
        for _ in range(_TIMES):
            with unit_of_work(world.service, "zhou", DEMO_REGION) as tx:
                processor.look()
                before = processor.ms()
                ask(tx)
                spent.append(processor.ms() - before)
        costs[name] = median(spent)
    return costs


def _budget(tx: Transaction) -> object:
    terms = {"threshold": RULE.threshold(RULE.default)}
    found = tx.rows(RULE.query, **asked_of(RULE, DEMO_REGION, DAY, terms, [10**12] * len(FUND_NAMES)))
    if not found:
        raise RuntimeError("no institution is over its budget: nothing was added up")
    return found
