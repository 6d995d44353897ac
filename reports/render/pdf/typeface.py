"""The face books are printed in: widths of its characters, their codes in a PDF, and the subset that is embedded.

Noto Sans SC (SIL Open Font License 1.1) from the locked package `pylopdf-fonts-zh-cn`: 30,890 characters, the rare ones of
personal names among them. Only the characters used are embedded. What it does not have is printed as its number, `[U+1F600]`:
nothing is left out in silence.
"""

from __future__ import annotations

import io
from functools import cache
from typing import Final

from reports.wording import printable

UNITS: Final = 1000
"""Widths are thousandths of the size of the type, as in PDF."""
_KEPT_MAX: Final = 50_000
_NEVER_FIRST: Final = frozenset("，。、；：！？）》〉」』】〕％%,.;:!?)]}”’")


class Typeface:
    """Widths and codes, learnt as characters come; `subset` gives what was used."""

    def __init__(self, *, serif: bool = False) -> None:
        self._data, self._glyphs, self._advances, self.metrics = _face(serif=serif)
        self._chars: dict[str, tuple[str, int]] = {}
        self._texts: dict[str, tuple[str, int]] = {}
        self._broken: dict[tuple[str, float], list[str]] = {}
        self.unicode_of: dict[int, str] = {}
        """The character of each code: what a reader copies out. Each has its own: 墫 and 壿 are one glyph of the face."""
        self.glyph_of: dict[int, int] = {}
        self.width_of: dict[int, int] = {}
        """Per glyph, in thousandths."""

    def set(self, text: str) -> tuple[str, int]:
        """Hexadecimal codes of a text and its width in thousandths."""
        found = self._texts.get(text)
        if found is None:
            chars = self._chars
            parts = [chars.get(char) or self._learn(char) for char in text]
            found = "".join([code for code, _ in parts]), sum([width for _, width in parts])
            if len(self._texts) >= _KEPT_MAX:
                self._texts.clear()
            self._texts[text] = found
        return found

    def width(self, text: str) -> int:
        """Its width in thousandths."""
        return self.set(text)[1]

    def _learn(self, char: str) -> tuple[str, int]:
        glyph = self._glyphs.get(ord(char))
        if glyph is None:
            found = self.set(_number(char))
        else:
            width = self._advances[glyph][0]
            code = len(self.glyph_of) + 1
            self.glyph_of[code] = int(
                glyph.removeprefix("cid")
            )  # a CID-keyed face names its glyphs by their numbers
            self.width_of[self.glyph_of[code]] = width
            self.unicode_of[code] = char
            found = f"{code:04x}", width
        self._chars[char] = found
        return found

    def sayable(self, text: str) -> str:
        """The text on one line, with numbers for the characters the face does not have."""
        return "".join(char if ord(char) in self._glyphs else _number(char) for char in printable(text))

    def lines(self, text: str, room: float, size: float) -> list[str]:
        """The text in lines no wider than `room` points at `size`; Latin words break at spaces where there are some."""
        most = room / size * UNITS
        if self.set(text)[1] <= most:
            return [text]
        known = self._broken.get((text, most))
        if known is None:
            if len(self._broken) >= _KEPT_MAX:
                self._broken.clear()
            known = self._broken[text, most] = self._break_up(text, most)
        return known

    def _break_up(self, text: str, most: float) -> list[str]:
        found, start, used = [], 0, 0
        widths = [self._chars[char][1] for char in text]
        for n, width in enumerate(widths):
            if used + width > most and n > start:
                end = self._break(text, start, n)
                found.append(text[start:end].rstrip(" "))
                start = end + (text[end] == " ")
                used = sum(widths[start:n])
            used += width
        found.append(text[start:])
        return found

    @staticmethod
    def _break(text: str, start: int, end: int) -> int:
        """Where the line that begins at `start` and has no room for `end` breaks."""
        if text[end] in _NEVER_FIRST and end - start > 1:
            return end - 1
        if text[end].isascii() and text[end].isalnum() and text[end - 1].isascii() and text[end - 1] != " ":
            space = text.rfind(" ", start, end)
            if space - start > (end - start) // 2:
                return space
        return end

    def subset(self) -> bytes:
        """The face as a CFF table with the glyphs that were used, under their own numbers."""
        from fontTools.subset import Options, Subsetter
        from fontTools.ttLib import TTFont

        wanted = Options(layout_features=[], notdef_outline=True, name_IDs=[], hinting=False)
        wanted.drop_tables += ["BASE", "DSIG", "GDEF", "GPOS", "GSUB", "VORG", "vhea", "vmtx"]
        subsetter = Subsetter(wanted)
        subsetter.populate(glyphs=[f"cid{glyph:05d}" for glyph in self.width_of])
        font = TTFont(io.BytesIO(self._data), lazy=True)
        subsetter.subset(font)
        whole = io.BytesIO()
        font.save(whole, reorderTables=None)
        whole.seek(0)
        return bytes(TTFont(whole, lazy=True).reader["CFF "])


Metrics = tuple[int, int, int, tuple[int, int, int, int]]
"""Ascent, descent, height of capitals and the box around all glyphs."""


@cache
def _face(*, serif: bool) -> tuple[bytes, dict[int, str], dict[str, tuple[int, int]], Metrics]:
    """The face's file, glyphs by character, widths by glyph, and metrics: read once in a process."""
    from fontTools.ttLib import TTFont
    from pylopdf_fonts_zh_cn import sans_path, serif_path

    data = (serif_path() if serif else sans_path()).read_bytes()
    font = TTFont(io.BytesIO(data), lazy=True)
    head, os2 = font["head"], font["OS/2"]
    box = (head.xMin, head.yMin, head.xMax, head.yMax)
    measures = (os2.sTypoAscender, os2.sTypoDescender, os2.sCapHeight, box)
    return data, font.getBestCmap(), font["hmtx"].metrics, measures


def _number(char: str) -> str:
    return f"[U+{ord(char):04X}]"
