"""The one worker: APScheduler's clock, our leases. Two workers may run; every slot is still done once."""

from __future__ import annotations

import os
import signal
import socket
from datetime import date, datetime
from functools import partial
from types import FrameType

from apscheduler.schedulers.blocking import BlockingScheduler

from ledger.bootstrap import App
from ledger.core.dates import SHANGHAI, parse_day
from ledger.core.errors import NotFound
from ledger.db.unit_of_work import unit_of_work
from scheduler.jobs.catalogue import JOBS, Job
from scheduler.runs import Run, run_once


def owner_name() -> str:
    """This worker, for the lease: machine and process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def regions(app: App) -> list[int]:
    """The regions the worker's user works in."""
    with unit_of_work(app.engine, app.user) as tx:
        return [region for (region,) in tx.rows("SELECT access.regions_of(%(user)s)", user=app.user)]


def run_job(app: App, job: Job, moment: datetime) -> list[Run]:
    """One start of a job, region by region; a region that refuses does not stop the others."""
    return [
        run_once(
            app.engine,
            app.user,
            owner_name(),
            region,
            job.name,
            job.slot(moment),
            partial(job.work, app, region, moment),
        )
        for region in regions(app)
    ]


def run_named(app: App, name: str, moment: datetime) -> list[Run]:
    """One start of the job `name`; raises NotFound `job.unknown`."""
    for job in JOBS:
        if job.name == name:
            return run_job(app, job, moment)
    raise NotFound("job.unknown", f"没有任务{name}：有{'、'.join(job.name for job in JOBS)}", job=name)


def catch_up(app: App, moment: datetime) -> list[Run]:
    """What no worker did while none ran: the daily jobs' slots since their last, in the order of their days, each as of its
    hour; the oldest first over all jobs. A job that never ran has missed nothing. The others need no day made up for.
    """
    missed = [
        (due, region, job)
        for job in JOBS
        if not job.often
        for region in regions(app)
        for due in job.missed(_last_slot(app, region, job), moment)
    ]
    return [
        run_once(
            app.engine,
            app.user,
            owner_name(),
            region,
            job.name,
            job.slot(due),
            partial(job.work, app, region, due),
        )
        for due, region, job in sorted(missed, key=lambda one: (one[0], one[1], one[2].name))
    ]


def _last_slot(app: App, region: int, job: Job) -> date | None:
    with unit_of_work(app.engine, app.user, region) as tx:
        last = tx.value(
            "SELECT max(slot) FROM jobs.job_run WHERE region = %(region)s AND job = %(job)s AND state = 'done'",
            region=region,
            job=job.name,
        )
    return None if last is None else parse_day(last)


def work(app: App) -> None:
    """Make up for missed days, then run all jobs by their timetables until SIGTERM or SIGINT.

    A start that was missed meanwhile is made up for once. Raises Conflict `db.unsafe`.
    """
    app.require_safe()
    catch_up(app, app.now())
    clock = BlockingScheduler(timezone=SHANGHAI)
    for job in JOBS:
        clock.add_job(
            lambda due=job: run_job(app, due, app.now()),
            job.trigger(),
            id=job.name,
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        clock.shutdown(wait=False)

    for word in (signal.SIGTERM, signal.SIGINT):
        signal.signal(word, stop)
    clock.start()
