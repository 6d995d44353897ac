"""Agreements and enrolments in versions: what a file says otherwise than what is in force is proposed to a second person.

Stopping an agreement is one person's and works at once, unsent orders included (art. 28); going on again takes two.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Final, NamedTuple

from ledger.core.errors import InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction
from ledger.fund.institutions.master import AGREEMENT_STATES, Institution
from ledger.fund.institutions.versions import (
    Agreement,
    Enrolment,
    KnownTerms,
    insert_agreements,
    insert_enrolments,
    known_terms,
    stop_agreement,
)

_STOPS: Final = {("active", "suspended"), ("active", "ended"), ("suspended", "ended")}


class ProposedTerms(NamedTuple):
    """What became of the terms a file names; institutions by their codes."""

    stopped: list[str]
    """Agreements suspended or ended at once."""
    agreements: list[str]
    enrolments: list[str]
    corrections: list[str]
    """Enrolments of the same first day as one in force, said to be corrections."""
    waiting: list[str]
    """Terms that wait for their second person already."""


def propose_terms(
    tx: Transaction, items: Collection[Institution], day: date, correction: str = ""
) -> ProposedTerms:
    """Propose what a file says otherwise than what is in force or waits; a stop is in force at once.

    Terms of the same first day as those in force need to say that they correct them: by the item's own reason or
    `correction`. Raises Conflict `terms.same_start`, `terms.records_taken` and `terms.month_settled`, naming institution and
    day; InvalidInput `db.constraint` for impossible values.
    """
    done = ProposedTerms([], [], [], [], [])
    agreements: list[tuple[str, Agreement]] = []
    enrolments: list[tuple[str, Enrolment, str]] = []
    known = known_terms(tx, [item.code for item in items])
    for item in items:
        there = known[item.code]
        agreement, in_force = _agreement(item), there.agreement
        if in_force is not None and (in_force.state, agreement.state) in _STOPS:
            stop_agreement(tx, item.code, agreement.state, day)
            done.stopped.append(item.code)
            in_force = in_force._replace(state=agreement.state)
        if agreement in there.waiting:
            done.waiting.append(item.code)
        elif agreement != in_force:
            agreements.append((item.code, agreement))
        _sort_enrolment(item, there, correction, enrolments, done)
    insert_agreements(tx, agreements, day)
    insert_enrolments(tx, enrolments, day)
    done.agreements.extend(code for code, _ in agreements)
    return done


def set_agreement(tx: Transaction, institution: str, state: str, day: date) -> bool:
    """Suspend or end an agreement: at once (True), unsent orders included (art. 28). Resuming waits for a second person (False).

    Raises InvalidInput `institution.state`, NotFound `institution.unknown`, Forbidden `access.role_missing` also where nothing would change.
    """
    tx.run(
        "SELECT access.require_role(%(region)s, 0::smallint, '{maker,checker,accountant,system}')",
        region=tx.region,
    )
    if state not in AGREEMENT_STATES:
        raise InvalidInput("institution.state", f"协议状态“{state}”不在字典内", state=state)
    there = known_terms(tx, [institution])[institution]
    if there.agreement is None:
        raise NotFound("institution.unknown", f"没有定点医药机构{institution}", institution=institution)
    if there.agreement.state == state:
        return True
    if (there.agreement.state, state) in _STOPS:
        stop_agreement(tx, institution, state, day)
        return True
    wanted = there.agreement._replace(state=state)
    if wanted not in there.waiting:
        insert_agreements(tx, [(institution, wanted)], day)
    return False


def _agreement(item: Institution) -> Agreement:
    return Agreement(
        item.name, item.type, item.level, item.agreement_state, item.agreement_from, item.agreement_to
    )


def _sort_enrolment(
    item: Institution,
    there: KnownTerms,
    correction: str,
    enrolments: list[tuple[str, Enrolment, str]],
    done: ProposedTerms,
) -> None:
    wanted = Enrolment(item.enrolled_from, item.mode, item.cycle, item.ratio, item.month_ratio)
    same_start = there.enrolments.get(wanted.from_day)
    if wanted in there.waiting:
        done.waiting.append(item.code)
    elif wanted != same_start:
        why = (item.enrolment_correction or correction) if same_start else ""
        (done.corrections if why else done.enrolments).append(item.code)
        enrolments.append((item.code, wanted, why))
