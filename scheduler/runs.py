"""Leases on job runs: a job's slot is done once, whichever worker does it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ledger.core.errors import LedgerError
from ledger.db.connections import Engine
from ledger.db.unit_of_work import unit_of_work

LEASE_SECONDS: Final = 900
"""Longer than any job should take; after that another worker may take the slot over."""


@dataclass(frozen=True, slots=True)
class Run:
    """What became of one slot: `done`, `failed`, or `taken` (done before, or another worker is at it)."""

    job: str
    region: int
    slot: str
    state: str
    message: str = ""


def run_once(
    engine: Engine, user: str, owner: str, region: int, job: str, slot: str, work: Callable[[], str]
) -> Run:
    """Do `work` for the slot unless it is done or in somebody's hands; its answer or refusal is kept.

    A slot that failed is tried again by the next call. Raises what opening a transaction raises.
    """
    epoch = _claim(engine, user, owner, region, job, slot)
    if epoch is None:
        return Run(job, region, slot, "taken")
    try:
        state, message = "done", work()
    except LedgerError as refusal:
        state, message = "failed", f"{refusal.code}：{refusal.message}"
    if not _finish(engine, user, region, job, slot, epoch, state, message):
        return Run(job, region, slot, "taken", "租约已被接管")
    return Run(job, region, slot, state, message)


def _claim(engine: Engine, user: str, owner: str, region: int, job: str, slot: str) -> int | None:
    """The epoch of our lease; None if the slot is done, or its lease still runs."""
    with unit_of_work(engine, user, region) as tx:
        epoch: int | None = tx.value(
            """INSERT INTO jobs.job_run AS r VALUES (%(region)s, %(job)s, %(slot)s, 'running', %(owner)s, 1,
                   clock_timestamp() + make_interval(secs => %(lease)s), '')
               ON CONFLICT (region, job, slot) DO UPDATE SET state = 'running', owner = excluded.owner, epoch = r.epoch + 1,
                   lease_until = excluded.lease_until, message = ''
                WHERE r.state = 'failed' OR r.state = 'running' AND r.lease_until < excluded.lease_until - make_interval(secs => %(lease)s)
               RETURNING epoch""",
            region=region,
            job=job,
            slot=slot,
            owner=owner,
            lease=LEASE_SECONDS,
        )
        return epoch


def _finish(
    engine: Engine, user: str, region: int, job: str, slot: str, epoch: int, state: str, message: str
) -> bool:
    """Write the outcome, unless another worker has the slot by now."""
    with unit_of_work(engine, user, region) as tx:
        return bool(
            tx.run(
                """UPDATE jobs.job_run SET state = %(state)s, message = %(message)s
                    WHERE region = %(region)s AND job = %(job)s AND slot = %(slot)s AND epoch = %(epoch)s""",
                region=region,
                job=job,
                slot=slot,
                epoch=epoch,
                state=state,
                message=message[:500],
            )
        )
