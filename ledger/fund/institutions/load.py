"""Loading master data: institutions added or renamed, each with its enrolment and its proposed payee account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from ledger.db.unit_of_work import Transaction
from ledger.fund.institutions.enrolment import enrol
from ledger.fund.institutions.master import Institution
from ledger.fund.institutions.payees import Proposed, propose_payees


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load of institutions did; institutions by their codes."""

    new: Sequence[str]
    renamed: Sequence[str]
    payees: Proposed

    @property
    def waits(self) -> bool:
        """Whether it left something for a second person."""
        return bool(self.payees.proposed)

    def as_json(self) -> dict[str, object]:
        """Counts for machines, and the institutions whose account was not proposed for want of a reason."""
        return {
            "new": len(self.new),
            "renamed": len(self.renamed),
            "payees_proposed": len(self.payees.proposed),
            "payees_waiting": len(self.payees.waiting),
            "payees_in_force": len(self.payees.in_force),
            "payees_came_back": self.payees.came_back,
        }


def load_institutions(
    tx: Transaction, institutions: Iterable[Institution], day: date, reason: str = ""
) -> Loaded:
    """Add or update master data in the transaction's region on business date `day`; accounts are proposed, not used.

    An account that was in force once comes back only with a reason, its own or `reason`; without one it is left out and
    named, and the rest of the file goes on. Raises InvalidInput `db.constraint` for impossible values.
    """
    items = list(institutions)
    known: dict[str, str] = dict(
        tx.rows("SELECT institution, name FROM fund.institution WHERE region = %(region)s", region=tx.region)
    )
    for item in items:
        tx.run(
            """INSERT INTO fund.institution AS i VALUES (%(region)s, %(code)s, %(name)s, %(type)s, %(level)s, %(state)s,
                   %(since)s, %(until)s)
               ON CONFLICT (region, institution) DO UPDATE SET name = excluded.name, type = excluded.type,
                   level = excluded.level, agreement_state = excluded.agreement_state,
                   agreement_from = excluded.agreement_from, agreement_to = excluded.agreement_to""",
            region=tx.region,
            code=item.code,
            name=item.name,
            type=item.type,
            level=item.level,
            state=item.agreement_state,
            since=item.agreement_from,
            until=item.agreement_to,
        )
        enrol(tx, item)
    return Loaded(
        [item.code for item in items if item.code not in known],
        [item.code for item in items if known.get(item.code, item.name) != item.name],
        propose_payees(tx, items, day, reason),
    )
