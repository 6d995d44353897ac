"""Jobs: what runs by itself, its last and next times, failures; a run now, a rest, a going on by who may ask for one."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.dates import SHANGHAI, moment_of
from ledger.web.show import page
from ledger.web.sitting import Desk
from scheduler.jobs.catalogue import job_named
from scheduler.listing import jobs_of, runs_of

RUNS: Final = 100


def jobs(desk: Desk, _request: Request) -> Response:
    """All jobs of the region, and the latest runs of one or of all."""
    asked = desk.query.get("job", "")
    name = job_named(asked).name if asked else ""
    with desk.tx() as tx:
        found = jobs_of(tx, moment_of(desk.house.settings.clock()))
        runs = runs_of(tx, name, RUNS)
    return page(desk, "jobs.html", title="定时任务", found=found, runs=runs, job=name, zone=SHANGHAI)
