"""The versions of an institution's terms as they are stored: read, proposed, stopped."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from ledger.db.unit_of_work import Transaction


class Agreement(NamedTuple):
    """What an institution agreed to, and under what name."""

    name: str
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


class KnownTerms(NamedTuple):
    """What is there of one institution."""

    agreement: Agreement | None
    enrolments: Mapping[date, Enrolment]
    waiting: Collection[Agreement | Enrolment]


def known_terms(tx: Transaction, codes: Sequence[str]) -> dict[str, KnownTerms]:
    """What is in force and what waits of each institution named."""
    agreements = {
        code: Agreement(*row)
        for code, *row in tx.rows(
            """SELECT i.institution, i.name, i.type, i.level, i.agreement_state, t.agreement_from, t.agreement_to
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
        "SELECT t.institution, t.kind, coalesce(t.name, i.name), t.type, t.level, t.agreement_state, t.agreement_from, t.agreement_to,"
        " t.from_day, t.mode, t.cycle, t.ratio, t.month_ratio FROM fund.terms t JOIN fund.institution i USING (region, institution)"
        " WHERE t.region = %(region)s AND t.institution = ANY(%(codes)s) AND t.state = 'proposed'",
        region=tx.region,
        codes=codes,
    ):
        waiting[code].append(Agreement(*row[:6]) if kind == "agreement" else Enrolment(*row[6:]))
    return {code: KnownTerms(agreements.get(code), enrolments[code], waiting[code]) for code in codes}


def stop_agreement(tx: Transaction, institution: str, state: str, day: date) -> None:
    """Suspend or end one that is in force, at once; raises Forbidden `terms.two_persons` where that is no stop."""
    tx.run(
        "SELECT fund.stop_agreement(%(region)s, %(institution)s, %(state)s, %(on)s)",
        region=tx.region,
        institution=institution,
        state=state,
        on=day,
    )


def insert_agreements(tx: Transaction, fresh: Sequence[tuple[str, Agreement]], day: date) -> None:
    """Propose agreements, each by its institution."""
    if not fresh:
        return
    tx.run(
        "INSERT INTO fund.terms (region, institution, kind, version, name, type, level, agreement_state, agreement_from,"
        " agreement_to, proposed_by, proposed_on) SELECT %(region)s, n.code, %(kind)s,"
        """ coalesce((SELECT max(t.version) FROM fund.terms t
                       WHERE t.region = %(region)s AND t.institution = n.code AND t.kind = %(kind)s), 0) + 1, n.name, n.type, n.level, n.state, n.since, n.until, %(user)s, %(day)s
             FROM unnest(%(codes)s::text[], %(names)s::text[], %(types)s::text[], %(levels)s::text[], %(states)s::text[],
                         %(since)s::date[], %(until)s::date[]) AS n (code, name, type, level, state, since, until)""",
        region=tx.region,
        kind="agreement",
        user=tx.user,
        day=day,
        codes=[code for code, _ in fresh],
        names=[one.name for _, one in fresh],
        types=[one.type for _, one in fresh],
        levels=[one.level for _, one in fresh],
        states=[one.state for _, one in fresh],
        since=[one.from_day for _, one in fresh],
        until=[one.to_day for _, one in fresh],
    )


def insert_enrolments(tx: Transaction, fresh: Sequence[tuple[str, Enrolment, str]], day: date) -> None:
    """Propose enrolments, each by its institution and with the reason why it corrects one ("" for a new one)."""
    if not fresh:
        return
    tx.run(
        "INSERT INTO fund.terms (region, institution, kind, version, from_day, mode, cycle, ratio, month_ratio, correction, why,"
        " proposed_by, proposed_on) SELECT %(region)s, n.code, %(kind)s,"
        """ coalesce((SELECT max(t.version) FROM fund.terms t
                       WHERE t.region = %(region)s AND t.institution = n.code AND t.kind = %(kind)s), 0) + 1, n.since, n.mode, n.cycle, n.ratio, n.month_ratio, n.why <> '', n.why, %(user)s, %(day)s
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
