"""Audit and appeal (art. 18): first result → appeal → review → panel 合议 → final, or cancelled.

Which act leads where, who may do it and until when is the table fund.finding_transition; the database function
fund.move_finding is the one way a finding changes. Only final findings deduct.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Final, NamedTuple

from ledger.core.errors import InvalidInput, NotFound
from ledger.core.text import file_name
from ledger.core.words import words_of
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.db.unit_of_work import Transaction
from ledger.fund.audit.findings import FindingTarget

STATE_NAMES: Final = words_of("finding.state")
EVIDENCE_BYTES_MAX: Final = 16 << 20


class Act(NamedTuple):
    """One act on a finding. `event` is of fund.finding_transition: regrade, appeal, accept, lapse, review, panel, decide,
    cancel, release."""

    event: str
    on: date
    reason: str
    amount_fen: int | None = None
    """What review or decision leaves of the amount, in fen; None leaves it."""
    members: Sequence[str] = ()
    """The panel's users, three or more persons."""
    severity: str = ""
    """The new one of a regrade."""


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """A finding as it stands; money in fen."""

    finding_id: str
    target: FindingTarget
    kind: str
    severity: str
    found_fen: int
    amount_fen: int
    taken_fen: int
    state: str
    detd_stas: str
    """10 未实扣, 20 部分实扣, 30 全额实扣."""
    rule_id: str
    rule_name: str
    content: str
    appeal_until: date
    held: bool
    """Whether it holds its record now."""


class FindingEvent(NamedTuple):
    """A frozen row of a finding's history."""

    n: int
    event: str
    from_state: str
    to_state: str
    severity: str
    amount_fen: int
    user: str
    on: date
    reason: str
    members: list[str]


def act(tx: Transaction, finding_id: str, what: Act) -> str:
    """Do one act; returns the new state. The same act by the same user again gives the first answer.

    Raises NotFound `finding.unknown`; Conflict `finding.state`, `finding.severity`, `finding.appeal_late`,
    `finding.appeal_open`, `finding.reversed`, `finding.final`; InvalidInput `finding.reason`, `finding.date`,
    `finding.amount`, `finding.grade`, `finding.over_record`, `finding.panel_small`, `finding.panel_member`,
    `finding.members`; Forbidden `access.role_missing`, `finding.same_person`, `finding.not_member`.
    """
    state: str = tx.value(
        """SELECT fund.move_finding(%(region)s, %(id)s, %(event)s, %(on)s, %(reason)s, %(amount)s, %(members)s::text[],
               %(severity)s)""",
        region=tx.region,
        id=finding_id,
        event=what.event,
        on=what.on,
        reason=what.reason.strip(),
        amount=what.amount_fen,
        members=sorted(what.members),
        severity=what.severity,
    )
    return state


def attach_evidence(tx: Transaction, finding_id: str, name: str, content: bytes, on: date) -> bytes:
    """Keep a document with a finding, for good and sealed; returns its SHA-256. The same bytes are kept once.

    Raises NotFound `finding.unknown`, `data.key_missing`; InvalidInput `finding.evidence`.
    """
    file_name(name)
    if not 1 <= len(content) <= EVIDENCE_BYTES_MAX:
        raise InvalidInput("finding.evidence", f"证据附件须为1至{EVIDENCE_BYTES_MAX >> 20}MB：{name[:80]}")
    digest = sha256(content).digest()
    if not tx.value(
        "SELECT 1 FROM fund.finding WHERE region = %(region)s AND finding_id = %(id)s",
        region=tx.region,
        id=finding_id,
    ):
        raise NotFound("finding.unknown", f"没有审核结果{finding_id[:80]}")
    tx.run(
        """INSERT INTO fund.finding_evidence VALUES (%(region)s, %(id)s, %(sha256)s, %(name)s, %(content)s, %(user)s, %(on)s)
           ON CONFLICT DO NOTHING""",
        region=tx.region,
        id=finding_id,
        sha256=digest,
        name=fields(tx).seal(name),
        content=fields(tx).seal_bytes(
            content, place("fund.finding_evidence.content", tx.region, finding_id, digest)
        ),
        user=tx.user,
        on=on,
    )
    return digest


def set_appeal_days(tx: Transaction, days: int, from_day: date, source: str) -> None:
    """From a day on, how many working days an institution has to appeal; without it 10 [choice].

    Raises InvalidInput `db.constraint` outside 1 to 60; Conflict `db.duplicate` if that day has one.
    """
    tx.run(
        "INSERT INTO fund.audit_policy VALUES (%(region)s, 'appeal_days', %(from_day)s, %(days)s, %(source)s, %(user)s)",
        region=tx.region,
        from_day=from_day,
        days=days,
        source=source,
        user=tx.user,
    )


_READ: Final = """
    SELECT f.finding_id, f.fund, f.institution, f.setl_id, f.subfund, f.service_year, f.term, f.category, f.kind, f.severity,
           f.found_fen, f.amount_fen, f.taken_fen, f.state, f.detd_stas, f.rule_id, f.rule_name, f.content, f.appeal_until,
           EXISTS (SELECT 1 FROM fund.held h WHERE h.region = f.region AND h.finding_id = f.finding_id AND h.released_by = '')
      FROM fund.finding f
     WHERE f.region = %(region)s AND (%(id)s = '' OR f.finding_id = %(id)s)
       AND (%(institution)s = '' OR f.institution = %(institution)s) AND (%(state)s = '' OR f.state = %(state)s)
     ORDER BY f.finding_id COLLATE "C" """


def findings(
    tx: Transaction, institution: str = "", state: str = "", finding_id: str = ""
) -> list[AuditFinding]:
    """Findings the user may see, narrowed where asked; raises InvalidInput `finding.state`."""
    if state and state not in STATE_NAMES:
        raise InvalidInput(
            "finding.state", f"没有状态“{state[:20]}”，应为{'、'.join(STATE_NAMES)}之一", state=state[:20]
        )
    found: list[AuditFinding] = []
    for row in tx.rows(_READ, region=tx.region, id=finding_id, institution=institution, state=state):
        kind, severity, first, amount, taken, now, detd, rule_id, rule_name, content, until, held = row[8:]
        found.append(
            AuditFinding(
                row[0], FindingTarget(*row[1:8]), kind, severity, first, amount, taken, now, detd, rule_id, rule_name, content,
                until, held,
            )
        )  # fmt: skip
    return found


def read_finding(tx: Transaction, finding_id: str) -> AuditFinding:
    """One finding; raises NotFound `finding.unknown`."""
    found = findings(tx, finding_id=finding_id) if finding_id else []
    if not found:
        raise NotFound("finding.unknown", f"没有审核结果{finding_id[:80]}")
    return found[0]


def history(tx: Transaction, finding_id: str) -> list[FindingEvent]:
    """Everything done to a finding, in order."""
    return [
        FindingEvent(*row)
        for row in tx.rows(
            """SELECT n, event, from_state, to_state, severity, amount_fen, user_name, business_date, reason, members
                 FROM fund.finding_event WHERE region = %(region)s AND finding_id = %(id)s ORDER BY n""",
            region=tx.region,
            id=finding_id,
        )
    ]
