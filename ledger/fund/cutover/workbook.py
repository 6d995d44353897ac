"""A set as one workbook: a sheet a file, the same headings; amounts as text or as numbers, read exactly or not at all.

A number cell is a binary fraction: what it shows as in its shortest form is what was typed, for up to fifteen digits. What was
computed and is no whole fen (0.1 + 0.2) has more places, and is refused like any amount of three decimals.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from ledger.core.errors import InvalidInput
from ledger.core.typed_cells import cell_text

Cell = object
_AMOUNTS: Final = frozenset(
    {"year_open", "debit", "credit", "balance", "amount", "quota", "fund_amount", "daily_amount"}
)


def is_workbook(place: Path) -> bool:
    """Whether it is a workbook by what is in it: a zip of CSV files has no table of contents."""
    try:
        with zipfile.ZipFile(place) as archive:
            return "[Content_Types].xml" in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def read_workbook(
    place: Path, heads: Mapping[str, Sequence[str]], bytes_max: int, lines_max: int
) -> Iterator[tuple[str, list[tuple[int, dict[str, str]]]]]:
    """Each sheet's lines: row number and cells by heading. Raises InvalidInput `cutover.workbook`, `cutover.heading`, `cutover.size`."""
    from python_calamine import CalamineError, CalamineWorkbook  # here: other commands need not wait for it

    with zipfile.ZipFile(place) as archive:
        size = sum(entry.file_size for entry in archive.infolist())
    if size > bytes_max:
        raise InvalidInput("cutover.size", f"接转资料共{size}字节，超过{bytes_max}字节")
    try:
        book = CalamineWorkbook.from_path(str(place))
        names = list(book.sheet_names)
        if sorted(names) != sorted(heads):
            missing, strange = sorted(set(heads) - set(names)), sorted(set(names) - set(heads))
            raise InvalidInput(
                "cutover.workbook",
                f"工作簿的工作表应为{'、'.join(heads)}；缺{'、'.join(missing) or '无'}，多{'、'.join(strange)[:80] or '无'}",
            )
        for name, wanted in heads.items():
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            yield name, list(_rows(name, rows, list(wanted), lines_max))
    except CalamineError as error:
        raise InvalidInput("cutover.workbook", f"{place.name}不是能读取的工作簿（xlsx）") from error


def _rows(
    name: str, rows: Sequence[Sequence[Cell]], heads: Sequence[str], lines_max: int
) -> Iterator[tuple[int, dict[str, str]]]:
    for n, cells in enumerate(rows, 1):
        texts = [
            _text(name, n, heads[place] if place < len(heads) else "", cell)
            for place, cell in enumerate(cells)
        ]
        while texts and not texts[-1]:
            texts.pop()
        if n == 1:
            if texts != list(heads):
                raise InvalidInput("cutover.heading", f"工作表{name}的第一行应为{','.join(heads)}", file=name)
            continue
        if not texts:
            continue
        if len(texts) > len(heads) or n > lines_max:
            raise InvalidInput(
                "cutover.heading", f"工作表{name}第{n}行应有{len(heads)}列，有{len(texts)}列", file=name, line=n
            )  # fmt: skip
        yield n, dict(zip(heads, [*texts, *[""] * (len(heads) - len(texts))], strict=True))


def _text(name: str, n: int, head: str, cell: Cell) -> str:
    """A cell as it would stand in a CSV file; a number as it was typed."""
    try:
        return cell_text(cell)
    except ValueError as wrong:
        raise InvalidInput(
            "cutover.workbook", f"工作表{name}第{n}行{head}{wrong}", file=name, line=n
        ) from wrong


def write_workbook(
    path: Path, heads: Mapping[str, Sequence[str]], examples: Mapping[str, Sequence[str]]
) -> None:
    """The template: a sheet a file, headings frozen, every cell text (no formula comes of it), amounts with two decimals."""
    import xlsxwriter

    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        title = book.add_format({"bold": True, "num_format": "@"})
        text = book.add_format({"num_format": "@"})
        money = book.add_format({"num_format": "0.00"})
        for name, columns in heads.items():
            sheet = book.add_worksheet(name)
            sheet.freeze_panes(1, 0)
            for place, head in enumerate(columns):
                sheet.set_column(place, place, 18, money if head in _AMOUNTS else text)
                sheet.write_string(0, place, head, title)
                sheet.write_string(1, place, examples[name][place], text)
