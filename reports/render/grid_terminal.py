"""A report's table on the terminal."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from reports.render.grid import Grid
from reports.render.grid_html import text_of
from reports.wording import printable


def table(grid: Grid) -> Table:
    """Title and heads above, notes below; red letters red with a minus."""
    shown = Table(
        title=Text("\n".join((grid.title, "  ".join(map(printable, grid.heads))))),
        caption=Text("\n".join(map(printable, grid.notes))),
    )
    for column in grid.columns:
        right = column.kind in ("money", "count")
        shown.add_column(column.title, justify="right" if right else "left", no_wrap=column.kind != "text")
    for line in grid.lines:
        cells = []
        for place, (column, value) in enumerate(zip(grid.columns, line.cells, strict=True)):
            red = column.kind == "money" and isinstance(value, int) and value < 0
            indent = "  " * line.level if place == 0 else ""
            cells.append(Text(indent + text_of(column, value), style="red" if red else ""))
        shown.add_row(*cells, style="bold" if line.total else "")
    return shown
