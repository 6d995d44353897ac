"""What persons ask of the worker: a run now, a rest, a going on. The worker answers within a minute; nobody else runs a job."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from ledger.db.unit_of_work import Transaction
from scheduler.jobs.catalogue import job_named
from scheduler.jobs.job import CATCH_UP_DAYS


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


def waiting(tx: Transaction, job: str, suffixes: Sequence[str], day: date) -> list[JobRequest]:
    """The runs that were asked for, of which a part was not begun or its worker died; in the order they were asked.

    `suffixes`: of the job's parts. One asked for long ago asks for nothing of a book that came later.
    """
    rows = tx.rows(
        """SELECT a.n, a.job, a.what, a.reason, a.on_day, a.asked_by FROM jobs.asked a
            CROSS JOIN LATERAL (
                SELECT count(r.slot) AS begun, count(*) AS parts,
                       bool_or(r.state = 'running' AND r.lease_until < clock_timestamp()) AS died
                  FROM unnest(%(suffixes)s::text[]) AS s (suffix)
                  LEFT JOIN jobs.job_run r ON r.region = a.region AND r.job = a.job AND r.slot = a.on_day::text || ' R' || a.n || s.suffix) p
            WHERE a.region = %(region)s AND a.job = %(job)s AND a.what = 'run'
              AND (p.begun = 0 OR p.died OR p.begun < p.parts AND a.on_day >= %(since)s)
            ORDER BY a.n""",
        region=tx.region,
        job=job,
        suffixes=list(suffixes),
        since=day - timedelta(days=CATCH_UP_DAYS),
    )
    return [JobRequest(*row) for row in rows]
