"""`report find` by rare words, an amount and a range in a filled journal, and what the search costs to know of it."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from typing import Final

from benchmarks.drafts import Receipts
from benchmarks.limit import BATCH
from benchmarks.measured import Measured, measured, say
from benchmarks.posting import fill, post_all
from benchmarks.world import BOOK, PAY_DAY, World
from ledger.books.search import take_in
from ledger.db.unit_of_work import unit_of_work
from reports.books.find import Wanted, find

SMALL: Final = 50_000
LARGE: Final = 1_000_000
RARE: Final = "订正7月3日记-202607-18号凭证"
TIMES: Final = 7


def measure(world: World) -> list[Measured]:
    """`find.*_ms` on 50,000 entries."""
    return _measure(world, SMALL, "find")


def growth(world: World) -> list[Measured]:
    """`growth.find.*_ms` on 1,000,000 entries: the limit is 100 ms."""
    return _measure(world, LARGE, "growth.find")


def _measure(world: World, entries: int, name: str) -> list[Measured]:
    started = time.perf_counter()
    receipts = Receipts()
    drafts = receipts.take(BATCH)
    drafts[BATCH // 2] = replace(drafts[BATCH // 2], summary=RARE)
    known = max(drafts[BATCH // 3].legs[0].amount_fen, 1)
    paper = drafts[BATCH // 5].evidence
    fill(world, receipts, 0)
    post_all(world, drafts)
    for _ in range(entries // BATCH - 1):
        post_all(world, receipts.take(BATCH))
    with world.connect() as admin:
        admin.execute("ANALYZE books.entry")
        before = _size(admin)
        began = time.perf_counter()
        taken = take_in(world.service, "xitong", BOOK)
        seconds = time.perf_counter() - began
        admin.commit()
        size = _size(admin) - before
    say(f"  {taken} entries known in {seconds:.1f} s, {size / taken:.0f} bytes each")
    code = drafts[BATCH // 4].summary[-11:]
    asked = {
        "words": Wanted(words=RARE[2:8]),
        "number_in_words": Wanted(words="202607-18"),
        "code": Wanted(words=code),
        "common": Wanted(words="日拨付"),
        "none": Wanted(words="没有这样的摘要"),
        "amount": Wanted(least_fen=known, most_fen=known),
        "range": Wanted(least_fen=known, most_fen=known + 5),
        "wide": Wanted(least_fen=10**5, most_fen=10**6),
        "date": Wanted(first=PAY_DAY, last=PAY_DAY),
        "empty_date": Wanted(first=PAY_DAY + timedelta(1), last=PAY_DAY + timedelta(1)),
        "paper": Wanted(evidence=paper),
        "part_of_paper": Wanted(evidence=paper[-8:]),
        "no_such_paper": Wanted(evidence=f"{paper}X"),
    }
    found = [
        measured(f"{name}.take_in_us_per_entry", "us", [seconds / taken * 1e6], started),
        measured(f"{name}.bytes_per_entry", "bytes", [size / taken], started),
    ]
    for title, wanted in asked.items():
        samples = []
        for _ in range(TIMES):
            with unit_of_work(world.service, "li", BOOK.region) as tx:
                began = time.perf_counter()
                lines = find(tx, BOOK, wanted)
                samples.append((time.perf_counter() - began) * 1_000)
        say(f"  {title}: {len({line.seq for line in lines})} vouchers, first {samples[0]:.1f} ms")
        found.append(measured(f"{name}.{title}_ms", "ms", samples, started))
    return found


def _size(admin: object) -> int:
    total: int = admin.execute(  # type: ignore[attr-defined]
        "SELECT sum(pg_total_relation_size(c.oid))::bigint FROM pg_class c WHERE c.oid::regclass::text LIKE 'books.search%'"
        " AND c.relkind = 'r'"
    ).fetchone()[0]
    return total
