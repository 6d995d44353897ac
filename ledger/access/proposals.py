"""Users, roles and keys by two persons: proposed by the security administrator, confirmed by the audit administrator.

The database does what is confirmed and judges it both times (ledger/db/sql/access.sql); here is the door to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from ledger.access.keys import MadeKey, make_key
from ledger.access.links import Link, digest_of_code, last_day, make_link
from ledger.access.signing.signing import signed_text
from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import Transaction


@dataclass(frozen=True, slots=True)
class AskedChange:
    """A proposal as its confirmer must know it: its number in the region and the digest of its content, hexadecimal."""

    n: int
    digest: str


@dataclass(frozen=True, slots=True)
class WaitingChange:
    """A proposal that waits, as it is shown; what its act does not have is empty."""

    n: int
    act: str
    user: str
    person: str
    display_name: str
    role: str
    fund: int
    key_prefix: str
    label: str
    expires_on: date | None
    proposed_by: str
    proposed_on: date
    digest: str


def propose_user(tx: Transaction, user: str, person: str, display_name: str, day: date) -> AskedChange:
    """Ask for a new user. Raises Forbidden `access.role_missing` (not the security administrator), `user.no_audit_admin`,
    `access.own_grant`; Conflict `user.exists`, `user.waiting`."""
    return _propose(tx, "add", user, day, person=person, display=display_name)


def propose_role(tx: Transaction, user: str, role: str, fund: int, day: date) -> AskedChange:
    """Ask for a role in the transaction's region (fund 0: all). Raises as `propose_user`, and Forbidden
    `access.incompatible_roles`, NotFound `user.unknown`, `user.nothing`."""
    return _propose(tx, "grant", user, day, role=role, fund=fund)


def propose_key(
    tx: Transaction, user: str, label: str, expires_on: date, day: date
) -> tuple[AskedChange, MadeKey]:
    """Ask for a key; the first half of its secret is the proposer's to hand over and opens nothing without the second, made when it
    is confirmed (ledger.access.keys.joined). Raises as `propose_user`, and NotFound `user.unknown`, Forbidden `user.other_region`, InvalidInput `user.key_expired`."""
    made = make_key()
    return _propose(tx, "key", user, day, digest=made.digest, label=label, expires=expires_on), made


def propose_link(tx: Transaction, user: str, day: date) -> tuple[AskedChange, Link]:
    """Ask for a one-time link by which the user chooses a password; the first half of its code is the proposer's to hand over and
    opens nothing without the second, made when it is confirmed. Raises as `propose_key`."""
    made = make_link()
    return _propose(tx, "password", user, day, digest=made.digest, expires=last_day(day)), made


def propose_identity(tx: Transaction, user: str, issuer: str, subject: str, day: date) -> AskedChange:
    """Ask that the user may come in by the word of a provider of identities: as that `subject` of that `issuer` and no other.

    Raises as `propose_key`, InvalidInput `user.identity`, Conflict `user.identity_taken`.
    """
    if not 0 < len(subject) <= 255 or not subject.isprintable() or subject != subject.strip():
        raise InvalidInput("user.identity", "主体标识（sub）应为1至255个字符，前后没有空格")
    label = f"{issuer} {subject}"
    return _propose(tx, "identity", user, day, digest=digest_of_code(label), label=label)


def revoke_identities(tx: Transaction, user: str) -> int:
    """At once, by either administrator: the user comes in by no provider's word any more; how many identities were live.

    Raises Forbidden `access.role_missing`, `user.other_region`; NotFound `user.unknown`, `user.nothing`.
    """
    return int(tx.value("SELECT access.revoke_identities(%(region)s, %(user)s)", region=tx.region, user=user))


def propose_activation(tx: Transaction, user: str, day: date) -> AskedChange:
    """Ask that a stopped user may work again; keys stay useless. Raises as `propose_user`, NotFound `user.nothing`."""
    return _propose(tx, "activate", user, day)


def propose_revocation(tx: Transaction, user: str, role: str, fund: int, day: date) -> AskedChange:
    """Ask that an administrator's role be taken away. Raises as `propose_role`."""
    return _propose(tx, "revoke", user, day, role=role, fund=fund)


def propose_deactivation(tx: Transaction, user: str, day: date) -> AskedChange:
    """Ask that an administrator be stopped. Raises as `propose_activation`."""
    return _propose(tx, "deactivate", user, day)


def _propose(
    tx: Transaction,
    act: str,
    user: str,
    day: date,
    *,
    person: str = "",
    display: str = "",
    role: str = "",
    fund: int = 0,
    digest: bytes | None = None,
    label: str = "",
    expires: date | None = None,
) -> AskedChange:
    [(number, shown)] = tx.rows(
        "SELECT n, digest FROM access.propose(%(region)s, %(act)s, %(user)s, %(person)s, %(display)s, %(role)s, %(fund)s::smallint,"
        " %(hash)s::bytea, %(label)s, %(expires)s::date, %(on)s)",
        region=tx.region,
        act=act,
        user=user,
        person=person,
        display=display,
        role=role,
        fund=fund,
        hash=digest,
        label=label,
        expires=expires,
        on=day,
    )
    return AskedChange(number, bytes(shown).hex())


def confirm(tx: Transaction, number: int, digest: str, day: date) -> tuple[WaitingChange, str]:
    """Do what was proposed, as the region's audit administrator who was shown `digest`; what was done, and of a link or a key
    the second half of its code, the confirmer's to hand over ("" of anything else).

    Raises Forbidden `access.role_missing`, `request.same_person`, `access.own_grant`, `access.incompatible_roles`,
    `signature.*`; NotFound `user.no_proposal`; Conflict `user.decided`, `user.changed`; and what proposing raises, where things changed since.
    """
    second = make_link()
    done = _decide(tx, number, digest, "confirmed", "", day, second.digest)
    if done.act == "key":  # from now on it is called by the digest of both halves
        whole = tx.value(
            "SELECT left(encode(sha256(key_hash || %(second)s), 'hex'), 8) FROM access.proposal WHERE region = %(region)s AND n = %(n)s",
            region=tx.region,
            n=number,
            second=second.digest,
        )
        done = replace(done, key_prefix=whole)
    return done, second.code if done.act in ("key", "password") else ""


def refuse(tx: Transaction, number: int, digest: str, reason: str, day: date) -> WaitingChange:
    """Do it not, with a reason. Raises as `confirm`."""
    return _decide(tx, number, digest, "refused", reason, day)


def _decide(
    tx: Transaction, number: int, digest: str, state: str, reason: str, day: date, second: bytes | None = None
) -> WaitingChange:
    if state == "confirmed":  # a refusal, the safe direction, needs nobody's key
        signed_text(
            tx,
            "role.confirm",
            str(number),
            digest,
            day,
            "SELECT access.proposal_text(p) FROM access.proposal p WHERE p.region = %(region)s AND p.n = %(n)s",
            region=tx.region,
            n=number,
        )
    tx.run(
        "SELECT access.decide(%(region)s, %(n)s, decode(%(digest)s, 'hex'), %(state)s, %(reason)s, %(on)s, %(second)s)",
        region=tx.region,
        n=number,
        digest=digest,
        state=state,
        reason=reason,
        on=day,
        second=second,
    )
    [done] = _read(tx, number)
    return done


def waiting(tx: Transaction) -> list[WaitingChange]:
    """What waits for the audit administrator, oldest first."""
    return _read(tx)


def _read(tx: Transaction, number: int = 0) -> list[WaitingChange]:
    """A proposal, or all that wait."""
    rows = tx.rows(
        """SELECT n, act, user_name, person, display_name, role, fund, coalesce(left(encode(key_hash, 'hex'), 8), ''), label,
                  expires_on, proposed_by, proposed_on, encode(digest, 'hex') FROM access.proposal
            WHERE region = %(region)s AND (n = %(n)s OR %(n)s = 0 AND state = 'proposed') ORDER BY n""",
        region=tx.region,
        n=number,
    )
    return [WaitingChange(*row) for row in rows]
