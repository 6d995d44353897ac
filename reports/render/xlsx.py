"""Tables as a workbook: one sheet a table, and a control sheet that says what must be in them.

Written row by row (constant memory). A cell of text is written as text and nothing else, so no word from outside is ever
computed. Money is a number while Excel keeps it exactly: its decimal digits stand in the file, a double holds every decimal of
15 significant digits and Excel shows as many, so an amount below ten million million yuan comes back to the fen (proven in
tests); beyond, it is written as text. The
control sheet has its sums as text in any case, because a sum of doubles in a spreadsheet is not exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from ledger.core.money import yuan_grouped
from reports.render.canonical import Control
from reports.render.grid import Column, Grid, Line
from reports.render.paper import BINDING_MM, EDGE_MM, Paper
from reports.wording import printable

if TYPE_CHECKING:
    from xlsxwriter import Workbook
    from xlsxwriter.format import Format
    from xlsxwriter.worksheet import Worksheet

EXACT_FEN: Final = 10**15
"""Below, an amount has at most 15 significant digits: exact in a double's text and in what Excel shows."""
ROWS_MAX: Final = 1_048_576 - 16
"""Rows of a sheet of Excel, less room for heads and signatures; what is left goes to the next sheet."""
CONTROL_SHEET: Final = "控制表"
_MONEY: Final = "#,##0.00;[Red]-#,##0.00;0.00"
_FORMULA: Final = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_CHARACTERS_MAX: Final = 32_767
_INCH_MM: Final = 25.4
_LOOKS: Final[dict[str, dict[str, object]]] = {
    "blank": {},
    "text": {"num_format": "@", "text_wrap": True},
    "money": {"num_format": _MONEY},
    "count": {"num_format": "#,##0"},
    "day": {"num_format": "yyyy-mm-dd", "align": "center"},
    "large": {"num_format": "@", "align": "right"},
    "minus": {"num_format": "@", "align": "right", "font_color": "#FF0000"},
}
_LONG_AGO: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - the file's date, always the same: same rows, same bytes
_WIDTH_SAMPLE: Final = 200


def write(grids: Iterable[Grid], path: Path, paper: Paper = Paper.A4_ACROSS) -> None:
    """Write a workbook to `path`. Rows are read once, in order, and not kept. Raises OSError when it cannot be written."""
    import xlsxwriter

    with TemporaryDirectory(prefix="fundledger-") as folder:
        book = xlsxwriter.Workbook(
            str(path),
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "tmpdir": folder,
            },
        )
        try:
            _fill(book, grids, paper)
            book.close()
        except xlsxwriter.exceptions.FileCreateError as error:  # carries the system's own
            raise error.args[0] from error
        finally:
            book.fileclosed = True  # what was given up is not written when it is forgotten
            for sheet in book.worksheets():
                sheet.row_data_fh.close()


def _fill(book: Workbook, grids: Iterable[Grid], paper: Paper) -> None:
    book.set_properties({"created": _LONG_AGO})
    formats = _Formats(book)
    controls = []
    for grid in grids:
        control = Control(grid)
        sheets = _Sheets(book, formats, grid, paper, control)
        sheets.write()
        controls.append((grid, sheets.names, control))
    _control_sheet(book, formats, controls)


class _Formats:
    """One format of the workbook for each look a cell can have."""

    def __init__(self, book: Workbook) -> None:
        self._book = book
        self._made: dict[tuple[tuple[str, object], ...], Format] = {}

    def of(self, **look: object) -> Format:
        key = tuple(look.items())
        if key not in self._made:
            base: dict[str, Any] = {"font_name": "宋体", "font_size": 10, "valign": "vcenter"}
            self._made[key] = self._book.add_format(base | look)
        return self._made[key]


class _Sheets:
    """The sheet, or sheets where one is full, of one table."""

    def __init__(self, book: Workbook, formats: _Formats, grid: Grid, paper: Paper, control: Control) -> None:
        self._book = book
        self._formats = formats
        self._grid = grid
        self._paper = paper
        self._control = control
        self._kinds = [column.kind for column in grid.columns]
        self.names: list[str] = []
        self._looks: dict[tuple[str, bool, int, bool], Format] = {}

    def write(self) -> None:
        """Every row once, over as many sheets as they need."""
        lines = iter(self._grid.lines)
        sample = list(islice(lines, _WIDTH_SAMPLE))
        widths = [_width(n, column, sample) for n, column in enumerate(self._grid.columns)]
        rows = chain(sample, lines)
        more = True
        while more:
            sheet = self._sheet(widths)
            row = self._heading(sheet)
            more = False
            for line in rows:
                self._row(sheet, row, line)
                self._control.take(line)
                row += 1
                if row >= ROWS_MAX:
                    more = True
                    break
            if not more:
                self._foot(sheet, row)

    def _sheet(self, widths: Sequence[float]) -> Worksheet:
        name = self._name()
        self.names.append(name)
        sheet = self._book.add_worksheet(name)
        sheet.set_paper(9 if self._paper in (Paper.A4, Paper.A4_ACROSS) else 11)
        if self._paper.across:
            sheet.set_landscape()
        sheet.fit_to_pages(1, 0)
        sheet.set_margins(*(mm / _INCH_MM for mm in (BINDING_MM, EDGE_MM, EDGE_MM * 1.5, EDGE_MM * 1.5)))
        sheet.set_footer(f"&L&8{_header_text(self._grid.title)}&C&8第 &P 页 共 &N 页&R&8&A")
        for n, width in enumerate(widths):
            sheet.set_column(n, n, width)
        head = 1 + len(self._grid.heads)
        sheet.freeze_panes(head + 1, 0)
        sheet.repeat_rows(0, head)
        return sheet

    def _name(self) -> str:
        """A sheet's name: unique, at most 31 characters, none of `[]:*?/\\`."""
        plain = (
            "".join("_" if char in "[]:*?/\\'" else char for char in printable(self._grid.title))[:24] or "表"
        )
        taken = {sheet.get_name().casefold() for sheet in self._book.worksheets()} | {CONTROL_SHEET}
        name, n = plain, 1
        while name.casefold() in taken:
            n += 1
            name = f"{plain}({n})"
        return name

    def _heading(self, sheet: Worksheet) -> int:
        """Title, lines of the head, headings of the columns; returns the first row of the body."""
        last = max(len(self._grid.columns) - 1, 0)
        title = self._formats.of(bold=True, font_size=16, align="center_across")
        sheet.set_row(0, 26)
        sheet.write_string(0, 0, _text(self._grid.title), title)
        for n in range(1, last + 1):
            sheet.write_blank(0, n, None, title)
        for row, head in enumerate(self._grid.heads, 1):
            sheet.write_string(row, 0, _text(head), self._formats.of())
        row = 1 + len(self._grid.heads)
        style = self._formats.of(bold=True, border=1, align="center", text_wrap=True, bg_color="#EEEEEE")
        for n, column in enumerate(self._grid.columns):
            sheet.write_string(row, n, _text(column.title), style)
        return row + 1

    def _row(self, sheet: Worksheet, row: int, line: Line) -> None:
        total, level = line.total, line.level
        for n, (kind, value) in enumerate(zip(self._kinds, line.cells, strict=True)):
            if value is None:
                sheet.write_blank(row, n, None, self._look("blank", total))
            elif isinstance(value, str):
                words = _text(value)
                sheet.write_string(
                    row, n, words, self._look("text", total, level, words.startswith(_FORMULA))
                )
                level = 0
            elif isinstance(value, date):
                at = datetime(value.year, value.month, value.day)  # noqa: DTZ001 - a day has no zone
                sheet.write_datetime(row, n, at, self._look("day", total))
            elif abs(value) < EXACT_FEN:
                # A Decimal goes into the file digit by digit; fen / 100 would be written as 99.98999999999999.
                number = Decimal(value).scaleb(-2) if kind == "money" else value
                sheet.write_number(row, n, number, self._look(kind, total))
            else:
                words = yuan_grouped(value) if kind == "money" else f"{value:,}"
                sheet.write_string(row, n, words, self._look("minus" if value < 0 else "large", total))

    def _look(self, what: str, total: bool, level: int = 0, quoted: bool = False) -> Format:  # noqa: FBT001 - every cell passes here
        """The format of a cell, made once: asking is all that is done a million times."""
        found = self._looks.get((what, total, level, quoted))
        if found is None:
            own: dict[str, object] = {"border": 1, "bold": total, **_LOOKS[what]}
            if what == "text":
                own |= {"indent": level, "quote_prefix": quoted}
            found = self._looks[what, total, level, quoted] = self._formats.of(**own)
        return found

    def _foot(self, sheet: Worksheet, row: int) -> None:
        """Notes, and the line where people sign."""
        for note in self._grid.notes:
            sheet.write_string(row, 0, _text(note), self._formats.of(font_color="#444444"))
            row += 1
        if self._grid.signers:
            sheet.write_string(row + 1, 0, _text("　　　　".join(self._grid.signers)), self._formats.of())


def _control_sheet(
    book: Workbook, formats: _Formats, controls: Sequence[tuple[Grid, Sequence[str], Control]]
) -> None:
    """Per table: its sheets, counts, sums and digest, then what a machine wants beside the rows."""
    sheet = book.add_worksheet(CONTROL_SHEET)
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer("&C&8第 &P 页 共 &N 页")
    sheet.set_column(0, 0, 36)
    sheet.set_column(1, 1, 72)
    plain, bold = formats.of(num_format="@", text_wrap=True), formats.of(bold=True)
    at = 0
    for grid, names, control in controls:
        sheet.write_string(at, 0, _text(grid.title), bold)
        said = [("工作表", "、".join(names)), *control.facts()]
        said += [
            (str(key), value if isinstance(value, str) else repr(value)) for key, value in grid.facts.items()
        ]
        for key, value in said:
            at += 1
            sheet.write_string(at, 0, _text(key), plain)
            sheet.write_string(at, 1, _text(value), plain)
        at += 2


def _width(n: int, column: Column, sample: Sequence[Line]) -> float:
    """Characters: what the column asks for, or what the first rows need, within reason; text wraps beyond."""
    if column.width:
        return float(column.width)
    if column.kind == "money":
        longest = max((abs(cell) for line in sample if isinstance(cell := line.cells[n], int)), default=0)
        return max(15.0, len(yuan_grouped(longest)) + 3.0)
    if column.kind == "day":
        return 11.0
    needed = max(map(_columns_of, chain([column.title], _texts(n, sample))))
    return min(max(needed + 2.0, 6.0), 48.0)


def _texts(n: int, sample: Sequence[Line]) -> Iterator[str]:
    return (str(cell) for line in sample if (cell := line.cells[n]) is not None)


def _columns_of(text: str) -> int:
    """Terminal columns: what is beyond ASCII is two wide."""
    return sum(1 if char < "\x80" else 2 for char in text)


def _text(words: str) -> str:
    """One line of what Excel takes; longer than a cell of Excel can be, the whole file is refused: nothing is cut in silence."""
    if len(words) > _CHARACTERS_MAX:
        from ledger.core.errors import InvalidInput

        raise InvalidInput("print.cell", f"一格文字有{len(words)}字，超过Excel的{_CHARACTERS_MAX}字")
    return words if words.isprintable() else printable(words)


def _header_text(words: str) -> str:
    """In a footer `&` begins a command, and the whole may have 255 characters."""
    return _text(words).replace("&", "&&")[:120]
