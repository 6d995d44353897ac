"""The shipped font: cut as its style sheet says, under its licence, with every character of our own words; kept by browsers for good."""

from __future__ import annotations

import hashlib
import re
from io import BytesIO
from typing import Any

from ledger.core.words import families
from ledger.web.show import STATIC
from tests.web.conftest import Browser

FACE = re.compile(
    r'@font-face \{[^}]*url\("/desk/static/(font/\d\d\.woff2)\?v=([0-9a-f]{8})"\)[^}]*unicode-range: ([^}]*) \}'
)


_MIRRORED = {ord(sign) for sign in "≤≥≅【】《》〈〉「」『』（）()[]{}<>«»‹›∈∋"}


def faces() -> dict[str, tuple[str, set[int]]]:
    """File → (digest named, its characters)."""
    found = {}
    for name, digest, ranges in FACE.findall(STATIC["font/font.css"].decode()):
        ends = [part.strip().removeprefix("U+").split("-") for part in ranges.split(",")]
        found[name] = digest, {c for e in ends for c in range(int(e[0], 16), int(e[-1], 16) + 1)}
    return found


def test_every_slice_is_named_by_what_it_holds_and_no_character_twice() -> None:
    made = faces()
    assert set(made) == {name for name in STATIC if name.endswith(".woff2")}
    for name, (digest, _) in made.items():
        assert hashlib.sha256(STATIC[name]).hexdigest()[:8] == digest, name
        assert STATIC[name][:4] == b"wOF2"
    assert sum(len(chars) for _, chars in made.values()) == len(
        set.union(*(chars for _, chars in made.values()))
    )
    assert b"SIL OPEN FONT LICENSE Version 1.1" in STATIC["font/OFL.txt"]
    assert sum(len(STATIC[name]) for name in made) < 1_700_000


def test_a_slice_has_the_characters_its_range_says() -> None:
    from fontTools.ttLib import TTFont

    for name, (_, chars) in faces().items():
        held = set(TTFont(BytesIO(STATIC[name])).getBestCmap())
        assert held >= chars, name
        assert held - chars <= _MIRRORED, name  # the cutter adds the other half of a pair


def test_our_own_words_are_all_in_it(desk: Any) -> None:
    """What a name may bring besides (GB 18030, emoji) is the machine's to show."""
    covered = set.union(*(chars for _, chars in faces().values()))
    browser = Browser(desk.address)
    browser.enter("zhou")
    text = "".join(
        browser.get(path).text
        for path in ("/desk/login", "/desk/today", "/desk/cash", "/desk/close", "/desk/rules")
    )
    text += "".join(word for of in families().values() for word in of.values())
    assert {
        c for c in text if ord(c) > 0x7F and ord(c) not in covered and not 0x2000 <= ord(c) < 0x2C00
    } == set()
    assert not [level for level in range(0xB0A1, 0xF7FF) if (c := gb(level)) and ord(c) not in covered]


def gb(code: int) -> str:
    """A character of GB 2312, empty where there is none."""
    try:
        return code.to_bytes(2).decode("gb2312")
    except UnicodeDecodeError:
        return ""


def test_a_slice_is_kept_for_good_and_another_of_that_name_is_not(desk: Any) -> None:
    browser = Browser(desk.address)
    name, (digest, _) = next(iter(faces().items()))
    got = browser.get(f"/desk/static/{name}?v={digest}")
    assert (got.content, got.headers["content-type"]) == (STATIC[name], "font/woff2")
    assert "immutable" in got.headers["cache-control"]
    assert browser.get(f"/desk/static/{name}?v=00000000").headers["cache-control"] == "no-cache"
    for no in ("font/../desk.css", "font/", "font/99.woff2", "../templates/base.html"):
        assert browser.get(f"/desk/static/{no}").status_code in (200, 404)
        assert "{%" not in browser.get(f"/desk/static/{no}").text
    assert "Ledger Sans" in browser.get("/desk/static/desk.css").text
