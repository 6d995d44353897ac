"""API keys: made here, known to the database by a digest alone, shown by its first characters.

A key's secret is in two hands, so that no administrator alone holds one that opens anything: who proposes is shown the first half, who
confirms the second, and its holder joins them. What is kept is the SHA-256 of both halves' digests (as of a link, ledger.access.links);
of a key from before that, of the whole."""

from __future__ import annotations

import hashlib
import secrets
from datetime import date
from typing import Final, NamedTuple

from ledger.core.errors import InvalidInput, Unauthenticated
from ledger.db.unit_of_work import Transaction

KEY_BYTES: Final = 32
_BETWEEN: Final = "."
PREFIX: Final = 8
"""How many characters of a key's digest name it in lists and orders."""


class MadeKey(NamedTuple):
    """The first half of a key just made: for its holder alone, and what is kept of it."""

    secret: str
    digest: bytes

    @property
    def prefix(self) -> str:
        """What the half is called; the key's own name is known once it is confirmed."""
        return self.digest.hex()[:PREFIX]


class RevokedKey(NamedTuple):
    """A key that was live until now."""

    prefix: str
    user: str
    label: str


def make_key() -> MadeKey:
    """A new random key of 256 bits; proposed, it is a half, and opens nothing without the one made when it is confirmed."""
    secret = f"fl_{secrets.token_urlsafe(KEY_BYTES)}"
    return MadeKey(secret, digest_of(secret))


def digest_of(key: str) -> bytes:
    """What is kept of a key."""
    first, between, second = key.partition(_BETWEEN)
    if not between:
        return _sha256(key.encode())
    return _sha256(_sha256(first.encode()) + _sha256(second.encode()))


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def joined(first: str, second: str) -> str:
    """A key from its two halves."""
    return f"{first}{_BETWEEN}{second}"


def revoke_keys(
    tx: Transaction, *, user: str = "", person: str = "", label: str = "", prefix: str = "", key: str = ""
) -> list[RevokedKey]:
    """Make the region's keys useless at once that fit all that is said; those that were live until now.

    Raises InvalidInput `user.key_which` where nothing is said or a prefix is short, NotFound `user.no_key` if none fits.
    """
    if prefix and len(prefix) < PREFIX:
        raise InvalidInput("user.key_which", f"密钥编号应给出前{PREFIX}位", prefix=prefix)
    rows = tx.rows(
        "SELECT prefix, user_name, label FROM access.revoke_keys(%(region)s, %(user)s, %(person)s, %(label)s, %(prefix)s, %(hash)s)"
        " ORDER BY 1",
        region=tx.region,
        user=user or None,
        person=person or None,
        label=label or None,
        prefix=prefix.lower() or None,
        hash=digest_of(key) if key else None,
    )
    return [RevokedKey(*row) for row in rows]


def user_of_key(tx: Transaction, key: str, today: date) -> str:
    """The user a key belongs to, its use today noted; raises Unauthenticated `key.unknown` for an unknown, revoked or expired key."""
    user: str | None = tx.value(
        """SELECT k.user_name FROM access.api_key k JOIN access.app_user u USING (user_name)
            WHERE k.key_hash = %(hash)s AND NOT k.revoked AND k.expires_on >= %(today)s AND u.active""",
        hash=digest_of(key),
        today=today,
    )
    if user is None:
        raise Unauthenticated("key.unknown", "接口密钥无效、已停用或已过期")
    tx.run("SELECT access.note_use(%(hash)s, %(today)s)", hash=digest_of(key), today=today)
    return user
