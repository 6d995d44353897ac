"""A set as a workbook: the same set and digest as its CSV files, cells read exactly or refused."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from python_calamine import CalamineWorkbook

from ledger.core.errors import InvalidInput
from ledger.fund.cutover.files import EXAMPLES, FILES, write_template_workbook
from ledger.fund.cutover.read import read_set
from tests.fund.cutover.test_cutover import BOOK, DAY, GOOD, write

_NUMBERS = {
    "year_open",
    "debit",
    "credit",
    "balance",
    "amount",
    "quota",
    "fund_amount",
    "daily_amount",
    "term",
}


def workbook(path: Path, content: dict[str, list[list[Any]]], heads: dict[str, Any] | None = None) -> Path:
    """The set as a person types it: amounts and months as numbers, days as days, the rest as text."""
    with xlsxwriter.Workbook(str(path)) as book:
        as_day = book.add_format({"num_format": "yyyy-mm-dd"})
        for name, columns in (heads or FILES).items():
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, columns)
            for n, row in enumerate(content.get(name, []), 1):
                for place, cell in enumerate(row):
                    if isinstance(cell, str) and cell and columns[place] in _NUMBERS:
                        sheet.write_number(n, place, float(cell))
                    elif columns[place] in ("due_on", "day", "sent_on") and cell:
                        sheet.write_datetime(n, place, date.fromisoformat(cell), as_day)
                    elif isinstance(cell, (int, float)):
                        sheet.write_number(n, place, cell)
                    else:
                        sheet.write_string(n, place, cell)
    return path


def test_it_is_the_same_set_as_its_csv_files(tmp_path: Path) -> None:
    as_csv, none = read_set(write(tmp_path / "csv", GOOD), BOOK, DAY)
    as_book, wrong = read_set(workbook(tmp_path / "set.xlsx", GOOD), BOOK, DAY)
    assert none == wrong == []
    assert as_book.digest(BOOK, DAY) == as_csv.digest(BOOK, DAY)
    assert as_book.lines[1].balance_fen == 5_000_000


AMOUNTS: list[tuple[Any, int | str]] = [
    (50000, 5_000_000),
    (50000.0, 5_000_000),
    (0.1, 10),
    (1234567.89, 123_456_789),
    (9_999_999_999.99, 999_999_999_999),
    ("50000.00", 5_000_000),
    (1 / 3, "amount.format"),
    (1.005, "amount.format"),
    ("1.005", "amount.format"),
    (-0.01, -1),
]


@pytest.mark.parametrize(("cell", "expected"), AMOUNTS)
def test_an_amount_is_read_to_the_fen_or_refused(tmp_path: Path, cell: Any, expected: int | str) -> None:
    content: dict[str, list[list[Any]]] = deepcopy(GOOD)  # type: ignore[arg-type]
    content["balances"] = [["300101", "", 0, 0, 0, cell]]
    heads = dict(FILES)
    path = tmp_path / "a.xlsx"
    with xlsxwriter.Workbook(str(path)) as book:
        for name, columns in heads.items():
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, columns)
            if name == "balances":
                sheet.write_row(1, 0, content["balances"][0])
    found, wrong = read_set(path, BOOK, DAY)
    if isinstance(expected, str):
        assert [(one.file, one.line, one.field, one.code) for one in wrong] == [
            ("balances", 2, "balance", expected)
        ]
    else:
        assert (wrong, found.lines[0].balance_fen) == ([], expected)


def _renamed(path: Path) -> Path:
    return workbook(path, GOOD, {("Sheet1" if name == "history" else name): FILES[name] for name in FILES})


def _headless(path: Path) -> Path:
    return workbook(path, GOOD, {**FILES, "records": ("setl_id", "a", "b", "c", "d", "e")})


def _long_number(path: Path) -> Path:
    content: dict[str, list[list[Any]]] = deepcopy(GOOD)  # type: ignore[arg-type]
    content["bank"][0][0] = 4200000000001003
    return workbook(path, content)


def _torn(path: Path) -> Path:
    whole = workbook(path, GOOD).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (_renamed, "cutover.workbook"),
        (_headless, "cutover.heading"),
        (_long_number, "cutover.workbook"),
        (_torn, "cutover.workbook"),
    ],
)
def test_a_workbook_that_is_not_one_is_refused(
    tmp_path: Path, make: Callable[[Path], Path], code: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_set(make(tmp_path / "x.xlsx"), BOOK, DAY)
    assert refused.value.code == code


def test_the_template_is_read_back_and_holds_text(tmp_path: Path) -> None:
    path = write_template_workbook(tmp_path / "t.xlsx")
    book = CalamineWorkbook.from_path(str(path))
    assert list(book.sheet_names) == list(FILES)
    for name, heads in FILES.items():
        assert book.get_sheet_by_name(name).to_python() == [list(heads), list(EXAMPLES[name])]
    with pytest.raises(InvalidInput) as there:
        write_template_workbook(path)
    assert there.value.code == "cutover.exists"
