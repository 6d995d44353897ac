"""Sheets a printer takes, and where the type area lies on them: millimetres, from ISO 216."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Paper(StrEnum):
    """A sheet and how it lies. Books lie across, statements stand, a voucher is half a sheet across."""

    A4 = "A4"
    A4_ACROSS = "A4-landscape"
    A5 = "A5"
    A5_ACROSS = "A5-landscape"

    @property
    def across(self) -> bool:
        """Whether the long side lies across."""
        return self in (Paper.A4_ACROSS, Paper.A5_ACROSS)

    @property
    def size_mm(self) -> tuple[int, int]:
        """Width and height in millimetres."""
        short, long = (210, 297) if self in (Paper.A4, Paper.A4_ACROSS) else (148, 210)
        return (long, short) if self.across else (short, long)


BINDING_MM: Final = 20
"""Left edge, where a book is bound."""
EDGE_MM: Final = 10
