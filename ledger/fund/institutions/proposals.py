"""What waits for a second person: shown with the old value beside the new, confirmed or refused exactly as it was shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from ledger.access.signing.signing import signed_text
from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import Transaction


class OpenProposal(NamedTuple):
    """One proposal that waits."""

    institution: str
    name: str
    kind: str
    """`agreement`, `enrolment`, or `payee`: the account it is paid at."""
    version: int
    in_force: Mapping[str, object] | None
    """What it would take the place of; None where there is nothing yet."""
    proposed: Mapping[str, object]
    from_day: date | None
    """None: from its confirmation."""
    proposed_by: str
    proposed_on: date | None
    """None: proposed before this was kept."""
    why: str


class Waiting(NamedTuple):
    """Everything that waits in one place, and the digest of it that the second person gives back."""

    digest: str
    """32 hexadecimal digits, computed by the database from what is shown; "" where nothing waits."""
    proposals: Sequence[OpenProposal]


def read_waiting(tx: Transaction, institution: str = "") -> Waiting:
    """What waits of one institution, or of the whole region."""
    proposals = [
        OpenProposal(*row)
        for row in tx.rows(
            "SELECT * FROM fund.open_proposals(%(region)s, %(institution)s) AS o"
            ' ORDER BY o.institution COLLATE "C", o.kind COLLATE "C", o.version',
            region=tx.region,
            institution=institution,
        )
    ]
    if not proposals:
        return Waiting("", [])
    digest: str = tx.value(
        "SELECT fund.open_digest(%(region)s, %(institution)s)", region=tx.region, institution=institution
    )
    return Waiting(digest, proposals)


def confirm_waiting(tx: Transaction, digest: str, day: date, institution: str = "") -> dict[str, int]:
    """Put in force what waits, as checker and another person; how many of each kind.

    `digest` is that of `read_waiting` for the same institution, or for the region. Raises NotFound
    `institution.nothing_open`; Conflict `institution.changed` where anything shown is not as it was, nothing is
    confirmed then; Forbidden `request.same_person`, `access.role_missing`.
    """
    signed_text(
        tx,
        "institution.confirm",
        institution or str(tx.region),
        digest,
        day,
        "SELECT fund.open_text(%(region)s, %(institution)s)",
        region=tx.region,
        institution=institution,
    )
    return _decide(tx, digest, day, institution, "")


def refuse_waiting(tx: Transaction, institution: str, digest: str, reason: str, day: date) -> dict[str, int]:
    """Refuse what waits of an institution; it is kept with the reason. Raises as `confirm_waiting`, and InvalidInput
    `institution.reason` without one."""
    if not reason.strip():
        raise InvalidInput("institution.reason", "退回须写明理由")
    return _decide(tx, digest, day, institution, reason.strip())


def _decide(tx: Transaction, digest: str, day: date, institution: str, reason: str) -> dict[str, int]:
    return {
        kind: int(decided)
        for kind, decided in tx.rows(
            "SELECT * FROM fund.decide_institutions(%(region)s, %(institution)s, %(digest)s, %(reason)s, %(on)s)",
            region=tx.region,
            institution=institution,
            digest=digest.strip().lower(),
            reason=reason,
            on=day,
        )
    }
