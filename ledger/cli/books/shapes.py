"""How a report that is a table is handed out: on the terminal, or as JSON, CSV or HTML. The one place that knows the shapes."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ledger.cli.books.printing import printed
from reports.render.grid import Grid
from reports.render.paper import Paper


class GridShape(StrEnum):
    """How a table is written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    HTML = "html"
    XLSX = "xlsx"
    PDF = "pdf"


GridShapeOption = Annotated[
    GridShape, typer.Option("--format", help="table、json、csv、html（打印），或xlsx、pdf（须--out）")
]


def hand_out(
    grid: Grid,
    shape: GridShape,
    flat: Grid | None = None,
    *,
    out: Path | None = None,
    paper: Paper | None = None,
) -> None:
    """Write a table to standard output, or as `xlsx` or `pdf` to the file `out` (`paper`: A4 upright where none is asked for).

    `flat` is the same report for computing with, where the form is none. Raises what `printed` raises.
    """
    if shape in (GridShape.XLSX, GridShape.PDF):
        printed(grid, shape, out, paper or Paper.A4)
        return
    if shape is GridShape.TABLE:
        from reports.render.grid_terminal import table
        from reports.render.terminal import show

        show(table(grid), sys.stdout)
        return
    typer.echo(_written(grid, shape, flat or grid), nl=shape is GridShape.JSON)


def _written(grid: Grid, shape: GridShape, flat: Grid) -> str:
    match shape:
        case GridShape.CSV:
            from reports.render import grid_csv

            return grid_csv.render(flat)
        case GridShape.HTML:
            from reports.render import grid_html

            return grid_html.render(grid)
        case _:
            from reports.render import grid_json

            return grid_json.render(flat)
