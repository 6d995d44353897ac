"""What persons ask of the worker: a run now, a rest, a going on. The worker answers within a minute; nobody else runs a job."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from ledger.db.unit_of_work import Transaction
from scheduler.jobs.catalogue import job_named


class JobRequest(NamedTuple):
    """One request; `what` is `run`, `pause` or `resume`."""

    n: int
    job: str
    what: str
    reason: str
    on_day: date
    asked_by: str

    @property
    def slot(self) -> str:
        """The run it asks for."""
        return f"{self.on_day:%Y-%m-%d} R{self.n}"


def ask(tx: Transaction, job: str, what: str, reason: str, day: date) -> JobRequest:
    """Ask in one's own name, as security administrator, chief accountant or the system's user.

    Raises NotFound `job.unknown`; Conflict `job.paused`; Forbidden `access.role_missing`; InvalidInput `db.constraint`
    without a reason of 2 to 200 characters.
    """
    name = job_named(job).name
    n, by = tx.rows(
        """INSERT INTO jobs.asked (region, job, what, reason, on_day) VALUES (%(region)s, %(job)s, %(what)s, %(reason)s, %(day)s)
           RETURNING n, asked_by""",
        region=tx.region,
        job=name,
        what=what,
        reason=reason.strip(),
        day=day,
    )[0]
    return JobRequest(n, name, what, reason.strip(), day, by)


def paused(tx: Transaction) -> dict[str, JobRequest]:
    """The jobs at rest, each with who said so and why."""
    rows = tx.rows(
        """SELECT DISTINCT ON (a.job) a.n, a.job, a.what, a.reason, a.on_day, a.asked_by FROM jobs.asked a
            WHERE a.region = %(region)s AND a.what <> 'run' ORDER BY a.job, a.n DESC""",
        region=tx.region,
    )
    return {one.job: one for row in rows if (one := JobRequest(*row)).what == "pause"}


def waiting(tx: Transaction, job: str) -> list[JobRequest]:
    """The runs that were asked for and not begun, or whose worker died; in the order they were asked."""
    rows = tx.rows(
        """SELECT a.n, a.job, a.what, a.reason, a.on_day, a.asked_by FROM jobs.asked a
            WHERE a.region = %(region)s AND a.job = %(job)s AND a.what = 'run'
              AND coalesce((SELECT bool_or(r.state = 'running' AND r.lease_until < clock_timestamp()) FROM jobs.job_run r
                  WHERE r.region = a.region AND r.job = a.job AND starts_with(r.slot || ' ', a.on_day::text || ' R' || a.n || ' ')), true)
            ORDER BY a.n""",
        region=tx.region,
        job=job,
    )
    return [JobRequest(*row) for row in rows]
