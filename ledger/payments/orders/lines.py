"""What an order is made of when one of its steps is booked: per key, and per what became of its records since."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final, NamedTuple

from ledger.core.accounts import CLEARING_OWED, DAILY_OWED, MONTH_OWED
from ledger.core.entries import Dimensions
from ledger.db.unit_of_work import Transaction
from ledger.payments.orders.order import Order
from ledger.payments.orders.returned import (
    off_advance,
    read_advances_left,
    read_positions,
)

_LATER: Final = frozenset({MONTH_OWED, CLEARING_OWED})
"""Month and clearing money, which a return sends through 2001-退汇待付."""


class OrderContent(NamedTuple):
    """What an order is made of, per key and per what became of it."""

    source: int
    dims: Dimensions
    amount_fen: int
    settled: bool
    """Its 期号 is settled: the daily money is owed as month money now."""
    returned_on: date | None
    """Payout day of an earlier order for the same records that came back."""
    again: bool = False
    """Month or clearing money that lies in 2001-退汇待付: it was expensed when it was first paid."""
    makes_up: str = ""
    """What a return makes up for instead of being owed again: `netted` money expensed too much, `overpaid` an advance."""


def read_lines(tx: Transaction, posts: str, order_nos: Sequence[str]) -> dict[str, list[OrderContent]]:
    """Approval books the items as drafted; afterwards daily money is told by its records and what became of them."""
    found: dict[str, list[OrderContent]] = {order_no: [] for order_no in order_nos}
    rows = tx.rows(
        "SELECT i.order_no, o.institution, i.subfund, i.service_year, i.term, i.category, i.source, i.amount_fen,"
        " false, NULL::date FROM payments.order_item i"
        " JOIN payments.pay_order o ON o.region = i.region AND o.order_no = i.order_no"
        " WHERE i.region = %(region)s AND i.order_no = ANY(%(orders)s) AND (%(whole)s OR i.source <> %(daily)s)"
        " ORDER BY i.order_no, i.n",
        region=tx.region,
        orders=list(order_nos),
        whole=posts == "ORD",
        daily=DAILY_OWED,
    )
    if posts != "ORD":
        rows += _record_rows(tx, order_nos, with_returns=posts == "RCV")
    for order_no, institution, subfund, year, term, category, source, fen, settled, returned_on in rows:
        dims = Dimensions(institution, subfund, year, term, category)
        if fen:
            found[order_no].append(OrderContent(source, dims, fen, settled, returned_on))
    return found


def split_returned(tx: Transaction, orders: Sequence[Order], lines: dict[str, list[OrderContent]]) -> None:
    """Month and clearing lines in two: what came back once and lies in 2001, and the rest."""
    later = [o for o in orders if any(line.source in _LATER for line in lines[o.order_no])]
    if not later:
        return
    held = read_positions(tx, {o.fund for o in later}, {o.institution for o in later})
    for order in later:
        split: list[OrderContent] = []
        for line in lines[order.order_no]:
            taken = 0
            if line.source in _LATER:
                taken = held[order.fund, line.dims].take(line.amount_fen)
            parts = (
                line._replace(amount_fen=taken, again=True),
                line._replace(amount_fen=line.amount_fen - taken),
            )
            split += [part for part in parts if part.amount_fen]
        lines[order.order_no] = split


def split_netted(tx: Transaction, orders: Sequence[Order], lines: dict[str, list[OrderContent]]) -> None:
    """Returned month, clearing and settled daily money in two: what is owed again, and what only makes up for a debt
    the institution has there (docs/adr/0013). That part never goes out again, so it must not lie in 2001.
    """
    later = [o for o in orders if any(_owed_in(line) for line in lines[o.order_no])]
    if not later:
        return
    scope = ({o.fund for o in later}, {o.institution for o in later})
    order_nos = [order.order_no for order in orders]
    positions = read_positions(tx, *scope, returning=order_nos)
    if not any(fen < 0 for position in positions.values() for fen in position.owed_fen.values()):
        return
    left = read_advances_left(tx, *scope, returning=order_nos)
    for order in later:
        split: list[OrderContent] = []
        for line in lines[order.order_no]:
            account, key = _owed_in(line), (order.fund, line.dims)
            netted = positions[key].comes_back(account, line.amount_fen) if account else 0
            overpaid = off_advance(netted, left.get(key, 0))
            left[key] = left.get(key, 0) - overpaid
            parts = (
                line._replace(amount_fen=line.amount_fen - netted),
                line._replace(amount_fen=netted - overpaid, makes_up="netted"),
                line._replace(amount_fen=overpaid, makes_up="overpaid"),
            )
            split += [part for part in parts if part.amount_fen]
        lines[order.order_no] = split


def _owed_in(line: OrderContent) -> int:
    """Where returned money is owed again: 9103, 9106, or 0 where it is owed in 9101 or nowhere."""
    if line.source == DAILY_OWED:
        return MONTH_OWED if line.settled else 0
    return {MONTH_OWED: MONTH_OWED, CLEARING_OWED: CLEARING_OWED}.get(line.source, 0)


def _record_rows(
    tx: Transaction, order_nos: Sequence[str], *, with_returns: bool
) -> list[tuple[object, ...]]:
    # Reversals apart from originals: under P2 each has its own line (accounting.md A11).
    return tx.rows(
        "SELECT d.order_no, r.institution, r.subfund, r.service_year, r.term, r.category, %(daily)s::integer,"
        " sum(d.daily_fen)::bigint, r.settled_by <> '' OR t.term IS NOT NULL AS settled, b.returned_on"
        " FROM payments.order_payable d"
        " JOIN fund.payable r ON r.region = d.region AND r.fund = d.fund AND r.setl_id = d.setl_id"
        "  AND r.subfund = d.subfund"
        " LEFT JOIN fund.settled_term t ON t.region = r.region AND t.fund = r.fund"
        "  AND t.institution = r.institution AND t.term = r.term"
        " LEFT JOIN LATERAL (SELECT max(b.pay_date) AS returned_on FROM payments.order_payable e"
        "  JOIN payments.pay_order o ON o.region = e.region AND o.order_no = e.order_no"
        "  JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id"
        "  WHERE e.region = d.region AND e.setl_id = d.setl_id AND e.subfund = d.subfund"
        "   AND e.order_no <> d.order_no AND o.state = 'returned') b ON %(with_returns)s"
        " WHERE d.region = %(region)s AND d.order_no = ANY(%(orders)s)"
        " GROUP BY 1, 2, 3, 4, 5, 6, settled, b.returned_on, d.daily_fen < 0"
        " ORDER BY 1, 3, 4, 5, 6, settled, b.returned_on, d.daily_fen < 0",
        region=tx.region,
        orders=list(order_nos),
        daily=DAILY_OWED,
        with_returns=with_returns,
    )
