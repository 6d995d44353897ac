"""Settlement records as stored, and what was refused. The person's number and the raw text stay inside."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Response

from ledger.api.calling import PAGE, Calling, LimitQuery, RegionQuery, as_json
from ledger.api.description import described
from ledger.api.scope import in_region
from ledger.core.errors import NotFound

router = APIRouter(prefix="/api/v1", tags=["结算记录"])


@router.get(
    "/settlements/{setl_id}",
    summary="结算记录与应付款",
    responses=described("Settlement"),
    response_class=Response,
)
def settlement(
    call: Calling,
    setl_id: Annotated[str, Path(pattern=r"^[!#-&(-.0-\[\]-{}~]{1,30}$", description="结算ID")],
) -> Response:
    """The record, what is owed for it, and the order that pays it."""
    for region in call.caller.regions:
        with call.tx(region) as tx:
            row = tx.row(
                """SELECT fixmedins_code, insutype, med_type, clr_type, setl_time, init_setl_id, medfee_sumamt,
                          fund_pay_sumamt, acct_pay, content_digest FROM fund.record
                    WHERE region = %(region)s AND setl_id = %(id)s""",
                region=region,
                id=setl_id,
            )
            if row is None:
                continue
            payables = tx.rows(
                """SELECT fund, subfund, service_year, term, category, day, fund_fen, daily_fen, recognised_by, order_no
                     FROM fund.payable WHERE region = %(region)s AND setl_id = %(id)s ORDER BY fund, subfund""",
                region=region,
                id=setl_id,
            )
        institution, insutype, med_type, clr_type, moment, original, medfee, fund_pay, acct_pay, digest = row
        return as_json(
            {
                "setl_id": setl_id,
                "region": region,
                "institution": institution,
                "insutype": insutype,
                "med_type": med_type,
                "clr_type": clr_type,
                "setl_time": moment.isoformat(sep=" "),
                "reverses": original or None,
                "medfee_sumamt_fen": str(medfee),
                "fund_pay_sumamt_fen": str(fund_pay),
                "acct_pay_fen": str(acct_pay),
                "content_sha256": bytes(digest).hex(),
                "payables": [
                    {
                        "fund": fund,
                        "subfund": subfund,
                        "service_year": year,
                        "term": str(term),
                        "category": category,
                        "day": day.isoformat(),
                        "fund_fen": str(fund_fen),
                        "daily_fen": str(daily_fen),
                        "recognised_by": recognised_by or None,
                        "order": order_no or None,
                    }
                    for fund, subfund, year, term, category, day, fund_fen, daily_fen, recognised_by, order_no in payables
                ],
            }
        )
    raise NotFound("record.unknown", "没有这条结算记录")


@router.get(
    "/quarantine", summary="隔离的记录与原因", responses=described("Quarantine"), response_class=Response
)
def quarantined(
    call: Calling,
    region: RegionQuery = None,
    code: Annotated[
        str | None, Query(pattern=r"^[a-z_]+(\.[a-z_]+)*$", max_length=60, description="原因代码")
    ] = None,
    after: Annotated[
        str | None, Query(pattern=r"^[0-9]{1,18}\.[0-9]{1,18}$", description="上一页的next")
    ] = None,
    limit: LimitQuery = PAGE,
) -> Response:
    """Refused lines in the order of their coming. What named no region is shown to the user who sent it."""
    chosen = in_region(call.caller, region)
    load, line = (int(part) for part in (after or "0.0").split("."))
    with call.tx(chosen) as tx:
        rows = tx.rows(
            """SELECT q.region, q.load_id, q.line, q.setl_id, q.field, q.code, q.message, q.state, l.file_name
                 FROM fund.quarantine q JOIN fund.intake_load l ON l.region = 0 AND l.load_id = q.load_id
                WHERE (q.region = %(region)s OR q.region = 0 AND l.loaded_by = %(user)s)
                  AND (q.load_id, q.line) > (%(load)s, %(line)s)
                  AND (%(code)s::text IS NULL OR q.code = %(code)s)
                ORDER BY q.load_id, q.line LIMIT %(limit)s""",
            region=chosen,
            user=call.caller.user,
            load=load,
            line=line,
            code=code,
            limit=limit + 1,
        )
    shown = rows[:limit]
    names = ("setl_id", "field", "code", "message", "state", "file")
    return as_json(
        {
            "quarantine": [
                {"region": row[0] or None, "load": row[1], "line": row[2]}
                | dict(zip(names, row[3:], strict=True))
                for row in shown
            ],
            "next": f"{shown[-1][1]}.{shown[-1][2]}" if len(rows) > limit else None,
        }
    )
