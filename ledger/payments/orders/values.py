"""What is drafted and what is stored of it: a batch, its orders, and what each order pays. Values only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal, NamedTuple

from adapters.banks.ports import BankAccount
from ledger.core.entries import Dimensions

BatchKind = Literal["daily", "month", "clearing", "advance", "supplier", "person", "outregion"]


class ItemDraft(NamedTuple):
    """A part of an order: the memorandum account it draws on, the key there, fen (signed, not zero)."""

    source: int
    """9101, 9103, 9106 or 9502; booked at the receipt only: 1101xx, 200103, 5001."""
    dims: Dimensions
    amount_fen: int


class PayableDraft(NamedTuple):
    """A record's payable that the order pays: fund.payable is claimed by (setl_id, subfund)."""

    setl_id: str
    subfund: str
    daily_fen: int


class OutregionDraft(NamedTuple):
    """A record of another region's patient that the order pays: fund.outregion_record is claimed by it."""

    setl_id: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class OrderDraft:
    """One payment to one institution. Its amount is the sum of its items and must be positive."""

    institution: str
    items: Sequence[ItemDraft]
    payables: Sequence[PayableDraft]
    payee: BankAccount
    purpose: str
    account: str
    """Our paying account."""
    replaces: str = ""
    """The failed or returned order it issues again."""
    outregion: Sequence[OutregionDraft] = ()

    @property
    def amount_fen(self) -> int:
        """The sum of the items, in fen."""
        return sum(item.amount_fen for item in self.items)


@dataclass(frozen=True, slots=True)
class BatchDraft:
    """The orders of one book and one payout day, as the maker hands them in."""

    region: int
    fund: int
    kind: BatchKind
    batch_id: str
    pay_date: date
    upto: date
    """Last discharge day the batch takes."""
    orders: Sequence[OrderDraft]


@dataclass(frozen=True, slots=True)
class Batch:
    """A stored batch. `order_nos` are in the order of the draft's orders."""

    region: int
    fund: int
    batch_id: str
    pay_date: date
    digest: bytes
    """What the checker approves: payments.batch_digest()."""
    order_nos: Sequence[str]
    total_fen: int
    first_payments: Sequence[str] = ()
    """Of these the orders to accounts to which nothing was paid before; part of the digest."""

    def as_json(self) -> dict[str, object]:
        """The batch for machines: what its approver has to name, amounts in fen as text."""
        return {
            "batch": self.batch_id,
            "fund": self.fund,
            "orders": len(self.order_nos),
            "total_fen": str(self.total_fen),
            "digest": self.digest.hex(),
            "first_payments": list(self.first_payments),
        }
