"""The words people read for the codes machines keep: states, kinds and reasons, one table for screens, print and spreadsheets.

A code means what it means in its family (`enrolment.cycle` daily 每日, `enrolment.mode` daily 日拨付): the table's first column.
`--json` and the database keep the codes.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

_LOAD_LINE: Final = re.compile(r"load (\d+) line (\d+)")
_FILE: Final = "file "
_MARKED: Final = re.compile(r"\{([a-z_]+(?:\.[a-z_]+)?):([^{}]*)\}")


@cache
def _table() -> Mapping[str, Mapping[str, str]]:
    found: dict[str, dict[str, str]] = defaultdict(dict)
    text = (files(__name__) / "words.tsv").read_text(encoding="utf-8")
    for line in text.splitlines()[1:]:
        of, code, word = line.split("\t")
        found[of][code] = word
    return dict(found)


def families() -> Mapping[str, Mapping[str, str]]:
    """Every family with its codes and words."""
    return _table()


def words_of(of: str) -> dict[str, str]:
    """A family's codes and their words, in the table's order, the caller's own; raises KeyError for a family nobody wrote down."""
    return dict(_table()[of])


def said(of: str, code: str) -> str:
    """The word for a code; nothing for no code, and the code itself where the table has none (tests/cli finds it)."""
    return _table()[of].get(code, code) if code else ""


def paper_named(kind: str, number: str) -> str:
    """A bank's paper by its kind and number: `电子回单R20261013001`."""
    return f"{said('paper.kind', kind)}{number}"


def evidence_named(reference: str) -> str:
    """What an act rests on: a bank's paper written `bker:R20261013001`, said in words; anything else as it is."""
    kind, mark, number = reference.partition(":")
    return paper_named(kind, number) if mark and kind in _table()["paper.kind"] else reference


def spoken(text: str) -> str:
    """The database's sentence for people: `处于{finding.state:first}` says the code's family, here it becomes `处于初审`."""
    return _MARKED.sub(lambda found: _table().get(found[1], {}).get(found[2], found[2]), text)


def item_told(item: str) -> str:
    """What fails a line, for people: its id is kept in waivers and answers as it is."""
    if found := _LOAD_LINE.fullmatch(item):
        return f"第{found[1]}次接入第{found[2]}行"
    return f"银行文件{item.removeprefix(_FILE)}" if item.startswith(_FILE) else item
