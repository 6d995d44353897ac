"""The operations manual in two languages: the same commands and codes, all of which exist, and every link between them."""

from __future__ import annotations

import re
from typing import Any

from ledger.cli.commands import WORDS, load
from ledger.core.refusals import registry
from tests.docs.rooms import ROOT

ENGLISH, CHINESE = "docs/operations.md", "docs/operations.zh-CN.md"


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def named(text: str) -> tuple[set[str], set[str]]:
    """The commands a text shows as code, as far as they are words of the program, and those that do not exist."""
    commands, unknown = set(), set()
    blocks = re.findall(r"^ {4}(?:\./dev|fundledger) (.+)$", text, re.MULTILINE)
    spans = [
        span.removeprefix("fundledger ").removeprefix("./dev ") for span in re.findall(r"`([^`\n]+)`", text)
    ]
    words = {word.name: word for word in WORDS}
    for line in (
        *(part for block in blocks for part in re.split(r" && (?:\./dev|fundledger) ", block)),
        *spans,
    ):
        first, *rest = line.split()
        if first not in words:
            continue
        name, found = _walked(load(words[first]), first, rest)
        (commands if found else unknown).add(name)
    return commands, unknown


def _walked(command: Any, name: str, rest: list[str]) -> tuple[str, bool]:
    inside = getattr(command, "commands", None)
    if not inside:
        return name, True
    if not rest or rest[0] == "...":
        return name, True  # a group as a whole
    if rest[0] not in inside:
        return f"{name} {rest[0]}", False
    return _walked(inside[rest[0]], f"{name} {rest[0]}", rest[1:])


def test_two_languages_one_manual() -> None:
    english, strange = named(read(ENGLISH))
    chinese, fremd = named(read(CHINESE))
    assert (strange, fremd) == (set(), set())
    assert len(english) > 35
    assert english - chinese == set(), "only in English"
    assert chinese - english == set(), "only in Chinese"


def test_the_codes_of_both_exist() -> None:
    known = set(registry())
    for name in (ENGLISH, CHINESE):
        codes = set(
            re.findall(
                r"`((?:db|usage|user|access|region|settings|clock|period|layers|calendar|balance)\.[a-z_]+)`",
                read(name),
            )
        )
        assert codes
        assert codes <= known, (name, codes - known)


def test_both_are_found() -> None:
    assert "(docs/operations.zh-CN.md)" in read("README.zh-CN.md")
    assert "(operations.zh-CN.md)" in read(ENGLISH)
    assert "(operations.md)" in read(CHINESE)
    headings = [len(re.findall(r"^## ", read(name), re.MULTILINE)) for name in (ENGLISH, CHINESE)]
    assert headings[0] == headings[1]


def test_a_command_of_one_language_only_is_found() -> None:
    assert named("do `payments send --region R`, then `verify`") == ({"payments send", "verify"}, set())
    assert named("`payments fly`")[1] == {"payments fly"}
    assert named("    ./dev db start && ./dev verify   # x")[0] == {"db start", "verify"}
