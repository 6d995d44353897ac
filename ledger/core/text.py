"""What a name or text must be that is to stand in an order and a bank's file: one rule for every place where one enters.

A control character, a private one or one that nobody sees cannot be printed, compared or written into a bank's file; the
same rule stands in the database as `fund.text_flaw` (ledger/db/sql/text.sql), held against this one by a test. Rare
Chinese characters (GB 18030, extensions A to H), the middle dot and full-width brackets are names like any other; what a
single bank cannot write is that bank's format's to say (`adapters.banks.ports.BankFormat.can_bear`).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from ledger.core.errors import InvalidInput

NAME_MAX: Final = 140
"""Characters of a name, a bank's name or a purpose: Max140Text of ISO 20022."""

UNBEARABLE: Final[tuple[tuple[int, int], ...]] = (
    (0x00, 0x1F),  # controls, TAB and line breaks among them
    (0x5C, 0x5C),  # \ and | part the fields of what is digested
    (0x7C, 0x7C),
    (0x7F, 0xA0),  # delete, C1 controls, no-break space
    (0xAD, 0xAD),  # soft hyphen
    (0x034F, 0x034F),  # joiner
    (0x0600, 0x0605),  # invisible signs of Arabic and Syriac
    (0x061C, 0x061C),
    (0x06DD, 0x06DD),
    (0x070F, 0x070F),
    (0x0890, 0x0891),
    (0x08E2, 0x08E2),
    (0x115F, 0x1160),  # Hangul fillers
    (0x1680, 0x1680),  # a space of Ogham
    (0x17B4, 0x17B5),  # invisible Khmer vowels
    (0x180B, 0x180F),  # Mongolian selectors
    (0x2000, 0x200F),  # spaces of odd width, zero width, direction marks
    (0x2028, 0x202F),  # line and paragraph ends, directions, narrow space
    (0x205F, 0x206F),  # mathematical space, joiners, directions
    (0x2800, 0x2800),  # a Braille cell without a dot
    (0x3000, 0x3000),  # full-width space
    (0x3164, 0x3164),  # Hangul filler
    (0xD800, 0xF8FF),  # half characters; private use
    (0xFDD0, 0xFDEF),  # no characters
    (0xFE00, 0xFE0F),  # selectors of a variant
    (0xFEFF, 0xFEFF),  # byte order mark
    (0xFFA0, 0xFFA0),  # half-width filler
    (0xFFF0, 0xFFFF),  # annotations, U+FFFC, the lost character U+FFFD, no characters
    (0x110BD, 0x110BD),  # invisible signs of Kaithi
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),  # of hieroglyphs
    (0x1BCA0, 0x1BCA3),  # of shorthand
    (0x1D173, 0x1D17A),  # of music
    *((plane << 16 | 0xFFFE, plane << 16 | 0xFFFF) for plane in range(1, 13)),  # no characters
    (0xDFFFE, 0xE0FFF),  # tags, selectors
    (0xEFFFE, 0x10FFFF),  # private use
)
"""First and last of each range, ascending."""

_PARTING: Final = str.maketrans({"|": "｜", "\\": "＼", "\t": "␉", "\n": "␊", "\r": "␍"})
"""Characters that part fields in digests and entries stand as their look-alikes: an id with one is never one of ours
without it, and two that differ stay two.
"""


def plain(text: str) -> str:
    """A text from outside with look-alikes for the characters that part fields."""
    return text.translate(_PARTING)


UNSEEN: Final[tuple[tuple[int, int], ...]] = (
    (0x00, 0x1F),
    (0x7F, 0x9F),
    (0xAD, 0xAD),
    (0x600, 0x605),
    (0x61C, 0x61C),
    (0x6DD, 0x6DD),
    (0x70F, 0x70F),
    (0x890, 0x891),
    (0x8E2, 0x8E2),
    (0x180E, 0x180E),
    (0x200B, 0x200F),
    (0x2028, 0x202E),
    (0x2060, 0x206F),
    (0xFEFF, 0xFEFF),
    (0xFFF9, 0xFFFB),
    (0x110BD, 0x110BD),
    (0x110CD, 0x110CD),
    (0x13430, 0x1343F),
    (0x1BCA0, 0x1BCA3),
    (0x1D173, 0x1D17A),
    (0xE0000, 0xE007F),
    (0xD800, 0xDFFF),
)
"""What nobody sees and what turns or ends a line: Unicode's Cc, Cf, Zl, Zp, the tags of plane 14, half characters. As `access.one_lined`."""
_UNSEEN: Final = re.compile("[" + "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in UNSEEN) + "]")


def is_seen(text: str) -> bool:
    """Whether everything in `text` is seen where it is read, and none of it turns or ends a line."""
    return _UNSEEN.search(text) is None and all(ord(char) & 0xFFFE != 0xFFFE for char in text)


def one_line(text: str) -> str:
    """A text from outside for logs and screens, on one line that turns and hides nothing: what nobody sees becomes `?`."""
    return _UNSEEN.sub("?", text)


ACCOUNT_NUMBER: Final = re.compile("[0-9A-Za-z-]{5,34}")
"""A bank account's number, as the tables of payees take it."""

FILE_NAME_MAX: Final = 120
"""Characters of a file's name."""


def file_name(text: str, code: str = "file.characters") -> str:
    """The name of a file that somebody gives in, as it is; raises InvalidInput `code` for one that is none, that says where it lies,
    or that holds what nobody sees or what turns the direction (`回单\u202efdp.exe` is read as another kind of file)."""
    if not text.strip() or len(text) > FILE_NAME_MAX or any(c in "|\\/" for c in text) or not is_seen(text):
        raise InvalidInput(
            code,
            f"文件名“{one_line(text[:40])}”应为1到{FILE_NAME_MAX}字，不含竖线、斜杠、控制符和看不见的字符",
            field="file",
        )
    return text


_UNBEARABLE: Final = re.compile("[" + "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in UNBEARABLE) + "]")


class Flaw(NamedTuple):
    """Why a text cannot be taken: `kind` is empty, spaces, character or length."""

    kind: str
    words: str
    """One Chinese sentence with the field, and the character and its place counted from 1."""


def flaw(text: str, field: str, longest: int = NAME_MAX) -> Flaw | None:
    """The first thing wrong with `text` as a name; None where it can stand in any order."""
    if not text:
        return Flaw("empty", f"{field}不能为空")
    found = _UNBEARABLE.search(text)
    if found is not None:
        return Flaw("character", character_words(field, found.start(), found[0]))
    if text != text.strip(" "):
        return Flaw("spaces", f"{field}首尾不能有空格")
    if len(text) > longest:
        return Flaw("length", f"{field}有{len(text)}个字符，超过{longest}个")
    return None


def character_words(field: str, place: int, character: str) -> str:
    """The sentence for a character that cannot be written, `place` counted from 0."""
    return f"{field}第{place + 1}个字符U+{ord(character):04X}不能写入付款文件"


def bearable(text: str, field: str, longest: int = NAME_MAX) -> str:
    """`text` as it is; raises InvalidInput `text.unbearable`, and TypeError for what is no text at all."""
    found = flaw(text, field, longest)
    if found is not None:
        raise InvalidInput("text.unbearable", found.words, field=field, kind=found.kind)
    return text
