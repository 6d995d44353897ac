"""What a drafted order pays is claimed by it, or nothing is drafted; what can no longer pay lets its records go.

Payables of our own records, and records of other regions' patients: each in one live order at a time (INV-10).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ledger.core.accounts import CARE_OWED, DAILY_OWED
from ledger.core.errors import Conflict, InvalidInput
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import Transaction

if TYPE_CHECKING:
    from ledger.payments.orders.values import BatchDraft, OrderDraft

"""应付异地就医: its items are the sum of records too; their category is the patients' region."""


def claim_payables(tx: Transaction, draft: BatchDraft, numbered: Sequence[tuple[str, OrderDraft]]) -> None:
    """Every payable goes to its order, or nothing does: raises Conflict `payable.not_open`."""
    wanted = [(no, order.institution, payable) for no, order in numbered for payable in order.payables]
    claimed = tx.run(
        "WITH claimed AS (UPDATE fund.payable p SET order_no = w.order_no FROM unnest(%(orders)s::text[],"
        " %(institutions)s::text[], %(records)s::text[], %(subfunds)s::text[], %(amounts)s::bigint[])"
        " AS w (order_no, institution, setl_id, subfund, daily_fen)"
        " WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.setl_id = w.setl_id AND p.subfund = w.subfund"
        " AND p.institution = w.institution AND p.daily_fen = w.daily_fen"
        " AND p.order_no = '' AND p.settled_by = '' AND p.recognised_by <> ''"
        " RETURNING p.order_no, p.setl_id, p.subfund, p.daily_fen)"
        " INSERT INTO payments.order_payable (region, order_no, fund, setl_id, subfund, daily_fen)"
        " SELECT %(region)s, order_no, %(fund)s, setl_id, subfund, daily_fen FROM claimed",
        region=draft.region,
        fund=draft.fund,
        orders=[no for no, _, _ in wanted],
        institutions=[institution for _, institution, _ in wanted],
        records=[payable.setl_id for _, _, payable in wanted],
        subfunds=[payable.subfund for _, _, payable in wanted],
        amounts=[payable.daily_fen for _, _, payable in wanted],
    )
    if claimed != len(wanted):
        raise Conflict(
            "payable.not_open",
            f"批次{draft.batch_id}要拨付{len(wanted)}笔应付款，只有{claimed}笔可拨付："
            "其余不存在、未入账、已在其他拨付单中、已月结，或机构、金额不符",
            wanted=len(wanted),
            claimed=claimed,
        )


def claim_outregion(tx: Transaction, draft: BatchDraft, numbered: Sequence[tuple[str, OrderDraft]]) -> None:
    """Every record of another region's patient goes to its order: raises Conflict `outregion.not_open`."""
    wanted = [(no, order.institution, record) for no, order in numbered for record in order.outregion]
    if not wanted:
        return
    claimed = tx.run(
        "WITH claimed AS (UPDATE fund.outregion_record r SET order_no = w.order_no FROM unnest(%(orders)s::text[],"
        " %(institutions)s::text[], %(records)s::text[], %(amounts)s::bigint[]) AS w (order_no, institution, setl_id, fen)"
        " WHERE r.region = %(region)s AND r.fund = %(fund)s AND r.setl_id = w.setl_id AND r.side = 'care'"
        " AND r.institution = w.institution AND r.amount_fen = w.fen AND r.order_no = ''"
        " RETURNING r.order_no, r.setl_id, r.amount_fen)"
        " INSERT INTO payments.order_outregion (region, order_no, fund, setl_id, amount_fen)"
        " SELECT %(region)s, order_no, %(fund)s, setl_id, amount_fen FROM claimed",
        region=draft.region,
        fund=draft.fund,
        orders=[no for no, _, _ in wanted],
        institutions=[institution for _, institution, _ in wanted],
        records=[record.setl_id for _, _, record in wanted],
        amounts=[record.amount_fen for _, _, record in wanted],
    )
    if claimed != len(wanted):
        raise Conflict(
            "outregion.not_open",
            f"批次{draft.batch_id}要付{len(wanted)}笔异地就医结算，只有{claimed}笔可付："
            "其余不存在、已在其他拨付单中，或机构、金额不符",
            wanted=len(wanted),
            claimed=claimed,
        )


def require_sums(tx: Transaction, draft: BatchDraft, order_nos: Sequence[str]) -> None:
    """Per order and key of 9101 and 9502: the items are the sum of the records (ties T2 and T3).

    Raises InvalidInput `order.sum`.
    """
    wrong = tx.row(
        "SELECT order_no, sum(item), sum(record) FROM ("
        " SELECT order_no, source, subfund, service_year, term, category, amount_fen AS item, 0 AS record"
        "   FROM payments.order_item"
        "  WHERE region = %(region)s AND order_no = ANY(%(orders)s) AND source IN (%(daily)s, %(care)s)"
        " UNION ALL"
        " SELECT d.order_no, %(daily)s, r.subfund, r.service_year, r.term, r.category, 0, r.daily_fen"
        "   FROM payments.order_payable d JOIN fund.payable r ON r.region = d.region AND r.fund = d.fund"
        "    AND r.setl_id = d.setl_id AND r.subfund = d.subfund"
        "  WHERE d.region = %(region)s AND d.fund = %(fund)s AND d.order_no = ANY(%(orders)s)"
        " UNION ALL"
        " SELECT d.order_no, %(care)s, '', r.service_year, r.term, r.counterparty::text, 0, r.amount_fen"
        "   FROM payments.order_outregion d JOIN fund.outregion_record r ON r.region = d.region AND r.fund = d.fund"
        "    AND r.setl_id = d.setl_id"
        "  WHERE d.region = %(region)s AND d.fund = %(fund)s AND d.order_no = ANY(%(orders)s)) sides"
        " GROUP BY order_no, source, subfund, service_year, term, category HAVING sum(item) <> sum(record)"
        " ORDER BY 1 LIMIT 1",
        region=draft.region,
        fund=draft.fund,
        orders=order_nos,
        daily=DAILY_OWED,
        care=CARE_OWED,
    )
    if wrong is not None:
        raise InvalidInput(
            "order.sum",
            f"拨付单{wrong[0]}的构成{yuan_grouped(int(wrong[1]))}元，与所付记录合计{yuan_grouped(int(wrong[2]))}元不符",
            order_no=wrong[0],
        )


def release(tx: Transaction, order_nos: Sequence[str]) -> None:
    """The records of orders that can no longer pay are free for another one."""
    tx.run(
        "UPDATE fund.payable p SET order_no = '' FROM payments.order_payable d"
        " WHERE d.region = %(region)s AND d.order_no = ANY(%(orders)s) AND p.region = d.region AND p.fund = d.fund"
        " AND p.setl_id = d.setl_id AND p.subfund = d.subfund AND p.order_no = d.order_no",
        region=tx.region,
        orders=list(order_nos),
    )
    tx.run(
        "UPDATE fund.outregion_record r SET order_no = '' FROM payments.order_outregion d"
        " WHERE d.region = %(region)s AND d.order_no = ANY(%(orders)s) AND r.region = d.region AND r.fund = d.fund"
        " AND r.setl_id = d.setl_id AND r.order_no = d.order_no",
        region=tx.region,
        orders=list(order_nos),
    )
