"""Every page by its links on a book of many entries: how long one takes alone, and fifty people at once."""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import timedelta
from html import unescape
from itertools import cycle, islice
from pathlib import Path
from statistics import median, quantiles
from typing import Final, NamedTuple

import httpx

from benchmarks.day import INSTITUTIONS, RECORDS
from benchmarks.drafts import Receipts
from benchmarks.http import serving
from benchmarks.limit import BATCH
from benchmarks.measured import Measured, Processor, measured, say
from benchmarks.posting import fill, post_all
from benchmarks.world import BOOK, DAY, PAY_DAY, World, allot, is_filled, keep_filled, take_institutions
from ledger.books.search import take_in
from ledger.core.entries import RESIDENT_FUND, Book
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.daily.run import run_daily
from ledger.fund.intake.file import load_file
from ledger.fund.record.judge import IntakeRules
from ledger.payments.orders.approve import approve
from ledger.simulation.people import DEMO_REGION, PASSWORD, give_logins
from ledger.simulation.platform.day import generate
from reports.control.drawn import draw_up

SMALL: Final = 100_000
LARGE: Final = 1_000_000
DAYS: Final = 2
"""Days of a province's records beside the entries; those of the last wait to be approved."""
TIMES: Final = 20
LEAST: Final = 8
PATIENCE: Final = 4.0
"""Seconds for one page: where it takes longer, it is asked for so many times at least, else `TIMES`."""
SAME_KIND: Final = 3
"""Pages of one kind that are asked for."""
SLOW: Final = 150
"""Milliseconds of processor time from which on a page is named."""
USERS: Final = 50
SECONDS: Final = 60
READERS: Final = ("zhao", "qian", "sun", "li", "wu", "zhou")
LAST: Final = DAY + timedelta(DAYS)
"""The last payout day: the pages' business date."""
START: Final = (
    "/desk/today", "/desk/month?fund=310&term=202610", "/desk/declarations?fund=310&term=202610", "/desk/clearing?year=2026&fund=310",
    "/desk/control?period=202610", "/desk/control-report?period=202610", "/desk/control?scope=month&period=202610", "/desk/control?institution=H42010000001&period=202610",
    "/desk/monitor", "/desk/risk",
    *(f"/desk/books/sub-ledger?period=202610&account={account}&after={PAY_DAY}.{seq}" for account in (5101, 9101, 1004) for seq in (SMALL // 2, LARGE // 2)),
    "/desk/books/balance-sheet?period=202610", "/desk/books/trial-balance?period=202610", "/desk/books/journal?period=202610", "/desk/books/bank-journal?period=202610", "/desk/books/sub-ledger?period=202610&account=1101",
    "/desk/find?words=%E6%97%A5%E6%8B%A8%E4%BB%98", "/desk/orders?date=2026-10-13",
)  # fmt: skip


def measure(world: World) -> list[Measured]:
    """`pages.*` on 100,000 entries."""
    return _measure(world, SMALL, "pages")


def growth(world: World) -> list[Measured]:
    """`growth.pages.*` on 1,000,000 entries."""
    return _measure(world, LARGE, "growth.pages")


def _measure(world: World, entries: int, name: str) -> list[Measured]:
    """`slowest_p95_ms`: of the page that is slowest by its 95th part of 100; `first_kb`: what a browser loads to begin."""
    started = time.perf_counter()
    if not is_filled(world):
        fill_pages(world, entries)
        keep_filled(world)
        say(f"  {entries:,} entries and {DAYS} days in {time.perf_counter() - started:.0f} s")
    drawing = time.perf_counter()
    with unit_of_work(world.service, "zhou", DEMO_REGION) as tx:
        draw_up(tx, 202610, "bench")  # what the pages of the month show
    drawn = (time.perf_counter() - drawing) * 1_000
    with serving(world, today=LAST) as (address, process):
        processor = Processor(world.home, process)
        took = walk(address, processor)
        say("  the ten that cost most:")
        _say_slow(dict(sorted(took.items(), key=lambda one: -p95([call.cpu_ms for call in one[1]]))[:10]), 0)
        first = first_page(address)
        crowd = asyncio.run(_crowd(address, list(took)))
    say(f"  {len(took)} pages; first {first / 1_000:.0f} kB")
    wall = max(p95([one.ms for one in calls]) for calls in took.values())
    cpu = max(p95([one.cpu_ms for one in calls]) for calls in took.values())
    return [
        measured(f"{name}.slowest_p95_ms", "ms", [wall], started),
        measured(f"{name}.slowest_cpu_p95_ms", "ms", [cpu], started),
        measured(f"{name}.ms", "ms", [one.ms for calls in took.values() for one in calls], started),
        measured(f"{name}.cpu_ms", "ms", [one.cpu_ms for calls in took.values() for one in calls], started),
        measured(f"{name}.recomputed_ms", "ms", [drawn], started),
        measured(f"{name}.first_kb", "kB", [first / 1_000], started),
        measured(f"{name}.crowd.ms", "ms", crowd, started),
        measured(f"{name}.crowd.p95_ms", "ms", [p95(crowd)], started),
        measured(f"{name}.crowd.per_s", "1/s", [len(crowd) / SECONDS], started),
    ]


def _say_slow(every: Mapping[str, Sequence[Call]], least: float = SLOW) -> None:
    """Those of `least` milliseconds of a processor and above, the slowest first."""
    costs = sorted(
        ((p95([one.cpu_ms for one in calls]), path) for path, calls in every.items()), reverse=True
    )
    for cost, path in costs:
        if cost >= least:
            times = [one.ms for one in every[path]]
            middle = median(one.cpu_ms for one in every[path])
            say(
                f"  {cost:7.1f} {middle:7.1f} ms of a processor, {p95(times):7.1f} {median(times):7.1f} by the clock: {path}"
            )


def fill_pages(world: World, entries: int) -> None:
    """So many receipts in one month, some days of records with their orders, passwords, and what the search and planner know."""
    with tempfile.TemporaryDirectory(prefix="flb-pages-") as folder:
        for number in range(DAYS):
            day = DAY + timedelta(number)
            made = generate(RECORDS, INSTITUTIONS, day, number + 1, Path(folder) / str(number))
            if not number:
                take_institutions(world, made.institutions)
                allot(world)
                receipts = Receipts()
                fill(world, receipts, 0)
                for _ in range(entries // BATCH):
                    post_all(world, receipts.take(BATCH))
            for path in made.settlements:
                load_file(world.service, "jieru", path, IntakeRules())
            run = run_daily(world.service, "zhao", DEMO_REGION, day + timedelta(1))
            for batch in run.batches if number < DAYS - 1 else ():
                approve(world.service, "qian", DEMO_REGION, batch.batch_id, batch.digest, day + timedelta(1))
    for book in (BOOK, Book(DEMO_REGION, RESIDENT_FUND)):
        take_in(world.service, "xitong", book)
    give_logins(world.settings, PAY_DAY)
    with world.connect() as admin:
        admin.autocommit = True
        admin.execute("ANALYZE")


class Call(NamedTuple):
    """One answer: milliseconds by the clock, and of the processor for service and database together."""

    ms: float
    cpu_ms: float


def walk(address: str, processor: Processor, user: str = "zhou") -> dict[str, list[Call]]:
    """Each page that links lead to, a few of a kind, asked for alone, by address. Raises RuntimeError for one that breaks."""
    took: dict[str, list[Call]] = {}
    seen: dict[str, int] = {}
    waiting = list(START)
    with closing(entered(address, user)) as browser:
        while waiting:
            path = waiting.pop(0)
            kind = kind_of(path)
            if path in took or (path not in START and seen.get(kind, 0) >= SAME_KIND):
                continue
            seen[kind] = seen.get(kind, 0) + 1
            answer = browser.get(path)  # plans and pages of the database are warm now, as they are by day
            took[path] = list(_calls(browser, path, processor))
            _say_slow({path: took[path]})
            if answer.status_code >= 500:
                raise RuntimeError(f"{path}: {answer.status_code}")
            waiting += links(path, answer.text)
    return took


def _calls(browser: httpx.Client, path: str, processor: Processor) -> Iterator[Call]:
    processor.look()
    started = time.perf_counter()
    for number in range(TIMES):
        if number >= LEAST and time.perf_counter() - started > PATIENCE:
            return
        spent, began = processor.ms(), time.perf_counter()
        browser.get(path)
        ms = (time.perf_counter() - began) * 1_000
        cpu_ms = processor.ms() - spent
        if cpu_ms < 0:  # a backend ended meanwhile, and its time with it
            processor.look()
            continue
        yield Call(ms, cpu_ms)


def links(path: str, text: str) -> Iterator[str]:
    """The pages that a page leads to."""
    for found in re.findall(r'href="([^"#]+)"', text):
        href = unescape(found)
        href = path.partition("?")[0] + href if href.startswith("?") else href
        if href.startswith("/desk/") and not href.startswith("/desk/static") and "format=" not in href:
            yield href


def kind_of(path: str) -> str:
    """A page's address without what varies in it; a report is a kind of its own."""
    plain, _, query = path.partition("?")
    names = "&".join(sorted(part.partition("=")[0] for part in query.split("&") if part))
    return re.sub(r"/[^/]*[0-9][^/]*", "/#", plain) + "?" + names


def entered(address: str, user: str) -> httpx.Client:
    """A browser at which somebody came in."""
    browser = httpx.Client(base_url=address, timeout=120)
    answer = browser.post("/desk/login", data=_login(user), headers={"origin": address})
    if answer.status_code != 303:
        raise RuntimeError(f"{user} did not come in: {answer.status_code}")
    return browser


def first_page(address: str) -> int:
    """Bytes a browser loads to come in and see the first page with all it asks for."""
    size = 0
    with closing(entered(address, "zhou")) as browser:
        for path in ("/desk/login", "/desk/today"):
            text = browser.get(path)
            size += len(text.content)
        wanted = set(re.findall(r'(?:href|src)="(/desk/static/[^"]+)"', text.text))
        size += sum(len(browser.get(path).content) for path in wanted)
    return size


async def _crowd(address: str, paths: list[str]) -> list[float]:
    """Everybody asks for page after page for a minute, without a rest; milliseconds of each. Raises RuntimeError where one breaks."""
    wrong: list[str] = []
    took: list[float] = []
    browsers = [httpx.AsyncClient(base_url=address, timeout=120) for _ in range(USERS)]
    for number, browser in enumerate(browsers):
        answer = await browser.post(
            "/desk/login", data=_login(READERS[number % len(READERS)]), headers={"origin": address}
        )
        if answer.status_code != 303:
            raise RuntimeError(f"user {number} did not come in: {answer.status_code}")
    ends = time.perf_counter() + SECONDS

    async def one(number: int) -> None:
        for path in cycle(islice(cycle(paths), number, number + len(paths))):
            began = time.perf_counter()
            if began > ends:
                return
            try:
                answer = await browsers[number].get(path)
            except httpx.HTTPError as problem:
                waited = (time.perf_counter() - began) * 1_000
                wrong.append(f"{path}: {problem!r} after {waited:.0f} ms")
                continue
            took.append((time.perf_counter() - began) * 1_000)
            if answer.status_code >= 500 or answer.status_code == 429:
                wrong.append(f"{path}: {answer.status_code}")

    await asyncio.gather(*(one(number) for number in range(USERS)))
    for browser in browsers:
        await browser.aclose()
    say(f"  {USERS} at once: {len(took)} pages, median {median(took):.0f} ms, p95 {p95(took):.0f} ms")
    if wrong:
        raise RuntimeError(f"{len(wrong)} of {len(took)} pages broke, first {wrong[0]}")
    return took


def _login(user: str) -> Mapping[str, str]:
    return {"user": user, "password": PASSWORD, "otp": ""}


def p95(times: Sequence[float]) -> float:
    """Below which 95 of 100 lie."""
    return quantiles(times, n=20)[-1]
