"""Alarms that stand: what raised them, since when, who has seen them. Seeing one is `POST /api/v1/acts/alarms/see`."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Request, Response

from ledger.api.calling import Calling, RegionQuery, as_json
from ledger.api.description import described
from ledger.api.scope import in_region
from ledger.control.alarms.standing import Moment, standing, told
from ledger.core.dates import machine_seconds, moment_of

router = APIRouter(prefix="/api/v1/alarms", tags=["告警"])


@router.get("", summary="现有的告警", responses=described("Alarms"), response_class=Response)
def alarms(call: Calling, request: Request, region: RegionQuery = None) -> Response:
    """All that stand in a region and in the installation, the gravest first."""
    now: datetime = moment_of(request.app.state.clock)
    with call.tx(in_region(call.caller, region)) as tx:
        return as_json({"alarms": [told(one) for one in standing(tx, Moment(now, machine_seconds()))]})
