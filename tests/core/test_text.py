"""What a name may be: one rule, and each kind of character that it refuses or lets through."""

from __future__ import annotations

import unicodedata

import pytest

from ledger.core.errors import InvalidInput
from ledger.core.text import UNBEARABLE, bearable, flaw

REFUSED = {
    "TAB": "\t", "line break": "\n", "NUL": "\0", "C1 control": "\x85", "separator": "|", "backslash": "\\",
    "no-break space": "\xa0", "full-width space": "\u3000", "thin space": "\u2009", "soft hyphen": "\xad",
    "zero width": "\u200b", "joiner": "\u2060", "direction": "\u202e", "isolate": "\u2067", "line end": "\u2028",
    "lost": "\ufffd", "object": "\ufffc", "byte order mark": "\ufeff", "filler": "\u3164", "leading filler": "\u115f",
    "half-width filler": "\uffa0", "blank cell": "\u2800", "private": "\ue815", "private plane": "\U000f0000",
    "noncharacter": "\ufdd0", "end of plane": "\U0002fffe", "last": "\U0010ffff", "half": "\ud800",
    "selector": "\ufe01", "selector of a variant": "\U000e0101", "tag": "\U000e0041",
}  # fmt: skip
BORNE = [
    "武汉市第一医院", "阿卜杜拉·买买提", "武汉大学中南医院（东院）", "㐂㵘医院", "𠮷野家诊所", "𪚥𫝀𫠝", "𬬻𮯠", "\U00030000\U00031350",
    "〇医院", "Union Hospital 1", "“协和”—医院、门诊", "龘䶮",
]  # fmt: skip


@pytest.mark.parametrize("character", REFUSED.values(), ids=REFUSED)
def test_a_character_that_no_file_can_bear_is_named_with_its_place(character: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        bearable(f"医院{character}甲", "收款户名")
    assert (refused.value.code, refused.value.message) == (
        "text.unbearable",
        f"收款户名第3个字符U+{ord(character):04X}不能写入付款文件",
    )


@pytest.mark.parametrize("name", BORNE)
def test_rare_characters_middle_dots_and_brackets_are_names(name: str) -> None:
    assert bearable(name, "收款户名") == name
    assert name.encode("gb18030").decode("gb18030") == name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "户名不能为空"),
        (" 医院", "户名首尾不能有空格"),
        ("医院 ", "户名首尾不能有空格"),
        ("医" * 141, "户名有141个字符，超过140个"),
    ],
)
def test_empty_spaced_and_too_long(text: str, words: str) -> None:
    found = flaw(text, "户名")
    assert found is not None
    assert found.words == words
    assert flaw("医" * 140, "户名") is None


def test_whatever_is_no_letter_sign_or_plain_space_is_refused() -> None:
    """No control, format, half, private character or odd space that Unicode knows is left out."""
    categories = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp", "Zs"}
    left = [
        hex(n)
        for n in range(0x110000)
        if unicodedata.category(chr(n)) in categories and chr(n) != " " and flaw(f"甲{chr(n)}乙", "x") is None
    ]
    assert left == []
    assert list(UNBEARABLE) == sorted(UNBEARABLE)


def test_what_is_no_text_is_no_name() -> None:
    with pytest.raises(TypeError):
        bearable(12, "户名")  # type: ignore[arg-type]
