"""`export --format gbt24589`: a month or a year of a book for an auditor: the interface files 公共档案.xml and 总账.xml in a folder, each checked by its schema.

The folder appears only when both files are whole and valid. Memory grows with accounts and dimensions, not with vouchers.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from importlib.resources import files
from itertools import chain
from pathlib import Path
from typing import Final, NamedTuple

from ledger.books.reading import cut
from ledger.core.entries import Book
from ledger.core.errors import Conflict
from ledger.core.private import opened, write_private
from ledger.db.unit_of_work import Transaction
from reports.gbt24589 import records
from reports.gbt24589.records import STANDARD, InterfaceRecord
from reports.seal.digests import digests_of
from reports.statements.span import Span, require_span
from reports.statements.statement import statements
from reports.wording import printable

COMMON: Final = "公共档案"
LEDGER: Final = "总账"
DEVELOPER: Final = "fundledger"


class InterfaceFile(NamedTuple):
    """One file: how many records of each kind, and its digests."""

    name: str
    records: dict[str, int]
    size: int
    sha256: str
    sm3: str


def export_gbt24589(tx: Transaction, book: Book, span: Span, out: Path) -> list[InterfaceFile]:
    """Write the months of the span that the book opened.

    Raises NotFound `book.unknown`, `period.unknown`; Conflict `export.exists`, `report.unbalanced`; OSError; ValueError where
    what was written is not valid, which is a fault of ours.
    """
    if out.exists():
        raise Conflict("export.exists", f"{out}已存在，不覆盖", file=str(out))
    cut(tx, book, None)
    opened = require_span(tx, book, span)
    months = [month for month in opened if span.yearly or month == span.last]
    partial = out.with_name(f"{out.name}.part")
    partial.mkdir(mode=0o700)
    try:
        done = [
            _write(partial, COMMON, _common(tx, book, span, months)),
            _write(partial, LEDGER, _ledger(tx, book, span, months)),
        ]
        for name in (COMMON, LEDGER):
            write_private(partial / f"{name}.xsd", schema(name).read_bytes())
        partial.replace(out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return done


def schema(name: str) -> Path:
    """Our schema of a file."""
    return Path(str(files("reports.gbt24589"))) / f"{name}.xsd"


def _common(tx: Transaction, book: Book, span: Span, months: list[int]) -> Iterator[InterfaceRecord]:
    name: str = tx.value(
        "SELECT name FROM books.book WHERE region = %(region)s AND fund = %(fund)s",
        region=book.region,
        fund=book.fund,
    )
    from importlib.metadata import version  # only here: it reads the installed package's papers

    yield InterfaceRecord(
        "电子账簿",
        (
            ("电子账簿编号", str(book)),
            ("电子账簿名称", printable(name)),
            ("会计核算单位", printable(name)),
            ("组织机构代码", str(book.region)),
            ("单位性质", "社会保险基金"),
            ("行业", "社会保障"),
            ("开发单位", DEVELOPER),
            ("版本号", version("fundledger")),
            ("本位币", "人民币"),
            ("会计年度", str(span.year)),
            ("标准版本号", STANDARD),
        ),
    )
    yield from records.periods(months)
    yield from records.kinds()
    yield from records.archives(tx, book, months)


def _ledger(tx: Transaction, book: Book, span: Span, months: list[int]) -> Iterator[InterfaceRecord]:
    yield InterfaceRecord("总账基础信息", (("结构分隔符", ""), ("会计科目编号规则", "4-2-2-2")))
    yield from records.accounts(tx, book)
    yield from chain.from_iterable(records.balances(tx, book, month) for month in months)
    yield from chain.from_iterable(records.vouchers(tx, book, month) for month in months)
    yield from records.forms(statements(tx, book, span))


def _write(folder: Path, name: str, found: Iterable[InterfaceRecord]) -> InterfaceFile:
    from lxml import etree

    path = folder / f"{name}.xml"
    counted: dict[str, int] = {}
    with opened(path) as out, etree.xmlfile(out, encoding="UTF-8") as xml:
        xml.write_declaration()
        with xml.element(name):
            for kind, elements in found:
                one = etree.Element(kind)
                for key, text in elements:
                    etree.SubElement(one, key).text = text
                xml.write(one)
                xml.write("\n")
                counted[kind] = counted.get(kind, 0) + 1
    _require_valid(path, name)
    return InterfaceFile(f"{name}.xml", counted, *digests_of(path))


def _require_valid(path: Path, name: str) -> None:
    from lxml import etree

    checked = etree.XMLSchema(etree.parse(str(schema(name))))
    parsed = etree.iterparse(str(path), events=("end",), schema=checked, huge_tree=True, no_network=True)
    try:
        for _, one in parsed:
            if one.getparent() is not None and one.getparent().getparent() is None:
                one.clear()
    except etree.XMLSyntaxError as error:
        raise ValueError(f"{path.name}: {error}") from error
