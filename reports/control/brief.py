"""The control report on paper: summaries and differences, as art. 29 asks; the full lists are the workbook's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from reports.render.grid import Grid, Line

PRINTED: Final = 40
"""Rows a list has on paper, beside its totals: what is wrong first, and what is left out is counted."""


def _wrong_case(grid: Grid, line: Line) -> bool:
    return bool(_cell(grid, line, "wrong"))


def _wrong_link(grid: Grid, line: Line) -> bool:
    return bool(_cell(grid, line, "difference_fen"))


# Parts that are a day a row are summaries already; of the others only what is wrong, or the first rows.
_WHOLE: Final = ("business", "receipts")
_WRONG: Final[Mapping[str, Callable[[Grid, Line], bool]]] = {"sample": _wrong_case, "link": _wrong_link}


def part_of(grid: Grid) -> str:
    """Which part of the report a grid is, by its name."""
    return grid.name.rsplit("-", 1)[-1]


def brief(grid: Grid) -> Grid:
    """A part of the report as it is printed on paper, saying what it leaves to the workbook."""
    part = part_of(grid)
    if part in _WHOLE:
        return grid
    lines = list(grid.lines)
    rows = [line for line in lines if not line.total]
    wrong = _WRONG.get(part)
    asked = rows if wrong is None else [line for line in rows if wrong(grid, line)]
    shown = asked[:PRINTED]
    notes = list(grid.notes)
    if part == "changes" and rows:
        kinds = Counter(str(line.cells[0]) for line in rows)
        notes.append("、".join(f"{kind}{count}项" for kind, count in kinds.items()))
    if len(shown) < len(rows):
        which = "仅列不符的" if wrong is not None else "仅列前"
        notes.append(f"共{len(rows)}行，纸上{which}{len(shown)}行，全部见工作簿（Excel）")
    return replace(grid, lines=[*shown, *(line for line in lines if line.total)], notes=notes)


def _cell(grid: Grid, line: Line, key: str) -> object:
    return line.cells[next(place for place, column in enumerate(grid.columns) if column.key == key)]
