"""Orders, batches and papers to look at: what is where, and one order from draft to receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from ledger.core.errors import InvalidInput, NotFound
from ledger.db.connections import Engine
from ledger.db.safekeeping.fields import read_shown, shown_rows
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.payments.orders.order import Order, read_orders


@dataclass(frozen=True, slots=True)
class StateTotal:
    """How many orders are in a state, and their money in fen."""

    state: str
    display_name: str
    orders: int
    total_fen: int


@dataclass(frozen=True, slots=True)
class BatchLine:
    """A batch with the digest its approver has to name."""

    batch_id: str
    fund: int
    pay_date: date
    prepared_by: str
    approved_by: str
    orders: int
    total_fen: int
    digest: bytes
    first_payments: int
    """Orders to accounts to which nothing was paid before."""


@dataclass(frozen=True, slots=True)
class ListedOrder:
    """One order in a list."""

    order_no: str
    institution: str
    payee_name: str
    amount_fen: int
    state: str
    file_id: str
    first_payment: bool
    """Whether nothing was paid to that account before."""


@dataclass(frozen=True, slots=True)
class OpenPaper:
    """A paper that has not posted: why, and for which order if one was found."""

    account: str
    kind: str
    receipt_no: str
    direction: str
    booking_date: date
    amount_fen: int
    outcome: str
    code: str
    order_no: str
    same_as: str
    """`kind:receipt_no` of the paper that posted, if this is likely the same movement under another serial; else empty."""


@dataclass(frozen=True, slots=True)
class Overview:
    """All of a region: totals by state in the table's order, batches, orders asked for, papers not posted."""

    totals: Sequence[StateTotal]
    batches: Sequence[BatchLine]
    orders: Sequence[ListedOrder]
    papers: Sequence[OpenPaper]


@dataclass(frozen=True, slots=True)
class OrderEvent:
    """One line of an order's history."""

    event: str
    from_state: str
    to_state: str
    user: str
    business_date: date
    recorded_at: datetime
    reason: str
    evidence: str


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order whole: history, papers, records, and the vouchers it led to."""

    order: Order
    events: Sequence[OrderEvent]
    papers: Sequence[OpenPaper]
    records: int
    vouchers: Sequence[tuple[str, str]]
    """(source key, printed number)."""


# A receipt and a notice of one order, day, sum and direction: most likely one movement whose serial the bank wrote in two ways.
_PAPERS = (
    "SELECT account, kind, receipt_no, direction, booking_date, amount_fen, outcome, outcome_code, matched_order,"
    " CASE WHEN outcome = 'suspense' AND outcome_code IN ('already_paid', 'already_returned') THEN coalesce((SELECT"
    "  min(o.kind || ':' || o.receipt_no) FROM payments.evidence o WHERE o.region = e.region AND o.account = e.account"
    "  AND o.matched_order = e.matched_order AND o.outcome = 'posted' AND o.kind <> e.kind AND"
    "  (o.direction, o.amount_fen, o.booking_date) = (e.direction, e.amount_fen, e.booking_date)"
    "  AND NOT EXISTS (SELECT 1 FROM payments.resolution r WHERE r.region = o.region AND r.account = o.account"
    "   AND r.what = 'same' AND r.reference = o.kind || ':' || o.receipt_no AND r.state <> 'refused')), '') ELSE '' END"
    " FROM payments.evidence e WHERE region = %(region)s AND "
)


def overview(
    engine: Engine, user: str, region: int, *, state: str = "", batch_id: str = "", limit: int = 200
) -> Overview:
    """Totals of every state; batches and at most `limit` orders, newest first, narrowed to a state or a batch.

    Raises InvalidInput `order.state`, NotFound `batch.unknown`: a mistyped name must not look like no orders.
    """
    with unit_of_work(engine, user, region) as tx:
        totals = tx.rows(
            "SELECT s.state, s.display_name, count(o.order_no), coalesce(sum(o.amount_fen), 0)::bigint"
            " FROM payments.state s LEFT JOIN payments.pay_order o ON o.region = %(region)s AND o.state = s.state"
            "  AND %(batch)s IN ('', o.batch_id) GROUP BY 1, 2 ORDER BY 3 DESC, 1",
            region=region,
            batch=batch_id,
        )
        states = sorted(row[0] for row in totals)
        if state and state not in states:
            raise InvalidInput(
                "order.state", f"没有状态{state[:40]}：应为{'、'.join(states)}之一", state=state[:40]
            )
        batches = tx.rows(
            "SELECT b.batch_id, b.fund, b.pay_date, b.prepared_by, coalesce(a.approved_by, ''), count(o.order_no),"
            " sum(o.amount_fen)::bigint, b.digest, count(*) FILTER (WHERE o.first_payment) FROM payments.batch b"
            " JOIN payments.pay_order o ON o.region = b.region AND o.batch_id = b.batch_id"
            " LEFT JOIN payments.approval a ON a.region = b.region AND a.batch_id = b.batch_id"
            " WHERE b.region = %(region)s AND %(batch)s IN ('', b.batch_id)"
            " GROUP BY 1, 2, 3, 4, 5, 8 ORDER BY b.pay_date DESC, b.batch_id DESC LIMIT %(limit)s",
            region=region,
            batch=batch_id,
            limit=limit,
        )
        if batch_id and not batches:
            raise NotFound("batch.unknown", f"没有拨付批次{batch_id[:60]}", batch=batch_id[:60])
        orders = tx.rows(
            "SELECT order_no, institution, payee_name, amount_fen, state, file_id, coalesce(first_payment, false) FROM payments.pay_order"
            " WHERE region = %(region)s AND %(state)s IN ('', state) AND %(batch)s IN ('', batch_id)"
            " ORDER BY order_no DESC LIMIT %(limit)s",
            region=region,
            state=state,
            batch=batch_id,
            limit=limit,
        )
        return Overview(
            [StateTotal(*row) for row in totals],
            [BatchLine(*row) for row in batches],
            [ListedOrder(*row) for row in shown_rows(tx, orders)],
            open_papers(tx, limit),
        )


def open_papers(tx: Transaction, limit: int = 1_000) -> list[OpenPaper]:
    """Papers that wait or are in suspense, oldest first."""
    rows = tx.rows(
        _PAPERS
        + "outcome IN ('waiting', 'suspense') ORDER BY booking_date, account, kind, receipt_no LIMIT %(limit)s",
        region=tx.region,
        limit=limit,
    )
    return [OpenPaper(*row) for row in rows]


def order_view(engine: Engine, user: str, region: int, order_no: str) -> OrderView:
    """One order with its history; raises NotFound `order.unknown`."""
    with unit_of_work(engine, user, region) as tx:
        orders = read_orders(tx, [order_no])
        if not orders:
            raise NotFound("order.unknown", f"没有拨付单{order_no}", order_no=order_no)
        events = read_shown(
            tx,
            "SELECT event, from_state, to_state, user_name, business_date, recorded_at, reason, evidence"
            " FROM payments.order_event WHERE region = %(region)s AND order_no = %(order)s ORDER BY n",
            region=region,
            order=order_no,
        )
        papers = tx.rows(
            _PAPERS + "matched_order = %(order)s ORDER BY booking_date, account, kind, receipt_no",
            region=region,
            order=order_no,
        )
        records = tx.value(
            "SELECT (SELECT count(*) FROM payments.order_payable WHERE region = %(region)s AND order_no = %(order)s)"
            " + (SELECT count(*) FROM payments.order_outregion WHERE region = %(region)s AND order_no = %(order)s)",
            region=region,
            order=order_no,
        )
        vouchers = tx.rows(
            "SELECT e.source_key, e.series || '-' || e.period || '-' || e.vno FROM books.source s"
            " JOIN books.entry e ON e.region = s.region AND e.fund = s.fund AND e.period = s.period AND e.seq = s.seq"
            " WHERE s.region = %(region)s AND s.fund = %(fund)s AND s.source_key = ANY(%(keys)s) ORDER BY e.seq",
            region=region,
            fund=orders[0].fund,
            keys=_keys(order_no, papers),
        )
        return OrderView(
            orders[0],
            [OrderEvent(*row) for row in events],
            [OpenPaper(*row) for row in papers],
            records,
            vouchers,
        )


def _keys(order_no: str, papers: Sequence[tuple[object, ...]]) -> list[str]:
    """Every source key an order can have: it is made of the order's number and its papers'."""
    booked = [f"{event}:{order_no}:{paper[1]}:{paper[2]}" for event in ("RCV", "RTN") for paper in papers]
    return [f"{event}:{order_no}" for event in ("ORD", "CAN", "REJ")] + booked
