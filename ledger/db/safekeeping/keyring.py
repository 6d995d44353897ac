"""The keys below `<home>/keys` by which fields and bytes are sealed: of each key file a content key, and once the key of tokens.

Both come of the secret in `<id>.key`. Tokens stand in digests that persons signed, so their key never turns: before the first key
is taken away its token key is written beside it, `<id>.tokens`, from which nothing else can be had (HKDF gives no way back).
"""

from __future__ import annotations

import base64
import re
import stat
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ledger.core.errors import InvalidInput, NotFound
from ledger.core.private import write_private
from ledger.db.safekeeping.sealing import read_private

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESSIV

PREFIX: Final = 8
"""Hexadecimal digits of a key's id that stand in a seal."""
_INFO: Final = b"fundledger sealed fields 1"
_TOKENS: Final = 64
_TOKENS_LINE: Final = re.compile(r"fundledger-tokens ([A-Za-z0-9+/]{86}==)\n?")


def missing(key_id: str) -> NotFound:
    """The refusal for want of a key."""
    return NotFound("data.key_missing", f"数据目录中没有密钥{key_id}：请将其密钥文件放回keys目录", key=key_id)


def key_file(home: Path, key_id: str) -> Path:
    """Where the private half of a key lies."""
    return home / "keys" / f"{key_id}.key"


def tokens_file(home: Path, key_id: str) -> Path:
    """Where the token key of a key lies by itself."""
    return home / "keys" / f"{key_id}.tokens"


@lru_cache(64)
def token_cipher(home: Path, key_id: str) -> AESSIV:
    """What makes and opens tokens. Raises NotFound `data.key_missing`; InvalidInput `seal.recipient_file`, `seal.key_open`."""
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    return AESSIV(_token_key(home, key_id))


@lru_cache(64)
def content_cipher(home: Path, prefix: str) -> AESGCM:
    """What seals and opens bytes, of the key whose id begins with `prefix`. Raises as `token_cipher`."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    found = sorted((home / "keys").glob(f"{prefix}*.key"))
    if not found:
        raise missing(prefix)
    return AESGCM(_derived(found[0])[_TOKENS:])


def forget() -> None:
    """Let go of every key read so far, as a process of its own that has read none."""
    token_cipher.cache_clear()
    content_cipher.cache_clear()


def keep_tokens(home: Path, key_id: str) -> None:
    """Write the token key of a key by itself, once; what lies there already must be the same.

    Raises NotFound `data.key_missing` where neither it nor the key is there.
    """
    path, source = tokens_file(home, key_id), key_file(home, key_id)
    if not source.is_file():
        _token_key(home, key_id)
        return
    made = _derived(source)[:_TOKENS]
    if path.is_file() and _token_key(home, key_id) == made:
        return
    write_private(path, f"fundledger-tokens {base64.b64encode(made).decode()}\n")


def _token_key(home: Path, key_id: str) -> bytes:
    path, source = tokens_file(home, key_id), key_file(home, key_id)
    if path.is_file():
        found = _TOKENS_LINE.fullmatch(path.read_text(encoding="ascii", errors="replace"))
        if found is None:
            raise InvalidInput("seal.recipient_file", f"{path}不是本程序所写的标记密钥文件")
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise InvalidInput("seal.key_open", f"密钥文件{path}他人可读，拒绝使用：权限应为0600")
        return base64.b64decode(found[1])
    if not source.is_file():
        raise missing(key_id)
    return _derived(source)[:_TOKENS]


def _derived(path: Path) -> bytes:
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return HKDF(SHA256(), _TOKENS + 32, salt=None, info=_INFO).derive(read_private(path).private_bytes_raw())
