"""How a report that is a table is handed out: on the terminal, or as JSON, CSV or HTML. The one place that knows the shapes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
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


def hand_out_all(
    grids: Sequence[Grid],
    document: Mapping[str, object],
    shape: GridShape,
    *,
    out: Path | None = None,
    paper: Paper | None = None,
) -> None:
    """Write a report of several tables: as JSON its `document`; as CSV table after table, each under its title.

    Raises what `printed` raises.
    """
    match shape:
        case GridShape.XLSX | GridShape.PDF:
            printed(grids, shape, out, paper or Paper.A4_ACROSS, together=True)
        case GridShape.JSON:
            from reports.render import text_json

            typer.echo(text_json.render(dict(document)))
        case GridShape.CSV:
            from reports.render import grid_csv

            typer.echo("\r\n".join(f"{grid.title}\r\n{grid_csv.render(grid)}" for grid in grids), nl=False)
        case GridShape.HTML:
            from reports.render import grid_html

            typer.echo(grid_html.render_all(grids), nl=False)
        case GridShape.TABLE:
            from reports.render.grid_terminal import table
            from reports.render.terminal import show

            for grid in grids:
                show(table(grid), sys.stdout)


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
