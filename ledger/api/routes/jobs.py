"""What runs by itself: the jobs of a region and their runs. Asking for one is `POST /api/v1/acts/jobs/run-now`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from ledger.api.calling import Calling, RegionQuery, as_json
from ledger.api.description import described
from ledger.api.scope import in_region
from ledger.core.dates import moment_of
from scheduler.jobs.catalogue import job_named
from scheduler.listing import jobs_of, runs_of

router = APIRouter(prefix="/api/v1/jobs", tags=["定时任务"])


@router.get(
    "", summary="定时任务：何时、上次如何、下次何时", responses=described("Jobs"), response_class=Response
)
def jobs(call: Calling, request: Request, region: RegionQuery = None) -> Response:
    """All jobs of a region."""
    with call.tx(in_region(call.caller, region)) as tx:
        return as_json({"jobs": [one.as_json() for one in jobs_of(tx, moment_of(request.app.state.clock))]})


@router.get("/{job}/runs", summary="一项任务的运行", responses=described("JobRuns"), response_class=Response)
def runs(
    job: str,
    call: Calling,
    region: RegionQuery = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> Response:
    """The latest runs of a job; raises NotFound `job.unknown`."""
    name = job_named(job).name
    with call.tx(in_region(call.caller, region)) as tx:
        return as_json({"runs": [one.as_json() for one in runs_of(tx, name, limit)]})
