"""The codes SQL files can refuse with, read from their RAISE statements."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from tests.core.raised import Found, Site

STATES: Final = {
    "FL001": "InvalidInput",
    "FL002": "Forbidden",
    "FL003": "Forbidden",
    "FL004": "NotFound",
    "FL005": "Conflict",
}
_RAISE: Final = re.compile(r"RAISE\s+EXCEPTION\s+((?:[^';]|'(?:[^']|'')*')*);", re.I)
_STATE: Final = re.compile(r"ERRCODE\s*=\s*'(\w+)'", re.I)
_MESSAGE: Final = re.compile(r"MESSAGE\s*=\s*((?:[^',]|'(?:[^']|'')*')*)", re.I)
_TEXT: Final = re.compile(r"'([^']*)'")
_CHOICE: Final = re.compile(r"\b(?:THEN|ELSE)\s+'([^']*)'", re.I)
_CHOSEN: Final = re.compile(r"\bCASE\b((?:(?!\bCASE\b).)*?)\bEND\s+AS\s+(\w+)", re.I | re.S)
_BODY: Final = re.compile(r"(\$\w*\$)(.*?)\1", re.S)
_TOLD: Final = re.compile(r"RETURNS TABLE \([^)]*\bcode text\b[^)]*\).*?(\$\w*\$)(.*?)\1", re.I | re.S)
_DOTTED: Final = re.compile(r"'([a-z_]+\.[a-z_]+)'")
_COMMENT: Final = re.compile(r"--[^\n]*")


def sql_sites(files: Mapping[str, str]) -> Found:
    """All codes of SQL files (path → text)."""
    found = Found()
    for path, text in files.items():
        plain = _COMMENT.sub(lambda comment: " " * len(comment[0]), text)
        for told in _TOLD.finditer(plain):  # rows with a code each: an answer line by line, nothing is raised
            found.sites += [Site(code, "Answer", path) for code in _DOTTED.findall(told[2])]
        for statement in _RAISE.finditer(plain):
            where = f"{path}:{plain.count(chr(10), 0, statement.start()) + 1}"
            state = _STATE.search(statement[1])
            message = _MESSAGE.search(statement[1])
            if state is None or message is None or state[1] not in STATES:
                found.unclear.append(f"{where}: {statement[1][:80]}")
                continue
            codes = list(_codes(message[1], plain, statement.start()))
            if not codes:
                found.unclear.append(f"{where}: {message[1]}")
            found.sites += [Site(code, STATES[state[1]], where) for code in codes]
    return found


def _codes(message: str, text: str, at: int) -> Iterator[str]:
    """A literal, the branches of a CASE, or a column that a CASE of the same body names."""
    message = message.strip()
    if re.match(r"CASE\b", message, re.I):
        yield from _CHOICE.findall(message)
    elif literal := _TEXT.fullmatch(message):
        yield literal[1]
    elif column := re.fullmatch(r"\w+\.(\w+)", message):
        body = next((b[2] for b in _BODY.finditer(text) if b.start() < at < b.end()), "")
        for chosen in _CHOSEN.finditer(body):
            if chosen[2] == column[1]:
                yield from _CHOICE.findall(chosen[1])
