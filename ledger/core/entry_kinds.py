"""What kind of entry a voucher is: ordinary, opening or closing. Told by its event alone, never by the side of a line.

A debit on an expense may come from closing a credit balance, and a credit from a refund: only the event knows. The reversal of
a closing or opening entry is booked under the same event, so it is of the same kind. SQL says the same: `books.entry_kind`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class EntryKind(StrEnum):
    """What an entry is to turnovers and statements."""

    ENTRY = "entry"
    """Ordinary business: its lines are 发生额."""
    OPENING = "opening"
    """期初: balances taken over from another system, never 发生额."""
    CLOSING = "closing"
    """结转: income and expense to 3001 (28号, 3001三(一)(二)), never 发生额 and in no row of a statement."""


OPENING_EVENT: Final = "OPEN"
MONTH_CLOSING_EVENT: Final = "CLOSE-M"
"""账结: closed at the end of a month."""
YEAR_CLOSING_EVENT: Final = "CLOSE-Y"
"""年结: closed at the end of the year."""

_KINDS: Final = {
    OPENING_EVENT: EntryKind.OPENING,
    MONTH_CLOSING_EVENT: EntryKind.CLOSING,
    YEAR_CLOSING_EVENT: EntryKind.CLOSING,
}
SET_APART_EVENTS: Final = tuple(_KINDS)
"""The events of every entry that is not ordinary."""


def entry_kind(event: str) -> EntryKind:
    """The kind of an entry with this event."""
    return _KINDS.get(event, EntryKind.ENTRY)
