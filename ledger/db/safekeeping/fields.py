"""What says who a natural person is, sealed where it stands: a field as a token of text, bytes whole (ADR 31).

Both are for the home's first key (`fund.sealing_key`, region 0, number 1), whose private half lies below `<home>/keys`. A field is
AES-SIV: the same text gives the same token, so that the database matches, counts and keeps unique what it cannot read. Bytes are
AES-GCM. Whoever shows a row shows `shown`; `opened` is for payment files, for comparing with the bank's words, for `verify`.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, LiteralString, NamedTuple

from ledger.core.errors import NotFound
from ledger.core.persons import mask
from ledger.db.safekeeping.sealing import read_private
from ledger.db.unit_of_work import Transaction

if TYPE_CHECKING:
    import psycopg
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

MAGIC: Final = b"FUNDLEDGER-SEAL2"
_HEAD: Final = len(MAGIC) + 4
_NONCE: Final = 12
TOKEN: Final = re.compile(r"~([0-9a-f]{8})\.([A-Za-z0-9_-]{22,})~")
_NUMBER: Final = re.compile(r"[0-9A-Za-z-]{5,34}")
_KEY: Final = "SELECT key_id FROM fund.sealing_key WHERE region = 0 AND n = 1"
_HIDDEN: Final = "***"


class _Ciphers(NamedTuple):
    text: AESSIV
    content: AESGCM


class Fields:
    """The fields of one database, sealed and opened with the key of one home."""

    def __init__(self, home: Path | None, key_id: str) -> None:
        """`key_id` is the home's first key's, 16 hexadecimal digits. Nothing is read before something is to be sealed or opened."""
        self._home = home
        self._key_id = key_id

    def seal(self, text: str) -> str:
        """A token for `text`, the same for the same text; nothing for nothing, a token as it is. Raises NotFound `data.key_missing`."""
        if not text or TOKEN.fullmatch(text):
            return text
        sealed = self._ciphers().text.encrypt(text.encode(), None)
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

    def seal_bytes(self, content: bytes) -> bytes:
        """`content` sealed; nothing for nothing. Raises NotFound `data.key_missing`."""
        if not content or content.startswith(MAGIC):
            return content
        head, nonce = MAGIC + bytes.fromhex(self._key_id[:8]), os.urandom(_NONCE)
        return head + nonce + self._ciphers().content.encrypt(nonce, content, head)

    def open_bytes(self, content: bytes) -> bytes:
        """What was sealed; bytes of before they were sealed as they are. Raises NotFound `data.key_missing`; bytes that were changed
        come back as they lie, so that whoever compares them with their digest sees it."""
        if not content.startswith(MAGIC):
            return content
        from cryptography.exceptions import InvalidTag

        head, nonce = content[:_HEAD], content[_HEAD : _HEAD + _NONCE]
        try:
            return self._ciphers().content.decrypt(nonce, content[_HEAD + _NONCE :], head)
        except (InvalidTag, ValueError):
            return content

    def _opened(self, found: re.Match[str]) -> str:
        from cryptography.exceptions import InvalidTag

        sealed = base64.urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4))
        ciphers = self._ciphers()
        try:
            return ciphers.text.decrypt(sealed, None).decode()
        except (InvalidTag, ValueError):
            return found[0]

    def _ciphers(self) -> _Ciphers:
        if self._home is None or not self._key_id:
            raise _missing(self._key_id)
        return _ciphers(self._home / "keys" / f"{self._key_id}.key", self._key_id)


@lru_cache(64)
def _ciphers(path: Path, key_id: str) -> _Ciphers:
    if not path.is_file():
        raise _missing(key_id)
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    secret = read_private(path).private_bytes_raw()
    keys = HKDF(SHA256(), 96, salt=None, info=b"fundledger sealed fields 1").derive(secret)
    return _Ciphers(AESSIV(keys[:64]), AESGCM(keys[64:]))


def _missing(key_id: str) -> NotFound:
    return NotFound("data.key_missing", f"数据目录中没有密钥{key_id}：请将其密钥文件放回keys目录", key=key_id)


def masked_field(text: str) -> str:
    """A field as lists show it: a number keeps its last four digits, a name or words the first character."""
    return mask(text, head=0) if _NUMBER.fullmatch(text) else mask(text, head=1, tail=0)


def fields_of(connection: psycopg.Connection[Any], home: Path | None = None) -> Fields:
    """The fields of the database a connection leads to; its home is that of the settings the connection was made with, else `home`."""
    known: Fields | None = getattr(connection, "fields", None)
    if known is None:
        row = connection.execute(_KEY).fetchone()
        known = Fields(getattr(connection, "home", None) or home, "" if row is None else str(row[0]))
        if row is not None:
            connection.fields = known  # type: ignore[attr-defined]
    return known


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
