"""The monitor's figures, and cases of risk; the steps of a case are acts (`POST /api/v1/acts/risk/propose`)."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from ledger.api.calling import DAY, Calling, RegionQuery, as_json
from ledger.api.description import described
from ledger.api.scope import in_region
from ledger.control.monitor.shown import read_monitor
from ledger.control.risk.cases import read_case, read_cases
from ledger.core.dates import parse_day

router = APIRouter(prefix="/api/v1", tags=["监测与风险"])

Institution = Annotated[str | None, Query(pattern="^[A-Z][0-9A-Z]{5,29}$", description="只看一家机构")]
NUMBER_MAX = 2_000_000_000


@router.get("/monitor", summary="一日的监测数据", responses=described("Monitor"), response_class=Response)
def monitor(
    call: Calling,
    region: RegionQuery = None,
    day: Annotated[str | None, Query(pattern=DAY, description="哪一日；缺省为业务日期")] = None,
    fund: Annotated[str | None, Query(pattern="^(310|390)$", description="险种；缺省为全部")] = None,
    institution: Institution = None,
    term: Annotated[
        str | None,
        Query(pattern="^20[0-9]{2}(0[1-9]|1[0-2])$", description="覆盖率的期号；缺省为最近已结算的"),
    ] = None,
) -> Response:
    """Today's as they are now, an earlier day's as the job counted them last."""
    looked = parse_day(day) if day else call.today
    with call.tx(in_region(call.caller, region)) as tx:
        found = read_monitor(
            tx, looked, call.today, fund=int(fund or 0), institution=institution or "", term=int(term or 0)
        )
        return as_json(found.as_json())


@router.get("/risk", summary="风险事项", responses=described("RiskCases"), response_class=Response)
def cases(
    call: Calling,
    region: RegionQuery = None,
    institution: Institution = None,
    *,
    open: Annotated[bool, Query(description="只列未办结的")] = False,  # noqa: A002 as it is typed
) -> Response:
    """Newest first; `digest` stands for the step that waits."""
    with call.tx(in_region(call.caller, region)) as tx:
        found = read_cases(tx, institution=institution or "", open_only=open)
        return as_json({"cases": [one.as_json() for one in found]})


@router.get("/risk/{case}", summary="一件风险事项", responses=described("RiskCase"), response_class=Response)
def one(
    call: Calling, case: Annotated[int, Path(ge=1, le=NUMBER_MAX)], region: RegionQuery = None
) -> Response:
    """What the rule read, and every step."""
    with call.tx(in_region(call.caller, region)) as tx:
        return as_json(read_case(tx, case).as_json())
