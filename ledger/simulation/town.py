"""The simulated region: its people, its institutions, its bank, the money that left the platform."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from random import Random
from typing import Literal, NamedTuple

from adapters.banks.simulator.faults import Fault
from ledger.bootstrap import OwnBank
from ledger.core.dates import Calendar
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.institutions.master import Institution
from ledger.simulation.bank import DemoBank
from ledger.simulation.odds import BANK_RATES, WEIGHTS, dice_of, falls
from ledger.simulation.platform.bill import PlatformBill
from ledger.simulation.platform.institutions import MadeInstitution
from ledger.simulation.staff import Staff, bank_of

Role = Literal["intake", "maker", "checker", "cashier", "accountant", "chief", "system"]


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
    statements: int = 0
    """How many days of the bank's statements came in."""
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

    def dice(self, day: date, word: str) -> Random:
        """Dice of one day and purpose: the same for the same seed whatever else is thrown."""
        return dice_of(self.asked.seed, day, word)

    def happens(self, dice: Random, word: str) -> bool:
        """Whether an event of that weight happens."""
        return falls(dice, self.asked.weights[word])

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
