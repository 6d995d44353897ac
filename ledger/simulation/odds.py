"""The odds of the simulated region: how often each thing happens or goes wrong, and the dice that decide it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from random import Random
from typing import Final

from adapters.banks.simulator.faults import Fault

BANK_RATES: Final[Mapping[Fault, int]] = {
    Fault.REJECT_NAME: 40,
    Fault.REJECT_ACCOUNT: 20,
    Fault.RETURN: 60,
    Fault.RETURN_BEFORE_RECEIPT: 20,
    Fault.DELAY: 300,
    Fault.FILE_TWICE: 50,
    Fault.RECEIPT_TWICE: 50,
    Fault.CUT_ON_WIRE: 20,
    Fault.CUT_AT_SOURCE: 20,
    Fault.WRONG_AMOUNT: 10,
    Fault.UNKNOWN_ORDER: 10,
    Fault.OTHER_ACCOUNT: 10,
    Fault.STATUS_LOST: 100,
    Fault.RECEIPT_BEFORE_STATUS: 100,
}
"""Ten-thousandths of the orders, or of the files, that go wrong in each way."""

WEIGHTS: Final[Mapping[str, int]] = {
    "reversal": 4,
    "hold": 80,
    "suspend": 3,
    "payee_change": 2,
    "payee_repair": 500,
    "surprise": 15,
    "finding": 6,
    "deduction": 80,
    "difference": 80,
    "advance": 60,
    "prepayment": 150,
    "hold_suspends": 200,
    "late_grant": 150,
    "part_grant": 150,
    "bank_fee": 15,
    "person": 60,
    "refund": 40,
    "bill_in": 700,
    "special_case": 300,
    "late_case": 200,
}
"""Per mille. reversal: of the day's records; hold: of the days; hold_suspends: of the holds; suspend, payee_change: of
the institutions a working day; payee_repair: of the failed accounts a working day; surprise: of the batches, an agreement
suspended between file and sending; finding: of a month's inpatient records; deduction, advance, refund: of the
institutions a month; prepayment: of the institutions a year; difference: of the reconciliations; late_grant, part_grant:
of the fund requests a working day; bank_fee, person: of the working days; special_case: of the institutions with a
standard; late_case: of the records not declared in time; bill_in: of the months and books, a bill of another region."""


def dice_of(seed: int, day: date, word: str) -> Random:
    """Dice of one day and purpose: the same for the same seed whatever else is thrown."""
    return Random(f"{seed}:{day.isoformat()}:{word}")  # noqa: S311 made-up events, repeatable on purpose


def falls(dice: Random, per_mille: int) -> bool:
    """Whether an event of that weight happens."""
    return dice.randrange(1000) < per_mille
