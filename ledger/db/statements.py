"""SQL files cut into their statements, and what each of them is: made once by a revision, or replaceable at any time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_TOKEN: Final = re.compile(
    r"""(?P<skip>--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|"(?:[^"]|"")*")|(?P<quote>\$[A-Za-z_]*\$)|(?P<end>;)""",
    re.DOTALL,
)
_REPLACEABLE: Final = re.compile(
    r"CREATE OR REPLACE (?P<kind>FUNCTION|VIEW|TRIGGER|CONSTRAINT TRIGGER)\s+(?P<name>[\w.]+)", re.ASCII
)
_CONSTRAINT: Final = re.compile(r"CREATE CONSTRAINT TRIGGER\s+(?P<name>\w+)", re.ASCII)
_TABLE: Final = re.compile(r"\b(?:BEFORE|AFTER)\b.*?\bON\s+(?P<table>\w+\.\w+)", re.DOTALL)
_GRANT: Final = re.compile(r"GRANT|REVOKE|ALTER FUNCTION .* OWNER TO", re.DOTALL)


class Statement(NamedTuple):
    """One statement with the comments before it."""

    text: str
    kind: str
    """function, view, trigger, grant; once for what only a revision may do."""
    name: str
    """`schema.function`, `schema.view`, `trigger ON schema.table`; empty for the rest."""


def split(text: str) -> Iterator[str]:
    """The statements of a file, each with the comments above it; quotes, dollar quotes and comments hide semicolons."""
    start = position = 0
    while (found := _TOKEN.search(text, position)) is not None:
        position = found.end()
        if found["quote"]:
            position = text.index(found["quote"], position) + len(found["quote"])
        elif found["end"]:
            yield text[start:position].strip()
            start = position


def statements(text: str) -> list[Statement]:
    """The statements of a file of the present, told apart."""
    return [_told(statement) for statement in split(text)]


def _told(text: str) -> Statement:
    bare = re.sub(r"\A(?:\s*--[^\n]*\n)+\s*", "", text)
    found = _REPLACEABLE.match(bare)
    if found and found["kind"] in ("FUNCTION", "VIEW"):
        return Statement(text, found["kind"].lower(), found["name"])
    trigger = found or _CONSTRAINT.match(bare)
    if trigger:
        table = _TABLE.search(bare)
        return Statement(text, "trigger", f"{trigger['name']} ON {table['table'] if table else ''}")
    return Statement(text, "grant" if _GRANT.match(bare) else "once", "")
