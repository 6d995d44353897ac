"""What goes into a rule and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ledger.core.entries import Dimensions, Leg


class Item(NamedTuple):
    """One key's share of an event; amounts in fen, signed."""

    dims: Dimensions
    """The full key: institution, sub-fund, service year, 期号, benefit category."""
    amount_fen: int
    """REC and REV: the fund money F of the records; else the amount paid, ordered or returned."""
    daily_fen: int = 0
    """REC and REV: the daily payable d, the sum of the per-record roundings."""
    source: int = 0
    """9101, 9103 or 9106: ORD takes from it, CAN and REJ give back to it, RTN and a re-issue know by it what was paid.

    PAY-ADV: the kind of advance, 110102, 110103 or 110104.
    """


class Sheet(NamedTuple):
    """One key's row of a month's settlement (SET) or of a clearing letter (CLR); amounts in fen, signed."""

    dims: Dimensions
    open_daily_fen: int = 0
    """Balance of 9101, all of it."""
    waiting_fen: int = 0
    """Balance of 9102, all of it."""
    month_open_fen: int = 0
    """CLR: balance of 9103, all of it."""
    retained_fen: int = 0
    """SET: fund money less its rounded month share; CLR: balance of 9105, all of it."""
    audit_fen: int = 0
    other_fen: int = 0
    forfeited_fen: int = 0
    borne_fen: int = 0
    surplus_fen: int = 0
    offset_fen: int = 0
    """Settled against an advance of the kind `source`."""
    advance_fen: int = 0
    """What of this key's 1101-日拨付 becomes expense now; written under P1 only."""
    returned_fen: int = 0
    """What of 2001-退汇待付 is owed no more after this settlement and comes off expense (or into 4501)."""
    returned_advance_fen: int = 0
    """The same, coming off 1101-日拨付 that was overpaid and never expensed; written under P1 only."""
    source: int = 0
    """The kind of advance offset: 110102 预付金, 110103 按月预拨, 110104 集采直接结算."""


@dataclass(frozen=True, slots=True)
class RuledEntry:
    """The lines a rule wrote: balanced in each section, ready for an EntryDraft."""

    rule: str
    """Rule id and version, e.g. `RCV.daily.P1@1`; `ORD@1` where both policies share the rule."""
    event: str
    """The entry's event word, e.g. `RCV`."""
    legs: tuple[Leg, ...]
