"""A form's fields as an act's values: a field's first two characters say how it is read.

`v.` a value. `l.` several between commas. `r.` several in fields of one name, each whole (rows ticked, the parts of an account).
`b.` the parts of one value, a field each, with bars between them. `j.line.1` the parts of one of several values, with colons between;
its last part empty, it is left out. `p.planned=daily` one of several values `daily=` and what was typed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ledger.core.errors import InvalidInput

TEXT_MAX: Final = 400
"""Characters of one field; a list between commas may be as long as a form may be."""
MARKS: Final = ("v.", "l.", "r.", "b.", "j.", "p.")
_SEVERAL: Final = ("r.", "b.", "j.")
"""Marks whose fields come several times under one name."""


def joined(pairs: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Fields by name: the last of a name counts; where a name may come several times all do, a line each."""
    form: dict[str, str] = {}
    for name, value in pairs:
        form[name] = f"{form[name]}\n{value}" if name in form and name[:2] in _SEVERAL else value
    return form


def typed_in(form: Mapping[str, str]) -> dict[str, str]:
    """The fields of an act that say something."""
    return {name: value for name, value in form.items() if name[:2] in MARKS and value.strip("\n") != ""}


def name_of(field: str) -> str:
    """What the act calls the value that a field is, or is part of."""
    mark, name = field[:2], field[2:]
    return name.rpartition(".")[0] if mark == "j." else name.partition("=")[0] if mark == "p." else name


def values_of(typed: Mapping[str, str]) -> dict[str, Any]:
    """The values of an act from what was typed."""
    values: dict[str, Any] = {}
    for field, text in typed.items():
        mark, name, parts = field[:2], name_of(field), text.split("\n")
        if mark == "v.":
            values[name] = text
        elif mark == "b.":
            values[name] = "|".join(parts)
        elif mark == "l.":
            values[name] = [one for one in re.split(r"[\s,，、;；]+", text) if one]
        elif mark == "r.":
            values[name] = parts
        elif mark == "p.":
            values.setdefault(name, []).append(f"{field.partition('=')[2]}={text}")
        elif parts[-1]:
            values.setdefault(name, []).append(":".join(parts))
    return values


def require_plain(typed: Mapping[str, str], called: Callable[[str], str] = str) -> None:
    """Raise InvalidInput `usage.value` for a text too long, or with a character that cannot be seen: what is kept is what was read.

    `called` says what people call a field. The full-width space is a space.
    """
    for field, text in typed.items():
        for one in text.split("\n") if field[:2] in _SEVERAL else [text]:
            what = called(name_of(field))
            if field[:2] != "l." and len(one) > TEXT_MAX:
                raise InvalidInput(
                    "usage.value", f"{what}有{len(one)}个字，至多{TEXT_MAX}个字", field=name_of(field)
                )
            hidden = [char for char in one if not (char.isprintable() or char == "\u3000")]
            if hidden:
                raise InvalidInput(
                    "usage.value",
                    f"{what}含有看不见的字符（U+{ord(hidden[0]):04X}），请删去后重填",
                    field=name_of(field),
                )


def again(typed: Mapping[str, str]) -> list[tuple[str, str]]:
    """(field, value) as the form had them, to be typed again."""
    return [
        (field, one)
        for field, text in typed.items()
        for one in (text.split("\n") if field[:2] in _SEVERAL else [text])
    ]
