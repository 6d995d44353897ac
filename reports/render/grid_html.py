"""A report's table as a page to print: black on white, red letters red with a minus, nothing from outside."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from html import escape
from typing import Final

from ledger.core.money import yuan_grouped
from reports.render.grid import Cell, Column, Grid, Line
from reports.wording import printable

_STYLE: Final = """
@page { size: A4 landscape; margin: 14mm 12mm }
body { font: 10pt "SimSun", "Noto Serif CJK SC", "WenQuanYi Zen Hei", serif; color: #000; margin: 0 }
h1 { font-size: 18pt; letter-spacing: .3em; text-align: center; margin: 0 0 6pt }
.head { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 2em; margin: 4pt 0 }
table { border-collapse: collapse; width: 100% }
th, td { border: 1px solid #000; padding: 2pt 5pt; vertical-align: top; overflow-wrap: anywhere }
th { font-weight: normal; text-align: center } thead { display: table-header-group } tr { break-inside: avoid }
td.money, td.count { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums } td.day { white-space: nowrap }
td.red { color: #c00 } tr.sum td { font-weight: bold }
.sign { display: flex; justify-content: space-between; margin: 8pt 0 4pt } .sign span { flex: 1 }
.foot { font-size: 8pt; color: #333; margin: 2pt 0; overflow-wrap: anywhere }
"""


def render(grid: Grid) -> str:
    """The whole page: title, heads, table, signers, notes."""
    return render_all([grid])


def render_all(grids: Sequence[Grid]) -> str:
    """Several tables one after the other on one page, titled by the first."""
    return (
        '<!doctype html><html lang="zh-CN"><meta charset="utf-8">'
        f"<title>{_words(grids[0].title)}</title><style>{_STYLE}</style><body>"
        + "".join(map(_table, grids))
        + "</body></html>\n"
    )


def _table(grid: Grid) -> str:
    heads = "".join(f"<span>{_words(head)}</span>" for head in grid.heads)
    titles = "".join(f"<th>{_words(column.title)}</th>" for column in grid.columns)
    signers = "".join(f"<span>{_words(signer)}：</span>" for signer in grid.signers)
    notes = "".join(f'<p class="foot">{_words(note)}</p>' for note in grid.notes)
    return (
        f'<h1>{_words(grid.title)}</h1><div class="head">{heads}</div><table><thead><tr>{titles}</tr></thead><tbody>'
        + "".join(_row(grid, line) for line in grid.lines)
        + f'</tbody></table><div class="sign">{signers}</div>{notes}'
    )


def _row(grid: Grid, line: Line) -> str:
    cells = "".join(
        _cell(column, value, line.level if place == 0 else 0)
        for place, (column, value) in enumerate(zip(grid.columns, line.cells, strict=True))
    )
    return f'<tr class="sum">{cells}</tr>' if line.total else f"<tr>{cells}</tr>"


def _cell(column: Column, value: Cell, level: int) -> str:
    red = " red" if column.kind == "money" and isinstance(value, int) and value < 0 else ""
    return f'<td class="{column.kind}{red}">{"&emsp;" * level}{_words(text_of(column, value))}</td>'


def text_of(column: Column, value: Cell) -> str:
    """A cell for people: `1,234.56`, `2026-10-13`; nothing where there is nothing."""
    if value is None:
        return ""
    if column.kind == "money" and isinstance(value, int):
        return yuan_grouped(value)
    return value.isoformat() if isinstance(value, date) else str(value)


def _words(text: str) -> str:
    """Words from outside: on one line, no markup; the wide space of a form's indentation stays."""
    return "\u3000".join(escape(printable(part)) for part in text.split("\u3000"))
