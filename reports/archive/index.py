"""The index of an archive package: what each file is, how long it is kept, its digests; as XML for archives, CSV for people.

Kinds and retention are those of 会计档案管理办法 (财政部、国家档案局令第79号) annex 2 for agencies: vouchers and books 30 years,
monthly reports, bank statements and 余额调节表 10 years, the annual report for ever. Form of the index: ours, since 财会〔2020〕6号
asks for metadata and integrity and fixes no file format.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Final, NamedTuple

from ledger.core.cells import cell
from ledger.core.errors import InvalidInput

NAMESPACE: Final = "urn:fundledger:archive:1"
RETENTION: Final = {
    "voucher": "30",
    "book": "30",
    "report": "10",
    "annual": "permanent",
    "statement": "10",
    "other": "10",
}
"""Years by kind, counted from the first day after the accounting year."""
KIND_WORDS: Final = {
    "voucher": "会计凭证",
    "book": "会计账簿",
    "report": "月度财务会计报告",
    "annual": "年度财务会计报告",
    "statement": "银行对账单、余额调节表",
    "other": "其他会计资料",
}
_NUMBERS: Final = frozenset({"period", "last_block", "size"})
_RETENTION_WORDS: Final = {"10": "10年", "30": "30年", "permanent": "永久"}


class IndexEntry(NamedTuple):
    """One file of the package."""

    path: str
    """Inside the package, `/` between folders."""
    kind: str
    title: str
    source: str
    """Where it came from, for what others made: account and name as received."""
    size: int
    sha256: str
    sm3: str


class Head(NamedTuple):
    """What the whole package is."""

    book: str
    book_name: str
    period: int
    state: str
    made_on: str
    made_by: str
    last_block: int
    last_hash: str


def to_xml(head: Head, items: Sequence[IndexEntry]) -> bytes:
    """The index as XML in UTF-8."""
    from lxml import etree

    root = etree.Element("archive", nsmap={None: NAMESPACE})  # type: ignore[dict-item] # the default namespace
    for name, value in zip(head._fields, head, strict=True):
        root.set(name, str(value))
    for item in items:
        one = etree.SubElement(root, "file")
        for name, value in zip(item._fields, item, strict=True):
            one.set(name, str(value))
        one.set("kind_name", KIND_WORDS[item.kind])
        one.set("retention", RETENTION[item.kind])
    made: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True)
    return made


def from_xml(data: bytes) -> tuple[Head, list[IndexEntry]]:
    """Back; raises InvalidInput `archive.index` where it is not what `to_xml` writes, byte for byte."""
    from lxml import etree

    try:
        parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
        root = etree.fromstring(data, parser)
        head = Head(*(_typed(root.get(name, ""), name) for name in Head._fields))  # type: ignore[arg-type]
        items = [
            IndexEntry(*(_typed(one.get(name, ""), name) for name in IndexEntry._fields))  # type: ignore[arg-type]
            for one in root
        ]
        if to_xml(head, items) == data:
            return head, items
    except (etree.XMLSyntaxError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput("archive.index", "档案目录index.xml不能读取，已被改动") from error
    raise InvalidInput("archive.index", "档案目录index.xml不是本程序写出的样子，已被改动")


def _typed(text: str, name: str) -> str | int:
    return int(text) if name in _NUMBERS else text


def to_csv(items: Sequence[IndexEntry]) -> bytes:
    """The same for people, with Chinese headings, to be opened in a spreadsheet."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(["文件", "类别", "题名", "来源", "保管期限", "字节数", "SHA-256", "SM3"])
    for item in items:
        kept = _RETENTION_WORDS[RETENTION[item.kind]]
        words = [cell(item.path), KIND_WORDS[item.kind], cell(item.title), cell(item.source)]
        writer.writerow([*words, kept, item.size, item.sha256, item.sm3])
    return b"\xef\xbb\xbf" + out.getvalue().encode()
