"""A Grid as a page: cells as text, red letters red with a minus, what has a page of its own as a link; and its files."""

from __future__ import annotations

import re
import secrets
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from types import EllipsisType
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.responses import HTMLResponse, Response

from ledger.core.errors import InvalidInput
from ledger.core.money import yuan_grouped
from ledger.core.persons import PERSON, PERSON_WORD
from ledger.core.text import one_line
from ledger.core.words import said
from ledger.web.proposed import called, terms_said, value_said
from ledger.web.sitting import Desk
from ledger.web.worded import worded
from reports.render import grid_csv
from reports.render.grid import Cell, Column, Grid
from reports.render.grid_html import text_of
from reports.render.out import write_grid
from reports.render.paper import Paper
from reports.wording import printable

ROWS: Final = 200
"""Rows, or entries, a page."""
FILES: Final[Mapping[str, str]] = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pdf": "application/pdf",
}
_SHIPPED: Final = files("ledger.web").joinpath("static")
STATIC: Final = {
    f"{folder}{one.name}": one.read_bytes()
    for folder in ("", "font/")
    for one in _SHIPPED.joinpath(folder).iterdir()
    if one.is_file()
}
"""Everything a page may load, by its name: styles, scripts, and the font in slices (static/font/README.md)."""


class ShownCell(NamedTuple):
    """A cell as it is shown."""

    text: str
    css: str
    href: str


class Linked(str):
    """A cell's text that leads to a page; files get the text."""

    href: str

    def __new__(cls, text: str, href: str) -> Linked:
        """The text with the page's address."""
        made = super().__new__(cls, text)
        made.href = href
        return made


class Filter(NamedTuple):
    """One field above a list: its name in the address, its label, and the codes it may have with their words."""

    name: str
    label: str
    choices: Sequence[tuple[str, str]] = ()
    kind: str = "text"
    value: str = ""
    """What is looked at where the address says nothing."""


def address(path: str, **values: object) -> str:
    """A page's address; empty values are left out."""
    asked = {name: str(value) for name, value in values.items() if value not in ("", None)}
    return f"/desk/{path}" + (f"?{urlencode(asked)}" if asked else "")


def _places(desk: Desk) -> Mapping[str, Callable[[str], str]]:
    """Where a cell of a column leads, by the column's key."""
    book = str(desk.book) if desk.books else ""
    region = desk.region

    def voucher(cell: str) -> str:
        return "" if cell[:1] not in "记备" else address(f"vouchers/{quote(cell)}", book=book)

    def account(cell: str) -> str:
        return address("books/sub-ledger", book=book, period=desk.query.get("period", ""), account=cell)

    def order(cell: str) -> str:
        return address(f"orders/{quote(cell)}", region=region)

    def institution(cell: str) -> str:
        return address(f"institutions/{quote(cell)}", region=region) if _INSTITUTION.fullmatch(cell) else ""

    return {
        "voucher": voucher, "code": account, "order_no": order, "institution": institution,
        **{key: partial(_page_of, path, region) for key, path in _PAGES_OF.items()},
        "setl_id": lambda cell: address("follow", region=region, subject=cell),
        "draft": lambda cell: address(f"drafts/{quote(cell)}", book=book),
        "upload": lambda cell: address("uploads/rows", book=book, file=cell),
        "row_name": lambda cell: address(
            f"books/{desk.query.get('form', 'balance-sheet')}/row", book=book, period=desk.period, row=cell),
    }  # fmt: skip


_INSTITUTION: Final = re.compile(r"[A-Z](?=[A-Z]*[0-9])[0-9A-Z]{5,29}")
_PAGES_OF: Final = {
    "sheet": "sheets",
    "declaration": "declarations",
    "finding": "findings",
    "letter": "letters",
}
"""Columns whose cells have a page of their own, and where."""


def _page_of(path: str, region: int, cell: str) -> str:
    return address(f"{path}/{quote(cell, safe='')}", region=region)


def rows_of(desk: Desk, grid: Grid) -> list[tuple[str, list[ShownCell]]]:
    """(class, cells) of every row."""
    # the lines of a voucher all lead to it
    places = {key: cache(lead) for key, lead in _places(desk).items()}
    shown = []
    for line in grid.lines:
        cells = [
            _shown(column, cell, {} if line.total else places, line.level if n == 0 else 0)
            for n, (column, cell) in enumerate(zip(grid.columns, line.cells, strict=True))
        ]
        shown.append(("total" if line.total else "", cells))
    return shown


def _shown(column: Column, cell: Cell, places: Mapping[str, Callable[[str], str]], level: int) -> ShownCell:
    red = " red" if column.kind == "money" and isinstance(cell, int) and cell < 0 else ""
    text = "\u3000".join(printable(part) for part in text_of(column, cell).split("\u3000"))
    if text == PERSON:
        text = PERSON_WORD
    lead = places.get(column.key)
    if isinstance(cell, Linked):
        href = cell.href
    else:
        href = lead(text.strip()) if lead is not None and text.strip() else ""
    return ShownCell("\u3000" * level + text, column.kind + red, href)


def file_of(grids: Sequence[Grid], shape: str, paper: Paper = Paper.A4_ACROSS) -> Response:
    """The same tables as a file."""
    name = quote(f"{grids[0].name}.{shape}")
    headers = {"content-disposition": f"attachment; filename*=UTF-8''{name}"}
    if shape == "csv":
        # the mark by which a spreadsheet knows UTF-8: without it Excel reads Chinese by the machine's own page of codes
        text = "\ufeff" + "\r\n".join(grid_csv.render(grid) for grid in grids)
        return Response(text, media_type=FILES[shape], headers=headers)
    with tempfile.TemporaryDirectory(prefix="fundledger-") as folder:
        path = Path(folder, f"list.{shape}")
        write_grid(grids, shape, path, paper, together=len(grids) > 1)
        return Response(path.read_bytes(), media_type=FILES[shape], headers=headers)


def grid_page(
    desk: Desk,
    grid: Grid,
    *,
    filters: Sequence[Filter] = (),
    following: str | EllipsisType | None = ...,
    whole: Callable[[], Grid] | None = None,
    extra: Mapping[str, Any] | None = None,
    template: str = "grid.html",
) -> Response:
    """A Grid as a page, or as the file that `format` asks for: of `whole` where the page is a part.

    `following` is where the next page begins; not given, the Grid is whole and shown part by part. Where it is given, so must
    `whole` be: a file of the first page alone would say nothing of the rest.
    """
    if whole is None and following is not ...:
        raise TypeError(f"{grid.name}: a part is no file")
    require_known(desk, filters)
    shape = desk.query.get("format", "")
    if shape in FILES:
        return file_of([whole() if whole is not None else grid], shape)
    if following is ...:
        grid, following = _part(grid, desk.query.get("after", ""))
    asked = {name: value for name, value in desk.query.items() if value and name not in ("after", "format")}
    return page(
        desk,
        template,
        title=grid.title,
        grid=grid,
        rows=rows_of(desk, grid),
        filters=filters,
        asked=asked,
        next=f"?{urlencode(asked | {'after': following})}" if following else "",
        shapes=[(name, f"?{urlencode(asked | {'format': name})}") for name in ("xlsx", "csv", "pdf")],
        **(extra or {}),
    )


_PLACES: Final = frozenset({"book", "period", "term"})
"""Where one looks, not what of it: the menu carries these on, and each page says itself what is not there."""


def require_known(desk: Desk, filters: Sequence[Filter]) -> None:
    """Raise InvalidInput `filter.value` for a filter asked by a value that is none of its own: an empty list would say there is nothing."""
    for one in filters:
        asked = desk.query.get(one.name, "")
        if (
            asked
            and one.choices
            and one.name not in _PLACES
            and asked not in {code for code, _ in one.choices}
        ):
            raise InvalidInput(
                "filter.value",
                f"“{one.label}”没有“{one_line(asked[:40])}”这一项：请在列表上方选定",
                field=one.name,
            )


def _part(grid: Grid, after: str) -> tuple[Grid, str | None]:
    """The rows of a whole Grid after so many; what comes next, None at its end."""
    start = int(after) if after.isascii() and after.isdigit() and len(after) < 8 else 0
    lines = list(grid.lines)
    end = start + ROWS
    return replace(grid, lines=lines[start:end]), str(end) if end < len(lines) else None


def page(desk: Desk | None, template: str, status: int = 200, **values: Any) -> Response:
    """A template as a page."""
    text = _ENVIRONMENT.get_template(template).render(desk=desk, **values)
    return HTMLResponse(text, status)


def _money(fen: int | str | None) -> str:
    return "" if fen is None or fen == "" else yuan_grouped(int(fen))


def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("ledger.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["money"] = _money
    made.filters["dict_with"] = lambda asked, name, value: urlencode(asked | {name: value})
    made.filters["plain"] = lambda text: printable(str(text))
    made.filters["worded"] = worded
    made.globals["said"] = said
    made.globals["party"] = lambda code: PERSON_WORD if code == PERSON else code
    made.globals["address"] = address
    made.globals["new_key"] = lambda: secrets.token_urlsafe(16)
    made.globals["value_said"] = value_said
    made.globals["value_called"] = called
    made.globals["terms_said"] = terms_said
    return made


_ENVIRONMENT: Final = _environment()
