"""SQL as text, read as far as the house rules need: which tables, written or read, and which of them by region."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

SCHEMAS: Final = ("access", "books", "fund", "jobs", "payments")
_NAME: Final = rf"(?:{'|'.join(SCHEMAS)})\.[a-z_]+"
_SQL: Final = re.compile(
    rf"\b(?:FROM|JOIN|INTO|UPDATE|TABLE|TRUNCATE)\s+(?:ONLY\s+)?{_NAME}|\b(?:SELECT|CALL|FROM|VALUES|WHERE|AND|,)\s[^;]*?{_NAME}\s*\("
)
_END: Final = r"ON|WHERE|JOIN|LEFT|CROSS|INNER|FULL|SET|USING|GROUP|ORDER|VALUES|SELECT|LIMIT|RETURNING|UNION|FOR|HAVING|EXCEPT|INTERSECT|WINDOW"
_TABLE: Final = re.compile(
    rf"\b(?P<verb>FROM|JOIN|UPDATE|USING)\s+(?:ONLY\s+)?(?P<list>{_NAME}\b(?!\s*\()[^()]*?)(?=\s(?:{_END})\b|[()]|$|;)"
    rf"|\b(?P<into>INTO)\s+(?P<target>{_NAME}(?:\s+AS\s+[a-z]+)?)\b",
    re.DOTALL,
)
_ONE: Final = re.compile(rf"(?:^|,)\s*(?P<table>{_NAME})\b(?!\s*\()(?:\s+(?:AS\s+)?(?P<alias>[a-z_0-9]+))?")
_COPY: Final = re.compile(rf"\s*({_NAME})\s*\(")
_COMMENT: Final = re.compile(r"--[^\n]*")
_QUOTED: Final = re.compile(r"'(?:[^']|'')*'")
_PARAMETER: Final = re.compile(r"%\((\w+)\)s|\{(\w+)\}")
_BRACKETS: Final = re.compile(r"[()]")


class Use(NamedTuple):
    """One table in one statement."""

    table: str
    written: bool
    by_region: bool
    """A condition or a column of the same (sub)statement names its region."""


def is_sql(text: str) -> bool:
    """Whether a string is a statement, or a part of one, on our schemas."""
    return bool(_SQL.search(text))


def bare(text: str) -> str:
    """A statement without comments and quoted values; a parameter stands as `:name`."""
    plain = _QUOTED.sub("''", _COMMENT.sub("", text))
    return _PARAMETER.sub(lambda found: f":{found[1] or found[2]}", plain)


def names(text: str) -> set[str]:
    """Every schema-qualified name of a statement, tables and functions alike."""
    return set(re.findall(rf"(?<![\w.:]){_NAME}\b", bare(text)))


def copied(text: str) -> str | None:
    """The table of `table (columns)` as COPY is given it."""
    found = _COPY.match(text)
    return found[1] if found else None


def uses(text: str) -> Iterator[Use]:
    """Every table a statement reads or writes, once for each place where it stands."""
    plain = bare(text)
    for found in _TABLE.finditer(plain):
        start, end = _scope(plain, found.start())
        scope = plain[start:end]
        verb = (found["verb"] or found["into"]).upper()
        before = plain[max(0, found.start() - 8) : found.start()].upper()
        deletes = verb == "FROM" and bool(re.search(r"DELETE\s*$", before))
        updates = verb == "UPDATE" and not re.search(r"(?:FOR|DO|KEY)\s*$", before)
        for one in _ONE.finditer(found["list"] or found["target"]):
            alias = one["alias"] or ""
            yield Use(
                one["table"],
                verb == "INTO" or deletes or updates,
                _by_region(scope, one["table"], alias),
            )


def _scope(text: str, at: int) -> tuple[int, int]:
    """The innermost brackets around a place that hold a statement of their own."""
    depth, start = 0, 0
    for bracket in reversed(list(_BRACKETS.finditer(text, 0, at))):
        depth += 1 if bracket[0] == ")" else -1
        if depth < 0:
            if re.match(r"\s*(?:SELECT|WITH|INSERT|UPDATE|DELETE)\b", text[bracket.end() :]):
                start = bracket.end()
                break
            depth = 0
    depth = 0
    for bracket in _BRACKETS.finditer(text, start):
        depth += 1 if bracket[0] == "(" else -1
        if depth < 0:
            return start, bracket.start()
    return start, len(text)


def _by_region(scope: str, table: str, alias: str) -> bool:
    named = alias or table.split(".")[1]
    if re.search(
        rf"INTO\s+{re.escape(table)}\s+(?:AS\s+\w+\s+)?(?:VALUES\s*\(|SELECT\s+(?:DISTINCT\s+(?:ON\s*\([^)]*\)\s*)?)?):region\b",
        scope,
    ):
        return True
    if re.search(rf"(?<![\w.]){re.escape(named)}\.region\b", scope):
        return True
    if re.search(r"\bUSING\s*\([^()]*\bregion\b|\bNATURAL\b", scope):
        return True
    return bool(re.search(r"(?<![\w.:])region\b(?!\s*\()", _own(scope)))


def _own(scope: str) -> str:
    """A statement without the statements inside it."""
    text = scope
    while True:
        inner = re.search(r"\(\s*(?:SELECT|WITH)\b", text)
        if not inner:
            return text
        depth = 0
        for bracket in _BRACKETS.finditer(text, inner.start()):
            depth += 1 if bracket[0] == "(" else -1
            if depth == 0:
                text = text[: inner.start()] + "()".replace("()", "⟨⟩") + text[bracket.end() :]
                break
        else:
            return text[: inner.start()]
