"""The worked year as a report: each event with the lines the rulebook writes, and the T-accounts they add up to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from ledger.books.chart import account as account_of
from ledger.core.entries import Leg, Section, Side, section_of
from ledger.rules.worked_year import FUND, WorkedEvent, worked_year


class EventLines(NamedTuple):
    """An event, the rule that booked it, and its lines."""

    event: WorkedEvent
    rule: str
    legs: tuple[Leg, ...]


class SidePosting(NamedTuple):
    """What one event put on one side of an account; a negative amount is a red letter."""

    seq: int
    amount_fen: int


@dataclass(slots=True)
class TAccount:
    """One account over the whole worked year; sums in fen, balances debit-positive."""

    account: int
    name: str
    debits: list[SidePosting] = field(default_factory=list)
    credits: list[SidePosting] = field(default_factory=list)
    first_year_fen: int = 0
    """Balance at the end of the first calendar year."""

    @property
    def debit_fen(self) -> int:
        """Sum of the left side."""
        return sum(posting.amount_fen for posting in self.debits)

    @property
    def credit_fen(self) -> int:
        """Sum of the right side."""
        return sum(posting.amount_fen for posting in self.credits)

    @property
    def balance_fen(self) -> int:
        """Balance after the last event."""
        return self.debit_fen - self.credit_fen


class SectionTotals(NamedTuple):
    """Both sides of a section: turnovers and balances, each pair equal or the rules do not balance."""

    debit_fen: int
    credit_fen: int
    debit_balances_fen: int
    credit_balances_fen: int


@dataclass(frozen=True, slots=True)
class WorkedYear:
    """The worked year under one policy."""

    policy: str
    first_year: int
    events: tuple[EventLines, ...]
    accounts: dict[Section, tuple[TAccount, ...]]

    def totals(self, section: Section) -> SectionTotals:
        """The section's last line, added up from its T-accounts."""
        balances = [account.balance_fen for account in self.accounts[section]]
        return SectionTotals(
            sum(account.debit_fen for account in self.accounts[section]),
            sum(account.credit_fen for account in self.accounts[section]),
            sum(fen for fen in balances if fen > 0),
            -sum(fen for fen in balances if fen < 0),
        )


def worked_year_of(policy: str, events: Sequence[WorkedEvent] | None = None) -> WorkedYear:
    """The packaged worked year (or other events) ruled under P1 or P2; raises what the rulebook raises."""
    told = worked_year() if events is None else events
    ruled = []
    found: dict[int, TAccount] = {}
    first_year = told[0].day.year
    for event in told:
        entry = event.ruled(policy)
        ruled.append(EventLines(event, entry.rule, entry.legs))
        for leg in entry.legs:
            account = found.setdefault(leg.account, TAccount(leg.account, account_of(FUND, leg.account).name))
            side = account.debits if leg.side is Side.DEBIT else account.credits
            side.append(SidePosting(event.seq, leg.amount_fen))
            if event.day.year == first_year:
                account.first_year_fen += leg.side * leg.amount_fen
    accounts = {
        section: tuple(found[code] for code in sorted(found, key=str) if section_of(code) is section)
        for section in Section
    }
    return WorkedYear(policy, first_year, tuple(ruled), accounts)
