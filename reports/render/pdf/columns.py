"""How wide the columns of a printed table are: money, days and counts whole, text shares what is left and wraps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.core.money import yuan_grouped
from reports.render.grid import Cell, Column, Kind, Line
from reports.render.pdf.typeface import Typeface
from reports.wording import printable

SIZES: Final = (9.0, 8.0, 7.0, 6.5, 6.0, 5.5)
"""Sizes of type a table may be set in, in points; the largest in which it fits is taken."""
PAD: Final = 2.5
"""Points between a rule and what stands beside it."""
_TEXT_LEAST: Final = 4000
"""Thousandths of the size a column of text has at least, if its longest text needs as much: four characters."""
_MONEY_LEAST: Final = 6500
"""Thousandths for `9,999,999.99`: rows after the sample may have larger amounts than it."""
_TEXT_SHARE: Final = 0.55
"""Part of its longest text a column of text must have for a size of type to be taken."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Size of the type and widths of the columns, both in points."""

    size: float
    widths: Sequence[float]


def shown(kind: Kind, cell: Cell) -> str:
    """A cell as it is printed: money in yuan with separators, a red letter with a minus."""
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell if cell.isprintable() else printable(cell)
    if isinstance(cell, date):
        return cell.isoformat()
    return yuan_grouped(cell) if kind == "money" else f"{cell:,}"


def layout(face: Typeface, columns: Sequence[Column], sample: Sequence[Line], room: float) -> Layout:
    """Widths that fill `room` points, from the headings and the rows of the sample."""
    needs = [_need(face, n, column, sample) for n, column in enumerate(columns)]
    fixed = [column.kind != "text" for column in columns]
    pads = 2 * PAD * len(columns)
    for size in SIZES:
        stiff = sum(need for need, stays in zip(needs, fixed, strict=True) if stays) * size / 1000
        soft = [need for need, stays in zip(needs, fixed, strict=True) if not stays]
        least = sum(min(need, max(_TEXT_LEAST, int(need * _TEXT_SHARE))) for need in soft) * size / 1000
        if stiff + least + pads <= room:
            break
    return Layout(size, _shared(needs, fixed, size, room))


def _need(face: Typeface, n: int, column: Column, sample: Sequence[Line]) -> int:
    """Thousandths of the size of type for the widest cell of the sample, or what the column asks for."""
    widest = max(
        (face.width(shown(column.kind, line.cells[n])) + 1000 * line.level for line in sample), default=0
    )
    heading = face.width(printable(column.title))
    if column.kind != "text":
        return max(widest, heading, _MONEY_LEAST if column.kind == "money" else 0) + 200
    if column.width:
        return max(column.width * 500, min(heading, _TEXT_LEAST))
    return max(widest, min(heading, _TEXT_LEAST)) + 200


def _shared(needs: Sequence[int], fixed: Sequence[bool], size: float, room: float) -> list[float]:
    """Points a column. What is short is taken from the widest texts first; what is over goes to texts, or to all."""
    widths = [need * size / 1000 + 2 * PAD for need in needs]
    over = room - sum(widths)
    texts = [n for n, stays in enumerate(fixed) if not stays]
    if over >= 0:
        takers = texts or list(range(len(widths)))
        whole = sum(widths[n] for n in takers)
        for n in takers:
            widths[n] += over * widths[n] / whole
        return widths
    # A level: every text wider than it is cut to it, so that short ones stay whole.
    left = room - sum(width for n, width in enumerate(widths) if n not in texts)
    for done, n in enumerate(order := sorted(texts, key=widths.__getitem__)):
        level = left / (len(order) - done)
        widths[n] = min(widths[n], level)
        left -= widths[n]
    if left < -0.01 or not texts:  # amounts alone are wider than the sheet: they are set narrower
        whole = sum(widths)
        return [width * room / whole for width in widths]
    return widths
