"""Designated institutions as they stand today, and what waits for a second person: the digest that a confirmation needs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from ledger.api.calling import Calling, RegionQuery, as_json
from ledger.api.description import described
from ledger.api.scope import in_region
from ledger.fund.institutions.documents import list_institutions, show_institution

router = APIRouter(prefix="/api/v1/institutions", tags=["定点医药机构"])

CodePath = Annotated[str, Path(pattern="^[A-Z][0-9A-Z]{5,29}$", description="机构编码")]


@router.get("", summary="机构与待确认事项", responses=described("Institutions"), response_class=Response)
def institutions(
    call: Calling,
    region: RegionQuery = None,
    *,
    open: Annotated[bool, Query(description="只列有待确认事项的机构")] = False,  # noqa: A002 as it is typed
) -> Response:
    """All of a region; `digest` stands for everything in `open`."""
    with call.tx(in_region(call.caller, region)) as tx:
        return as_json(list_institutions(tx, call.today, waiting_only=open).as_json())


@router.get(
    "/{code}", summary="一家机构，新旧对照", responses=described("Institution"), response_class=Response
)
def institution(call: Calling, code: CodePath, region: RegionQuery = None) -> Response:
    """What is in force beside what is proposed, and every account it ever had."""
    with call.tx(in_region(call.caller, region)) as tx:
        return as_json(show_institution(tx, call.today, code).as_json())
