"""What this room needs of an account's bank: how files are written and how they travel (see ledger.bootstrap)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from adapters.banks.ports import Channel, Format


class Bank(Protocol):
    """One own account's bank."""

    @property
    def format(self) -> Format:
        """Its files as values."""

    @property
    def channel(self) -> Channel:
        """Its wire."""


BankOf = Callable[[str], Bank]
"""The bank of one of our account numbers."""
