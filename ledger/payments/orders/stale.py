"""Orders that must not leave any more although they were approved: found before the file is made and before it is sent.

协议中止或终止 stops instant settlement at once, money on its way included, as long as it is not sent (art. 28); it
does not stop what a month or a clearing owes. A changed payee account stops every payment to the institution.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, LiteralString

from ledger.core.words import said
from ledger.db.safekeeping.fields import fields
from ledger.db.unit_of_work import Transaction
from ledger.payments.orders.order import Order

REASONS: Final = {
    code: said("order.reason", code)
    for code in ("institution_suspended", "institution_ended", "payee_changed")
}


_JUDGED: Final[LiteralString] = (
    "SELECT order_no, pay_date, reason FROM (SELECT o.order_no, b.pay_date, CASE"
    "   WHEN b.kind IN ('daily', 'advance') AND i.agreement_state = 'suspended' THEN 'institution_suspended'"
    "   WHEN b.kind IN ('daily', 'advance') AND (i.agreement_state = 'ended'"
    "     OR NOT %(day)s BETWEEN i.agreement_from AND i.agreement_to) THEN 'institution_ended'"
    "   WHEN b.kind IN ('daily', 'advance', 'month', 'clearing', 'outregion') AND (a.number, a.name, a.bank_name, a.cnaps)"
    "     IS DISTINCT FROM (o.payee_number, o.payee_name, o.payee_bank, o.payee_cnaps) THEN 'payee_changed'"
    "   END AS reason"
    "  FROM payments.pay_order o"
    "  JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id"
    "  JOIN fund.institution i ON i.region = o.region AND i.institution = o.institution"
    "  LEFT JOIN fund.payee_account a ON a.region = o.region AND a.institution = o.institution"
    "   AND a.state = 'confirmed'"
    " WHERE o.region = %(region)s AND "
)
_STALE: Final[LiteralString] = _JUDGED + "o.order_no = ANY(%(orders)s)) s WHERE reason IS NOT NULL"
_COUNTED: Final[LiteralString] = "SELECT count(*), min(pay_date) FROM ("
FILED: Final[LiteralString] = _COUNTED + _JUDGED + "o.state = 'filed') s WHERE reason IS NOT NULL) f"
"""How many must not leave and lie in a file that was not sent, and since when: their files are to be made anew."""


def stale_orders(tx: Transaction, order_nos: Sequence[str], day: date) -> dict[str, str]:
    """The orders among `order_nos` that must not be sent on `day`, each with a code of REASONS."""
    found = tx.rows(_STALE, region=tx.region, orders=list(order_nos), day=day)
    return {order_no: reason for order_no, _, reason in found}


def maybe_paid(tx: Transaction, orders: Sequence[Order]) -> dict[str, str]:
    """The orders whose payee got a debit that names an order nobody here made, each with that paper (payments.may_be_paid).

    A person's account stands sealed in the bank's papers unless it is an institution's too: both are asked.
    """
    rows = tx.rows(
        "SELECT o.order_no, p.paper FROM unnest(%(orders)s::text[], %(accounts)s::text[]) AS o (order_no, account)"
        " CROSS JOIN LATERAL (SELECT payments.may_be_paid(%(region)s, o.account) AS paper) p WHERE p.paper <> ''",
        region=tx.region,
        orders=[order.order_no for order in orders for _ in range(2)],
        accounts=[
            number for order in orders for number in (order.payee.number, fields(tx).seal(order.payee.number))
        ],
    )
    return dict(rows)
