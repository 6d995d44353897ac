"""What waits for a checker as one list under one digest: every drafted batch of a payout day, all books of the region.

The list is what a second person answers for; each batch of it is approved by its own digest, in one transaction, or none is.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from ledger.access.signing.signing import signed
from ledger.core.errors import Conflict, NotFound
from ledger.core.lists import ShownList
from ledger.core.persons import PERSON, mask
from ledger.db.safekeeping.fields import fields
from ledger.db.unit_of_work import Transaction
from ledger.payments.orders.approve import Approval, approve_in


@dataclass(frozen=True, slots=True)
class WaitingOrder:
    """An order as its approver sees it: to whom, on which account, how much in fen."""

    order_no: str
    institution: str
    payee_name: str
    payee_number: str
    payee_bank: str
    amount_fen: int
    first_payment: bool
    state: str

    @property
    def payee_shown(self) -> tuple[str, str]:
        """Name and account; a person's hidden as every list hides them: who approved the payment itself saw them whole."""
        if self.institution == PERSON:
            return mask(self.payee_name, head=1, tail=0), mask(self.payee_number)
        return self.payee_name, self.payee_number


@dataclass(frozen=True, slots=True)
class WaitingBatch:
    """A drafted batch; `approved_by` is "" until somebody approved it, under this very list or alone."""

    batch_id: str
    fund: int
    kind: str
    prepared_by: str
    approved_by: str
    digest: bytes
    orders: tuple[WaitingOrder, ...]

    @property
    def total_fen(self) -> int:
        """Of its orders."""
        return sum(order.amount_fen for order in self.orders)


@dataclass(frozen=True, slots=True)
class DayList:
    """The batches of a payout day, by book and number, less those left out by name."""

    region: int
    day: date
    batches: tuple[WaitingBatch, ...]
    left_out: tuple[str, ...] = ()

    @property
    def shown(self) -> ShownList:
        """As a list to approve: each batch with its own digest, which is of its orders, payees and amounts."""
        items = tuple((batch.batch_id, batch.digest) for batch in self.batches)
        return ShownList(f"{self.day}的拨付批次", f"day|{self.region}|{self.day}", items)

    @property
    def total_fen(self) -> int:
        """Of its batches."""
        return sum(batch.total_fen for batch in self.batches)

    @property
    def cancelled(self) -> list[WaitingOrder]:
        """Orders of approved batches that are not paid any more: they stay on the list that was approved."""
        return [order for batch in self.batches for order in batch.orders if order.state == "cancelled"]

    def as_json(self) -> dict[str, object]:
        """For machines; amounts in fen as text; no digest where there is nothing to approve."""
        return {
            "day": self.day.isoformat(),
            "digest": self.shown.shown,
            "total_fen": str(self.total_fen),
            "left_out": list(self.left_out),
            "batches": [
                {
                    "batch": batch.batch_id,
                    "fund": batch.fund,
                    "kind": batch.kind,
                    "prepared_by": batch.prepared_by,
                    "approved_by": batch.approved_by,
                    "digest": batch.digest.hex(),
                    "total_fen": str(batch.total_fen),
                    "orders": [
                        {
                            "order": order.order_no,
                            "institution": order.institution,
                            "payee_name": order.payee_shown[0],
                            "payee_number": order.payee_shown[1],
                            "payee_bank": order.payee_bank,
                            "amount_fen": str(order.amount_fen),
                            "first_payment": order.first_payment,
                        }
                        for order in batch.orders
                    ],
                }
                for batch in self.batches
            ],
        }


def day_list(tx: Transaction, day: date, without: Collection[str] = ()) -> DayList:
    """The batches to be paid on `day` that are not given up, approved ones among them, so that a replay meets the same list.

    Raises NotFound `batch.unknown` for a name in `without` that is no batch of the day.
    """
    rows = tx.rows(
        "SELECT b.batch_id, b.fund, b.kind, b.prepared_by, coalesce(a.approved_by, ''), b.digest, o.order_no, o.institution,"
        " o.payee_name, o.payee_number, o.payee_bank, o.amount_fen, coalesce(o.first_payment, false), o.state"
        " FROM payments.batch b JOIN payments.pay_order o ON o.region = b.region AND o.batch_id = b.batch_id"
        " LEFT JOIN payments.approval a ON a.region = b.region AND a.batch_id = b.batch_id"
        " WHERE b.region = %(region)s AND b.pay_date = %(day)s AND (a.batch_id IS NOT NULL OR o.state = 'draft')"
        ' ORDER BY b.fund, b.batch_id COLLATE "C", o.order_no',
        region=tx.region,
        day=day,
    )
    heads: dict[str, tuple[int, str, str, str, bytes]] = {}
    orders: dict[str, list[WaitingOrder]] = {}
    for batch_id, fund, kind, prepared_by, approved_by, digest, *order in rows:
        heads[batch_id] = (fund, kind, prepared_by, approved_by, bytes(digest))
        number, institution, name, account, *rest = order
        payee = (fields(tx).open(name), fields(tx).open(account))
        orders.setdefault(batch_id, []).append(WaitingOrder(number, institution, *payee, *rest))
    for name in without:
        if name not in heads:
            raise NotFound("batch.unknown", f"{day}没有拨付批次{name[:60]}", batch=name[:60])
    batches = tuple(
        WaitingBatch(name, *head, tuple(orders[name])) for name, head in heads.items() if name not in without
    )
    return DayList(tx.region, day, batches, tuple(sorted(without)))


def approve_day_in(tx: Transaction, found: DayList, digest: bytes, day: date) -> list[Approval]:
    """Approve every batch of the list as shown under `digest`, all or none; again with the same digest changes nothing.

    A batch that somebody else approved meanwhile or before stays theirs and is left out of the answer; where all are, nothing was
    done: Conflict `batch.already_approved`. `day` is the business date of the act. Raises InvalidInput `list.nothing`, Conflict
    `list.changed`, and what `approve` raises, naming the batch.
    """
    found.shown.require(digest)
    own = [batch for batch in found.batches if batch.approved_by in ("", tx.user)]
    if not own:
        theirs = "、".join(f"批次{one.batch_id}此前已由{one.approved_by}审批" for one in found.batches)
        raise Conflict("batch.already_approved", f"此次没有再审批：{theirs}")
    for batch in own:  # all are asked for before the first is done: one touch of a passkey signs them all
        signed(tx, "payments.approve", batch.batch_id, batch.digest.hex(), day)
    return [approve_in(tx, batch.batch_id, batch.digest, day) for batch in own]
