"""Signatures as they are stored, checked anew against the key each names: before money leaves, and by `verify`."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from typing import Final, LiteralString, NamedTuple

from ledger.access.signing.signing import EnrolledKey, holds
from ledger.access.signing.statement import SKEW, SignedStatement, ToSign, read_statement
from ledger.core.dates import SHANGHAI
from ledger.core.errors import LedgerError

LATE: Final = timedelta(hours=1)
"""A transaction may take so long from its signature to its row."""

STORED: Final[LiteralString] = """
    SELECT s.region, s.fingerprint, s.n, s.act, s.object, s.digest, s.user_name, u.person, s.day, s.signed_at, s.statement, s.signature,
           s.content, s.recorded_at, s.prev, s.hash, h.id, k.person, k.algorithm, k.public_key, k.valid_from, k.valid_to,
           k.confirmed_at, k.revoked_at, coalesce(k.credential_id, ''), coalesce(k.rp_id, ''), coalesce(k.origin, '')
      FROM access.signature s
      LEFT JOIN access.person_key k ON k.region = s.region AND k.fingerprint = s.fingerprint
      LEFT JOIN access.app_user u ON u.user_name = s.user_name
      LEFT JOIN access.home h ON h.one
"""
"""To be followed by a condition on `s`."""


class StoredSignature(NamedTuple):
    """A row of access.signature with the key it names, as `STORED` selects them."""

    region: int
    fingerprint: str
    n: int
    act: str
    object: str
    digest: str
    user: str
    person: str | None
    day: date
    signed_at: datetime
    statement: str
    signature: str
    content: str
    recorded_at: datetime
    prev: bytes
    hash: bytes
    home: str | None
    key_person: str | None
    algorithm: str
    public: str
    valid_from: date
    valid_to: date
    confirmed_at: datetime | None
    revoked_at: datetime | None
    credential: str
    rp_id: str
    origin: str


def flaw_of(row: StoredSignature) -> str:
    """What is wrong with one signature by itself, in Chinese; "" where nothing is."""
    if row.key_person is None or row.confirmed_at is None or row.confirmed_at > row.recorded_at:
        return "所用密钥当时没有经两人登记"
    if row.revoked_at is not None and row.revoked_at < row.recorded_at:
        return "所用密钥已停用"
    if not row.valid_from <= row.recorded_at.astimezone(SHANGHAI).date() <= row.valid_to:
        return "所用密钥不在有效期内"
    if row.key_person != row.person:
        return "所用密钥不是其本人的"
    if not -SKEW <= row.recorded_at - row.signed_at <= SKEW + LATE:
        return "签名时间与记录时间相差过大"
    try:
        said, key, at = read_statement(row.statement)
    except LedgerError as error:
        return error.message
    asked = ToSign(
        row.home or "", row.region, row.act, row.object, row.digest, row.user, row.key_person, row.day
    )
    if (said, key, at) != (asked, row.fingerprint, row.signed_at.astimezone(UTC)):
        return "所签的内容与所记的不同"
    if row.content and sha256(row.content.encode()).hexdigest()[: len(row.digest)] != row.digest:
        return "随附的清单与所签的摘要不符"
    key_of = EnrolledKey(row.algorithm, row.public, row.credential, row.rp_id, row.origin)
    if not holds(key_of, SignedStatement(row.statement, row.signature)):
        return "签名与所签的内容、密钥不符"
    return ""
