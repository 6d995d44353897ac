"""A report's table as CSV for spreadsheets: yuan with two decimals, the form's headings, text that can be no formula."""

from __future__ import annotations

import csv
import io
from datetime import date

from ledger.core.cells import cell
from ledger.core.money import yuan
from reports.render.grid import Cell, Column, Grid


def render(grid: Grid) -> str:
    """Headings, then one row a line; heads and notes stay out, so that a program reads it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.title for column in grid.columns])
    for line in grid.lines:
        writer.writerow(
            [_text(column, value) for column, value in zip(grid.columns, line.cells, strict=True)]
        )
    return out.getvalue()


def _text(column: Column, value: Cell) -> str:
    if value is None:
        return ""
    if column.kind == "money" and isinstance(value, int):
        return yuan(value)
    if isinstance(value, date):
        return value.isoformat()
    return cell(value) if isinstance(value, str) else str(value)
