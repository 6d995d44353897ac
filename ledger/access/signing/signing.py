"""The one way an approval is signed: every act that a second person answers for calls `signed` before it writes.

The statement is checked against the person's enrolled key and stored in the transaction of the approval; the database demands
it there (`access.require_signature`), `verify` checks it again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from hashlib import sha256
from typing import Final, LiteralString, NamedTuple, cast

from ledger.access.signing.pair import is_signed
from ledger.access.signing.passkey import PREFIX, Passkey, holds_by, unpacked
from ledger.access.signing.signer import Signer
from ledger.access.signing.statement import (
    SignedStatement,
    ToSign,
    read_statement,
    require_near,
    require_same,
)
from ledger.core.dates import machine_moment
from ledger.core.errors import Forbidden
from ledger.db.unit_of_work import Transaction

_DIGEST: Final = re.compile(r"[0-9a-f]{32,64}")


def signed(tx: Transaction, act: str, subject: str, digest: str, day: date, content: str = "") -> bool:
    """Sign `act` on `subject` over the digest of what was shown, where the transaction's person has a key; False without one.

    Called first in an act, before any lock of the books. `content` is the text the digest is the SHA-256 of, where nothing
    else keeps it. Raises Forbidden `signature.*`, InvalidInput `signature.format`.
    """
    signer = cast("Signer | None", tx.signer)
    if signer is None or not _DIGEST.fullmatch(digest.strip().lower()):
        return False  # what is no digest is none of anything shown: the act says so
    row = tx.row("SELECT h.id, access.person(access.user_name()) FROM access.home h")
    if row is None:
        return False
    home, person = row
    wanted = ToSign(home, tx.region, act, subject, digest.strip().lower(), tx.user, person or "", day)
    if wanted in tx.signed:
        return True
    given = signer.signature(wanted)
    if given is None:
        asked = wanted.asked(content)
        if asked not in tx.to_sign:
            tx.to_sign.append(asked)
        return False
    try:
        store(tx, wanted, given, content)
    except Forbidden as error:
        if (
            error.code == "signature.other_content"
        ):  # it changed since it was shown: what it is now goes with the refusal
            error.details = {**error.details, "to_sign": [wanted.asked(content)]}
        raise
    tx.signed.add(wanted)
    return True


def require_asked(tx: Transaction) -> None:
    """At the end of an act: raise Forbidden `signature.missing` where the person is asked for signatures and some are not there yet,
    whether the region demands them or not."""
    if tx.to_sign and getattr(tx.signer, "asks", False):
        asked = "、".join(f"{one['act']} {one['object']}" for one in tx.to_sign[:3])
        raise Forbidden("signature.missing", f"请以本人的通行密钥签名：{asked}", to_sign=tx.to_sign)


def signed_text(
    tx: Transaction, act: str, subject: str, digest: str, day: date, text_of: LiteralString, **params: object
) -> bool:
    """`signed` together with the text that the query `text_of` answers, where `digest` is of that text; what changed since it was
    shown, the act says. So the evidence of it tells what was decided."""
    if tx.signer is None:
        return False
    text, shown = tx.value(text_of, **params) or "", digest.strip().lower()
    if not shown or not sha256(text.encode()).hexdigest().startswith(shown):
        text = ""
    return signed(tx, act, subject, shown, day, text)


def sign_decision(tx: Transaction, noun: str, key: Sequence[object], day: date) -> bool:
    """`signed` for a decision on a row: of the table `noun`, by its key within the region, over what the row says now.

    Which tables those are, and what of a row is signed, say the triggers `with_signature` (`ledger/db/sql/signing.sql`). False
    where there is no key, or no such row: the act itself says what is wrong then.
    """
    if tx.signer is None:
        return False
    values = [f"\\x{one.hex()}" if isinstance(one, bytes) else str(one) for one in key]
    row = tx.row(
        "SELECT act, object, digest, content FROM access.to_sign(%(region)s, %(noun)s, %(key)s)",
        region=tx.region,
        noun=noun,
        key=values,
    )
    return row is not None and signed(tx, row[0], row[1], row[2], day, row[3])


def store(tx: Transaction, wanted: ToSign, given: SignedStatement, content: str = "") -> None:
    """Store a signature after checking it: of this very act, now, by a key of the person. Raises as `signed`."""
    said, key, signed_at = read_statement(given.statement)
    require_same(wanted, said)
    require_near(signed_at, machine_moment())
    enrolled = tx.row(
        "SELECT algorithm, public_key, coalesce(credential_id, ''), coalesce(rp_id, ''), coalesce(origin, '')"
        " FROM access.person_key WHERE region = %(region)s AND fingerprint = %(key)s",
        region=tx.region,
        key=key,
    )
    if enrolled is None:
        raise Forbidden(
            "signature.key_unknown", f"密钥{key[:16]}…没有在统筹区{tx.region}登记并确认", key=key[:64]
        )
    if not holds(EnrolledKey(*enrolled), given):
        raise Forbidden("signature.wrong", f"签名不是密钥{key[:16]}…对这一内容作出的", key=key[:64])
    tx.run(
        "INSERT INTO access.signature (region, fingerprint, act, object, digest, user_name, day, signed_at, statement,"
        " signature, content) VALUES (%(region)s, %(key)s, %(act)s, %(object)s, %(digest)s, %(user)s, %(day)s, %(at)s,"
        " %(statement)s, %(signature)s, %(content)s) ON CONFLICT (region, statement) DO NOTHING",  # sent once more: of no use twice
        region=tx.region,
        key=key,
        act=wanted.act,
        object=wanted.object,
        digest=wanted.digest,
        user=tx.user,
        day=wanted.day,
        at=signed_at,
        statement=given.statement,
        signature=given.signature,
        content=content,
    )


class EnrolledKey(NamedTuple):
    """What a signature is checked by; of a passkey with what it is bound to."""

    algorithm: str
    public: str
    credential: str = ""
    rp_id: str = ""
    origin: str = ""


def holds(key: EnrolledKey, given: SignedStatement) -> bool:
    """Whether the bytes are that key's signature of the statement; False for anything that is none."""
    try:
        if key.algorithm.startswith(PREFIX):
            return holds_by(Passkey(*key[1:]), given.statement, unpacked(given.signature))
        raw = bytes.fromhex(given.signature)
        return raw.hex() == given.signature and is_signed(
            key.algorithm, bytes.fromhex(key.public), raw, given.statement.encode()
        )
    except ValueError:
        return False
