"""What the service asks of the command line: the same acts, by name, with values instead of words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from ledger.access.signing.statement import SignedStatement


class Described(NamedTuple):
    """An act by its name (`month approve`), what it does, and the JSON Schema of its values."""

    name: str
    summary: str
    schema: Mapping[str, Any]


class Done(NamedTuple):
    """What an act answered; `again` if it was done before under this key and this is its first answer."""

    body: bytes
    again: bool
    words: Sequence[str] = ()
    """The same for people; none where it was done before."""
    whole: bool = True
    """False where something of it could not be done: the answer says what."""


class Commands(Protocol):
    """Every act on money or master data that a person can do at the command line."""

    def described(self) -> Sequence[Described]:
        """All of them, by name."""

    def run(
        self,
        user: str,
        name: str,
        values: Mapping[str, Any],
        key: str,
        digest: bytes,
        signatures: Sequence[SignedStatement] = (),
        *,
        asks: bool = False,
    ) -> Done:
        """Do one as `user`, once under `key` (none if empty) for content of `digest`, with what the person signed for it; with `asks`
        not before the person signed all that can be signed of it.

        Raises NotFound `route.unknown` for no such act, InvalidInput `usage.…` for values that do not fit, Conflict
        `key.answer_lost`, and what the act raises.
        """
