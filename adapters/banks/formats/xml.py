"""XML from outside, read without trusting it, and XML to outside, written the same way every time.

Text is decoded here and not by the parser: libxml2 turns GBK bytes declared as UTF-8 into question marks
without a word, and a lost character in an account name is a lost payment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from typing import Final

from lxml import etree
from lxml.etree import _Element as Element

from ledger.core.dates import SHANGHAI, parse_day
from ledger.core.errors import InvalidInput
from ledger.core.money import parse_fen

XML_BYTES_MAX: Final = 32 * 1024 * 1024
"""About 35,000 payments in a pain.001 or 20,000 movements in a camt.054, written with indentation."""

XML_NODES_MAX: Final = 2_500_000
"""Tags and attributes; the tree costs about a hundred bytes for each."""

XML_DEPTH_MAX: Final = 40
"""The deepest path of the messages read here has 14 levels, a wrapper adds a few."""

UNITS: Final = 100_000
"""ISO 20022 amounts have at most five decimals; totals are compared in whole units of 0.00001 yuan."""

_DECLARATION = re.compile(rb"<\?xml\s[^>]{0,200}\?>")
_ENCODING = re.compile(rb"""\sencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_UTF8_NAMES = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
_GB_NAMES = frozenset({"gbk", "gb2312", "gb18030", "cp936", "ms936"})
_BOM = b"\xef\xbb\xbf"
_CJK = re.compile("[㐀-鿿，。（）：]")
_DECIMAL = re.compile(r"(-?)([0-9]{1,18})(?:\.([0-9]{1,17}))?", re.ASCII)


def parse_xml(content: bytes) -> Element:
    """The root element of `content`; comments and processing instructions are left out.

    Raises InvalidInput: `bankfile.empty`, `bankfile.too_large`, `bankfile.encoding`, `bankfile.dtd`,
    `bankfile.malformed` (truncated or not well-formed), `bankfile.depth`.
    """
    if not content.strip():
        raise InvalidInput("bankfile.empty", "文件是空的")
    if len(content) > XML_BYTES_MAX:
        raise InvalidInput(
            "bankfile.too_large", f"文件有{len(content)}字节，超过上限{XML_BYTES_MAX}字节", size=len(content)
        )
    if content.count(b"<") + content.count(b"=") > XML_NODES_MAX:
        raise InvalidInput("bankfile.too_large", f"文件的标记超过{XML_NODES_MAX}个")
    text = decode_text(content)
    # Entities and external subsets live in a document type; no bank message has one.
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise InvalidInput("bankfile.dtd", "文件含文档类型定义（DTD）或实体，按规定拒收")
    # Not shared: a libxml2 parser must not be used by two threads at once.
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(text.encode("utf-8"), parser)
    except etree.XMLSyntaxError as error:
        line = error.position[0] if error.position else 0
        raise InvalidInput(
            "bankfile.malformed", f"文件不是完整的XML（第{line}行），可能被截断或损坏", line=line
        ) from None
    if root.xpath(f"boolean({'/*' * (XML_DEPTH_MAX + 1)})"):
        raise InvalidInput("bankfile.depth", f"文件的元素嵌套超过{XML_DEPTH_MAX}层")
    return root


def decode_text(content: bytes) -> str:
    """`content` as text without its XML declaration: UTF-8 (with or without BOM) or the GB family.

    GB2312 and GBK are read as GB18030, their superset, because banks declare the former and send the latter.
    Raises InvalidInput `bankfile.encoding` if the bytes are not what the declaration says.
    """
    has_bom = content.startswith(_BOM)
    body = content[len(_BOM) :] if has_bom else content
    body = body.lstrip(b" \t\r\n")
    declaration = _DECLARATION.match(body)
    encoding = "utf-8"
    if declaration is not None:
        body = body[declaration.end() :]
        named = _ENCODING.search(declaration.group())
        encoding = named.group(1).decode("ascii").lower() if named else "utf-8"
    if encoding in _UTF8_NAMES:
        return _decode(body, "utf-8", encoding)
    if encoding not in _GB_NAMES or has_bom:
        raise InvalidInput(
            "bankfile.encoding",
            f"不接受的字符编码声明“{encoding}”：应为UTF-8或GB18030系列",
            encoding=encoding,
        )
    text = _decode(body, "gb18030", encoding)
    if not body.isascii() and _reads_as_chinese_utf8(body):
        raise InvalidInput("bankfile.encoding", f"声明为{encoding}，内容却是UTF-8", encoding=encoding)
    return text


def _decode(body: bytes, codec: str, declared: str) -> str:
    try:
        return body.decode(codec)
    except UnicodeDecodeError as error:
        raise InvalidInput(
            "bankfile.encoding",
            f"声明为{declared}，但第{error.start}字节不是该编码",
            encoding=declared,
            offset=error.start,
        ) from None


def _reads_as_chinese_utf8(body: bytes) -> bool:
    # Long UTF-8 text often decodes as GB18030 into rubbish; genuine GB text is never valid UTF-8 with Chinese.
    try:
        return _CJK.search(body.decode("utf-8")) is not None
    except UnicodeDecodeError:
        return False


def local(element: Element) -> str:
    """The element's name without its namespace."""
    return etree.QName(element).localname


def many(element: Element, path: str) -> list[Element]:
    """All descendants at `path` (`A/B/C`), in any namespace."""
    return element.findall("/".join(f"{{*}}{step}" for step in path.split("/")))


def one(element: Element, path: str) -> Element | None:
    """The only descendant at `path`, or None. Raises InvalidInput `bankfile.repeated` if there are several."""
    found = many(element, path)
    if len(found) > 1:
        raise InvalidInput(
            "bankfile.repeated",
            f"第{element.sourceline}行{local(element)}下的{path}出现{len(found)}次，应至多一次",
            path=path,
        )
    return found[0] if found else None


def need(element: Element, path: str) -> Element:
    """The only descendant at `path`. Raises InvalidInput `bankfile.missing` or `bankfile.repeated`."""
    found = one(element, path)
    if found is None:
        raise missing(element, path)
    return found


def text_at(element: Element, path: str) -> str:
    """The trimmed text at `path`, empty if there is none. Raises InvalidInput `bankfile.repeated`."""
    found = one(element, path)
    return text_of(found) if found is not None else ""


def text_of(element: Element) -> str:
    """The trimmed text of a leaf. Raises InvalidInput `bankfile.leaf` if it has elements inside."""
    if len(element):
        raise InvalidInput(
            "bankfile.leaf",
            f"第{element.sourceline}行{local(element)}应为文本，却含有子元素",
            line=element.sourceline,
        )
    return (element.text or "").strip()


def need_text(element: Element, path: str) -> str:
    """The trimmed text at `path`. Raises InvalidInput `bankfile.missing` if absent or blank."""
    text = text_at(element, path)
    if not text:
        raise missing(element, path)
    return text


def first_text(element: Element, *paths: str) -> str:
    """The text at the first of `paths` that has one: how a newer version of a message wraps an older one."""
    return next((text for text in (text_at(element, path) for path in paths) if text), "")


def missing(element: Element, path: str) -> InvalidInput:
    """The refusal for an element that must be there."""
    return InvalidInput(
        "bankfile.missing",
        f"第{element.sourceline}行{local(element)}缺少{path}",
        path=path,
        line=element.sourceline,
    )


def units(text: str, where: str) -> int:
    """A decimal in units of 0.00001, exact, for comparing totals. Raises InvalidInput `bankfile.amount`."""
    match = _DECIMAL.fullmatch(text)
    fraction = (match.group(3) or "").rstrip("0") if match else ""
    if match is None or len(fraction) > 5:
        raise InvalidInput("bankfile.amount", f"{where}“{text[:40]}”不是金额", value=text[:40])
    magnitude = int(match.group(2)) * UNITS + int(fraction.ljust(5, "0"))
    return -magnitude if match.group(1) else magnitude


def count_of(text: str, where: str) -> int:
    """A number of transactions. Raises InvalidInput `bankfile.count`."""
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise InvalidInput("bankfile.count", f"{where}“{text[:40]}”不是笔数", value=text[:40])
    return int(text)


def amount_fen(element: Element, *, currency_attribute: str = "Ccy") -> int:
    """A positive amount in CNY as fen.

    Raises InvalidInput `bankfile.currency` for another currency, `bankfile.amount` for anything that is not
    a positive amount of at most 14 digits and two decimals.
    """
    currency = element.get(currency_attribute, "")
    if currency != "CNY":
        raise InvalidInput(
            "bankfile.currency",
            f"第{element.sourceline}行{local(element)}币种为“{currency[:10]}”，应为CNY",
            currency=currency[:10],
        )
    return positive_fen(text_of(element), f"第{element.sourceline}行{local(element)}")


def positive_fen(text: str, where: str) -> int:
    """Yuan as text to positive fen. Raises InvalidInput `bankfile.amount`."""
    try:
        fen = parse_fen(text)
    except InvalidInput as refusal:
        raise InvalidInput("bankfile.amount", f"{where}：{refusal.message}", value=text[:40]) from None
    if fen <= 0:
        raise InvalidInput("bankfile.amount", f"{where}“{text[:40]}”应大于零", value=text[:40])
    return fen


def day_of(text: str, where: str) -> date:
    """A date, or the Shanghai date of an instant (a time without zone is Shanghai's).

    Raises InvalidInput `bankfile.date`.
    """
    try:
        if len(text) == 10:
            return parse_day(text)
        moment = datetime.fromisoformat(text)
        return (moment.astimezone(SHANGHAI) if moment.tzinfo else moment).date()
    except (ValueError, OverflowError, InvalidInput):
        raise InvalidInput("bankfile.date", f"{where}“{text[:40]}”不是日期", value=text[:40]) from None


def elements_named(root: Element, *names: str) -> Iterator[Element]:
    """Every element of these local names, the root included, in document order."""
    return root.iter(*(f"{{*}}{name}" for name in names))


def new_root(name: str, namespace: str) -> Element:
    """The root of a message to write; `namespace` (a constant of the caller) becomes the default namespace."""
    return etree.fromstring(f'<{name} xmlns="{namespace}"/>')


def add(parent: Element, path: str, text: str | None = None) -> Element:
    """Append the elements of `path` in the parent's namespace and give the last one `text`; returns the last."""
    namespace = etree.QName(parent).namespace
    for step in path.split("/"):
        parent = etree.SubElement(parent, f"{{{namespace}}}{step}")
    parent.text = text
    return parent


def to_bytes(root: Element) -> bytes:
    """UTF-8 with declaration, indented by two: the same tree always gives the same bytes."""
    etree.indent(root, space="  ")
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n"
