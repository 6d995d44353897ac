"""Leases on job runs: a job's slot is done once, whichever worker does it.

Who holds a run writes under it only: each of its transactions ends with the question whether the run is held still
(`ledger.db.unit_of_work.ENDING`), so that a worker that lost its lease changes nothing, however late it wakes.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, NamedTuple

from ledger.core.errors import LedgerError
from ledger.db.connections import Engine
from ledger.db.unit_of_work import ENDING, Ending, unit_of_work

LEASE_SECONDS: Final = 300
"""Made longer while the work goes on; this long after its worker died another may take a run over."""
_LOG: Final = logging.getLogger("fundledger.worker")


_STILL_HELD: Final = "SELECT jobs.require_lease({region}, {job}, {slot}, {epoch})"


class Lease(NamedTuple):
    """A run that this thread holds: region, job, slot, and how often the slot was claimed."""

    region: int
    job: str
    slot: str
    epoch: int


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

    A slot that failed is tried again by the next call. A fault of the program is a failure too, and logged. Raises what
    opening a transaction raises: the run is then taken over once its lease is over.
    """
    around = ENDING.set(None)  # the claim is nobody's work
    try:
        epoch = _claim(engine, user, owner, region, job, slot)
        if epoch is None:
            return Run(job, region, slot, "taken")
        lease = Lease(region, job, slot, epoch)
        state, message = _work(engine, user, lease, work)
        if not _finish(engine, user, lease, state, message):
            return Run(job, region, slot, "taken", "租约已被接管")
        return Run(job, region, slot, state, message)
    finally:
        ENDING.reset(around)


def _work(engine: Engine, user: str, lease: Lease, work: Callable[[], str]) -> tuple[str, str]:
    """`done` and its answer, or `failed` and why."""
    token = ENDING.set(Ending(lease.region, _STILL_HELD, lease._asdict()))
    try:
        with _renewed(engine, user, lease):
            return "done", work()
    except LedgerError as refusal:
        return "failed", f"{refusal.code}：{refusal.message}"
    except Exception as fault:  # noqa: BLE001 what no rule foresaw must not leave the run without an end
        _LOG.exception("job %s of %s in %s", lease.job, lease.slot, lease.region)
        return "failed", f"job.fault：程序出错（{type(fault).__name__}），详见worker的日志"
    finally:
        ENDING.reset(token)


@contextmanager
def _renewed(engine: Engine, user: str, lease: Lease) -> Iterator[None]:
    """The lease made longer by a thread of its own while the block runs; one that was lost stays lost."""
    ended = threading.Event()

    def renew() -> None:
        while not ended.wait(LEASE_SECONDS / 3):
            try:
                with unit_of_work(engine, user, lease.region) as tx:
                    tx.run(
                        """UPDATE jobs.job_run SET lease_until = clock_timestamp() + make_interval(secs => %(lease)s)
                            WHERE region = %(region)s AND job = %(job)s AND slot = %(slot)s AND epoch = %(epoch)s AND state = 'running'""",
                        lease=LEASE_SECONDS,
                        **lease._asdict(),
                    )
            except LedgerError as refusal:  # a database that is away comes back, or the lease runs out
                _LOG.warning("lease of %s %s not made longer: %s", lease.job, lease.slot, refusal.code)

    thread = threading.Thread(target=renew, name=f"lease {lease.job}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


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


def _finish(engine: Engine, user: str, lease: Lease, state: str, message: str) -> bool:
    """Write the outcome, unless another worker has the slot by now."""
    with unit_of_work(engine, user, lease.region) as tx:
        return bool(
            tx.run(
                """UPDATE jobs.job_run SET state = %(state)s, message = %(message)s
                    WHERE region = %(region)s AND job = %(job)s AND slot = %(slot)s AND epoch = %(epoch)s""",
                **lease._asdict(),
                state=state,
                message=message[:500],
            )
        )
