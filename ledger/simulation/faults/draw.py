"""Which fault meets which act: drawn by weight from the seed, the day and the act, so that every run can be repeated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from adapters.banks.simulator.faults import Fault
from ledger.simulation.odds import dice_of

Act = Literal["records", "pay", "take", "anchor"]
Kind = Literal["kill", "cut", "wire", "disk", "clock"]

WEIGHTS: Final[Mapping[Kind, int]] = {"kill": 250, "cut": 150, "wire": 150, "disk": 100, "clock": 100}
"""Per mille of the attempts at an act: the process killed at a commit; the database's line cut at a commit; the
bank's line cut; files that cannot be written; the clock a day off. The rest goes as it should."""

BANK: Final[Mapping[Fault, int]] = {
    Fault.REJECT_NAME: 300, Fault.REJECT_ACCOUNT: 200, Fault.RETURN: 400, Fault.RETURN_BEFORE_RECEIPT: 200, Fault.DELAY: 1500,
    Fault.FILE_TWICE: 800, Fault.RECEIPT_TWICE: 800, Fault.CUT_ON_WIRE: 500, Fault.CUT_AT_SOURCE: 300, Fault.WRONG_AMOUNT: 200,
    Fault.UNKNOWN_ORDER: 200, Fault.OTHER_ACCOUNT: 200, Fault.STATUS_LOST: 500, Fault.RECEIPT_BEFORE_STATUS: 500,
}  # fmt: skip
"""Ten-thousandths of the orders or files that the bank spoils, each in its way."""

COMMITS: Final = 6
CALLS: Final = 12


@dataclass(frozen=True, slots=True)
class Blow:
    """One fault: its kind, the count of the commit or call it falls on, before or after it, and by how many days the clock is off."""

    kind: Kind
    at: int
    after: bool
    days: int = 0

    @property
    def word(self) -> str:
        """As it is counted and told."""
        return (
            f"{self.kind}_{'after' if self.after else 'before'}"
            if self.kind in ("kill", "cut", "wire")
            else self.kind
        )


def drawn(seed: int, day: date, act: Act, attempt: int) -> Blow | None:
    """The fault of one attempt, or none."""
    dice = dice_of(seed, day, f"{act} {attempt}")
    number = dice.randrange(1000)
    for kind, weight in WEIGHTS.items():
        if number < weight:
            most = CALLS if kind == "wire" else COMMITS
            return Blow(kind, dice.randint(1, most), bool(dice.randrange(2)), dice.choice((-1, 1)))
        number -= weight
    return None
