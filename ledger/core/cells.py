"""Text in a cell of a spreadsheet: what somebody else wrote is shown there, never computed."""

from __future__ import annotations

from typing import Final

_STARTS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet takes for the beginning of a formula; the wide ones too, under Chinese settings."""


def cell(value: str) -> str:
    """`value` for a CSV file that people open in a spreadsheet, with an apostrophe before what would be a formula there."""
    return f"'{value}" if value.startswith(_STARTS) else value
