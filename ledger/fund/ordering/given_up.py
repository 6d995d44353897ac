"""Drafts of daily orders from under which a month or a letter settles records: given up by that very approval.

A draft has drawn on nothing, so what it holds is still open daily money, and SET and CLR close all of that
(procedure.md 2.6, memorandum.md 2). A batch is approved as it was drafted or not at all (INV-11), so it goes as a
whole; what else it held is open again for the next run.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from ledger.access.operator_log import append_line
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import Transaction
from ledger.payments.orders.order import lock_batch
from ledger.payments.orders.states import OrderStep, move


class GivenUp(NamedTuple):
    """A drafted batch that the approval of `paper` made void."""

    batch_id: str
    orders: int
    amount_fen: int

    @property
    def message(self) -> str:
        """What to do about it."""
        return (
            f"未审批的日拨付批次{self.batch_id}（{self.orders}单，{yuan_grouped(self.amount_fen)}元）含本次结清的结算，"
            "已作废；其余款项请重新执行日拨付制单"
        )

    def as_json(self) -> dict[str, object]:
        """The batch for machines; fen as text."""
        return {"batch": self.batch_id, "orders": self.orders, "amount_fen": str(self.amount_fen)}


def give_up_drafts(tx: Transaction, paper: str, batches: Sequence[str], day: date) -> None:
    """Discard the drafted batches that hold records which `paper` (a sheet, a letter) is about to settle.

    The caller holds the book's lock (`lock_month`), so that none of them is being approved; each batch leaves a line in
    the operator log. A draft made meanwhile keeps its records from being settled: Conflict `payable.in_draft`.
    """
    for batch_id in batches:
        orders = lock_batch(tx, batch_id)
        move(tx, "discard", [OrderStep(order.order_no, f"{paper}结清", paper) for order in orders], day)
        given_up = GivenUp(batch_id, len(orders), sum(order.amount_fen for order in orders))
        append_line(tx, "batch.given_up", batch_id, "done", f"{paper}：{given_up.message}")


def given_up_by(tx: Transaction, paper: str) -> list[GivenUp]:
    """The batches that the approval of a paper made void, found by the records it settled."""
    return [
        GivenUp(*row)
        for row in tx.rows(
            """SELECT o.batch_id, count(*), sum(o.amount_fen)::bigint FROM payments.pay_order o
                WHERE o.region = %(region)s AND o.batch_id IN (
                    SELECT held.batch_id FROM fund.payable p
                      JOIN payments.order_payable d ON d.region = p.region AND d.setl_id = p.setl_id AND d.subfund = p.subfund
                                                   AND d.fund = p.fund
                      JOIN payments.pay_order held ON held.region = d.region AND held.order_no = d.order_no
                      JOIN payments.order_event e ON e.region = held.region AND e.order_no = held.order_no
                                                 AND e.event = 'discard' AND e.evidence = %(paper)s
                     WHERE p.region = %(region)s AND p.settled_by = %(paper)s)
                GROUP BY o.batch_id ORDER BY o.batch_id""",
            region=tx.region,
            paper=paper,
        )
    ]
