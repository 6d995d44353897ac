"""Money that came back and waits in 2001-退汇待付 until it is paid again, per key of the memorandum accounts.

It was expensed when it was first paid, so paying it again must not expense it a second time, whichever order does it:
a re-issue of the returned payment, or a month's payment that took the owed money over at the settlement. What is owed
to nobody any more, because deductions or an older debt ate it, leaves 2001 at once (docs/adr/0013).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Final

from ledger.core.accounts import CLEARING_OWED, DAILY_ADVANCE, MONTH_OWED, RETURNED_MONEY, coded
from ledger.core.entries import Dimensions
from ledger.db.unit_of_work import Transaction
from ledger.rules.policy import policy_on

_ADVANCE: Final = "P1"

Positions = dict[tuple[int, Dimensions], "Position"]
"""By fund and full key."""


@dataclass(slots=True)
class Position:
    """One key: what lies in 2001 for month and clearing money, and what is owed there; fen, credit positive."""

    held_fen: int = 0
    owed_fen: dict[int, int] = field(default_factory=dict)
    """Balances of 9103 and 9106."""
    on_the_way_fen: list[int] = field(default_factory=list)
    """Items of month and clearing orders in flight: their receipts will draw on 2001 too."""

    def take(self, wanted_fen: int) -> int:
        """How much of `wanted_fen` (signed) lies in 2001: of the same sign, at most all of it. It is handed out once."""
        if self.held_fen * wanted_fen <= 0:
            return 0
        taken = min(self.held_fen, wanted_fen, key=abs)
        self.held_fen -= taken
        return taken

    def release(self) -> int:
        """What lies in 2001 beyond what is owed, taken out of it; fen, signed.

        Money held lies between nothing and the positive (or, for a red line that came back, the negative) amounts owed.
        """
        owed = [*self.owed_fen.values(), *self.on_the_way_fen]
        low, high = sum(min(0, fen) for fen in owed), sum(max(0, fen) for fen in owed)
        surplus = self.held_fen - min(max(self.held_fen, low), high)
        self.held_fen -= surplus
        return surplus

    def comes_back(self, account: int, amount_fen: int) -> int:
        """`amount_fen` is returned and owed in `account` again: which part of it only makes up for an older debt."""
        self.owed_fen[account] = self.owed_fen.get(account, 0) + amount_fen
        self.held_fen += amount_fen
        return self.release()


def read_positions(
    tx: Transaction,
    funds: Collection[int],
    institutions: Collection[str],
    *,
    closing: Sequence[str] = (),
    returning: Sequence[str] = (),
) -> Positions:
    """The positions of some institutions as the books stand.

    Daily money that came back and is not settled yet is left out of `held_fen`: it is owed in 9101 and goes out again
    by a daily order of its own. `closing` are records a clearing is about to close: theirs is in it. `returning` are
    orders moved to returned whose entry is not written yet: their money is not in 2001.
    """
    scope = _scope(tx, funds, institutions, closing, returning)
    found: Positions = defaultdict(Position)
    for account, fund, *key, fen in tx.rows(
        _BALANCES, accounts=[RETURNED_MONEY, MONTH_OWED, CLEARING_OWED], **scope
    ):
        position = found[fund, Dimensions(*key)]
        if account == RETURNED_MONEY:
            position.held_fen = fen
        else:
            position.owed_fen[account] = fen
    for fund, *key, fen in tx.rows(_ON_THE_WAY, **scope):
        found[fund, Dimensions(*key)].on_the_way_fen.append(fen)
    if any(position.held_fen for position in found.values()):
        for fund, *key, paid_on, fen in tx.rows(_OPEN_DAILY, **scope):
            # Under P1 a returned daily payment went back into the advance, not into 2001.
            if policy_on(tx, tx.region, paid_on) != _ADVANCE:
                found[fund, Dimensions(*key)].held_fen -= fen
    return found


def read_advances_left(
    tx: Transaction,
    funds: Collection[int],
    institutions: Collection[str],
    *,
    returning: Sequence[str] = (),
) -> dict[tuple[int, Dimensions], int]:
    """1101-日拨付 per key, less what was paid in advance for records that no month has settled; zeros left out.

    `returning` as for `read_positions`: their money still lies in the advance.
    """
    scope = _scope(tx, funds, institutions, (), returning)
    found: dict[tuple[int, Dimensions], int] = defaultdict(int)
    for _, fund, *key, fen in tx.rows(_BALANCES, accounts=[DAILY_ADVANCE], **scope):
        found[fund, Dimensions(*key)] = -fen
    for fund, *key, paid_on, fen in tx.rows(_PAID_DAILY, **scope):
        if policy_on(tx, tx.region, paid_on) == _ADVANCE:
            found[fund, Dimensions(*key)] -= fen
    return {key: fen for key, fen in found.items() if fen}


def off_advance(surplus_fen: int, left_fen: int) -> int:
    """Which part of a surplus comes off the advance a settlement left over: before it comes off any expense."""
    return max(0, min(surplus_fen, left_fen))


def _scope(
    tx: Transaction,
    funds: Collection[int],
    institutions: Collection[str],
    closing: Sequence[str],
    returning: Sequence[str],
) -> dict[str, object]:
    return {
        "region": tx.region,
        "funds": sorted(funds),
        "institutions": sorted(institutions),
        "closing": list(closing),
        "returning": list(returning),
    }


_BALANCES: Final = (
    "SELECT b.account, b.fund, d.counterparty, d.subfund, d.service_year, d.term, d.category,"
    " sum(b.credit - b.debit)::bigint"
    " FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim"
    " WHERE b.region = %(region)s AND b.fund = ANY(%(funds)s) AND b.account = ANY(%(accounts)s)"
    " AND d.counterparty = ANY(%(institutions)s) GROUP BY 1, 2, 3, 4, 5, 6, 7"
)
_ON_THE_WAY: Final = coded(
    "SELECT o.fund, o.institution, i.subfund, i.service_year, i.term, i.category, i.amount_fen FROM payments.pay_order o"
    " JOIN payments.state s ON s.state = o.state AND s.in_flight"
    " JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no"
    " WHERE o.region = %(region)s AND o.fund = ANY(%(funds)s) AND o.institution = ANY(%(institutions)s)"
    " AND i.source IN ({MONTH_OWED}, {CLEARING_OWED})"
)
_PAID_DAILY: Final = (
    "SELECT p.fund, p.institution, p.subfund, p.service_year, p.term, p.category, b.pay_date, sum(p.daily_fen)::bigint"
    " FROM payments.pay_order o"
    " JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id"
    " JOIN payments.order_payable e ON e.region = o.region AND e.order_no = o.order_no"
    " JOIN fund.payable p ON p.region = e.region AND p.fund = e.fund AND p.setl_id = e.setl_id AND p.subfund = e.subfund"
    " WHERE o.region = %(region)s AND o.fund = ANY(%(funds)s) AND o.institution = ANY(%(institutions)s)"
    " AND (o.state = 'paid' OR o.order_no = ANY(%(returning)s)) AND p.settled_by = ''"
    " GROUP BY 1, 2, 3, 4, 5, 6, 7"
    " UNION ALL"  # paid in the books before these
    " SELECT p.fund, p.institution, p.subfund, p.service_year, p.term, p.category, p.day, sum(p.daily_fen)::bigint"
    " FROM fund.payable p"
    " WHERE p.region = %(region)s AND p.fund = ANY(%(funds)s) AND p.institution = ANY(%(institutions)s)"
    " AND p.order_no = 'OPEN' AND p.settled_by = '' GROUP BY 1, 2, 3, 4, 5, 6, 7"
)
_OPEN_DAILY: Final = (
    "SELECT fund, institution, subfund, service_year, term, category, pay_date, sum(daily_fen)::bigint FROM ("
    "SELECT DISTINCT ON (p.fund, p.setl_id, p.subfund) p.*, b.pay_date FROM payments.pay_order o"
    " JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id"
    " JOIN payments.order_payable e ON e.region = o.region AND e.order_no = o.order_no"
    " JOIN fund.payable p ON p.region = e.region AND p.fund = e.fund AND p.setl_id = e.setl_id"
    "  AND p.subfund = e.subfund"
    " LEFT JOIN payments.pay_order c ON c.region = p.region AND c.order_no = p.order_no"
    " WHERE o.region = %(region)s AND o.fund = ANY(%(funds)s) AND o.institution = ANY(%(institutions)s)"
    "  AND o.state = 'returned' AND o.order_no <> ALL(%(returning)s) AND p.settled_by = ''"
    "  AND p.setl_id <> ALL(%(closing)s) AND c.state IS DISTINCT FROM 'paid'"
    " ORDER BY p.fund, p.setl_id, p.subfund, o.order_no DESC) d GROUP BY 1, 2, 3, 4, 5, 6, 7"
)
