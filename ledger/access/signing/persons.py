"""Persons' keys in the ledger: enrolled by two, revoked by one, signatures demanded for good by two. The database decides."""

from __future__ import annotations

from datetime import date
from typing import Any, NamedTuple

from ledger.access.signing.pair import Algorithm, key_id
from ledger.access.signing.passkey import PREFIX, Made, Passkey, passkey_id
from ledger.access.signing.signing import signed
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction


class PersonKey(NamedTuple):
    """A key as it is enrolled; `digest` is what who enrols it signs."""

    fingerprint: str
    person: str
    users: list[str]
    algorithm: str
    public_key: str
    valid_from: date
    valid_to: date
    state: str
    """`proposed`, `confirmed`, or `revoked`."""
    proposed_by: str
    confirmed_by: str
    confirmed_at: str
    revoked_by: str
    revoked_at: str
    reason: str
    digest: str
    credential_id: str = ""
    rp_id: str = ""
    origin: str = ""
    """Of a passkey: the address of the pages it was made at."""
    vouched: bool = True
    """Whether its proposer signed it, where that is asked of enrolments; True where it is not."""

    def as_json(self) -> dict[str, Any]:
        """For machines; days as ISO text."""
        return self._asdict() | {
            "valid_from": self.valid_from.isoformat(),
            "valid_to": self.valid_to.isoformat(),
        }


_KEYS = """
    SELECT k.fingerprint, k.person, ARRAY(SELECT u.user_name FROM access.app_user u WHERE u.person = k.person ORDER BY u.user_name),
           k.algorithm, k.public_key, k.valid_from, k.valid_to, CASE WHEN k.revoked_at IS NULL THEN k.state ELSE 'revoked' END,
           k.proposed_by, k.confirmed_by, coalesce(to_char(k.confirmed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ''),
           k.revoked_by, coalesce(to_char(k.revoked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), ''), k.reason,
           access.person_key_digest(k.region, k.fingerprint, k.person, k.algorithm, k.public_key, k.valid_from, k.valid_to),
           coalesce(k.credential_id, ''), coalesce(k.rp_id, ''), coalesce(k.origin, ''),
           NOT access.enrolment_signed(k.region) OR access.enrolled_signed(k)
      FROM access.person_key k WHERE k.region = %(region)s AND k.person = coalesce(%(person)s, k.person) ORDER BY k.person, k.fingerprint
"""


def keys_of(tx: Transaction) -> list[PersonKey]:
    """All keys of the transaction's region, by person."""
    return [PersonKey(*row) for row in tx.rows(_KEYS, region=tx.region, person=None)]


def own_keys(tx: Transaction) -> list[PersonKey]:
    """Those of the acting user's person."""
    person = tx.value("SELECT access.person(%(user)s)", user=tx.user)
    return [PersonKey(*row) for row in tx.rows(_KEYS, region=tx.region, person=person or "")]


def key_named(tx: Transaction, name: str) -> PersonKey:
    """The key whose fingerprint begins so. Raises InvalidInput `signing_key.name`, NotFound `signing_key.unknown`."""
    if len(name) < 8:
        raise InvalidInput("signing_key.name", f"“{name[:20]}”太短：请给出指纹的前8位或更多", value=name[:20])
    found = [key for key in keys_of(tx) if key.fingerprint.startswith(name.lower())]
    if len(found) != 1:
        raise NotFound("signing_key.unknown", f"没有登记密钥{name[:16]}…", key=name[:64])
    return found[0]


def enroll(
    tx: Transaction, user: str, algorithm: Algorithm, public: str, valid: tuple[date, date], day: date
) -> PersonKey:
    """Propose a key for a user's person, as that person or the administrator; signed where enrolments are.

    Raises NotFound `user.unknown`; Conflict `signing_key.known`; Forbidden `access.role_missing`, `signature.*`; InvalidInput
    `signing_key.days`.
    """
    return _enroll(tx, user, key_id(public), algorithm, Passkey(public, "", "", ""), valid, day)


def enroll_passkey(tx: Transaction, user: str, made: Made, valid: tuple[date, date], day: date) -> PersonKey:
    """Propose a passkey as `enroll` does a key. Its own person may do so without a key to sign with: then the administrator proposes
    it once more (`vouch`) where enrolments are signed. Raises as `enroll`."""
    return _enroll(tx, user, passkey_id(made.key), made.algorithm, made.key, valid, day)


def vouch(tx: Transaction, name: str, day: date) -> PersonKey:
    """Propose, as the administrator and under a signature, the passkey that its person proposed without one. Raises as `enroll`,
    and NotFound `signing_key.unknown`, Conflict `signing_key.decided`."""
    key = key_named(tx, name)
    if key.state != "proposed" or not key.algorithm.startswith(PREFIX) or not key.users:
        raise Conflict("signing_key.decided", f"密钥{key.fingerprint[:16]}…不是待登记的通行密钥")
    bound = Passkey(key.public_key, key.credential_id, key.rp_id, key.origin)
    return enroll_passkey(tx, key.users[0], Made(bound, key.algorithm), (key.valid_from, key.valid_to), day)


def _enroll(
    tx: Transaction,
    user: str,
    fingerprint: str,
    algorithm: str,
    bound: Passkey,
    valid: tuple[date, date],
    day: date,
) -> PersonKey:
    if valid[0] > valid[1]:
        raise InvalidInput("signing_key.days", f"有效期的止日{valid[1]}早于起日{valid[0]}")
    public = bound.public
    digest: str = tx.value(
        "SELECT access.person_key_digest(%(region)s, %(key)s, access.person(%(user)s), %(algorithm)s, %(public)s, %(since)s, %(until)s)",
        region=tx.region,
        key=fingerprint,
        user=user,
        algorithm=algorithm,
        public=public,
        since=valid[0],
        until=valid[1],
    )
    signed(tx, "key.enroll", fingerprint, digest, day)
    tx.run(
        "SELECT access.enroll_person_key(%(region)s, %(key)s, %(user)s, %(algorithm)s, %(public)s, %(since)s, %(until)s, %(on)s,"
        " %(credential)s, %(rp)s, %(origin)s)",
        region=tx.region,
        key=fingerprint,
        user=user,
        algorithm=algorithm,
        public=public,
        since=valid[0],
        until=valid[1],
        on=day,
        credential=bound.credential or None,
        rp=bound.rp_id or None,
        origin=bound.origin or None,
    )
    return key_named(tx, fingerprint)


def passkeys_of(tx: Transaction, origin: str) -> list[PersonKey]:
    """The acting person's own passkeys that sign at this address today."""
    today = tx.value("SELECT (clock_timestamp() AT TIME ZONE 'Asia/Shanghai')::date")
    return [
        key
        for key in own_keys(tx)
        if (key.origin, key.state) == (origin, "confirmed") and key.valid_from <= today <= key.valid_to
    ]


def confirm(tx: Transaction, name: str, digest: str, day: date) -> PersonKey:
    """Confirm a proposed key as shown, as somebody who neither proposed it nor is its person.

    Raises NotFound `signing_key.unknown`; Conflict `signing_key.decided`, `signing_key.changed`; Forbidden
    `signing_key.same_person`, `access.role_missing`, `signature.*`.
    """
    key = key_named(tx, name)
    signed(tx, "key.confirm", key.fingerprint, digest, day)
    tx.run(
        "SELECT access.confirm_person_key(%(region)s, %(key)s, %(digest)s, %(on)s)",
        region=tx.region,
        key=key.fingerprint,
        digest=digest.strip().lower(),
        on=day,
    )
    return key_named(tx, key.fingerprint)


def revoke(tx: Transaction, name: str, reason: str, day: date) -> tuple[PersonKey, bool]:
    """Revoke a key at once; False where it was revoked before. One's own, or any as administrator, checker, chief, reviewer.

    Raises InvalidInput `signing_key.reason`; NotFound `signing_key.unknown`; Forbidden `access.role_missing`.
    """
    text = reason.strip()
    if not text or len(text) > 200:
        raise InvalidInput("signing_key.reason", "停用密钥须写明理由，不超过200字")
    key = key_named(tx, name)
    done: bool = tx.value(
        "SELECT access.revoke_person_key(%(region)s, %(key)s, %(reason)s, %(on)s)",
        region=tx.region,
        key=key.fingerprint,
        reason=text,
        on=day,
    )
    return key_named(tx, key.fingerprint), done


class Demand(NamedTuple):
    """Whether the region demands signatures, since when and by whom, and the digest of the keys in force now."""

    in_force: bool
    asked_by: str
    confirmed_by: str
    since: date | None
    digest: str


def demand_of(tx: Transaction) -> Demand:
    """How the region stands."""
    row = tx.row(
        "SELECT d.confirmed_at IS NOT NULL, d.asked_by, d.confirmed_by, d.confirmed_on FROM access.signing_demand d"
        " WHERE d.region = %(region)s",
        region=tx.region,
    )
    digest: str = tx.value("SELECT access.key_list_digest(%(region)s, clock_timestamp())", region=tx.region)
    in_force, asked_by, confirmed_by, since = row or (False, "", "", None)
    return Demand(in_force, asked_by, confirmed_by, since, digest)


def demand(tx: Transaction, digest: str, day: date) -> str:
    """Demand signatures over the keys shown under `digest`: `asked` by the first person, `in_force` by the second, for good.

    Raises Conflict `signing.in_force`, `signing.changed`; Forbidden `signature.missing`, `request.same_person`,
    `access.role_missing`.
    """
    found = demand_of(tx)
    if found.in_force:
        raise Conflict(
            "signing.in_force", f"统筹区{tx.region}自{found.since}起已要求签名，不能再改，也不能取消"
        )
    signed(tx, "signing.demand", str(tx.region), digest, day)
    return str(
        tx.value(
            "SELECT access.demand_signing(%(region)s, %(digest)s, %(on)s)",
            region=tx.region,
            digest=digest.strip().lower(),
            on=day,
        )
    )
