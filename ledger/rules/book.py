"""Rules as values: an event, its lines, its versions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from ledger.core.entries import Section, Side

POLICIES = ("P1", "P2")
"""Daily payouts as advance 暂付款, or straight as expense."""

BOTH = "both"


@dataclass(frozen=True, slots=True)
class Event:
    """A business event: what may be handed to its rule."""

    name: str
    entry_event: str
    title: str
    shape: str
    """`item`, `sheet` or `closing`: what it is given."""
    sources: frozenset[int]
    check: str


@dataclass(frozen=True, slots=True)
class RuleLine:
    """One line of a rule. `account` is a code, or a place in angle brackets found at application."""

    policy: str
    number: int
    section: Section
    side: Side
    account: str
    amount: str
    sign: int
    condition: str
    article: str
    note: str

    @property
    def place(self) -> str:
        """The place's name, or empty for a fixed account."""
        return self.account[1:-1] if self.account.startswith("<") else ""


@dataclass(frozen=True, slots=True)
class Rule:
    """One version of an event's rule under one policy, lines in order."""

    event: Event
    policy: str
    version: int
    valid_from: date
    lines: tuple[RuleLine, ...]

    @property
    def name(self) -> str:
        """`RCV.daily.P1@1`; without the policy where both share every line."""
        own = f".{self.policy}" if any(line.policy != BOTH for line in self.lines) else ""
        return f"{self.event.name}{own}@{self.version}"


@dataclass(frozen=True, slots=True)
class Rulebook:
    """All rules, and the accounts of the places that depend on fund, sub-fund and category."""

    rules: Mapping[tuple[str, str], tuple[Rule, ...]]
    """By (event, policy), oldest version first."""
    places: Mapping[tuple[str, int, str, str], int]
    """(place, fund, sub-fund, category or empty) to account."""
    carried: Mapping[tuple[int, str], int]
    """(fund, income or expense account) to the sub-account of 3001 that it and all below it are carried to."""
