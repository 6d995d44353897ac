"""Approval and discarding of a drafted batch: a second person, bound to the digest of what was drafted (INV-11).

Role, person, digest, what is owed and the money available are checked by payments.approve() in the database, under
the lock of the book's accounts; here the entries are posted and a replay gets the first answer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

import psycopg

from ledger.access.signing.signing import signed
from ledger.core.errors import Conflict, Forbidden, NotFound
from ledger.db.connections import Engine
from ledger.db.unit_of_work import Transaction, translate, unit_of_work
from ledger.payments.orders.order import lock_batch
from ledger.payments.orders.states import OrderStep, follow_up, move, transitions


@dataclass(frozen=True, slots=True)
class Approval:
    """What was approved, by whom and when; the same for every replay."""

    region: int
    batch_id: str
    digest: bytes
    prepared_by: str
    approved_by: str
    approved_on: date
    orders: int
    total_fen: int


def approve(engine: Engine, user: str, region: int, batch_id: str, digest: bytes, day: date) -> Approval:
    """Approve the batch on `day` and post its ORD entries; approving it again with the same digest changes nothing.

    Raises NotFound `batch.unknown`; Forbidden `access.role_missing`, `batch.same_person`; Conflict `batch.changed`,
    `batch.over_available`, `batch.settled`, `batch.not_owed`, `batch.discarded`, `batch.already_approved` (by
    another user or digest), and what posting raises.
    """
    with unit_of_work(engine, user, region) as tx:
        return approve_in(tx, batch_id, digest, day)


def approve_in(tx: Transaction, batch_id: str, digest: bytes, day: date) -> Approval:
    """`approve` within a transaction of its region."""
    signed(tx, "payments.approve", batch_id, digest.hex(), day)
    known = _approval(tx, batch_id)
    if known is not None:
        return _replayed(known, tx.user, digest)
    tx.run("SAVEPOINT approving")
    try:
        return _approve(tx, batch_id, digest, day)
    except psycopg.Error as error:
        refused = translate(error)
        if not (isinstance(refused, Conflict) and refused.code == "batch.already_approved"):
            raise
    # Somebody, perhaps this very user, was faster: the first answer counts.
    tx.run("ROLLBACK TO SAVEPOINT approving")
    first = _approval(tx, batch_id)
    if first is None:
        raise Conflict("batch.already_approved", f"批次{batch_id}的审批状态已变，请重试")
    return _replayed(first, tx.user, digest)


def discard(engine: Engine, user: str, region: int, batch_id: str, reason: str, day: date) -> int:
    """Give up a drafted batch: its records are open again. Returns the number of orders given up.

    Raises NotFound `batch.unknown`, Forbidden `access.role_missing` (maker, checker or system), Conflict
    `order.state` once the batch is approved.
    """
    with unit_of_work(engine, user, region) as tx:
        return discard_in(tx, batch_id, reason, day)


def discard_in(tx: Transaction, batch_id: str, reason: str, day: date) -> int:
    """`discard` within a transaction of its region."""
    orders = lock_batch(tx, batch_id)
    if not orders:
        raise NotFound("batch.unknown", f"没有拨付批次{batch_id}", batch=batch_id)
    tx.run(
        "SELECT access.require_role(%(region)s, %(fund)s::smallint, '{maker,checker,system}')",
        region=tx.region,
        fund=orders[0].fund,
    )
    move(tx, "discard", [OrderStep(order.order_no, reason) for order in orders], day)
    return len(orders)


def _approve(tx: Transaction, batch_id: str, digest: bytes, day: date) -> Approval:
    table = transitions(tx)
    tx.run(
        "SELECT payments.approve(%(region)s, %(batch)s, %(digest)s, %(day)s)",
        region=tx.region,
        batch=batch_id,
        digest=digest,
        day=day,
    )
    # The state before is the one that approval leaves: payments.approve() took every order of it, and no other.
    (before,) = table.sources("approve")
    orders = [replace(order, state=before) for order in lock_batch(tx, batch_id)]
    follow_up(tx, table, "approve", orders, [OrderStep(order.order_no) for order in orders], day)
    approval = _approval(tx, batch_id)
    if approval is None:
        raise Forbidden("batch.unapproved", f"批次{batch_id}没有留下审批记录")
    return approval


def _replayed(known: Approval, user: str, digest: bytes) -> Approval:
    if (known.approved_by, known.digest) == (user, digest):
        return known
    raise Conflict(
        "batch.already_approved",
        f"批次{known.batch_id}已于{known.approved_on}由{known.approved_by}审批，与本次的审批人或摘要不同",
        batch=known.batch_id,
        approved_by=known.approved_by,
    )


def _approval(tx: Transaction, batch_id: str) -> Approval | None:
    row = tx.row(
        "SELECT a.digest, a.prepared_by, a.approved_by, a.approved_on, count(*), sum(o.amount_fen)::bigint"
        " FROM payments.approval a JOIN payments.pay_order o ON o.region = a.region AND o.batch_id = a.batch_id"
        " WHERE a.region = %(region)s AND a.batch_id = %(batch)s GROUP BY 1, 2, 3, 4",
        region=tx.region,
        batch=batch_id,
    )
    return None if row is None else Approval(tx.region, batch_id, *row)
