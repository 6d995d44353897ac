"""A camt.053 statement in several pages, put in order: of one message or of many (StmtPgntn since .03, MsgPgntn before)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final, NamedTuple

from lxml.etree import _Element as Element

from adapters.banks.formats.iso20022.camt054 import account_of
from adapters.banks.formats.xml import count_of, first_text, many, missing, one, text_at
from ledger.core.errors import InvalidInput

_FLAGS: Final = {"true", "1"}
OPENING: Final = ("OPBD", "PRCD")
CLOSING: Final = "CLBD"
"""Codes of the balances a statement begins and ends with."""


class StatementPage(NamedTuple):
    """A `Stmt` element: `number` is 1 and `last` true where nothing is said of pages; `part` is which message has it."""

    element: Element
    number: int
    last: bool
    part: int
    where: str


def pages_of(messages: Sequence[Element]) -> list[list[StatementPage]]:
    """The pages of every statement in their order, statements in the order of their first page's coming.

    Raises InvalidInput `bankfile.missing` for a message without a statement, `bankfile.pages` for a page that is there twice or
    comes after the last one.
    """
    groups: dict[tuple[str, ...], list[StatementPage]] = {}
    for part, message in enumerate(messages):
        found = many(message, "Stmt")
        if not found:
            raise missing(message, "Stmt")
        for n, element in enumerate(found, 1):
            page = _page(message, element, part, f"Stmt[{n}]")
            sequence = first_text(element, "ElctrncSeqNb", "LglSeqNb")
            alone = (str(part), str(n)) if page.number == 1 and page.last else ()
            groups.setdefault((text_at(element, "Id"), sequence, account_of(element), *alone), []).append(
                page
            )
    return [_ordered(group) for group in groups.values()]


def lacks(pages: Sequence[StatementPage]) -> str:
    """What pages a statement lacks, in a sentence; "" where it is whole."""
    have = {page.number for page in pages}
    gaps = sorted(set(range(1, max(have))) - have)
    words = [f"缺第{'、'.join(map(str, gaps))}页"] if gaps else []
    if not pages[-1].last:
        words.append(f"第{pages[-1].number}页之后还有，末页未到")
    if not words:
        return ""
    first = pages[0]
    return f"对账单{text_at(first.element, 'Id')[:40]}已有第{'、'.join(str(page.number) for page in pages)}页，{'；'.join(words)}"


def _page(message: Element, element: Element, part: int, where: str) -> StatementPage:
    for path, holder in (("StmtPgntn", element), ("GrpHdr/MsgPgntn", message)):
        told = one(holder, path)
        # a message in pages may have whole statements on them: one with both its balances is no part of another
        if told is None or (holder is message and _whole(element)):
            continue
        number = count_of(text_at(told, "PgNb"), f"{where}页码")
        if number < 1:
            raise InvalidInput("bankfile.pages", f"{where}的页码“{text_at(told, 'PgNb')[:10]}”应从1起")
        last = text_at(told, "LastPgInd") in _FLAGS
        return StatementPage(
            element, number, last, part, where if number == 1 and last else f"第{number}页{where}"
        )
    return StatementPage(element, 1, last=True, part=part, where=where)


def _whole(element: Element) -> bool:
    codes = {first_text(balance, "Tp/CdOrPrtry/Cd", "Tp/CdOrPrtry/Prtry") for balance in many(element, "Bal")}
    return bool(codes & set(OPENING)) and CLOSING in codes


def _ordered(pages: list[StatementPage]) -> list[StatementPage]:
    ordered = sorted(pages, key=lambda page: page.number)
    for before, after in pairwise(ordered):
        if before.number == after.number:
            raise InvalidInput("bankfile.pages", f"{after.where}：第{after.number}页来了两次，内容不同")
        if before.last:
            raise InvalidInput(
                "bankfile.pages", f"{after.where}：第{before.number}页已是末页，不应再有第{after.number}页"
            )
    return ordered
