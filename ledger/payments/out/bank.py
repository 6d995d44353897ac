"""What this room needs of an account's bank: how files are written and how they travel (see ledger.bootstrap)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from adapters.banks.ports import BankFormat, Channel


class PayingBank(Protocol):
    """One own account's bank."""

    @property
    def format(self) -> BankFormat:
        """Its files as values."""

    @property
    def channel(self) -> Channel:
        """Its wire."""


BankOf = Callable[[str], PayingBank]
"""The bank of one of our account numbers."""
