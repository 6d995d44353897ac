"""Institutions as they stand on a day: agreement, how and where each is paid, every account it ever had."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from ledger.core.errors import NotFound
from ledger.db.unit_of_work import Transaction


class Standing(NamedTuple):
    """One institution on a day; what is not in force is None."""

    institution: str
    name: str
    type: str
    level: str
    agreement_state: str
    agreement_from: date
    agreement_to: date
    mode: str | None
    cycle: str | None
    ratio: int | None
    """Ten-thousandths, as `month_ratio`."""
    month_ratio: int | None
    enrolled_from: date | None
    payee_name: str | None
    payee_number: str | None
    payee_bank: str | None
    payee_cnaps: str | None
    waiting: int
    """Proposals that wait for a second person."""


class PayeeAccount(NamedTuple):
    """One account an institution was ever proposed to be paid at."""

    version: int
    state: str
    name: str
    number: str
    bank_name: str
    cnaps: str
    proposed_by: str
    proposed_on: date | None
    why: str
    confirmed_by: str
    """Who confirmed or refused it; "" while it waits or where another proposal took its place."""
    decided_on: date | None
    ended_on: date | None
    reason: str


def read_standing(tx: Transaction, day: date, institution: str = "") -> list[Standing]:
    """Every institution of the region as it stands on `day`, or the named one."""
    return [
        Standing(*row)
        for row in tx.rows(
            """SELECT i.institution, i.name, i.type, i.level, i.agreement_state, i.agreement_from, i.agreement_to,
                      e.mode, e.cycle, e.ratio, e.month_ratio, e.from_day, p.name, p.number, p.bank_name, p.cnaps,
                      coalesce(w.waiting, 0)
                 FROM fund.institution i
                 LEFT JOIN fund.enrolment e ON e.region = i.region AND e.institution = i.institution
                                           AND %(day)s BETWEEN e.from_day AND e.to_day
                 LEFT JOIN fund.payee_account p ON p.region = i.region AND p.institution = i.institution AND p.state = 'confirmed'
                 LEFT JOIN (SELECT o.institution, count(*) AS waiting FROM fund.open_proposals(%(region)s, %(institution)s) o GROUP BY 1) w
                        ON w.institution = i.institution
                WHERE i.region = %(region)s AND %(institution)s IN ('', i.institution) ORDER BY i.institution COLLATE "C" """,
            region=tx.region,
            institution=institution,
            day=day,
        )
    ]


def require_standing(tx: Transaction, day: date, institution: str) -> Standing:
    """The named institution on `day`; raises NotFound `institution.unknown`."""
    found = read_standing(tx, day, institution) if institution else []
    if not found:
        raise NotFound("institution.unknown", f"没有定点医药机构{institution}", institution=institution)
    return found[0]


def read_accounts(tx: Transaction, institution: str) -> list[PayeeAccount]:
    """Every account of an institution, the newest first."""
    return [one for _, one in _accounts(tx, institution)]


def read_failed(tx: Transaction) -> dict[str, PayeeAccount]:
    """By institution, the account that its bank would not pay, where none has come into force since."""
    tried = [found for found in _accounts(tx) if found[1].state in ("confirmed", "failed", "replaced")]
    newest = dict(reversed(tried))
    return {code: one for code, one in newest.items() if one.state == "failed"}


def _accounts(tx: Transaction, institution: str = "") -> list[tuple[str, PayeeAccount]]:
    return [
        (code, PayeeAccount(*row))
        for code, *row in tx.rows(
            """SELECT institution, version, state, name, number, bank_name, cnaps, proposed_by, proposed_on, why, confirmed_by,
                      decided_on, ended_on, reason
                 FROM fund.payee_account WHERE region = %(region)s AND %(institution)s IN ('', institution) ORDER BY version DESC""",
            region=tx.region,
            institution=institution,
        )
    ]


class TermsVersion(NamedTuple):
    """One version of an agreement or an enrolment; what its kind does not have is None."""

    kind: str
    version: int
    state: str
    from_day: date | None
    name: str | None
    """What the institution is called; None in a version of an enrolment, or of before names were confirmed."""
    type: str | None
    level: str | None
    agreement_state: str | None
    agreement_from: date | None
    agreement_to: date | None
    mode: str | None
    cycle: str | None
    ratio: int | None
    month_ratio: int | None
    correction: bool
    why: str
    proposed_by: str
    proposed_on: date | None
    confirmed_by: str
    decided_on: date | None
    reason: str


def read_terms(tx: Transaction, institution: str) -> list[TermsVersion]:
    """Every version of an institution's terms, by kind, the newest first."""
    return [
        TermsVersion(*row)
        for row in tx.rows(
            """SELECT kind, version, state, from_day, name, type, level, agreement_state, agreement_from, agreement_to, mode, cycle,
                      ratio, month_ratio, correction, why, proposed_by, proposed_on, confirmed_by, decided_on, reason
                 FROM fund.terms WHERE region = %(region)s AND institution = %(institution)s ORDER BY kind, version DESC""",
            region=tx.region,
            institution=institution,
        )
    ]
