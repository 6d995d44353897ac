"""A workbook's cell as the text that would stand in a CSV file: numbers as they were typed, or not at all."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

_DIGITS_MAX: Final = 10**15
"""A spreadsheet keeps fifteen digits of a number; an account number of more is wrong in it unless it is text."""


def cell_text(cell: object) -> str:
    """Its text. Raises ValueError with what is wrong, in Chinese, for a number of more than fifteen digits and what is no value.

    A number cell is a binary fraction: its shortest form is what was typed, for up to fifteen digits; what was computed has
    more places, and is refused by whoever reads it as an amount.
    """
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        if abs(cell) >= _DIGITS_MAX or (abs(cell) >= _DIGITS_MAX / 100 and not float(cell).is_integer()):
            raise ValueError("的数字超过15位，应存为文本")
        return str(int(cell)) if float(cell).is_integer() else f"{cell!r}"
    raise ValueError("的单元格应为文本、数字或日期")
