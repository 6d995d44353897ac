"""Any printed table as JSON, CSV or a page of HTML."""

from __future__ import annotations

import csv
import io
import json
from datetime import date
from html import escape
from typing import Final

from ledger.core.cells import cell
from ledger.core.money import yuan, yuan_grouped
from reports.render.grid import Cell, Column, Grid

_STYLE: Final = """
@page { size: A4; margin: 15mm 12mm }
body { font: 10.5pt "SimSun", "Noto Serif CJK SC", "WenQuanYi Zen Hei", serif; color: #000; margin: 0 }
h1 { font-size: 16pt; text-align: center; margin: 0 0 6pt }
.head { display: flex; justify-content: space-between; margin: 3pt 0 }
table { border-collapse: collapse; width: 100% }
th, td { border: 1px solid #000; padding: 3pt 5pt; overflow-wrap: anywhere; vertical-align: top }
th { font-weight: normal; text-align: center }
td.money, td.count { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums }
td.red { color: #c00 } td.day { white-space: nowrap }
tr.total td { font-weight: bold } tr { break-inside: avoid } thead { display: table-header-group }
.sign { display: flex; justify-content: space-between; margin: 10pt 0 4pt }
.note { font-size: 8pt; color: #444; margin: 2pt 0; overflow-wrap: anywhere }
"""


def as_json(grid: Grid) -> str:
    """One line: its facts, and every row by column keys; money in fen as text."""
    rows = [
        {column.key: _plain(column, value) for column, value in zip(grid.columns, line.cells, strict=True)}
        for line in grid.lines
    ]
    document = {"title": grid.title, **grid.facts, "rows": rows}
    return json.dumps(document, ensure_ascii=False, default=str) + "\n"


def as_csv(grid: Grid) -> str:
    """Headings and rows, yuan with two decimals, text that can be no formula."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(column.title for column in grid.columns)
    for line in grid.lines:
        writer.writerow(_cell(column, value) for column, value in zip(grid.columns, line.cells, strict=True))
    return out.getvalue()


def as_html(grid: Grid) -> str:
    """A whole page to print, nothing from outside."""
    head = "".join(f'<div class="head">{escape(text)}</div>' for text in grid.heads)
    titles = "".join(f"<th>{escape(column.title)}</th>" for column in grid.columns)
    rows = "".join(_row(grid, n) for n in range(len(grid.lines)))
    signed = "".join(f"<span>{escape(text)}</span>" for text in grid.signers)
    notes = "".join(f'<p class="note">{escape(text)}</p>' for text in grid.notes)
    return (
        f'<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>{escape(grid.title)}</title><style>{_STYLE}</style>'
        f"<body><h1>{escape(grid.title)}</h1>{head}<table><thead><tr>{titles}</tr></thead><tbody>{rows}</tbody></table>"
        f'<div class="sign">{signed}</div>{notes}</body></html>\n'
    )


def _row(grid: Grid, n: int) -> str:
    line, cells = grid.lines[n], []
    indented = False
    for column, value in zip(grid.columns, line.cells, strict=True):
        red = " red" if column.kind == "money" and isinstance(value, int) and value < 0 else ""
        indent = ""
        if column.kind == "text" and not indented:
            indent, indented = f' style="padding-left:{5 + 12 * line.level}pt"' if line.level else "", True
        shown = yuan_grouped(value) if column.kind == "money" and isinstance(value, int) else _text(value)
        cells.append(f'<td class="{column.kind}{red}"{indent}>{escape(shown)}</td>')
    return f'<tr class="{"total" if line.total else ""}">{"".join(cells)}</tr>'


def _plain(column: Column, value: Cell) -> object:
    if value is None:
        return None
    return str(value) if column.kind == "money" or isinstance(value, date) else value


def _cell(column: Column, value: Cell) -> str:
    if column.kind == "money" and isinstance(value, int):
        return yuan(value)
    return cell(_text(value)) if column.kind == "text" else _text(value)


def _text(value: Cell) -> str:
    return "" if value is None else str(value)
