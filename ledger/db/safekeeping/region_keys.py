"""The keys of a home that refused lines and second factors are sealed for: the private half a file (0600).

It lies below `<home>/keys`, the public half is a row. Whoever takes records in needs the public half only. A key that was lost opens nothing any more; one that was replaced still opens
what it sealed, by the id that stands in every sealed line.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psycopg

from ledger.core.private import private_folder
from ledger.db.safekeeping.fields import Fields
from ledger.db.safekeeping.keyring import missing
from ledger.db.safekeeping.seal_up import seal_up, unguarded
from ledger.db.safekeeping.sealing import (
    MAGIC,
    WRAPPED,
    Recipient,
    make_recipient,
    open_stream,
    read_private,
    seal_stream,
    unwrap,
    wrap,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

_ANY: Final = 0
"""The region of what names none."""
_STEP: Final = 500


def new_key(home: Path, region: int) -> Recipient:
    """A new pair, its private half in the home; nothing is sealed for it before the database has its public half."""
    folder = home / "keys"
    private_folder(folder)
    partial = folder / "new.key"
    for left in (partial, partial.with_name("new.key.pub")):
        left.unlink(missing_ok=True)
    made = make_recipient(f"region {region}", partial)
    partial.rename(folder / f"{made.id}.key")
    partial.with_name("new.key.pub").unlink()
    return made


def made_here(home: Path, key_id: str) -> Path:
    """Where a home keeps the public half of a key it turned to, for good: `verify` tells by it a key the home made from one that
    somebody wrote into the database for himself."""
    return home / "keys" / f"{key_id}.pub"


def seal(content: bytes, public: bytes) -> bytes:
    """Content sealed for a public key."""
    sealed = io.BytesIO()
    seal_stream(io.BytesIO(content), sealed, Recipient("", public))
    return sealed.getvalue()


def unseal(home: Path, sealed: bytes) -> bytes:
    """What was sealed, by the key it names; raises NotFound `data.key_missing`, and what `open_stream` raises."""
    private = _private(home, sealed)
    if sealed.startswith(WRAPPED):
        return unwrap(sealed, private)[1]
    return b"".join(open_stream(io.BytesIO(sealed), private))


def sealed_anew(home: Path, sealed: bytes, public: bytes) -> bytes:
    """What was sealed for one of the home's keys, wrapped for another; raises as `unseal`."""
    return wrap(sealed, _private(home, sealed), Recipient("", public))


def as_sealed_before(home: Path, sealed: bytes) -> bytes:
    """The bytes as they were first sealed, of what was wrapped since; raises as `unseal`."""
    return unwrap(sealed, _private(home, sealed))[0]


def key_of_sealed(sealed: bytes) -> str:
    """The id of the key that something is sealed for."""
    return sealed[len(MAGIC) + 32 : len(MAGIC) + 40].hex()


def _private(home: Path, sealed: bytes) -> X25519PrivateKey:
    key_id = key_of_sealed(sealed)
    path = home / "keys" / f"{key_id}.key"
    if not path.is_file():
        raise missing(key_id)
    return read_private(path)


def seal_what_is_clear(connection: psycopg.Connection[Any], home: Path) -> int:
    """Make the home's first key if the database has none, and seal what lies in clear of before: refused lines, second factors,
    persons' accounts, the bank's bytes, stored answers; how many.

    As the owner, in `migrate`.
    """
    row = connection.execute(
        "SELECT public FROM fund.sealing_key WHERE region = 0 ORDER BY n DESC LIMIT 1"
    ).fetchone()
    if row is None:
        made = new_key(home, _ANY)
        connection.execute(
            "INSERT INTO fund.sealing_key (region, n, key_id, public, made_by) VALUES (0, 1, %s, %s, 'system:migrate')",
            [made.id, made.public],
        )
        public = made.public
    else:
        public = bytes(row[0])
    first = connection.execute("SELECT key_id FROM fund.sealing_key WHERE region = 0 AND n = 1").fetchone()
    done = _seal_factors(connection, public) + seal_up(
        connection, Fields(home, "" if first is None else str(first[0]))
    )
    with unguarded(connection, "fund.quarantine"):
        return done + _seal_refused(connection, public)


def _seal_refused(connection: psycopg.Connection[Any], public: bytes) -> int:
    done = 0
    while True:
        clear = connection.execute(
            "SELECT region, file_sha256, load_id, line, raw FROM fund.quarantine"
            " WHERE raw <> '' AND substring(raw FROM 1 FOR 16) NOT IN (%s, %s) LIMIT %s",
            [MAGIC, WRAPPED, _STEP],
        ).fetchall()
        for region, sha, load_id, line, raw in clear:
            connection.execute(
                "UPDATE fund.quarantine SET raw = %s WHERE (region, file_sha256, load_id, line) = (%s, %s, %s, %s)",
                [seal(bytes(raw), public), region, sha, load_id, line],
            )
        done += len(clear)
        if not clear:
            return done


def _seal_factors(connection: psycopg.Connection[Any], public: bytes) -> int:
    clear = connection.execute(
        "SELECT user_name, otp_secret FROM access.password WHERE otp_secret ~ '^[A-Z2-7]{32}$'"
    ).fetchall()
    for user, secret in clear:
        connection.execute(
            "UPDATE access.password SET otp_secret = %s WHERE user_name = %s",
            [base64.b64encode(seal(secret.encode(), public)).decode(), user],
        )
    return len(clear)
