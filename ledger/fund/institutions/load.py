"""Loading master data: institutions added; their names, terms and accounts proposed where they are not in force."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from ledger.db.unit_of_work import Transaction
from ledger.fund.institutions.master import Institution
from ledger.fund.institutions.payees import Proposed, propose_payees
from ledger.fund.institutions.terms import ProposedTerms, propose_terms


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load of institutions did; institutions by their codes."""

    new: Sequence[str]
    names: Sequence[str]
    """Those whose proposed agreement gives them another name."""
    terms: ProposedTerms
    payees: Proposed

    @property
    def waits(self) -> bool:
        """Whether it left something for a second person."""
        terms = self.terms
        return bool(self.payees.proposed or terms.agreements or terms.enrolments or terms.corrections)

    def as_json(self) -> dict[str, object]:
        """Counts for machines, and the institutions whose account was not proposed for want of a reason."""
        return {
            "new": len(self.new),
            "names_proposed": len(self.names),
            "agreements_stopped": len(self.terms.stopped),
            "agreements_proposed": len(self.terms.agreements),
            "enrolments_proposed": len(self.terms.enrolments),
            "enrolments_corrected": len(self.terms.corrections),
            "terms_waiting": len(self.terms.waiting),
            "payees_proposed": len(self.payees.proposed),
            "payees_waiting": len(self.payees.waiting),
            "payees_in_force": len(self.payees.in_force),
            "payees_came_back": self.payees.came_back,
        }


def load_institutions(
    tx: Transaction, institutions: Iterable[Institution], day: date, reason: str = "", correction: str = ""
) -> Loaded:
    """Bring in master data on business date `day`: whatever is not in force already is proposed to a second person.

    The file is taken whole or not at all, but for one thing: an account that was in force once comes back only with a reason,
    its own or `reason`; without one it is left out and named. An enrolment of the same first day as one in force is a
    correction, with its own reason or `correction`. Raises InvalidInput `db.constraint` for impossible values, Conflict
    `terms.same_start`, `terms.records_taken`, `terms.month_settled`.
    """
    items = list(institutions)
    known: dict[str, str] = dict(
        tx.rows("SELECT institution, name FROM fund.institution WHERE region = %(region)s", region=tx.region)
    )
    new = [item for item in items if item.code not in known]
    if new:
        _add(tx, new)
    terms = propose_terms(tx, items, day, correction)
    accounts = propose_payees(tx, items, day, reason)
    proposed = set(terms.agreements)
    names = [
        item.code for item in items if item.code in proposed and known.get(item.code, item.name) != item.name
    ]
    return Loaded([item.code for item in new], names, terms, accounts)


def _add(tx: Transaction, new: Sequence[Institution]) -> None:
    """Institutions known by name; nothing of them is in force before a second person confirms it."""
    tx.run(
        """INSERT INTO fund.institution (region, institution, name, type, level, agreement_from, agreement_to)
           SELECT %(region)s, n.* FROM unnest(%(codes)s::text[], %(names)s::text[], %(types)s::text[], %(levels)s::text[],
                                              %(since)s::date[], %(until)s::date[]) AS n""",
        region=tx.region,
        codes=[item.code for item in new],
        names=[item.name for item in new],
        types=[item.type for item in new],
        levels=[item.level for item in new],
        since=[item.agreement_from for item in new],
        until=[item.agreement_to for item in new],
    )
