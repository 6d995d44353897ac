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
    """9101, 9103 or 9106: ORD takes from it, CAN and REJ give back to it, RTN and a re-issue know by it what was paid."""


@dataclass(frozen=True, slots=True)
class RuledEntry:
    """The lines a rule wrote: balanced in each section, ready for an EntryDraft."""

    rule: str
    """Rule id and version, e.g. `RCV.daily.P1@1`; `ORD@1` where both policies share the rule."""
    event: str
    """The entry's event word, e.g. `RCV`."""
    legs: tuple[Leg, ...]
