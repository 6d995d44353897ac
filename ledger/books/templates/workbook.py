"""A voucher file as a workbook: one sheet with the CSV's heading, its cells read exactly as they were typed."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Sequence
from io import BytesIO, StringIO
from typing import Final

from ledger.books.templates.file_rows import HEADINGS, PARTS
from ledger.core.errors import InvalidInput
from ledger.core.typed_cells import cell_text

_UNPACKED_MAX: Final = 256 * 1024 * 1024


def workbook_text(name: str, content: bytes) -> str:
    """The CSV that says the same, line for line. Raises InvalidInput `voucher_file.workbook`, `voucher_file.size`."""
    from python_calamine import CalamineError, CalamineWorkbook  # here: other commands need not wait for it

    try:
        with zipfile.ZipFile(BytesIO(content)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
        if size > _UNPACKED_MAX:
            raise InvalidInput(
                "voucher_file.size", f"{name}展开后{size}字节，超过{_UNPACKED_MAX}字节", field="file"
            )
        book = CalamineWorkbook.from_filelike(BytesIO(content))
        sheets = {
            sheet: book.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
            for sheet in book.sheet_names
        }
    except (CalamineError, zipfile.BadZipFile, NotImplementedError) as error:
        raise _unreadable(f"{name}不是能读取的工作簿（xlsx）") from error
    filled = {
        sheet: rows for sheet, rows in sheets.items() if any(cell != "" for row in rows for cell in row)
    }
    if len(filled) != 1:
        raise _unreadable(f"{name}应正好有一张填写的工作表，有{len(filled)}张")
    [(sheet, rows)] = filled.items()
    out = StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for n, row in enumerate(rows, 1):
        texts = [_text(sheet, n, place, cell) for place, cell in enumerate(row)]
        while texts and not texts[-1]:
            texts.pop()
        writer.writerow([*texts, *[""] * (len(HEADINGS) - len(texts))])
    return out.getvalue()


def template_workbook(example: Sequence[str]) -> bytes:
    """The heading and an example row; every column is text but the amounts."""
    import xlsxwriter

    out = BytesIO()
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        title, text = book.add_format({"bold": True, "num_format": "@"}), book.add_format({"num_format": "@"})
        money = book.add_format({"num_format": "0.00"})
        sheet = book.add_worksheet("vouchers")
        sheet.freeze_panes(1, 0)
        for place, head in enumerate(HEADINGS):
            sheet.set_column(place, place, 18, money if head in PARTS else text)
            sheet.write_string(0, place, head, title)
            sheet.write_string(1, place, example[place], text)
    return out.getvalue()


def _text(sheet: str, n: int, place: int, cell: object) -> str:
    head = HEADINGS[place] if place < len(HEADINGS) else f"第{place + 1}列"
    try:
        text = cell_text(cell)
    except ValueError as wrong:
        raise _unreadable(f"工作表{sheet}第{n}行{head}{wrong}") from wrong
    if any(ord(c) < 32 for c in text):
        raise _unreadable(f"工作表{sheet}第{n}行{head}的单元格内有换行或控制字符")
    return text


def _unreadable(message: str) -> InvalidInput:
    return InvalidInput("voucher_file.workbook", message, field="file")
