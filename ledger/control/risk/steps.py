"""The steps of a case: notice, interview, lower ratio, suspension, or withdrawal; one person proposes, another confirms what was shown.

A lower ratio is the institution's next enrolment, proposed and decided as any other (ledger.fund.institutions); a suspension is
that of the agreement: what is not sent then stops (ledger.payments.orders.stale).
"""

from __future__ import annotations

from datetime import date
from typing import Final

from ledger.access.signing.signing import sign_decision, signed_text
from ledger.control.risk.cases import STEPS, RiskCase, read_case
from ledger.core.errors import Conflict, InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction
from ledger.fund.institutions.versions import Enrolment, insert_enrolments, known_terms

_DOCUMENT_MAX: Final = 200


def propose_step(
    tx: Transaction,
    number: int,
    step: str,
    document: str,
    day: date,
    ratio: int | None = None,
    from_day: date | None = None,
) -> RiskCase:
    """Propose a step on business date `day`; with `lower_ratio` the daily ratio (ten-thousandths) and the day it begins.

    Raises NotFound `risk.unknown`; InvalidInput `risk.step`, `risk.document`, `risk.ratio`; Conflict `risk.order`, `risk.over`,
    `risk.waits`, and what proposing an enrolment raises (`terms.records_taken` …); Forbidden `access.role_missing`.
    """
    if step not in STEPS:
        raise InvalidInput("risk.step", "风险处置应为提醒、约谈、下调比例、暂停拨付或撤回", step=step[:40])
    text = document.strip()
    if not 0 < len(text) <= _DOCUMENT_MAX or any(c in "|\\" or ord(c) < 32 for c in text):
        raise InvalidInput("risk.document", f"依据应为1到{_DOCUMENT_MAX}字，且不含竖线、反斜杠、换行")
    if (step == "lower_ratio") != (ratio is not None and from_day is not None):
        raise InvalidInput("risk.ratio", "下调比例须写明比例与自何日起；其余各步不写")
    case = read_case(tx, number)
    version = None
    if ratio is not None and from_day is not None:
        version = _propose_ratio(tx, case, ratio, from_day, day)
    tx.run(
        "SELECT fund.propose_risk(%(region)s, %(n)s, %(step)s, %(document)s, %(version)s::integer, %(day)s)",
        region=tx.region, n=number, step=step, document=text, version=version, day=day,
    )  # fmt: skip
    return read_case(tx, number)


def _propose_ratio(tx: Transaction, case: RiskCase, ratio: int, from_day: date, day: date) -> int:
    """The enrolment with the lower ratio, otherwise as in force on its first day; its version."""
    there = known_terms(tx, [case.institution])[case.institution]
    if there.waiting:
        raise Conflict("risk.other_open", f"机构{case.institution}另有待确认的事项，须先在定点机构处办理")
    before = [one for one in there.enrolments.values() if one.from_day < from_day]
    if not before or from_day <= day:
        raise InvalidInput("risk.ratio", f"下调比例自{day}之后、机构{case.institution}已参加即时结算之日起")
    now: Enrolment = max(before, key=lambda one: one.from_day)
    insert_enrolments(tx, [(case.institution, now._replace(from_day=from_day, ratio=ratio), "")], day)
    return int(
        tx.value(
            "SELECT version FROM fund.terms WHERE region = %(region)s AND institution = %(institution)s AND kind = 'enrolment'"
            " AND state = 'proposed'",
            region=tx.region,
            institution=case.institution,
        )
    )


def confirm_step(tx: Transaction, number: int, digest: str, day: date) -> RiskCase:
    """Confirm the step that waits, as checker and another person; it works at once.

    Raises NotFound `risk.none`; Conflict `risk.changed`, `risk.order`, `risk.other_open`, `risk.terms_gone`; Forbidden
    `request.same_person`, `access.role_missing`, `signature.*`.
    """
    case = read_case(tx, number)
    waiting = case.waiting
    if waiting is None:
        raise NotFound("risk.none", f"风险事项{number}没有待复核的一步", case=number)
    sign_decision(tx, "fund.risk_step", [number, waiting.n], day)
    if waiting.step == "lower_ratio":
        open_digest = tx.value(
            "SELECT fund.open_digest(%(region)s, %(institution)s) WHERE EXISTS"
            " (SELECT 1 FROM fund.open_proposals(%(region)s, %(institution)s))",
            region=tx.region, institution=case.institution,
        )  # fmt: skip
        if open_digest:
            signed_text(
                tx, "institution.confirm", case.institution, open_digest, day,
                "SELECT fund.open_text(%(region)s, %(institution)s)", region=tx.region, institution=case.institution,
            )  # fmt: skip
    return _decide(tx, number, digest, "", day)


def refuse_step(tx: Transaction, number: int, digest: str, reason: str, day: date) -> RiskCase:
    """Send the step that waits back, with a reason; raises as `confirm_step`, and InvalidInput `risk.reason` without one."""
    if not reason.strip():
        raise InvalidInput("risk.reason", "退回须写明理由")
    return _decide(tx, number, digest, reason.strip(), day)


def _decide(tx: Transaction, number: int, digest: str, reason: str, day: date) -> RiskCase:
    tx.run(
        "SELECT fund.decide_risk(%(region)s, %(n)s, %(digest)s, %(reason)s, %(day)s)",
        region=tx.region, n=number, digest=digest.strip().lower(), reason=reason, day=day,
    )  # fmt: skip
    return read_case(tx, number)
