"""Loading master data: institutions added or updated, each with its enrolment and its proposed payee account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ledger.db.unit_of_work import Transaction
from ledger.fund.institutions.enrolment import enrol
from ledger.fund.institutions.master import Institution
from ledger.fund.institutions.payees import propose_payee


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a load of institutions did."""

    new: int
    changed: int
    payees_proposed: int


def load_institutions(tx: Transaction, institutions: Iterable[Institution]) -> Loaded:
    """Add or update master data in the transaction's region; changed payee accounts are proposed, not used.

    A new enrolment from a later day ends the one before it. Raises InvalidInput `db.constraint` for impossible values.
    """
    known: dict[str, str] = dict(
        tx.rows(
            "SELECT institution, (name, type, level, agreement_state)::text FROM fund.institution"
            " WHERE region = %(region)s",
            region=tx.region,
        )
    )
    new = changed = proposed = 0
    for item in institutions:
        written = tx.value(
            """INSERT INTO fund.institution AS i VALUES (%(region)s, %(code)s, %(name)s, %(type)s, %(level)s, %(state)s,
                   %(since)s, %(until)s)
               ON CONFLICT (region, institution) DO UPDATE SET name = excluded.name, type = excluded.type,
                   level = excluded.level, agreement_state = excluded.agreement_state,
                   agreement_from = excluded.agreement_from, agreement_to = excluded.agreement_to
               RETURNING (name, type, level, agreement_state)::text""",
            region=tx.region,
            code=item.code,
            name=item.name,
            type=item.type,
            level=item.level,
            state=item.agreement_state,
            since=item.agreement_from,
            until=item.agreement_to,
        )
        new += item.code not in known
        changed += item.code in known and known[item.code] != written
        enrol(tx, item)
        proposed += propose_payee(tx, item)
    return Loaded(new, changed, proposed)
