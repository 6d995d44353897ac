"""Persons who are paid: how their orders are told from an institution's, and how lists hide who they are."""

from __future__ import annotations

from typing import Final

PERSON: Final = "PERSON"
"""Stands where an institution's code does."""

PERSON_WORD: Final = "个人"
"""The same to people."""


def mask(text: str, *, head: int = 2, tail: int = 4) -> str:
    """`text` with all but its first `head` and last `tail` characters as `*`; a short one keeps its head only."""
    if len(text) <= head + tail:
        return text[:head] + "*" * (len(text) - head)
    return text[:head] + "*" * (len(text) - head - tail) + text[len(text) - tail :]
