"""Refusals of a bank whose status is not final: kept as said, done when the account's statement proves that nothing was debited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from ledger.db.unit_of_work import Transaction
from ledger.payments.incoming.words import said_in
from ledger.payments.orders.states import OrderStep, move


def unproven(tx: Transaction, order_nos: Sequence[str]) -> set[str]:
    """The refused orders that must not be paid again yet: the bank's status is not final and no statement covers them."""
    rows = tx.rows(
        "SELECT o FROM unnest(%(orders)s::text[]) AS o WHERE NOT payments.refusal_proven(%(region)s, o)",
        region=tx.region,
        orders=list(order_nos),
    )
    return {order_no for (order_no,) in rows}


def release_proven(tx: Transaction, account: str, day: date) -> list[str]:
    """Let the refusals of an account come to pass that its statements prove by now; the orders that are free again.

    A refusal after which the bank said that it debited stays with a person.
    """
    steps = [
        OrderStep(order_no, reasons, said_in(bytes(sha)))
        for order_no, reasons, sha in tx.rows(
            """SELECT o.order_no, left(w.reasons, 200), w.file_sha256 FROM payments.pay_order o
                 JOIN LATERAL (SELECT b.reasons, b.file_sha256 FROM payments.bank_word b
                                WHERE b.region = o.region AND b.order_no = o.order_no AND b.effect = 'reject' AND b.message_id = o.file_id
                                ORDER BY b.n DESC LIMIT 1) w ON true
                WHERE o.region = %(region)s AND o.account = %(account)s
                  AND EXISTS (SELECT 1 FROM payments.transition t WHERE t.from_state = o.state AND t.event = 'reject')
                  AND NOT EXISTS (SELECT 1 FROM payments.bank_word s WHERE s.region = o.region AND s.order_no = o.order_no
                                     AND s.state = 'settled')
                  AND payments.refusal_proven(o.region, o.order_no) ORDER BY o.order_no""",
            region=tx.region,
            account=account,
        )
    ]
    move(tx, "reject", steps, day)
    return [step.order_no for step in steps]
