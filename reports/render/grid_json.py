"""A report's table as one JSON object: rows by column keys, money as strings of integer fen."""

from __future__ import annotations

from datetime import date

from reports.render import text_json
from reports.render.grid import Cell, Column, Grid


def document(grid: Grid) -> dict[str, object]:
    """What the report says of itself (`facts`), its columns, and a row a line."""
    return {
        "title": grid.title,
        **grid.facts,
        "columns": [
            {"key": column.key, "title": column.title, "kind": column.kind} for column in grid.columns
        ],
        "rows": [
            {
                **{
                    column.key: _value(column, value)
                    for column, value in zip(grid.columns, line.cells, strict=True)
                },
                **({"total": True} if line.total else {}),
                **({"level": line.level} if line.level else {}),
            }
            for line in grid.lines
        ],
    }


def render(grid: Grid) -> str:
    """The object on one line."""
    return text_json.render(document(grid))


def _value(column: Column, value: Cell) -> str | int | None:
    if isinstance(value, date):
        return value.isoformat()
    if column.kind == "money" and value is not None:
        return str(value)
    return value
