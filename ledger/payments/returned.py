"""Money that came back and waits in 2001-退汇待付 until it is paid again, per key of the memorandum accounts.

It was expensed when it was first paid, so paying it again must not expense it a second time, whichever order does it:
a re-issue of the returned payment, or a month's payment that took the owed money over at the settlement.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Final

from ledger.core.entries import Dimensions
from ledger.db.unit_of_work import Transaction
from ledger.payments.orders import Order
from ledger.rules.policy import policy_on

HELD: Final = 200104
_ADVANCE: Final = "P1"


class Returned:
    """What month and clearing orders of some institutions may draw on; each fen is handed out once."""

    def __init__(self, held: dict[tuple[int, Dimensions], int]) -> None:
        self._held = held

    def take(self, fund: int, dims: Dimensions, wanted_fen: int) -> int:
        """How much of `wanted_fen` (signed) lies in 2001 for that key: of the same sign, at most all of it."""
        held = self._held.get((fund, dims), 0)
        if held * wanted_fen <= 0:
            return 0
        taken = min(held, wanted_fen, key=abs)
        self._held[fund, dims] = held - taken
        return taken


def read_returned(tx: Transaction, orders: Sequence[Order]) -> Returned:
    """The balances of 2001-退汇待付 of the orders' institutions, less what daily money not settled yet has there:
    that is owed in 9101 and goes out again by a daily order of its own.
    """
    held: dict[tuple[int, Dimensions], int] = defaultdict(int)
    scope = {
        "region": tx.region,
        "funds": sorted({order.fund for order in orders}),
        "institutions": sorted({order.institution for order in orders}),
    }
    for fund, institution, subfund, year, term, category, fen in tx.rows(
        "SELECT b.fund, d.counterparty, d.subfund, d.service_year, d.term, d.category, sum(b.credit - b.debit)::bigint"
        " FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim"
        " WHERE b.region = %(region)s AND b.fund = ANY(%(funds)s) AND b.account = %(account)s"
        " AND d.counterparty = ANY(%(institutions)s) GROUP BY 1, 2, 3, 4, 5, 6",
        account=HELD,
        **scope,
    ):
        held[fund, Dimensions(institution, subfund, year, term, category)] = fen
    if not any(held.values()):
        return Returned({})
    for fund, institution, subfund, year, term, category, paid_on, fen in _open_daily(tx, scope):
        # Under P1 a returned daily payment went back into the advance, not into 2001.
        if policy_on(tx, tx.region, paid_on) != _ADVANCE:
            held[fund, Dimensions(institution, subfund, year, term, category)] -= fen
    return Returned(dict(held))


def _open_daily(
    tx: Transaction, scope: dict[str, object]
) -> list[tuple[int, str, str, int, int, str, date, int]]:
    return [
        (fund, institution, subfund, year, term, category, paid_on, fen)
        for fund, institution, subfund, year, term, category, paid_on, fen in tx.rows(
            "SELECT fund, institution, subfund, service_year, term, category, pay_date, sum(daily_fen)::bigint FROM ("
            "SELECT DISTINCT ON (p.fund, p.setl_id, p.subfund) p.*, b.pay_date FROM payments.pay_order o"
            " JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id"
            " JOIN payments.order_payable e ON e.region = o.region AND e.order_no = o.order_no"
            " JOIN fund.payable p ON p.region = e.region AND p.fund = e.fund AND p.setl_id = e.setl_id"
            "  AND p.subfund = e.subfund"
            " LEFT JOIN payments.pay_order c ON c.region = p.region AND c.order_no = p.order_no"
            " WHERE o.region = %(region)s AND o.fund = ANY(%(funds)s) AND o.institution = ANY(%(institutions)s)"
            "  AND o.state = 'returned' AND p.settled_by = '' AND c.state IS DISTINCT FROM 'paid'"
            " ORDER BY p.fund, p.setl_id, p.subfund, o.order_no DESC) d GROUP BY 1, 2, 3, 4, 5, 6, 7",
            **scope,
        )
    ]
