"""The files of a set, from a folder, a zip or one workbook: whole or not at all, within limits, every heading as the template has it."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Final

from ledger.core.accounts import DAILY_OWED, FUND_BALANCE, MONTH_OWED
from ledger.core.errors import InvalidInput
from ledger.core.private import private, private_folder, write_private
from ledger.fund.cutover.workbook import is_workbook, read_workbook, write_workbook

FILES: Final[Mapping[str, tuple[str, ...]]] = {
    "balances": ("account", "party", "year_open", "debit", "credit", "balance"),
    "history": ("period", "account", "party", "debit", "credit"),
    "open_items": (
        "item", "institution", "subfund", "service_year", "term", "category", "amount", "reference", "quota", "due_on",
        "recovery",
    ),
    "records": ("setl_id", "subfund", "fund_amount", "daily_amount", "paid", "reference"),
    "orders": (
        "order", "source", "institution", "subfund", "service_year", "term", "category", "amount", "account", "payee_name",
        "payee_number", "payee_bank", "payee_cnaps", "sent_on", "bank_reference",
    ),
    "bank": ("account", "kind", "day", "amount", "reference", "summary"),
    "trial_balance": ("account", "name", "year_open", "debit", "credit", "balance"),
}  # fmt: skip
"""File (without `.csv`) → headings, in the order of the template."""
EXAMPLES: Final[Mapping[str, tuple[str, ...]]] = {
    "balances": ("300101", "", "1000000.00", "0.00", "0.00", "1000000.00"),
    "history": ("202512", "50010101", "", "350000.00", "0.00"),
    "open_items": (
        str(MONTH_OWED),
        "H42010000001",
        "pool",
        "2026",
        "202608",
        "inpatient",
        "33000.00",
        "",
        "",
        "",
        "",
    ),
    "records": ("S20260930001", "pool", "1000.00", "600.00", "Y", "2026093000012345"),
    "orders": (
        "OLD2026093000000001",
        str(DAILY_OWED),
        "H42010000001",
        "pool",
        "2026",
        "202609",
        "inpatient",
        "600.00",
        "4200000000001004",
        "示例医院",
        "4200000000000001",
        "示例银行武汉支行",
        "102521000000",
        "2026-09-30",
        "",
    ),
    "bank": ("4200000000001004", "statement", "2026-09-30", "50000.00", "", "接转日对账单余额"),
    "trial_balance": (str(FUND_BALANCE), "一般基金结余", "1000000.00", "0.00", "0.00", "1000000.00"),
}
_BYTES_MAX: Final = 256 * 1024 * 1024
_LINES_MAX: Final = 1_000_000

Lines = dict[str, list[tuple[int, dict[str, str]]]]
"""File → line number and cells by heading."""


def read_files(place: Path) -> Lines:
    """The lines of all files. Raises InvalidInput `cutover.file`, `cutover.heading`, `cutover.workbook`, `cutover.size`."""
    if place.is_file() and (place.suffix.lower() in (".xlsx", ".xls") or is_workbook(place)):
        if not is_workbook(place):
            raise InvalidInput("cutover.workbook", f"{place.name}不是能读取的工作簿（xlsx）")
        return dict(read_workbook(place, FILES, _BYTES_MAX, _LINES_MAX))
    return {name: list(_rows(name, text)) for name, text in _texts(place)}


def write_template(folder: Path) -> list[Path]:
    """The files with their headings and an example line each; raises InvalidInput `cutover.exists` for one that is there."""
    private_folder(folder)
    paths = [folder / f"{name}.csv" for name in FILES]
    there = next((path for path in paths if path.exists()), None)
    if there is not None:
        raise InvalidInput("cutover.exists", f"{there.name}已存在，不覆盖")
    for path in paths:
        out = StringIO()
        csv.writer(out, lineterminator="\r\n").writerows((FILES[path.stem], EXAMPLES[path.stem]))
        write_private(path, "\ufeff" + out.getvalue())
    return paths


def write_template_workbook(path: Path) -> Path:
    """The template as one workbook; raises InvalidInput `cutover.exists` for one that is there."""
    if path.exists():
        raise InvalidInput("cutover.exists", f"{path.name}已存在，不覆盖")
    private_folder(path.parent)
    write_workbook(private(path), FILES, EXAMPLES)
    return path


def _texts(place: Path) -> Iterator[tuple[str, str]]:
    wanted = {f"{name}.csv": name for name in FILES}
    contents = _folder(place, wanted) if place.is_dir() else _zip(place, wanted)
    missing = sorted(wanted.keys() - contents.keys())
    if missing:
        raise InvalidInput("cutover.file", f"接转资料缺少{'、'.join(missing)}", missing=missing)
    for file, name in wanted.items():
        try:
            yield name, contents[file].decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise InvalidInput("cutover.file", f"{file}不是UTF-8编码的CSV", file=file) from error


def _folder(place: Path, wanted: Mapping[str, str]) -> dict[str, bytes]:
    found = {path.name: path for path in place.iterdir() if path.is_file() and not path.name.startswith(".")}
    _refuse_strange(found.keys() - wanted.keys())
    _refuse_large(sum(path.stat().st_size for path in found.values()))
    return {name: path.read_bytes() for name, path in found.items()}


def _zip(place: Path, wanted: Mapping[str, str]) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(place) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            _refuse_strange({entry.filename for entry in entries} - wanted.keys())
            if len(entries) != len({entry.filename for entry in entries}):
                raise InvalidInput("cutover.file", f"{place.name}中有重名的文件")
            _refuse_large(sum(entry.file_size for entry in entries))
            return {entry.filename: archive.read(entry) for entry in entries}
    except (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise InvalidInput("cutover.file", f"接转资料{place.name}应为目录或zip，含七个CSV文件") from error


def _refuse_strange(names: set[str]) -> None:
    if names:
        raise InvalidInput(
            "cutover.file", f"接转资料中有不认识的文件{'、'.join(sorted(names))[:80]}，不能略去"
        )


def _refuse_large(size: int) -> None:
    if size > _BYTES_MAX:
        raise InvalidInput("cutover.size", f"接转资料共{size}字节，超过{_BYTES_MAX}字节")


def _rows(name: str, text: str) -> Iterator[tuple[int, dict[str, str]]]:
    reader = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        heads = tuple(next(reader, ()))
        if heads != FILES[name]:
            raise InvalidInput("cutover.heading", f"{name}.csv的列应为{','.join(FILES[name])}", file=name)
        for n, cells in enumerate(reader, 1):
            if not cells:
                continue
            if len(cells) != len(heads) or n > _LINES_MAX:
                raise InvalidInput(
                    "cutover.heading", f"{name}.csv第{reader.line_num}行应有{len(heads)}列，有{len(cells)}列", file=name,
                    line=reader.line_num,
                )  # fmt: skip
            yield reader.line_num, dict(zip(heads, (cell.strip() for cell in cells), strict=True))
    except csv.Error as error:
        raise InvalidInput(
            "cutover.file", f"{name}.csv第{reader.line_num}行不是CSV：引号不成对", file=name
        ) from error
