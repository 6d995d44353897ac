"""The simulated region: its people, its institutions, its bank, the money that left the platform; and the dice."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Final, Literal, NamedTuple

from adapters.banks.simulator.faults import Fault
from ledger.bootstrap import OwnBank
from ledger.core.dates import Calendar
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.institutions.master import Institution
from ledger.simulation.bank import DemoBank
from ledger.simulation.platform.bill import PlatformBill
from ledger.simulation.platform.institutions import MadeInstitution
from ledger.simulation.staff import Staff, bank_of

Role = Literal["intake", "maker", "checker", "cashier", "accountant", "system"]

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


class Decided(NamedTuple):
    """What a person decided that money follows from, as the person knows it: the recomputation starts here."""

    what: str
    reference: str
    fund: int
    institution: str
    subfund: str
    year: int
    term: int
    fen: int
    words: str = ""


class BankAct(NamedTuple):
    """What the bank did to our account of itself; `kind` as `fundledger cash` has it."""

    kind: str
    fund: int
    fen: int
    booked_on: date
    receipt_no: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What is simulated."""

    region: int
    first: date
    last: date
    seed: int
    records_per_day: int
    institutions: int
    weights: Mapping[str, int] = field(default_factory=lambda: WEIGHTS)
    bank_rates: Mapping[Fault, int] = field(default_factory=lambda: BANK_RATES)


@dataclass(slots=True)
class Town:
    """Everything the days share. `bills` are the accepted records as the platform made them, by setl_id."""

    asked: Asked
    home: Path
    staff: Staff
    bank: DemoBank
    calendar: Calendar
    institutions: list[MadeInstitution]
    master: dict[str, Institution]
    """As loaded, by code."""
    bills: dict[str, tuple[date, PlatformBill]] = field(default_factory=dict)
    reversed: set[str] = field(default_factory=set)
    audited: set[str] = field(default_factory=set)
    payees: dict[str, str] = field(default_factory=dict)
    """Payee account number → institution, every number there ever was."""
    suspended: dict[str, date] = field(default_factory=dict)
    """Institution → the day its agreement is resumed."""
    outbox: dict[str, date] = field(default_factory=dict)
    """File in the bank's outbox → the day it came."""
    prepaid: set[tuple[int, str]] = field(default_factory=set)
    """Year and institution whose 预付金 was thought of."""
    requests: list[str] = field(default_factory=list)
    """Approved fund requests whose money has not come."""
    acts: list[BankAct] = field(default_factory=list)
    """What the bank did of itself and nobody has entered yet."""
    done: set[tuple[str, int]] = field(default_factory=set)
    """What happens once a month and the 期号 in which it has."""
    too_late: dict[str, int] = field(default_factory=dict)
    """Records not declared in time → their service year."""
    decided: list[Decided] = field(default_factory=list)
    events: Counter[str] = field(default_factory=Counter)
    records: int = 0

    @contextmanager
    def tx(self, role: Role) -> Iterator[Transaction]:
        """A transaction of the region under the person of a post."""
        app = getattr(self.staff, role)
        with unit_of_work(app.engine, app.user, self.asked.region) as tx:
            yield tx

    def banks(self, role: Role) -> Callable[[str], OwnBank]:
        """How that person reaches the banks."""
        return bank_of(getattr(self.staff, role))

    def dice(self, day: date, word: str) -> random.Random:
        """Dice of one day and purpose: the same for the same seed whatever else is thrown."""
        return random.Random(f"{self.asked.seed}:{day.isoformat()}:{word}")  # noqa: S311 made-up events, repeatable on purpose

    def happens(self, dice: random.Random, word: str) -> bool:
        """Whether an event of that weight happens."""
        return dice.randrange(1000) < self.asked.weights[word]

    def first(self, word: str, term: int) -> bool:
        """Whether this is the first time in that 期号."""
        known = (word, term) in self.done
        self.done.add((word, term))
        return not known

    def count(self, word: str, number: int = 1) -> None:
        """Keep count of an event."""
        if number:
            self.events[word] += number


def new_account(town: Town, code: str) -> str:
    """The next payee account number of an institution, remembered as its own."""
    number = f"6223{town.asked.region:06d}{len(town.payees):09d}"
    town.payees[number] = code
    return number
