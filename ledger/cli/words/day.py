"""The list of a day as its approver sees it, in words."""

from __future__ import annotations

from ledger.core.money import yuan_grouped
from ledger.core.words import said
from ledger.payments.orders.day_list import DayList


def words_of_list(found: DayList) -> list[str]:
    """The list for people: each order with its payee, then the digest to approve it by."""
    if not found.batches:
        return [f"{found.day}没有拨付批次"]
    lines: list[str] = []
    for batch in found.batches:
        state = f"已由{batch.approved_by}审批" if batch.approved_by else f"制单{batch.prepared_by}，待审批"
        lines.append(
            f"{said('kind', batch.kind)}批次{batch.batch_id}：{len(batch.orders)}单，{yuan_grouped(batch.total_fen)}元，{state}"
        )
        lines += [
            f"  {order.order_no} {order.institution} {' '.join(order.payee_shown)} {order.payee_bank}"
            f" {yuan_grouped(order.amount_fen)}元{' 首次付款' if order.first_payment else ''}"
            for order in batch.orders
        ]
    total = f"合计{len(found.batches)}批{sum(len(batch.orders) for batch in found.batches)}单，{yuan_grouped(found.total_fen)}元"
    return [
        *lines,
        total,
        f"摘要 {found.shown.shown}",
        f"审批：fundledger day approve --digest {found.shown.shown}",
    ]
