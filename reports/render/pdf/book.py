"""Long books as PDF: rows go to pages as they come, every page with title, heads and headings, `第 x 页 共 y 页` at its foot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain, islice
from typing import BinaryIO, Final

from reports.render.canonical import Control
from reports.render.grid import Cell, Grid, Line
from reports.render.paper import BINDING_MM, EDGE_MM, Paper
from reports.render.pdf.columns import PAD, Layout, layout, shown
from reports.render.pdf.file import PdfFile
from reports.wording import printable

_POINTS: Final = 72 / 25.4
_SAMPLE: Final = 400
_TITLE: Final = 15.0
_SMALL: Final = 7.5
_LEADING: Final = 1.25
_RED: Final = "0.8 0 0 rg"
_BLACK: Final = "0 g"
_Row = tuple[Sequence[tuple[list[str], bool, float]], bool]
"""Per cell its lines, whether it is red, and its indentation in points; whether the row is printed bold."""


def write_book(grids: Iterable[Grid], out: BinaryIO, paper: Paper) -> int:
    """Write tables one after the other, each from a new page on; returns the number of pages."""
    grids = iter(grids)
    first = next(grids)
    width, height = (mm * _POINTS for mm in paper.size_mm)
    file = PdfFile(out, width, height, printable(first.title))
    for grid in chain([first], grids):
        _Table(file, grid, width, height).write()
    file.close(_SMALL)
    return file.pages


class _Carried:
    """What goes over the page: sums of the rows that are no totals, and what the last row showed."""

    def __init__(self, grid: Grid) -> None:
        keys = [column.key for column in grid.columns]
        self._sums = {keys.index(key): 0 for key in grid.page_sums}
        self._last: dict[int, Cell] = {keys.index(key): None for key in grid.page_last}
        self._words = keys.index("summary") if "summary" in keys else 0
        self._kinds = [column.kind for column in grid.columns]
        self.begun = False
        """Whether there is anything to carry."""

    def take(self, line: Line) -> None:
        """One row more."""
        self.begun = bool(self._sums)
        for place in self._last:
            self._last[place] = line.cells[place]
        if line.total:
            return
        for place in self._sums:
            fen = line.cells[place]
            self._sums[place] += fen if isinstance(fen, int) else 0

    def line(self, words: str) -> Line:
        """The row that says it."""
        cells: list[Cell] = ["" if kind == "text" else None for kind in self._kinds]
        cells[self._words] = words
        for place, fen in self._sums.items():
            cells[place] = fen
        for place, cell in self._last.items():
            cells[place] = cell
        return Line(cells, total=True)


class _Table:
    """One table: the page it is on, and how far down it is."""

    def __init__(self, file: PdfFile, grid: Grid, width: float, height: float) -> None:
        self._file = file
        self._face = file.face
        self._grid = grid
        self._left = BINDING_MM * _POINTS
        self._right = width - EDGE_MM * _POINTS
        self._top = height - EDGE_MM * _POINTS
        self._bottom = EDGE_MM * _POINTS + 2 * _SMALL
        self._middle = (self._left + self._right) / 2
        self._kinds = [column.kind for column in grid.columns]
        self._set: list[str] = []
        self._rules: list[str] = []
        self._y = 0.0
        self._from = 0.0
        self._over = _Carried(grid)

    def write(self) -> None:
        """All rows, then notes and signatures."""
        lines = iter(self._grid.lines)
        sample = list(islice(lines, _SAMPLE))
        self._layout: Layout = layout(self._face, self._grid.columns, sample, self._right - self._left)
        self._lead = self._layout.size * _LEADING
        edges = [self._left]
        for wide in self._layout.widths:
            edges.append(edges[-1] + wide)
        self._edges = edges
        self._heading = self._broken(Line([column.title for column in self._grid.columns], total=True))
        control = Control(self._grid)
        self._begin()
        for line in chain(sample, lines):
            control.take(line)
            self._row(self._broken(line))
            self._over.take(line)
        self._foot(control)
        self._end()

    def _begin(self) -> None:
        """A new page: title, heads, headings."""
        title = printable(self._grid.title)
        self._y = self._top - _TITLE
        self._say(self._middle, self._y, title, _TITLE, middle=True, bold=True)
        self._y -= _TITLE * 0.4
        self._rule(self._middle - 90, self._y, self._middle + 90)
        self._rule(self._middle - 90, self._y - 1.5, self._middle + 90)
        self._y -= 4
        for head in self._grid.heads:
            for part in self._face.lines(printable(head), self._right - self._left, 9.0):
                self._y -= 9.0 * _LEADING
                self._say(self._left, self._y, part, 9.0)
        self._y -= 4
        self._from = self._y
        self._rule(self._left, self._y, self._right)
        self._put(self._heading, centred=True)

    def _end(self) -> None:
        """Close the table's box, number the page, write it."""
        self._close_box()
        codes, wide = self._face.set(f"第 {self._file.pages + 1} 页　")
        at = self._middle - wide * _SMALL / 1000
        y = EDGE_MM * _POINTS
        total = f"q 1 0 0 1 {self._middle:.2f} {y:.2f} cm /N Do Q"
        number = f"BT/F {_SMALL} Tf 1 0 0 1 {at:.2f} {y:.2f} Tm<{codes}>Tj ET"
        rules = "0.4 w\n" + "\n".join(self._rules) + "\nS"
        text = "BT\n" + "\n".join(self._set) + "\nET"
        self._file.page(f"{rules}\n{text}\n{number}\n{total}")
        self._set, self._rules = [], []

    def _close_box(self) -> None:
        """The upright rules from the headings down to here."""
        if self._from > self._y:
            for x in self._edges:
                self._rules.append(f"{x:.2f} {self._from:.2f} m {x:.2f} {self._y:.2f} l")
        self._from = self._y

    def _broken(self, line: Line) -> _Row:
        """A row with its texts broken into lines; amounts stay whole."""
        size, level, cells = self._layout.size, line.level, []
        for kind, cell, wide in zip(self._kinds, line.cells, self._layout.widths, strict=True):
            text = shown(kind, cell)
            if isinstance(cell, str):
                indent = level * size
                level = 0
                cells.append((self._face.lines(text, wide - 2 * PAD - indent, size), False, indent))
            else:
                cells.append(([text], kind == "money" and isinstance(cell, int) and cell < 0, 0.0))
        return cells, line.total

    def _row(self, row: _Row) -> None:
        """One row, on the next page if this one has no room; one that is higher than a page is continued."""
        cells, bold = row
        while True:
            needed = max(len(lines) for lines, _, _ in cells)
            kept = self._lead + 2 * PAD if self._grid.page_sums else 0.0  # the row that carries over
            fits = int((self._y - self._bottom - kept - 2 * PAD) / self._lead)
            if needed <= fits:
                self._put((cells, bold))
                return
            fresh = int((self._top - 40 - self._bottom - 2 * kept) / self._lead)
            if needed > fresh and fits >= 1:
                self._put(([(lines[:fits], red, indent) for lines, red, indent in cells], bold))
                cells = [(lines[fits:] or [""], red, indent) for lines, red, indent in cells]
            self._next_page()

    def _next_page(self) -> None:
        """The next page of the table; what a book comes to so far stands at the foot of this one and the head of that."""
        if self._over.begun:
            self._put(self._broken(self._over.line("过次页")))
        self._end()
        self._begin()
        if self._over.begun:
            self._put(self._broken(self._over.line("承前页")))

    def _put(self, row: _Row, *, centred: bool = False) -> None:
        cells, bold = row
        size, lead, said = self._layout.size, self._lead, self._set
        said.append(f"/F {size} Tf" + (" 2 Tr 0.18 w" if bold else ""))
        y = self._y - PAD - size * 0.9
        for n, (lines, red, indent) in enumerate(cells):
            left, right = self._edges[n] + PAD, self._edges[n + 1] - PAD
            if red:
                said.append(_RED + " 0.8 0 0 RG")
            for k, text in enumerate(lines):
                if not text:
                    continue
                codes, thousandths = self._face.set(text)
                wide = thousandths * size / 1000
                x = left + indent
                if centred:
                    x = max(left, (left + right - wide) / 2)
                elif self._kinds[n] in ("money", "count"):
                    x = right - wide
                squeezed = x < left - 0.01
                if squeezed:  # wider than the sample was: narrower letters, never a digit less
                    x = left
                    said.append(f"{100 * (right - left) / wide:.1f} Tz")
                said.append(f"1 0 0 1 {x:.2f} {y - k * lead:.2f} Tm<{codes}>Tj")
                if squeezed:
                    said.append("100 Tz")
            if red:
                said.append(_BLACK + " 0 G")
        if bold:
            said.append("0 Tr")
        self._y -= max(len(lines) for lines, _, _ in cells) * lead + 2 * PAD - (lead - size)
        self._rule(self._left, self._y, self._right)

    def _foot(self, control: Control) -> None:
        """Notes, who signs, and the proof of the rows; all on one page."""
        room = self._right - self._left
        proof = f"明细{control.rows}行，合计{control.totals}行，各行SHA-256 {control.digest}"
        small = [
            part
            for note in (*self._grid.notes, proof)
            for part in self._face.lines(printable(note), room, _SMALL)
        ]
        needed = 24 + (len(small) + 1) * _SMALL * _LEADING
        if self._y - needed < self._bottom and len(small) < 30:
            self._end()
            self._begin()
        self._close_box()
        if self._grid.signers:
            self._y -= 18
            step = room / len(self._grid.signers)
            for n, signer in enumerate(self._grid.signers):
                self._say(self._left + n * step, self._y, printable(signer), 9.0)
        self._y -= 4
        for part in small:
            self._y -= _SMALL * _LEADING
            if self._y < self._bottom:
                self._from = self._y
                self._end()
                self._begin()
                self._close_box()
                self._y -= _SMALL * _LEADING
            self._say(self._left, self._y, part, _SMALL)
        self._from = self._y

    def _say(
        self, x: float, y: float, text: str, size: float, *, middle: bool = False, bold: bool = False
    ) -> None:
        codes, wide = self._face.set(text)
        at = x - wide * size / 2000 if middle else x
        heavy = ("2 Tr 0.3 w ", " 0 Tr") if bold else ("", "")
        self._set.append(f"/F {size} Tf {heavy[0]}1 0 0 1 {at:.2f} {y:.2f} Tm<{codes}>Tj{heavy[1]}")

    def _rule(self, x: float, y: float, to: float) -> None:
        self._rules.append(f"{x:.2f} {y:.2f} m {to:.2f} {y:.2f} l")
