"""Moving orders along payments.transition, many at once: state, event log, released records and entries together.

The table in the database is the only place that says which event leads from where to where and what it books;
a trigger refuses any other step, whoever tries it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, NamedTuple

from ledger.books.journal import post
from ledger.books.setup import open_period
from ledger.core.dates import period_of
from ledger.core.entries import Book
from ledger.core.errors import Conflict, NotFound
from ledger.core.words import said
from ledger.db.unit_of_work import Transaction
from ledger.payments.orders.claims import release
from ledger.payments.orders.entries import Receipt, entries_of
from ledger.payments.orders.order import Order, lock_orders

DEPARTURES: Final = frozenset({"send", "lose", "recover"})
"""Events after which the order may be at the bank: the clock of the receipt starts."""


class Transition(NamedTuple):
    """One row of payments.transition."""

    to_state: str
    posts: str
    """The rule event it books; empty for none."""


class Transitions:
    """The table: which events are open from which state."""

    def __init__(self, rows: Mapping[tuple[str, str], Transition], releasing: frozenset[str]) -> None:
        self._rows = rows
        self.releasing = releasing
        """States in which an order's records are free again."""

    def next(self, state: str, event: str) -> Transition | None:
        """Where `event` leads from `state`; None where it does not apply."""
        return self._rows.get((state, event))

    def sources(self, event: str) -> frozenset[str]:
        """The states from which `event` leads somewhere."""
        return frozenset(state for state, known in self._rows if known == event)


@dataclass(frozen=True, slots=True)
class OrderStep:
    """What happens to one order, why, and on what it rests."""

    order_no: str
    reason: str = ""
    evidence: str = ""
    """File or receipt, for people."""
    receipt: Receipt | None = None
    """For events that book a receipt."""


def transitions(tx: Transaction) -> Transitions:
    """Read the table."""
    rows = tx.rows("SELECT from_state, event, to_state, posts FROM payments.transition")
    releasing = tx.rows("SELECT state FROM payments.state WHERE releases")
    return Transitions(
        {(state, event): Transition(to_state, posts) for state, event, to_state, posts in rows},
        frozenset(state for (state,) in releasing),
    )


def move(
    tx: Transaction, event: str, steps: Sequence[OrderStep], day: date, *, file_id: str | None = None
) -> None:
    """Let `event` happen to every order of `steps` on business day `day`; `file_id` is stored with them if given.

    Raises NotFound `order.unknown`; Conflict `order.state` if one of them does not allow it, and what posting
    raises. Nothing is half done: the transaction is the caller's.
    """
    if not steps:
        return
    orders = lock_orders(tx, [step.order_no for step in steps])
    _require_all(orders, steps)
    table = transitions(tx)
    for order in orders:
        if table.next(order.state, event) is None:
            raise Conflict(
                "order.state",
                f"拨付单{order.order_no}现为{said('order.state', order.state)}，不能执行{said('order.event', event)}",
                order_no=order.order_no,
                state=order.state,
                event=event,
            )
    moved = tx.run(
        "UPDATE payments.pay_order o SET state = t.to_state, file_id = coalesce(%(file_id)s, o.file_id),"
        " sent_on = CASE WHEN %(departs)s THEN coalesce(o.sent_on, %(day)s) ELSE o.sent_on END"
        " FROM payments.transition t WHERE o.region = %(region)s AND o.order_no = ANY(%(orders)s)"
        " AND t.from_state = o.state AND t.event = %(event)s",
        region=tx.region,
        orders=[order.order_no for order in orders],
        event=event,
        file_id=file_id,
        departs=event in DEPARTURES,
        day=day,
    )
    if moved != len(orders):
        raise Conflict(
            "order.state", f"有拨付单在执行{said('order.event', event)}时已被改动，请重试", event=event
        )
    follow_up(tx, table, event, orders, steps, day)


def follow_up(
    tx: Transaction,
    table: Transitions,
    event: str,
    orders: Sequence[Order],
    steps: Sequence[OrderStep],
    day: date,
) -> None:
    """Log what happened to `orders` (as they were before), release their records and post their entries.

    Apart from `move` because approval changes the state inside the database's own door, payments.approve().
    """
    ways = {order.order_no: table.next(order.state, event) for order in orders}
    reached = {order_no: way for order_no, way in ways.items() if way is not None}
    _log(tx, event, {order.order_no: order.state for order in orders}, reached, steps, day)
    released = [order_no for order_no, way in reached.items() if way.to_state in table.releasing]
    if released:
        release(tx, released)
    receipts = {step.order_no: step.receipt for step in steps if step.receipt is not None}
    for posts in sorted({way.posts for way in reached.values()} - {""}):
        booked = [
            order for order in orders if order.order_no in reached and reached[order.order_no].posts == posts
        ]
        for fund in sorted({order.fund for order in booked}):
            of_fund = [order for order in booked if order.fund == fund]
            # on the first morning of a month nobody has opened it yet
            open_period(tx, Book(tx.region, fund), period_of(day))
            post(tx, Book(tx.region, fund), day, entries_of(tx, posts, of_fund, receipts, day))


def _require_all(orders: Sequence[Order], steps: Sequence[OrderStep]) -> None:
    missing = {step.order_no for step in steps} - {order.order_no for order in orders}
    if missing:
        raise NotFound("order.unknown", f"没有拨付单{min(missing)}", order_no=min(missing))
    if len(orders) != len(steps):
        raise Conflict("order.twice", "同一拨付单在一次操作中出现两次")


def _log(
    tx: Transaction,
    event: str,
    before: Mapping[str, str],
    reached: Mapping[str, Transition],
    steps: Sequence[OrderStep],
    day: date,
) -> None:
    tx.run(
        "INSERT INTO payments.order_event (region, order_no, n, event, from_state, to_state, user_name,"
        " business_date, reason, evidence)"
        " SELECT %(region)s, s.order_no, l.last + 1, %(event)s, s.before, s.after, %(user)s, %(day)s, s.reason, s.evidence"
        " FROM unnest(%(orders)s::text[], %(before)s::text[], %(after)s::text[], %(reasons)s::text[],"
        " %(evidence)s::text[]) AS s (order_no, before, after, reason, evidence)"
        " CROSS JOIN LATERAL (SELECT coalesce(max(e.n), 0) AS last FROM payments.order_event e"
        "   WHERE e.region = %(region)s AND e.order_no = s.order_no) l",
        region=tx.region,
        event=event,
        user=tx.user,
        day=day,
        orders=[step.order_no for step in steps],
        before=[before[step.order_no] for step in steps],
        after=[reached[step.order_no].to_state for step in steps],
        reasons=[step.reason for step in steps],
        evidence=[step.evidence for step in steps],
    )


def keep_bank_references(tx: Transaction, told: Sequence[tuple[str, str]]) -> None:
    """The bank's serial of each order, as its status file told it: the first one stays."""
    tx.run(
        "UPDATE payments.pay_order o SET bank_reference = s.reference"
        " FROM (SELECT DISTINCT ON (order_no) * FROM unnest(%(orders)s::text[], %(references)s::text[])"
        "  AS s (order_no, reference)) s"
        " WHERE o.region = %(region)s AND o.order_no = s.order_no AND o.bank_reference = ''",
        region=tx.region,
        orders=[number for number, _ in told],
        references=[reference for _, reference in told],
    )
