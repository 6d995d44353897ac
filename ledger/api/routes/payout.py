"""The acts of a payout day: run, approve, file, send, receive.

Run, approval and filing are one transaction with their key. Sending and receiving commit by themselves and know a
repetition: the same bytes are delivered again, what is known is skipped.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import Field

from ledger.api.acting import Digest, RegionBody, act, act_by_steps
from ledger.api.calling import DAY, Calling, RegionQuery, as_json
from ledger.api.description import described
from ledger.api.scope import in_region
from ledger.bootstrap import App
from ledger.core.dates import parse_day
from ledger.core.errors import NotFound
from ledger.db.unit_of_work import Transaction
from ledger.fund.daily.run import run_daily_in
from ledger.payments.incoming.receive import receive
from ledger.payments.orders.approve import approve_in
from ledger.payments.orders.day_list import day_list
from ledger.payments.out.files import file_in
from ledger.payments.out.send import send

router = APIRouter(prefix="/api/v1", tags=["日拨付"])

BatchPath = Annotated[str, Path(pattern=r"^[0-9A-Za-z-]{1,40}$", description="拨付批次")]


class RunBody(RegionBody):
    """Which day to pay out."""

    date: Annotated[str, Field(strict=True, pattern=DAY, description="拨付日")]


@router.get(
    "/payout-days/{day}",
    summary="一天待审批的全部批次，及审批它们的一个摘要",
    responses=described("PayoutDay"),
    response_class=Response,
)
def payout_day(
    call: Calling,
    day: Annotated[str, Path(pattern=DAY, description="拨付日")],
    region: RegionQuery = None,
    without: Annotated[list[str] | None, Query(max_length=100, description="不在此次审批之内的批次")] = None,
) -> Response:
    """Every drafted or approved batch of the day with its orders; approved by `POST /api/v1/acts/day/approve`."""
    with call.tx(in_region(call.caller, region)) as tx:
        return as_json(day_list(tx, parse_day(day), without or ()).as_json())


class BatchApprovalBody(RegionBody):
    """What was looked at before approving: the digest binds the approval to it."""

    digest: Digest


@router.post(
    "/daily-runs", summary="日拨付：入账并制单", responses=described("DailyRun"), response_class=Response
)
def run(call: Calling, request: Request, body: RunBody) -> Response:
    """Book what arrived and draft what is owed up to the day before; what is drafted is not drafted twice."""
    day = parse_day(body.date)

    def effect(tx: Transaction) -> dict[str, object]:
        return run_daily_in(tx, day, App.bears()).as_json()

    return act(call, request, body.region, "daily.run", body.date, effect)


@router.post(
    "/batches/{batch}/approval",
    summary="审批批次：须为制单人以外的另一人，且摘要相符",
    responses=described("Approval"),
    response_class=Response,
)
def approval(call: Calling, request: Request, batch: BatchPath, body: BatchApprovalBody) -> Response:
    """Approve exactly what was drafted, and book the orders."""

    def effect(tx: Transaction) -> dict[str, object]:
        done = approve_in(tx, batch, bytes.fromhex(body.digest), call.today)
        return {
            "region": done.region,
            "batch": done.batch_id,
            "digest": done.digest.hex(),
            "prepared_by": done.prepared_by,
            "approved_by": done.approved_by,
            "approved_on": done.approved_on.isoformat(),
            "orders": done.orders,
            "total_fen": str(done.total_fen),
        }

    return act(call, request, body.region, "payments.approve", batch, effect)


@router.post(
    "/batches/{batch}/files",
    summary="制盘：生成付款文件",
    responses=described("Filing"),
    response_class=Response,
)
def filing(call: Calling, request: Request, batch: BatchPath, body: RegionBody) -> Response:
    """Put the approved orders of a batch into payment files."""

    app = App(request.app.state.settings, call.caller.user, call.engine, at_rest="read")

    def effect(tx: Transaction) -> dict[str, object]:
        done = file_in(tx, batch, lambda account: app.bank(body.region, account), app.now())
        return {
            "batch": done.batch_id,
            "files": [
                {
                    "file": made.file_id,
                    "name": made.name,
                    "account": made.account,
                    "orders": made.orders,
                    "total_fen": str(made.total_fen),
                    "sha256": made.sha256.hex(),
                    "sm3": made.sm3.hex(),
                }
                for made in done.files
            ],
            "voided": list(done.voided),
            "cancelled": [{"order": order, "reason": reason} for order, reason in done.cancelled],
            "unbearable": [{"order": order, "reason": why} for order, why in done.unbearable],
        }

    try:
        return act(call, request, body.region, "payments.file", batch, effect)
    finally:
        app.close()


@router.post(
    "/deliveries", summary="发送付款文件", responses=described("Deliveries"), response_class=Response
)
def delivery(call: Calling, request: Request, body: RegionBody) -> Response:
    """Deliver every file of the region that waits, or whose delivery is not known to have succeeded."""

    def effect(app: App) -> dict[str, object]:
        region = body.region
        done = send(
            app.engine, app.user, region, lambda account: app.bank(region, account), app.clock.today()
        )
        return {
            "files": [
                {
                    "file": sent.file_id,
                    "outcome": sent.outcome,
                    "orders": sent.orders,
                    "total_fen": str(sent.total_fen),
                    "code": sent.code,
                    "message": sent.message,
                }
                for sent in done
            ]
        }

    return act_by_steps(call, request, body.region, "payments.send", str(body.region), effect)


@router.post(
    "/receptions", summary="接收银行回执", responses=described("Receptions"), response_class=Response
)
def reception(call: Calling, request: Request, body: RegionBody) -> Response:
    """Take what lies in the banks' outboxes for the region's 支出户 and book it."""

    def effect(app: App) -> dict[str, object]:
        region, found = body.region, []
        for account in app.expenditure_accounts(region):
            done = receive(
                app.engine, app.user, region, account, app.bank(region, account), app.clock.today()
            )
            found.append(
                {
                    "account": account,
                    "files": done.files,
                    "repeated": done.repeated,
                    "quarantined": done.quarantined,
                    "outcomes": dict(done.outcomes),
                    "events": dict(done.events),
                    "problems": len(done.problems),
                    "failures": len(done.failures),
                }
            )
        return {"accounts": found}

    return act_by_steps(call, request, body.region, "payments.receive", str(body.region), effect)


@router.get("/batches/{batch}", summary="批次与其摘要", responses=described("Batch"), response_class=Response)
def batch_of(call: Calling, batch: BatchPath) -> Response:
    """What a checker looks at before approving."""
    for region in call.caller.regions:
        with call.tx(region) as tx:
            row = tx.row(
                """SELECT b.fund, b.kind, b.pay_date, b.upto, b.prepared_by, b.digest, coalesce(a.approved_by, ''),
                          count(*), sum(o.amount_fen)::bigint
                     FROM payments.batch b
                     JOIN payments.pay_order o ON o.region = b.region AND o.batch_id = b.batch_id
                     LEFT JOIN payments.approval a ON a.region = b.region AND a.batch_id = b.batch_id
                    WHERE b.region = %(region)s AND b.batch_id = %(batch)s GROUP BY 1, 2, 3, 4, 5, 6, 7""",
                region=region,
                batch=batch,
            )
        if row is not None:
            fund, kind, pay_date, upto, prepared_by, digest, approved_by, orders, total = row
            return as_json(
                {
                    "batch": batch,
                    "region": region,
                    "fund": fund,
                    "kind": kind,
                    "pay_date": pay_date.isoformat(),
                    "upto": upto.isoformat(),
                    "prepared_by": prepared_by,
                    "approved_by": approved_by,
                    "digest": bytes(digest).hex(),
                    "orders": orders,
                    "total_fen": str(total),
                }
            )
    raise NotFound("batch.unknown", "没有这个拨付批次")
