"""The rows of a table in one form for machines, and their digest: what was printed can be proven against what was exported."""

from __future__ import annotations

import json
from datetime import date
from hashlib import sha256

from reports.render.grid import Cell, Column, Grid, Line


def canonical(line: Line) -> bytes:
    """A row as one JSON array in UTF-8 with a line feed: money and counts integers, days `YYYY-MM-DD`, empty cells null."""
    cells = [_plain(cell) for cell in line.cells]
    return json.dumps(cells, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _plain(cell: Cell) -> str | int | None:
    return cell.isoformat() if isinstance(cell, date) else cell


class Control:
    """Counts, sums and digest of the rows as they go by: nothing is kept of them.

    The digest is SHA-256 over the columns' keys as one such array and then every row, rows of totals too. Sums are of the
    rows that are no totals, in fen, and are control sums: of a column of balances they mean nothing but themselves.
    """

    def __init__(self, grid: Grid) -> None:
        self._money = [n for n, column in enumerate(grid.columns) if column.kind == "money"]
        self._hash = sha256(canonical(Line([column.key for column in grid.columns])))
        self.sums: dict[int, int] = dict.fromkeys(self._money, 0)
        self.rows = 0
        self.totals = 0
        self._columns: list[Column] = list(grid.columns)

    def take(self, line: Line) -> None:
        """Count one row."""
        self._hash.update(canonical(line))
        if line.total:
            self.totals += 1
            return
        self.rows += 1
        for n in self._money:
            fen = line.cells[n]
            if isinstance(fen, int):
                self.sums[n] += fen

    @property
    def digest(self) -> str:
        """Of the rows up to now, in hex."""
        return self._hash.hexdigest()

    def facts(self) -> list[tuple[str, str]]:
        """What the control sheet says: heading and value, money in yuan as text, exact to the fen."""
        from ledger.core.money import yuan_grouped

        said = [("明细行数", str(self.rows)), ("合计行数", str(self.totals))]
        said += [(f"{self._columns[n].title}（控制合计）", yuan_grouped(fen)) for n, fen in self.sums.items()]
        return [*said, ("各行SHA-256", self.digest)]
