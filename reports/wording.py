"""Words and shapes all reports share: directions, sections, dimensions, the cut, money as JSON strings."""

from __future__ import annotations

from typing import Final

from ledger.books.reading import Cut
from ledger.core.entries import Dimensions, Section
from ledger.core.entry_kinds import EntryKind
from ledger.core.persons import PERSON, PERSON_WORD
from ledger.core.words import said, words_of

SECTION_KEYS: Final = {Section.STATUTORY: "statutory", Section.MEMORANDUM: "memorandum"}
SECTION_NAMES: Final = {Section.STATUTORY: "会计账", Section.MEMORANDUM: "备查账"}
SIGN: Final = "debit-positive"
"""The sign of every opening, closing and running balance in JSON: 借方为正, 贷方为负; `side` says the same in words."""

_DIMENSION_NAMES: Final = {
    "counterparty": "往来单位",
    "subfund": "子基金",
    "service_year": "服务年度",
    "term": "期号",
    "category": "待遇类别",
}
_VALUE_NAMES: Final = words_of("subfund") | words_of("category")


def direction(balance_fen: int) -> str:
    """借, 贷 or 平 of a debit-positive balance."""
    if balance_fen == 0:
        return "平"
    return "借" if balance_fen > 0 else "贷"


def dimension_object(asked: int, dims: Dimensions) -> dict[str, str | int]:
    """Only the dimensions the account asks for (its bits), by their English names; numbers are years and months."""
    return {name: value for bit, (name, value) in enumerate(dims._asdict().items()) if asked >> bit & 1}


def dimension_text(asked: int, dims: Dimensions) -> str:
    """The same for people: `H42010000001 统筹基金 2026年度 期号202610 住院`."""
    words = {
        "counterparty": PERSON_WORD if dims.counterparty == PERSON else dims.counterparty,
        "subfund": _VALUE_NAMES.get(dims.subfund, dims.subfund),
        "service_year": f"{dims.service_year}年度",
        "term": f"期号{dims.term}",
        "category": _VALUE_NAMES.get(dims.category, dims.category),
    }
    return " ".join(word for bit, word in enumerate(words.values()) if asked >> bit & 1)


def dimension_headings() -> list[str]:
    """Chinese column headings of the five dimensions, in order."""
    return list(_DIMENSION_NAMES.values())


def dimension_cells(asked: int, dims: Dimensions) -> list[str]:
    """Five cells in the order of the headings, in words, empty where the account does not ask."""
    said_so = (
        dims.counterparty,
        said("subfund", dims.subfund),
        dims.service_year,
        dims.term,
        said("category", dims.category),
    )
    return [str(value) if asked >> bit & 1 else "" for bit, value in enumerate(said_so)]


def cut_object(known: Cut) -> dict[str, str | int]:
    """The cut as JSON: `recorded_at` can be asked again as `--known-at` and gives the same report for ever."""
    return {"block": known.block, "recorded_at": known.recorded_text, "hash": known.hash.hex()}


def cut_text(known: Cut) -> str:
    """The cut as printed below a report."""
    return f"依据：第{known.block}块，记录时间{known.recorded_text}，摘要{known.hash.hex()[:16]}"


def kind_mark(kind: EntryKind) -> str:
    """How an entry that is no 发生额 is marked before its summary: `［结转］`; nothing before an ordinary one."""
    return "" if kind is EntryKind.ENTRY else f"［{said('entry.kind', kind)}］"


def printable(text: str) -> str:
    """Text on one line: control characters (a terminal would obey them) and separators become spaces."""
    return text if text.isprintable() else "".join(char if char.isprintable() else " " for char in text)
