"""Agreements and enrolments in versions: what a file says otherwise than what is in force is proposed to a second person.

Stopping an agreement is one person's and works at once, unsent orders included (art. 28); going on again takes two.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from ledger.core.errors import InvalidInput, NotFound
from ledger.db.unit_of_work import Transaction
from ledger.fund.institutions.master import AGREEMENT_STATES, Institution

_STOPS: Final = {("active", "suspended"), ("active", "ended"), ("suspended", "ended")}


class Agreement(NamedTuple):
    """What an institution agreed to."""

    type: str
    level: str
    state: str
    from_day: date
    to_day: date


class Enrolment(NamedTuple):
    """How an institution is paid from a day on; ratios in ten-thousandths."""

    from_day: date
    mode: str
    cycle: str
    ratio: int
    month_ratio: int


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


class _Known(NamedTuple):
    """What is there of one institution."""

    agreement: Agreement | None
    enrolments: Mapping[date, Enrolment]
    waiting: Collection[Agreement | Enrolment]


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
    known = _known(tx, [item.code for item in items])
    for item in items:
        there = known[item.code]
        agreement, in_force = _agreement(item), there.agreement
        if in_force is not None and (in_force.state, agreement.state) in _STOPS:
            _stop(tx, item.code, agreement.state, day)
            done.stopped.append(item.code)
            in_force = in_force._replace(state=agreement.state)
        if agreement in there.waiting:
            done.waiting.append(item.code)
        elif agreement != in_force:
            agreements.append((item.code, agreement))
        _sort_enrolment(item, there, correction, enrolments, done)
    _insert_agreements(tx, agreements, day)
    _insert_enrolments(tx, enrolments, day)
    done.agreements.extend(code for code, _ in agreements)
    return done


def set_agreement(tx: Transaction, institution: str, state: str, day: date) -> bool:
    """Suspend or end an agreement: at once (True), unsent orders included (art. 28). Resuming waits for a second person (False).

    Raises InvalidInput `institution.state`, NotFound `institution.unknown`.
    """
    if state not in AGREEMENT_STATES:
        raise InvalidInput("institution.state", f"协议状态“{state}”不在字典内", state=state)
    there = _known(tx, [institution])[institution]
    if there.agreement is None:
        raise NotFound("institution.unknown", f"没有定点医药机构{institution}", institution=institution)
    if there.agreement.state == state:
        return True
    if (there.agreement.state, state) in _STOPS:
        _stop(tx, institution, state, day)
        return True
    wanted = there.agreement._replace(state=state)
    if wanted not in there.waiting:
        _insert_agreements(tx, [(institution, wanted)], day)
    return False


def _agreement(item: Institution) -> Agreement:
    return Agreement(item.type, item.level, item.agreement_state, item.agreement_from, item.agreement_to)


def _sort_enrolment(
    item: Institution,
    there: _Known,
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


def _known(tx: Transaction, codes: Sequence[str]) -> dict[str, _Known]:
    agreements = {
        code: Agreement(*row)
        for code, *row in tx.rows(
            """SELECT i.institution, i.type, i.level, i.agreement_state, t.agreement_from, t.agreement_to
                 FROM fund.institution i
                 JOIN fund.terms t ON t.region = i.region AND t.institution = i.institution AND t.kind = 'agreement'
                                  AND t.version = i.agreement_version
                WHERE i.region = %(region)s AND i.institution = ANY(%(codes)s)""",
            region=tx.region,
            codes=codes,
        )
    }
    enrolments: dict[str, dict[date, Enrolment]] = {code: {} for code in codes}
    for code, *row in tx.rows(
        "SELECT institution, from_day, mode, cycle, ratio, month_ratio FROM fund.enrolment"
        " WHERE region = %(region)s AND institution = ANY(%(codes)s)",
        region=tx.region,
        codes=codes,
    ):
        found = Enrolment(*row)
        enrolments[code][found.from_day] = found
    waiting: dict[str, list[Agreement | Enrolment]] = {code: [] for code in codes}
    for code, kind, *row in tx.rows(
        "SELECT institution, kind, type, level, agreement_state, agreement_from, agreement_to, from_day, mode, cycle, ratio,"
        " month_ratio FROM fund.terms WHERE region = %(region)s AND institution = ANY(%(codes)s) AND state = 'proposed'",
        region=tx.region,
        codes=codes,
    ):
        waiting[code].append(Agreement(*row[:5]) if kind == "agreement" else Enrolment(*row[5:]))
    return {code: _Known(agreements.get(code), enrolments[code], waiting[code]) for code in codes}


def _stop(tx: Transaction, institution: str, state: str, day: date) -> None:
    tx.run(
        "SELECT fund.stop_agreement(%(region)s, %(institution)s, %(state)s, %(on)s)",
        region=tx.region,
        institution=institution,
        state=state,
        on=day,
    )


_NEXT: Final = """coalesce((SELECT max(t.version) FROM fund.terms t
                    WHERE t.region = %(region)s AND t.institution = n.code AND t.kind = %(kind)s), 0) + 1"""


def _insert_agreements(tx: Transaction, fresh: Sequence[tuple[str, Agreement]], day: date) -> None:
    if not fresh:
        return
    tx.run(
        "INSERT INTO fund.terms (region, institution, kind, version, type, level, agreement_state, agreement_from,"
        " agreement_to, proposed_by, proposed_on) SELECT %(region)s, n.code, %(kind)s, "
        + _NEXT
        + """, n.type, n.level, n.state, n.since, n.until, %(user)s, %(day)s
             FROM unnest(%(codes)s::text[], %(types)s::text[], %(levels)s::text[], %(states)s::text[], %(since)s::date[],
                         %(until)s::date[]) AS n (code, type, level, state, since, until)""",
        region=tx.region,
        kind="agreement",
        user=tx.user,
        day=day,
        codes=[code for code, _ in fresh],
        types=[one.type for _, one in fresh],
        levels=[one.level for _, one in fresh],
        states=[one.state for _, one in fresh],
        since=[one.from_day for _, one in fresh],
        until=[one.to_day for _, one in fresh],
    )


def _insert_enrolments(tx: Transaction, fresh: Sequence[tuple[str, Enrolment, str]], day: date) -> None:
    if not fresh:
        return
    tx.run(
        "INSERT INTO fund.terms (region, institution, kind, version, from_day, mode, cycle, ratio, month_ratio, correction, why,"
        " proposed_by, proposed_on) SELECT %(region)s, n.code, %(kind)s, "
        + _NEXT
        + """, n.since, n.mode, n.cycle, n.ratio, n.month_ratio, n.why <> '', n.why, %(user)s, %(day)s
             FROM unnest(%(codes)s::text[], %(since)s::date[], %(modes)s::text[], %(cycles)s::text[], %(ratios)s::integer[],
                         %(months)s::integer[], %(why)s::text[]) AS n (code, since, mode, cycle, ratio, month_ratio, why)""",
        region=tx.region,
        kind="enrolment",
        user=tx.user,
        day=day,
        codes=[code for code, _, _ in fresh],
        since=[one.from_day for _, one, _ in fresh],
        modes=[one.mode for _, one, _ in fresh],
        cycles=[one.cycle for _, one, _ in fresh],
        ratios=[one.ratio for _, one, _ in fresh],
        months=[one.month_ratio for _, one, _ in fresh],
        why=[why for _, _, why in fresh],
    )
