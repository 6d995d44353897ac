"""Tables to a PDF file: by typst while they are short, by the fast writer when they are long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain, islice
from pathlib import Path

from ledger.core.private import opened
from reports.render.grid import Grid, Line
from reports.render.paper import Paper
from reports.render.pdf.book import write_book
from reports.render.pdf.form import ROWS_MAX, write_form

_ONE_PAGE = 20
"""Rows of a book that are on one page however they are written: there is nothing to carry over yet."""


class _Again:
    """Rows of which the first were read already: to be read once more, from the beginning."""

    def __init__(self, begun: list[Line], rest: Iterable[Line]) -> None:
        self._rows = chain(begun, rest)

    def __iter__(self) -> Iterator[Line]:
        return self._rows


def write(
    grids: Iterable[Grid], path: Path, paper: Paper = Paper.A4_ACROSS, *, together: bool = False
) -> None:
    """Write a PDF to `path`; rows are read once, in order. Raises OSError when it cannot be written."""
    tables = list(grids)
    carried = any(grid.page_sums for grid in tables)
    begun: list[list[Line]] = []
    room = _ONE_PAGE if carried else ROWS_MAX
    rest = []
    for grid in tables:
        lines = iter(grid.lines)
        begun.append(list(islice(lines, room + 1)))
        rest.append(lines)
        room -= len(begun[-1])
        if room < 0:
            break
    with opened(path) as out:
        if room >= 0:
            out.write(write_form(tables, begun, paper, together=together))
            return
        begun_tables = [
            replace(grid, lines=_Again(first, more))  # type: ignore[arg-type] # read once, as it is said
            for grid, first, more in zip(tables, begun, rest, strict=False)
        ]
        write_book([*begun_tables, *tables[len(begun_tables) :]], out, paper)
