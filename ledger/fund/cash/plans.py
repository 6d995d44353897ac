"""请款 by a month's plan 用款计划 and as a float 周转金 (财会〔2017〕28号1003四（二）); which of them a region uses is its policy.

A monthly plan says what each kind of payment will take in a month; its request is what of that is not there. A float stays in the 支出户
for daily payouts: every other kind leaves it, and a request by what falls due makes it whole again.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import NamedTuple

from ledger.core.accounts import FISCAL_KIND, SPENDING_KIND
from ledger.core.dates import last_day_of
from ledger.core.errors import Conflict, InvalidInput
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import Transaction
from ledger.fund.cash.fund_request import (
    Asking,
    FundRequest,
    float_fen,
    need,
    own_of,
    read_requests,
    store_request,
)
from ledger.fund.ordering.available import available_fen
from ledger.fund.ordering.forecast import KINDS, Due, total
from ledger.fund.signed.request import require_amount


class PlanLine(NamedTuple):
    """A kind of payment in a month: planned and paid (returns taken off), in fen."""

    kind: str
    planned_fen: int
    paid_fen: int


class PlanShown(NamedTuple):
    """A month's plan beside what came of it; fen. `state` is "" where the month has none."""

    month: int
    state: str
    lines: tuple[PlanLine, ...]
    asked_fen: int
    granted_fen: int
    """By the plan, and by what fell due beside it, in that month."""
    float_fen: int


def request_plan(
    tx: Transaction, fund: int, month: int, planned: Mapping[str, int], day: date, amount_fen: int = 0
) -> FundRequest:
    """Ask as maker for a month's money by kind (`planned`, fen); what is there and not the float is taken off, or ask for less.

    The same plan again gives the first answer. Raises InvalidInput `cash.plan` (a kind there is not, nothing planned, above the
    plan, a month that is over), `period.format`; Conflict `cash.enough`, `cash.basis`, `db.duplicate` (another plan of the month),
    `book.no_account`; Forbidden `access.role_missing`.
    """
    upto = last_day_of(month)
    if not planned or any(kind not in KINDS or fen <= 0 for kind, fen in planned.items()):
        raise InvalidInput("cash.plan", f"用款计划应按{'、'.join(KINDS)}写明金额，各大于零")
    dues = [Due(kind, upto, planned[kind]) for kind in KINDS if kind in planned]
    for known in read_requests(tx, fund=fund):
        if (known.basis, known.month, list(known.lines)) == (
            "plan",
            month,
            dues,
        ) and known.state != "refused":
            return known
    account, fiscal = own_of(tx, fund, SPENDING_KIND), own_of(tx, fund, FISCAL_KIND)
    _, available, asked = need(tx, fund, day, day)
    wanted = total(dues) - available - asked
    if wanted <= 0:
        raise Conflict(
            "cash.enough",
            f"{month}用款计划{yuan_grouped(total(dues))}元，可用{yuan_grouped(available)}元，"
            f"已请未拨{yuan_grouped(asked)}元，无须请款",
        )
    if amount_fen:
        require_amount(amount_fen)
        if amount_fen > wanted:
            raise InvalidInput(
                "cash.above_need", f"请款{yuan_grouped(amount_fen)}元超过所需{yuan_grouped(wanted)}元"
            )
    asking = Asking("plan", upto, total(dues), available, amount_fen or wanted, month)
    return store_request(tx, fund, (account, fiscal), asking, dues, day)


def request_float(tx: Transaction, fund: int, amount_fen: int, day: date) -> FundRequest:
    """Ask as maker for a float, or for more of it, up to the region's limit; the same again on the day gives the first answer.

    Raises Conflict `cash.basis`, `cash.float_limit`, `book.no_account`; InvalidInput `request.amount`; Forbidden
    `access.role_missing`.
    """
    require_amount(amount_fen)
    for known in read_requests(tx, fund=fund):
        same = (known.basis, known.prepared_on, known.amount_fen) == ("float", day, amount_fen)
        if same and known.state in ("requested", "approved"):
            return known
    account, fiscal = own_of(tx, fund, SPENDING_KIND), own_of(tx, fund, FISCAL_KIND)
    asking = Asking("float", day, 0, available_fen(tx, fund, account), amount_fen)
    return store_request(tx, fund, (account, fiscal), asking, [], day)


def shown(tx: Transaction, fund: int, month: int) -> PlanShown:
    """The month's plan beside what was asked for, granted and paid; raises InvalidInput `period.format`."""
    last = last_day_of(month)
    requests = [
        one for one in read_requests(tx, fund=fund) if one.state != "refused" and one.basis != "float"
    ]
    plan = next((one for one in requests if one.basis == "plan" and one.month == month), None)
    planned = {due.kind: due.amount_fen for due in plan.lines} if plan else {}
    paid: dict[str, int] = dict(
        tx.rows(
            "SELECT b.kind, sum(CASE v.direction WHEN 'debit' THEN v.amount_fen ELSE -v.amount_fen END)::bigint"
            "  FROM payments.evidence v JOIN payments.pay_order o ON o.region = v.region AND o.order_no = v.matched_order"
            "  JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id"
            " WHERE v.region = %(region)s AND v.outcome = 'posted' AND o.fund = %(fund)s"
            "   AND v.booking_date BETWEEN %(first)s AND %(last)s GROUP BY 1",
            region=tx.region,
            fund=fund,
            first=last.replace(day=1),
            last=last,
        )
    )
    lines = tuple(
        PlanLine(kind, planned.get(kind, 0), paid.get(kind, 0))
        for kind in KINDS
        if kind in planned or kind in paid
    )
    asked = [
        one for one in requests
        if one.month == month or (one.basis == "due" and last.replace(day=1) <= one.prepared_on <= last)
    ]  # fmt: skip
    granted = sum(
        one.granted_fen
        for one in requests
        if one.granted_on and last.replace(day=1) <= one.granted_on <= last
    )
    state = plan.state if plan else ""
    return PlanShown(month, state, lines, sum(one.amount_fen for one in asked), granted, float_fen(tx, fund))
