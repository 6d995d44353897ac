"""Payment orders, page by page in the order of their numbers."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Query, Response

from ledger.api.calling import DAY, PAGE, Calling, LimitQuery, RegionQuery, as_json
from ledger.api.description import described
from ledger.api.scope import in_region
from ledger.core.dates import parse_day
from ledger.core.errors import NotFound
from ledger.db.safekeeping.fields import read_shown, shown_rows
from ledger.payments.incoming.proven import read_refusals

router = APIRouter(prefix="/api/v1/orders", tags=["拨付单"])

ORDER_NO: Final = r"^FL[0-9A-Z-]{8,33}$"
STATES: Final = "^(draft|approved|filed|sending|sent|unknown|accepted|paid|rejected|returned|cancelled)$"


@router.get("", summary="拨付单列表", responses=described("Orders"), response_class=Response)
def orders(
    call: Calling,
    region: RegionQuery = None,
    state: Annotated[str | None, Query(pattern=STATES, description="状态")] = None,
    date: Annotated[str | None, Query(pattern=DAY, description="拨付日")] = None,
    institution: Annotated[
        str | None, Query(pattern="^[A-Z][0-9A-Z]{5,29}$", description="定点医药机构")
    ] = None,
    after: Annotated[str | None, Query(pattern=ORDER_NO, description="上一页的next")] = None,
    limit: LimitQuery = PAGE,
) -> Response:
    """Orders with a number after `after`; `next` is null on the last page."""
    chosen = in_region(call.caller, region)
    with call.tx(chosen) as tx:
        rows = tx.rows(
            """SELECT o.order_no, o.fund, o.batch_id, b.pay_date, o.institution, o.amount_fen, o.state, o.replaces, o.first_payment
                 FROM payments.pay_order o JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id
                WHERE o.region = %(region)s AND o.order_no > %(after)s
                  AND (%(state)s::text IS NULL OR o.state = %(state)s)
                  AND (%(day)s::date IS NULL OR b.pay_date = %(day)s)
                  AND (%(institution)s::text IS NULL OR o.institution = %(institution)s)
                ORDER BY o.order_no LIMIT %(limit)s""",
            region=chosen,
            after=after or "",
            state=state,
            day=parse_day(date) if date else None,
            institution=institution,
            limit=limit + 1,
        )
    shown = rows[:limit]
    return as_json(
        {
            "orders": [_brief(row) for row in shown],
            "next": shown[-1][0] if len(rows) > limit else None,
        }
    )


def _brief(row: Any) -> dict[str, object]:
    order_no, fund, batch, pay_date, institution, amount, state, replaces, first = row
    return {
        "order": order_no,
        "fund": fund,
        "batch": batch,
        "date": pay_date.isoformat(),
        "institution": institution,
        "amount_fen": str(amount),
        "state": state,
        "replaces": replaces or None,
        "first_payment": first,
    }


@router.get("/{order}", summary="拨付单", responses=described("Order"), response_class=Response)
def order_of(
    call: Calling, order: Annotated[str, Path(pattern=ORDER_NO, description="拨付单号")]
) -> Response:
    """One order with what it is made of and what happened to it."""
    for region in call.caller.regions:
        with call.tx(region) as tx:
            row = tx.row(
                """SELECT o.order_no, o.fund, o.batch_id, b.pay_date, o.institution, o.amount_fen, o.state, o.replaces, o.first_payment,
                          o.payee_name, o.payee_number, o.payee_bank, o.payee_cnaps, o.purpose, o.account, o.file_id
                     FROM payments.pay_order o JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id
                    WHERE o.region = %(region)s AND o.order_no = %(order)s""",
                region=region,
                order=order,
            )
            if row is None:
                continue
            [row] = shown_rows(tx, [row])
            items = tx.rows(
                """SELECT source, subfund, service_year, term, category, amount_fen FROM payments.order_item
                    WHERE region = %(region)s AND order_no = %(order)s ORDER BY n""",
                region=region,
                order=order,
            )
            events = read_shown(
                tx,
                """SELECT event, from_state, to_state, user_name, business_date, reason FROM payments.order_event
                    WHERE region = %(region)s AND order_no = %(order)s ORDER BY n""",
                region=region,
                order=order,
            )
            refusals = read_refusals(tx, order)
        names = ("payee_name", "payee_number", "payee_bank", "payee_cnaps", "purpose", "account")
        return as_json(
            _brief(row[:9])
            | dict(zip(names, row[9:15], strict=True))
            | {
                "file": row[15] or None,
                "refusal": refusals[0].as_json() if refusals else None,
                "items": [
                    {
                        "source": str(source),
                        "subfund": subfund,
                        "service_year": year,
                        "term": str(term),
                        "category": category,
                        "amount_fen": str(amount),
                    }
                    for source, subfund, year, term, category, amount in items
                ],
                "events": [
                    {
                        "event": event,
                        "from": before,
                        "to": to,
                        "user": user,
                        "date": day.isoformat(),
                        "reason": reason,
                    }
                    for event, before, to, user, day, reason in events
                ],
            }
        )
    raise NotFound("order.unknown", "没有这张拨付单")
