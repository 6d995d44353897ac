"""The jobs of a region as people see them: when, what became of the last run, when the next one is, who let it rest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from ledger.core.dates import SHANGHAI
from ledger.core.words import said
from ledger.db.unit_of_work import Transaction
from scheduler.asked import JobRequest, paused
from scheduler.jobs.catalogue import JOBS
from scheduler.jobs.job import OFF, Job
from scheduler.timetable import times_of

RUNS_MAX: Final = 500


class KeptRun(NamedTuple):
    """A run as kept; `lost`: its lease is over and nobody wrote an end."""

    job: str
    slot: str
    state: str
    owner: str
    epoch: int
    message: str
    started_at: datetime | None
    ended_at: datetime | None
    lost: bool

    @property
    def words(self) -> str:
        """Its state for people."""
        return "中断，等待接续" if self.lost else said("job.state", self.state)

    def as_json(self) -> dict[str, object]:
        """For machines; moments as ISO text."""
        return self._asdict() | {"started_at": _iso(self.started_at), "ended_at": _iso(self.ended_at)}


@dataclass(frozen=True, slots=True)
class JobView:
    """A job in a region."""

    job: Job
    when: str
    next_start: datetime | None
    last: KeptRun | None
    rests: JobRequest | None

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "job": self.job.name,
            "title": self.job.title,
            "when": self.when,
            "needs": self.job.needs,
            "deadline": self.job.deadline,
            "raises": self.job.raises,
            "next": _iso(self.next_start),
            "last": None if self.last is None else self.last.as_json(),
            "paused": None
            if self.rests is None
            else {
                "by": self.rests.asked_by,
                "on": self.rests.on_day.isoformat(),
                "reason": self.rests.reason,
            },
        }


def jobs_of(tx: Transaction, now: datetime) -> list[JobView]:
    """Every job of the transaction's region at a moment of the business clock."""
    rests = paused(tx)
    last = {one.job: one for one in _kept(tx, latest=True)}
    return [_view(tx, job, now, last.get(job.name), rests.get(job.name)) for job in JOBS]


def runs_of(tx: Transaction, job: str = "", limit: int = 50) -> list[KeptRun]:
    """Runs of a job, or of all, the latest first."""
    return _kept(tx, job, limit)


def _view(
    tx: Transaction, job: Job, now: datetime, last: KeptRun | None, rests: JobRequest | None
) -> JobView:
    at = times_of(tx, job)
    when = job.when
    if not job.often and (chosen := at(now.date())) != job.usual:
        when = (
            "不办（统筹区的选择）" if chosen == OFF else when.replace(job.usual, chosen) + "（统筹区的选择）"
        )
    return JobView(job, when, None if rests is not None else job.next_start(now, at), last, rests)


def _kept(tx: Transaction, job: str = "", limit: int = RUNS_MAX, *, latest: bool = False) -> list[KeptRun]:
    rows = tx.rows(
        """SELECT job, slot, state, owner, epoch, message, started_at, ended_at, state = 'running' AND lease_until < clock_timestamp()
             FROM (SELECT r.*, row_number() OVER (PARTITION BY r.job ORDER BY left(r.slot, 10) DESC, r.started_at DESC NULLS LAST, r.slot DESC) AS n
                     FROM jobs.job_run r WHERE r.region = %(region)s AND (%(job)s = '' OR r.job = %(job)s)) k
            WHERE NOT %(latest)s OR n = 1
            ORDER BY left(slot, 10) DESC, started_at DESC NULLS LAST, slot DESC, job LIMIT %(limit)s""",
        region=tx.region,
        job=job,
        latest=latest,
        limit=limit,
    )
    return [KeptRun(*row) for row in rows]


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(SHANGHAI).isoformat(timespec="seconds")
