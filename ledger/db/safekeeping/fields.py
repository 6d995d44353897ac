"""What says who a natural person is, sealed where it stands: a field as a token of text, bytes whole (ADR 31, ADR 33).

A field is AES-SIV: the same text gives the same token, so that the database matches, counts and keeps unique what it cannot read. Its
key is that of the home's first key (`fund.sealing_key`, region 0, number 1) and never turns. Bytes are AES-GCM for the home's newest key,
bound to their place, and are sealed anew when the key turns. The keys lie below `<home>/keys` (keyring.py). Whoever shows a row shows
`shown`; `opened` is for payment files, for comparing with the bank's words, for `verify`.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, LiteralString

from ledger.core.errors import NotFound
from ledger.core.persons import mask
from ledger.core.text import ACCOUNT_NUMBER
from ledger.db.safekeeping.keyring import PREFIX, content_cipher, missing, token_cipher
from ledger.db.safekeeping.places import Place
from ledger.db.unit_of_work import Transaction

if TYPE_CHECKING:
    import psycopg

MAGIC: Final = b"FUNDLEDGER-SEAL3"
UNBOUND: Final = b"FUNDLEDGER-SEAL2"
"""Bytes sealed before seals were bound to their place: read on, written no more."""
_HEAD: Final = len(MAGIC) + 4
_NONCE: Final = 12
TOKEN: Final = re.compile(r"~([0-9a-f]{8})\.([A-Za-z0-9_-]{22,})~")
_KEY: Final = "SELECT key_id FROM fund.sealing_key WHERE region = 0 AND n = 1"
_KEYS: Final = "SELECT key_id FROM fund.sealing_key WHERE region = 0 ORDER BY n DESC"
_HIDDEN: Final = "***"


class Fields:
    """The fields of one database, sealed and opened with the keys of one home."""

    def __init__(
        self, home: Path | None, key_id: str, keys: Callable[[], Sequence[str]] | None = None
    ) -> None:
        """`key_id` is the home's first key's, 16 hexadecimal digits; `keys` says the ids of all its keys, the newest first. It is asked
        every time bytes are sealed: a service that works on while the key turns seals for the new one from its next transaction
        on. Nothing is read before something is to be sealed or opened."""
        self._home = home
        self._key_id = key_id
        self._keys = keys or (lambda: (key_id,))

    @property
    def home(self) -> Path | None:
        """Where its keys lie."""
        return self._home

    def seal(self, text: str) -> str:
        """A token for `text`, the same for the same text; nothing for nothing, a token as it is. Raises NotFound `data.key_missing`."""
        if not text or TOKEN.fullmatch(text):
            return text
        sealed = token_cipher(self._at(self._key_id), self._key_id).encrypt(text.encode(), None)
        return f"~{self._key_id[:8]}.{base64.urlsafe_b64encode(sealed).decode().rstrip('=')}~"

    def open(self, text: str) -> str:
        """`text` with every token in it opened; what only looks like one stays. Raises NotFound `data.key_missing`."""
        return TOKEN.sub(self._opened, text) if "~" in text else text

    def shown(self, text: str) -> str:
        """`text` with every token in it opened and masked: of a number the last four digits, of words the first."""
        if "~" not in text:
            return text
        try:
            return TOKEN.sub(lambda found: masked_field(self._opened(found)), text)
        except NotFound:
            return TOKEN.sub(_HIDDEN, text)

    def seal_bytes(self, content: bytes, where: Place) -> bytes:
        """`content` sealed for its place by the newest key; nothing for nothing. Raises NotFound `data.key_missing`."""
        if not content:
            return content
        prefix = next(iter(self._keys()), "")[:PREFIX]
        head, nonce = MAGIC + bytes.fromhex(prefix), os.urandom(_NONCE)
        return head + nonce + content_cipher(self._at(prefix), prefix).encrypt(nonce, content, head + where)

    def open_bytes(self, content: bytes, where: Place) -> bytes:
        """What was sealed for this place, by whichever key; bytes of before they were sealed as they are. Raises NotFound
        `data.key_missing`; bytes that were changed, or laid here from another place, come back as they lie, so that whoever
        compares them with their digest sees it."""
        if not content.startswith((MAGIC, UNBOUND)):
            return content
        from cryptography.exceptions import InvalidTag

        head, nonce = content[:_HEAD], content[_HEAD : _HEAD + _NONCE]
        bound = head + where if content.startswith(MAGIC) else head
        prefix = head[len(MAGIC) :].hex()
        try:
            return content_cipher(self._at(prefix), prefix).decrypt(nonce, content[_HEAD + _NONCE :], bound)
        except (InvalidTag, ValueError):
            return content
        except NotFound:
            if any(known.startswith(prefix) for known in self._keys() if prefix):
                raise
            return content  # sealed by no key there ever was: its head was changed

    def _opened(self, found: re.Match[str]) -> str:
        from cryptography.exceptions import InvalidTag

        sealed = base64.urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4))
        cipher = token_cipher(self._at(self._key_id), self._key_id)
        try:
            return cipher.decrypt(sealed, None).decode()
        except (InvalidTag, ValueError):
            return found[0]

    def _at(self, key_id: str) -> Path:
        """The home; raises NotFound where there is none, or no key at all."""
        if self._home is None or not key_id:
            raise missing(key_id)
        return self._home


def masked_field(text: str) -> str:
    """A field as lists show it: a number keeps its last four digits, a name or words the first character."""
    return mask(text, head=0) if ACCOUNT_NUMBER.fullmatch(text) else mask(text, head=1, tail=0)


def fields_of(connection: psycopg.Connection[Any], home: Path | None = None) -> Fields:
    """The fields of the database a connection leads to; its home is that of the settings the connection was made with, else `home`."""
    known: Fields | None = getattr(connection, "fields", None)
    if known is None:
        row = connection.execute(_KEY).fetchone()
        known = Fields(
            getattr(connection, "home", None) or home,
            "" if row is None else str(row[0]),
            lambda: _keys_of(connection),
        )
        if row is not None:
            connection.fields = known  # type: ignore[attr-defined]
    return known


def _keys_of(connection: psycopg.Connection[Any]) -> list[str]:
    """Asked of the database in the transaction that seals."""
    return [key_id for (key_id,) in connection.execute(_KEYS)]


def fields(tx: Transaction) -> Fields:
    """The fields of a transaction's database."""
    return fields_of(tx.connection)


def read_shown(tx: Transaction, query: LiteralString, **params: object) -> list[tuple[Any, ...]]:
    """The rows of a query as lists show them."""
    return shown_rows(tx, tx.rows(query, **params))


def shown_rows(tx: Transaction, rows: Sequence[Sequence[Any]]) -> list[tuple[Any, ...]]:
    """Rows as lists show them: every token in every text masked."""
    known = fields(tx)
    return [
        tuple([known.shown(cell) if isinstance(cell, str) and "~" in cell else cell for cell in row])
        for row in rows
    ]
