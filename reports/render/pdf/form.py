"""Short tables as PDF/A-2b by typst: vouchers, statements, letters, 银行存款余额调节表.

Words go in as data (`sys_inputs`), never into the source: a memo cannot become markup. The face is Noto Serif SC (SIL Open Font
License 1.1) of `pylopdf-fonts-zh-cn`; no face of the machine is used and no clock asked, so the same table gives the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Final

from reports.render.canonical import Control
from reports.render.grid import Cell, Grid, Kind, Line
from reports.render.paper import BINDING_MM, EDGE_MM, Paper
from reports.render.pdf.columns import PAD, Layout, layout, shown
from reports.render.pdf.typeface import Typeface

ROWS_MAX: Final = 400
"""Typst takes 2.3 GB for 20,000 rows; what is longer goes to the fast writer."""
_POINTS: Final = 72 / 25.4
_SMALL: Final = 7.0
_UNSPACED: Final = re.compile("[!-~]+")
_BROKEN: Final = "\u200b"
"""A place where a long code may break: typst breaks Latin text at spaces only."""
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)


def write_form(
    grids: Sequence[Grid], rows: Sequence[Sequence[Line]], paper: Paper, *, together: bool = False
) -> bytes:
    """The tables with their rows, each from a new page on or `together` as there is room."""
    import typst
    from pylopdf_fonts_zh_cn import serif_path

    face = Typeface(serif=True)
    wide, high = paper.size_mm
    room = (wide - BINDING_MM - EDGE_MM) * _POINTS
    tables = [_table(face, grid, lines, room) for grid, lines in zip(grids, rows, strict=True)]
    data = {
        "title": face.sayable(grids[0].title),
        "width": wide,
        "height": high,
        "binding": BINDING_MM,
        "edge": EDGE_MM,
        "size": min(size for size, _ in tables),
        "together": together,
        "tables": [table for _, table in tables],
    }
    source = resources.files("reports.render.pdf").joinpath("form.typ").read_bytes()
    made: bytes = typst.compile(  # type: ignore[call-overload] # its own example's way: bytes in, bytes out
        source,
        font_paths=[str(serif_path().parent)],
        ignore_system_fonts=True,
        sys_inputs={"form": json.dumps(data, ensure_ascii=False)},
        pdf_standards="a-2b",
        timestamp=_made(grids[0]),
        format="pdf",
    )
    return made


def _made(grid: Grid) -> datetime:
    """The day the file says it was made, which PDF/A wants: the recorded time of the books it shows, never the clock's."""
    recorded = grid.facts.get("recorded_at")
    return (
        datetime.fromisoformat(recorded).astimezone(UTC).replace(microsecond=0)
        if isinstance(recorded, str)
        else _LONG_AGO
    )


def _table(face: Typeface, grid: Grid, lines: Sequence[Line], room: float) -> tuple[float, dict[str, object]]:
    control = Control(grid)
    for line in lines:
        control.take(line)
    set_up = layout(face, grid.columns, lines, room)
    kinds = [column.kind for column in grid.columns]
    proof = f"明细{control.rows}行，合计{control.totals}行，各行SHA-256 {control.digest}"
    return set_up.size, {
        "title": face.sayable(grid.title),
        "heads": [[face.sayable(part) for part in head.split("　")] for head in grid.heads],
        "headings": [face.sayable(column.title) for column in grid.columns],
        "widths": list(set_up.widths),
        "rights": [kind in ("money", "count") for kind in kinds],
        "rows": [_row(face, set_up, kinds, line) for line in lines],
        "signers": [face.sayable(signer) for signer in grid.signers],
        "notes": [_breakable(face, note, room, _SMALL) for note in (*grid.notes, proof)],
    }


def _row(face: Typeface, set_up: Layout, kinds: Sequence[Kind], line: Line) -> list[dict[str, object]]:
    cells: list[dict[str, object]] = []
    level = line.level
    for kind, cell, wide in zip(kinds, line.cells, set_up.widths, strict=True):
        text, indent = shown(kind, cell), 0
        if isinstance(cell, str):
            own = wide - 2 * PAD - level * set_up.size
            text, indent, level = _breakable(face, text, own, set_up.size), level, 0
        cells.append({"text": text, "red": _red(kind, cell), "heavy": line.total, "indent": indent})
    return cells


def _red(kind: Kind, cell: Cell) -> bool:
    return kind == "money" and isinstance(cell, int) and cell < 0


def _breakable(face: Typeface, text: str, room: float, size: float) -> str:
    """The text, with places to break in what has no space and is wider than its room."""
    return _UNSPACED.sub(lambda run: _BROKEN.join(face.lines(run[0], room, size)), face.sayable(text))
