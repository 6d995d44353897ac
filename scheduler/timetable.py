"""Which runs of a job are due in a region: by its own times, its calendar of what was done, and what persons asked."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from typing import Final, NamedTuple

from ledger.books.setup import books_of
from ledger.bootstrap import App
from ledger.core.dates import parse_day
from ledger.core.entries import Book
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.region.policy import choice
from scheduler.jobs.job import AtOf, Job

TRIES: Final = 8
"""After so many failures the days after it are no longer held up by a day."""
RETRY_SECONDS: Final = 600
"""How long a day that failed is left before it is tried again."""


class Part(NamedTuple):
    """What of a job is one run: all of a region, or one of its books; `suffix` stands in its slots."""

    suffix: str
    book: Book | None

    def does(self, job: Job, app: App, region: int, moment: datetime) -> partial[str]:
        """The work of one run."""
        if job.book_work is not None and self.book is not None:
            return partial(job.book_work, app, self.book, moment)
        if job.work is None:
            raise AssertionError(job.name)
        return partial(job.work, app, region, moment)


def parts_of(app: App, region: int, job: Job) -> list[Part]:
    """One, or one a book."""
    if job.book_work is None:
        return [Part("", None)]
    with unit_of_work(app.engine, app.user, region) as tx:
        return [Part(f" {book.fund}", book) for book, _ in books_of(tx)]


def times_of(tx: Transaction, job: Job) -> AtOf:
    """The job's time of day in the transaction's region, as the region chose it for a day."""
    known: dict[date, str] = {}

    def at(day: date) -> str:
        if day not in known:
            known[day] = choice(tx, f"job_at_{job.name}", day, job.usual)
        return known[day]

    return at


def missed(app: App, region: int, job: Job, part: Part, moment: datetime, *, begin: bool) -> list[datetime]:
    """The starts of a daily job that are due, in the order of their days; with `begin` also today's of one that never ran."""
    with unit_of_work(app.engine, app.user, region) as tx:
        last = _last_day(tx, job, part)
        if last is None and begin:
            last = moment.date() - timedelta(days=1)
        return job.missed(last, moment, times_of(tx, job))


def may_try(app: App, region: int, job: Job, slot: str) -> bool:
    """False while a run that failed is left alone."""
    with unit_of_work(app.engine, app.user, region) as tx:
        return not tx.value(
            """SELECT state = 'failed' AND ended_at > clock_timestamp() - make_interval(secs => %(wait)s) FROM jobs.job_run
                WHERE region = %(region)s AND job = %(job)s AND slot = %(slot)s""",
            wait=RETRY_SECONDS,
            region=region,
            job=job.name,
            slot=slot,
        )


def _last_day(tx: Transaction, job: Job, part: Part) -> date | None:
    """The last day that is settled: done, or given up."""
    last = tx.value(
        """SELECT max(left(slot, 10)) FROM jobs.job_run WHERE region = %(region)s AND job = %(job)s
              AND slot = left(slot, 10) || %(suffix)s AND (state = 'done' OR state = 'failed' AND epoch >= %(tries)s)""",
        region=tx.region,
        job=job.name,
        suffix=part.suffix,
        tries=TRIES,
    )
    return None if last is None else parse_day(last)
