"""What the bank does wrong, and to whom: decided by seed and name alone, so that every run can be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from hashlib import sha256
from typing import Final

from adapters.banks.simulator.books import BankMovement

ALWAYS: Final = 10_000
"""Rates are ten-thousandths."""
DELAY_DAYS_MAX: Final = 3


class Fault(StrEnum):
    """One misbehaviour. The first groups hang on an order number, the last on a message id."""

    REJECT_NAME = "reject_name"
    """Rejected before the debit: BE01 户名不符."""
    REJECT_ACCOUNT = "reject_account"
    """Rejected before the debit: AC01 账号不存在."""
    RETURN = "return"
    """Debited, and given back days later (退汇)."""
    RETURN_BEFORE_RECEIPT = "return_before_receipt"
    """The same, and the return's paper comes a day before the payment's."""

    DELAY = "delay"
    """The receipt comes at T+1, T+2 or T+3."""
    FILE_TWICE = "file_twice"
    """The same bytes again under another name the day after."""
    RECEIPT_TWICE = "receipt_twice"
    """The same receipt again in another file the day after."""
    CUT_ON_WIRE = "cut_on_wire"
    """The file is shorter than its `.ok` says; whole the day after."""
    CUT_AT_SOURCE = "cut_at_source"
    """The file ends in the middle and its `.ok` agrees; whole the day after."""
    WRONG_AMOUNT = "wrong_amount"
    """A receipt one yuan too high; the right one, with its own number, the day after."""
    UNKNOWN_ORDER = "unknown_order"
    """A receipt for an order nobody gave; the right one the day after."""
    OTHER_ACCOUNT = "other_account"
    """A receipt for somebody else's account; the right one the day after."""

    STATUS_LOST = "status_lost"
    """The file is taken and paid, no status file ever comes."""
    RECEIPT_BEFORE_STATUS = "receipt_before_status"
    """The final status comes after the last receipt could."""


GARBLES: Final = (Fault.WRONG_AMOUNT, Fault.UNKNOWN_ORDER, Fault.OTHER_ACCOUNT)
FILE_FAULTS: Final = (Fault.FILE_TWICE, Fault.CUT_ON_WIRE, Fault.CUT_AT_SOURCE)
RETURNS: Final = (Fault.RETURN, Fault.RETURN_BEFORE_RECEIPT)


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """`named` gives the faults of single orders or messages; all others draw by `rates` (ten-thousandths)."""

    seed: int = 0
    rates: Mapping[Fault, int] = field(default_factory=dict)
    named: Mapping[str, frozenset[Fault]] = field(default_factory=dict)

    def faults(self, key: str) -> frozenset[Fault]:
        """The faults of an order number or a message id; the same for every call and every process."""
        if key in self.named:
            return self.named[key]
        return frozenset(
            fault for fault, rate in self.rates.items() if _draw(self.seed, fault, key) % ALWAYS < rate
        )

    def delay_days(self, key: str) -> int:
        """How many days a delayed receipt takes: 1 to 3."""
        return 1 + _draw(self.seed, "days", key) % DELAY_DAYS_MAX


HONEST: Final = FaultPlan()


def garble(movement: BankMovement, fault: Fault) -> BankMovement:
    """What a wrong paper says of `movement`."""
    match fault:
        case Fault.WRONG_AMOUNT:
            return replace(movement, amount_fen=movement.amount_fen + 100)
        case Fault.UNKNOWN_ORDER:
            # The same look, somebody else's order: the region's digits turn round. (One of ours that was never made would
            # freeze the payments, as it should.)
            turned = movement.order_no[2:8].translate(str.maketrans("0123456789", "9876543210"))
            return replace(movement, order_no=movement.order_no[:2] + turned + movement.order_no[8:])
        case Fault.OTHER_ACCOUNT:
            last = int(movement.account[-1]) if movement.account[-1].isdigit() else 0
            return replace(movement, account=f"{movement.account[:-1]}{(last + 1) % 10}")
        case _:
            return movement


def _draw(seed: int, word: str, key: str) -> int:
    return int.from_bytes(sha256(f"{seed}|{word}|{key}".encode()).digest()[:8])
