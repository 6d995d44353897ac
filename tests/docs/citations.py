"""Citations in code and documents, and where they lead: `procedure.md 2.6`, `memorandum.md 2 SET`, `ADR 14`, links.

A citation is a document's name and what follows it of section tokens. It leads somewhere when the document is in
docs/domain (or is another document of the repository) and each token is one of its marks (`marks`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.docs.rooms import ROOT, tracked

DOMAIN: Final = Path("docs/domain")

_NUMBERED: Final = r"[A-Z]{1,2}\d+(?:\.\d+)*[a-z]?"
_EVENT: Final = r"[A-Z]{3,}(?:-[A-Z]{3,})?"
_TOKEN: Final = rf"(?:(?:no\. \d+|{_NUMBERED}|\d+(?:\.\d+)*[A-Za-z]?|\[choice\])(?!\w)|{_EVENT}(?![\w-]))"
_TOKENS: Final = rf"{_TOKEN}(?:(?:, | and | |[-–]){_TOKEN})*"
_NAME: Final = r"(?<![\w./*<{}-])((?:[\w.-]+/|\.\./)*[A-Za-z][\w.-]*\.md)(?![\w/-])"
_CITATION: Final = re.compile(rf"{_NAME}`?(?:,? ({_TOKENS}))?")
_RANGE: Final = re.compile(r"^(.*?)(\d+)([A-Za-z]?)$")
_DECISION: Final = re.compile(r"\bADR \d+|\bADRs \d+(?:, \d+)*(?: and \d+)?|docs/adr/\d+")
_LINK: Final = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]*))?\)")
_HEADED: Final = re.compile(rf"^#+ ({_TOKEN})", re.MULTILINE)
_ITEM: Final = re.compile(rf"^[-*] \*\*({_TOKEN}(?: {_TOKEN})*)\*\*", re.MULTILINE)
_ROW: Final = re.compile(
    rf"^\| (?:\*\*)?((?:{_NUMBERED}|{_EVENT})(?:, (?:{_NUMBERED}|{_EVENT}))*)(?=\W)", re.MULTILINE
)
_HEADING: Final = re.compile(r"^#+ (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Astray:
    """A citation that leads nowhere: line, what was cited, what is missing."""

    line: int
    cited: str
    missing: str


def marks(text: str) -> frozenset[str]:
    """What can be cited of a document: what a heading, a bold list item or a table row begins with.

    `## 2.6 …` → `2.6`, `- **B2 35** …` → `B2 35`, `| REC, REV …` → `REC` and `REV`; a row's bare number is no mark.
    """
    rows = (mark for row in _ROW.findall(text) for mark in row.split(", "))
    choice = {"[choice]"} if "[choice]" in text else set()
    return frozenset({*_HEADED.findall(text), *_ITEM.findall(text), *rows, *choice})


def library() -> dict[Path, frozenset[str]]:
    """Every Markdown document of the repository with its marks."""
    return {path: marks((ROOT / path).read_text(encoding="utf-8")) for path in tracked("*.md")}


def decisions(documents: Mapping[Path, frozenset[str]]) -> frozenset[int]:
    """The numbers of the decisions in docs/adr."""
    return frozenset(int(path.name[:4]) for path in documents if path.parent == Path("docs/adr"))


def astray(text: str, source: Path, documents: Mapping[Path, frozenset[str]]) -> Iterator[Astray]:
    """The citations and relative links of `text`, the content of `source`, that lead nowhere."""
    known = decisions(documents)
    for number, line in enumerate(text.splitlines(), start=1):
        for cited in _CITATION.finditer(line):
            yield from _documents(number, cited, source, documents)
        for cited in _DECISION.finditer(line):
            for decision in map(int, re.findall(r"\d+", cited.group())):
                if decision not in known:
                    yield Astray(number, cited.group(), f"docs/adr/{decision:04}")
        if source.suffix == ".md":
            for link in _LINK.finditer(line):
                yield from _links(number, link, source, text)


def _documents(
    number: int, cited: re.Match[str], source: Path, documents: Mapping[Path, frozenset[str]]
) -> Iterator[Astray]:
    document = _found(cited[1], source, documents)
    if document is None:
        yield Astray(number, cited.group(), cited[1])
        return
    if document.parent == DOMAIN and cited[2]:
        there = documents[document]
        yield from (
            Astray(number, cited.group(), token) for token in _spread(cited[2], there) if token not in there
        )


def _found(name: str, source: Path, documents: Mapping[Path, frozenset[str]]) -> Path | None:
    """The document a name means: as it stands from the checkout or beside the source, else in docs/domain or docs."""
    path = Path(name)
    beside = (ROOT / source).parent / path
    places = [path, DOMAIN / path, Path("docs") / path]
    if beside.resolve().is_relative_to(ROOT):
        places.insert(1, beside.resolve().relative_to(ROOT))
    return next((place for place in places if place in documents), None)


def _spread(cited: str, there: frozenset[str]) -> Iterator[str]:
    """Single marks of `2 SET`, `A4.3, A4.9`, `B2 14, 29`, `X1-X11`, `2.1–2.3`, `2.1 no. 5`, ranges with all between.

    A bare number behind a mark with a letter (`B2 14`), and `no. 5`, belong to the mark before them, if it has such.
    """
    before = ""
    for piece in re.finditer(rf"({_TOKEN})(?:[-–]({_TOKEN}))?", cited):
        ends = (piece[1], piece[2] or piece[1])
        belongs = bool(before) and (piece[1].startswith("no. ") or f"{before} {piece[1]}" in there)
        for token in _between(*ends):
            yield f"{before} {token}" if belongs else token
        if not belongs:
            before = piece[1]


def _between(first: str, last: str) -> Iterator[str]:
    """`X1`, `X3` → X1 X2 X3; `7A`, `7C` → 7A 7B 7C; two marks of different kinds are just the two."""
    begin, end = _RANGE.match(first), _RANGE.match(last)
    if begin is None or end is None or begin[1] != end[1] or first == last:
        yield from dict.fromkeys((first, last))
    elif begin[2] == end[2] and begin[3] and end[3]:
        yield from (f"{begin[1]}{begin[2]}{chr(letter)}" for letter in range(ord(begin[3]), ord(end[3]) + 1))
    else:
        yield from (f"{begin[1]}{number}{begin[3]}" for number in range(int(begin[2]), int(end[2]) + 1))


def _links(number: int, link: re.Match[str], source: Path, text: str) -> Iterator[Astray]:
    target = (ROOT / source).parent / link[1]
    if link[1] and not target.exists():
        yield Astray(number, link.group()[1:], link[1])
    elif link[2] and (not link[1] or target.suffix == ".md"):
        there = target.read_text(encoding="utf-8") if link[1] else text
        if link[2] not in {_slug(heading) for heading in _HEADING.findall(there)}:
            yield Astray(number, link.group()[1:], f"#{link[2]}")


def _slug(heading: str) -> str:
    """A heading's anchor, as Git hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
