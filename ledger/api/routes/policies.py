"""A region's dated choices, and what waits for a second person: the digest that a confirmation needs."""

from __future__ import annotations

from fastapi import APIRouter, Response

from ledger.api.calling import Calling, RegionQuery, as_json
from ledger.api.description import described
from ledger.api.scope import in_region
from ledger.fund.region.choices import read_choices

router = APIRouter(prefix="/api/v1/policies", tags=["统筹区的选择"])


@router.get("", summary="在用与待确认的选择", responses=described("Policies"), response_class=Response)
def policies(call: Calling, region: RegionQuery = None) -> Response:
    """All of a region; `digest` stands for everything in `open`."""
    with call.tx(in_region(call.caller, region)) as tx:
        return as_json(read_choices(tx).as_json())
