"""A report as a table, whatever it is written to: every renderer (JSON, CSV, HTML, XLSX, PDF, terminal) reads this and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Kind = Literal["text", "money", "count", "day"]
Cell = str | int | date | None
"""Money is integer fen (negative is a red letter), a count an integer, a day a date; None an empty cell."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key for machines, its heading as the form prints it, what its cells are."""

    key: str
    title: str
    kind: Kind = "text"
    width: int = 0
    """Characters, as a hint for printing; 0 for as wide as it needs."""


@dataclass(frozen=True, slots=True)
class Line:
    """One row: cells in the order of the columns; `total` rows are printed bold, `level` indents the first text cell."""

    cells: Sequence[Cell]
    total: bool = False
    level: int = 0


@dataclass(frozen=True, slots=True)
class Grid:
    """A printed table. `heads` are the lines under the title (book, period, unit), `signers` who signs at its foot."""

    name: str
    """Stem of the file it is written to."""
    title: str
    columns: Sequence[Column]
    lines: Sequence[Line]
    heads: Sequence[str] = ()
    notes: Sequence[str] = ()
    signers: Sequence[str] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    """What a machine wants beside the rows: totals, digests, as-of; money in fen as text."""
    page_sums: Sequence[str] = ()
    """Keys of the money columns of a book whose sums go over the page: 过次页 at a page's foot, 承前页 at the next one's head."""
    page_last: Sequence[str] = ()
    """Keys of the columns that show there what the last row before it showed: a running balance and its direction."""
