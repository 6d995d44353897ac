"""How long what is kept of each kind, by the region's dated choice, and how much is past its time; what may go is taken away by two.

Vouchers, books and bank papers are accounting archives: 30 years (会计档案管理办法 2015, annex). Refused lines, the operator log and
answers of the interface are no archives and hold personal fields: kept as long as they are of use (个人信息保护法第19条). These the
security administrator proposes to take away and the audit administrator confirms (ledger/db/sql/fund/removal.sql): all of a kind that
is past its term, by the earlier of the business day and the machine's; what went is told by kind, number, span and digest.
"""

from __future__ import annotations

from datetime import date
from typing import Final, LiteralString, NamedTuple

from ledger.access.signing.signing import signed
from ledger.core.digests import parse_digest
from ledger.core.errors import InvalidInput
from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction
from ledger.fund.region.policy import whole_choice

KIND_NAMES: Final = words_of("retention.kind")
YEARS: Final = {"quarantine": 3, "log": 10, "answers": 1, "sessions": 1, "bank_files": 30, "records": 30}
"""Where the region chose nothing."""
REMOVED: Final = ("quarantine", "answers", "log", "sessions")
"""Kinds that are taken away; the others are accounting archives."""
_PAST: Final[LiteralString] = "SELECT items FROM fund.past_digest(%(region)s, %(kind)s, %(before)s)"
_COUNT: Final[dict[str, LiteralString]] = {
    "quarantine": _PAST,
    "log": _PAST,
    "answers": _PAST,
    "sessions": _PAST,
    "bank_files": "SELECT count(*) FROM payments.bank_file WHERE region = %(region)s AND created_at < %(before)s",
    "records": "SELECT count(*) FROM fund.record WHERE region = %(region)s AND setl_time < %(before)s",
}


class Retained(NamedTuple):
    """One kind: its years, the day before which it is past its time, and how many are."""

    kind: str
    years: int
    before: date
    past: int


def read_retention(tx: Transaction, day: date) -> list[Retained]:
    """Every kind on `day`."""
    found = []
    for kind, standard in YEARS.items():
        years = whole_choice(tx, f"retention_{kind}", day, standard)
        before = date(day.year - years, day.month, min(day.day, 28))
        found.append(
            Retained(
                kind, years, before, int(tx.value(_COUNT[kind], region=tx.region, kind=kind, before=before))
            )
        )
    return found


class Removal(NamedTuple):
    """What was proposed to go, or went: `items` of a kind between two days, by the digest over their rows."""

    n: int
    kind: str
    before: date
    items: int
    first_on: date
    last_on: date
    digest: str
    state: str
    proposed_by: str
    proposed_on: date
    decided_by: str
    decided_on: date | None
    reason: str


def propose_removal(tx: Transaction, kind: str, day: date) -> Removal:
    """Propose, as security administrator, to take away all of a kind that is past its term.

    Raises Forbidden `retention.archive` (a kind that is an accounting archive), `access.role_missing`; Conflict `retention.pending`,
    `retention.nothing`.
    """
    n = tx.value(
        "SELECT fund.propose_removal(%(region)s, %(kind)s, %(day)s)", region=tx.region, kind=kind, day=day
    )
    return removals(tx, n)[0]


def confirm_removal(tx: Transaction, n: int, digest: str, day: date) -> Removal:
    """Confirm, as audit administrator and another person, exactly what was proposed: it goes in this transaction.

    Raises NotFound `retention.unknown`; Conflict `retention.changed`, `request.decided`; Forbidden `request.same_person`,
    `access.role_missing`, `signature.missing`; InvalidInput `digest.format`.
    """
    signed(tx, "retention.confirm", str(n), digest, day)
    return _decide(tx, n, parse_digest(digest), "", day)


def refuse_removal(tx: Transaction, n: int, reason: str, day: date) -> Removal:
    """Refuse as audit administrator, with a reason. Raises InvalidInput `data.reason`, and as `confirm_removal`."""
    if len(reason.strip()) < 4:
        raise InvalidInput("data.reason", "不同意须写明理由（至少4个字）")
    return _decide(tx, n, b"", reason.strip(), day)


def _decide(tx: Transaction, n: int, digest: bytes, reason: str, day: date) -> Removal:
    tx.run(
        "SELECT fund.decide_removal(%(region)s, %(n)s, %(digest)s, %(reason)s, %(day)s)",
        region=tx.region,
        n=n,
        digest=digest,
        reason=reason,
        day=day,
    )
    return removals(tx, n)[0]


def removals(tx: Transaction, n: int = 0) -> list[Removal]:
    """What was proposed to go and what went, the newest first."""
    return [
        Removal(*row)
        for row in tx.rows(
            "SELECT n, kind, before, items, first_on, last_on, encode(digest, 'hex'), state, proposed_by, proposed_on, decided_by,"
            " decided_on, reason FROM fund.removal WHERE region = %(region)s AND %(n)s IN (0, n) ORDER BY n DESC",
            region=tx.region,
            n=n,
        )
    ]
