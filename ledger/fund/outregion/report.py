"""What our bank did, told to the other region through the outbox: bills paid, prepayments gone out, and either come back."""

from __future__ import annotations

from datetime import date
from typing import Final

from ledger.db.unit_of_work import Transaction
from ledger.fund.outregion.bills import canonical, put_out

# Orders to another region that our bank paid and that nobody told of. A movement ordered again after a return is told again.
_PAID: Final = """
    SELECT k.kind, k.paper, k.fund, k.counterparty, k.amount_fen, k.order_no,
           EXISTS (SELECT 1 FROM fund.outregion_outbox x WHERE x.region = %(region)s AND x.link_id = k.paper)
      FROM (SELECT 'paid' AS kind, b.bill_id AS paper, b.fund, b.counterparty, b.amount_fen, b.order_no FROM fund.outregion_bill b
             WHERE b.region = %(region)s AND b.side = 'insured'
            UNION ALL
            SELECT m.kind, m.move_id, m.fund, m.counterparty, m.amount_fen, m.order_no FROM fund.outregion_move m
             WHERE m.region = %(region)s AND m.kind = 'prepaid') k
      JOIN payments.pay_order o ON o.region = %(region)s AND o.order_no = k.order_no AND o.state = 'paid'
     WHERE NOT EXISTS (SELECT 1 FROM fund.outregion_outbox x WHERE x.region = %(region)s AND x.kind IN ('paid', 'prepaid')
                          AND x.body::jsonb ->> 'order' = k.order_no)
     ORDER BY k.order_no"""
# Payments told of that came back since.
_RETURNED: Final = """
    SELECT x.body::jsonb, x.fund, x.counterparty, x.amount_fen, o.order_no FROM fund.outregion_outbox x
      JOIN payments.pay_order o ON o.region = x.region AND o.order_no = x.body::jsonb ->> 'order' AND o.state = 'returned'
     WHERE x.region = %(region)s AND x.kind IN ('paid', 'prepaid') AND NOT EXISTS (
           SELECT 1 FROM fund.outregion_outbox b WHERE b.region = x.region AND b.link_id = o.order_no || ':back')
     ORDER BY o.order_no"""


def report_paid(tx: Transaction, day: date) -> int:
    """Put what is to be told into the outbox, each once; returns how many messages that were.

    A payment's link id is its order's number; a prepayment's that of the movement, which the other side names as its
    document, or the order's where the movement was told of before; a return's is the order's number and `:back`.
    """
    paid = tx.rows(_PAID, region=tx.region)
    for kind, paper, fund, party, fen, order_no, told in paid:
        name = "bill" if kind == "paid" else "move"
        facts: dict[str, object] = {"from": tx.region, "to": party, "fund": fund, "amount_fen": fen}
        body = canonical({name: paper, **facts, "order": order_no})
        link_id = paper if kind == "prepaid" and not told else order_no
        put_out(tx, link_id, kind, fund, party, fen, body, day)
    returned = tx.rows(_RETURNED, region=tx.region)
    for body, fund, party, fen, order_no in returned:
        text = canonical({**body, "returned": True})
        put_out(tx, f"{order_no}:back", "returned", fund, party, fen, text, day)
    return len(paid) + len(returned)
