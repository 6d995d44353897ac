"""The one worker: APScheduler's clock, our leases. Two workers may run; every slot is still done once."""

from __future__ import annotations

import os
import signal
import socket
from datetime import datetime
from functools import partial
from types import FrameType
from typing import Final

from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.schedulers.base import BaseScheduler
from apscheduler.schedulers.blocking import BlockingScheduler
from apscheduler.triggers.interval import IntervalTrigger

from ledger.bootstrap import App
from ledger.core.dates import SHANGHAI, machine_moment
from ledger.db.unit_of_work import unit_of_work
from scheduler.asked import paused, waiting
from scheduler.jobs.catalogue import JOBS, job_named
from scheduler.jobs.job import Job
from scheduler.runs import Run, run_once
from scheduler.timetable import Part, may_try, missed, parts_of

LOOK_SECONDS: Final = 30
"""How often each job is looked at: whether a start is due, whether somebody asked for one."""


def owner_name() -> str:
    """This worker, for the lease: machine and process."""
    return f"{socket.gethostname()}:{os.getpid()}"


def regions(app: App, job: Job | None = None) -> list[int]:
    """The regions the worker's user works in; of a job of the whole home the first."""
    with unit_of_work(app.engine, app.user) as tx:
        found = sorted(region for (region,) in tx.rows("SELECT access.regions_of(%(user)s)", user=app.user))
    return found[:1] if job is not None and job.one_region else found


def run_job(app: App, job: Job, moment: datetime) -> list[Run]:
    """One start of a job, region by region; a region that refuses does not stop the others."""
    return [
        _run(app, job, region, part, job.slot(moment), moment)
        for region in regions(app, job)
        for part in parts_of(app, region, job)
    ]


def run_named(app: App, name: str, moment: datetime) -> list[Run]:
    """One start of the job `name`; raises NotFound `job.unknown`."""
    return run_job(app, job_named(name), moment)


def catch_up(app: App, moment: datetime) -> list[Run]:
    """What no worker did while none ran: the daily jobs' slots since their last, in the order of their days, each as of its
    hour; the oldest first over all jobs. A job that never ran has missed nothing. The others need no day made up for.
    A day that fails holds up the later ones of its job.
    """
    due = [
        (start, region, job.name, part.suffix, job, part)
        for job in JOBS
        for region in regions(app, job)
        if not job.often and job.name not in _resting(app, region)
        for part in parts_of(app, region, job)
        for start in missed(app, region, job, part, moment, begin=False)
    ]
    done: list[Run] = []
    held: set[tuple[int, str, str]] = set()
    for start, region, name, suffix, job, part in sorted(due, key=lambda one: one[:4]):
        if (region, name, suffix) in held:
            continue
        done.append(_run(app, job, region, part, job.slot(start), start))
        if done[-1].state != "done":
            held.add((region, name, suffix))
    return done


class JobWatch:
    """One job looked at again and again: what is due and what was asked for is run, region by region."""

    def __init__(self, app: App, job: Job) -> None:
        self._app = app
        self._job = job
        self._begun: dict[int, datetime] = {}

    def __call__(self, moment: datetime | None = None) -> list[Run]:
        """Run what is due by `moment` (None: now)."""
        now = moment or self._app.now()
        return [run for region in regions(self._app, self._job) for run in self._region(region, now)]

    def _region(self, region: int, now: datetime) -> list[Run]:
        app, job = self._app, self._job
        parts = parts_of(app, region, job)
        with unit_of_work(app.engine, app.user, region) as tx:
            asked = waiting(tx, job.name, [part.suffix for part in parts], now.date())
            rests = job.name in paused(tx)
        done = [_run(app, job, region, part, one.slot, now) for one in asked for part in parts]
        if rests:
            return done
        if job.often:
            start = job.start_by(now)
            if start is not None and self._begun.get(region) != start:
                self._begun[region] = start
                done.append(_run(app, job, region, Part("", None), job.slot(start), start))
            return done
        for part in parts:
            for start in missed(app, region, job, part, now, begin=True):
                slot = job.slot(start)
                if not may_try(app, region, job, slot + part.suffix):
                    break
                done.append(_run(app, job, region, part, slot, start))
                if done[-1].state != "done":
                    break
        return done


def _run(app: App, job: Job, region: int, part: Part, slot: str, moment: datetime) -> Run:
    work = part.does(job, app, region, moment)
    return run_once(app.engine, app.user, owner_name(), region, job.name, slot + part.suffix, work)


def _resting(app: App, region: int) -> set[str]:
    with unit_of_work(app.engine, app.user, region) as tx:
        return set(paused(tx))


def work(app: App) -> None:
    """Make up for missed days, then run all jobs by their timetables until SIGTERM or SIGINT. Raises Conflict `db.unsafe`."""
    app.require_safe()
    clock = BlockingScheduler(timezone=SHANGHAI)
    _put(clock, app)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        clock.shutdown(wait=False)

    for word in (signal.SIGTERM, signal.SIGINT):
        signal.signal(word, stop)
    clock.start()


def beside(app: App) -> BackgroundScheduler:
    """The same in threads of a process that does something else; the caller shuts it down. Raises Conflict `db.unsafe`."""
    app.require_safe()
    clock = BackgroundScheduler(timezone=SHANGHAI)
    _put(clock, app)
    clock.start()
    return clock


def _put(clock: BaseScheduler, app: App) -> None:
    """Missed days first, in one order over all jobs; then each job has its own look, so that a long one delays no other."""
    catch_up(app, app.now())
    for job in JOBS:
        clock.add_job(
            partial(JobWatch(app, job)),
            IntervalTrigger(seconds=LOOK_SECONDS, jitter=LOOK_SECONDS // 3, timezone=SHANGHAI),
            id=job.name,
            next_run_time=machine_moment(),
            coalesce=True,
            max_instances=1,
            misfire_grace_time=None,
        )
