"""What final findings still have to deduct, and what month sheets and clearing letters took of them (detd_stas)."""

from __future__ import annotations

from typing import NamedTuple

from ledger.db.unit_of_work import Transaction
from ledger.fund.audit.findings import FindingTarget


class Untaken(NamedTuple):
    """A final finding with something left; money in fen."""

    finding_id: str
    target: FindingTarget
    kind: str
    amount_fen: int
    left_fen: int


def final_untaken(tx: Transaction, fund: int, institution: str, term: int) -> list[Untaken]:
    """Final findings on 期号 up to and including `term` with something left to deduct, the oldest first.

    A finding on a record reversed since is left out: its money is not with the institution any more.
    """
    return [
        Untaken(row[0], FindingTarget(*row[1:8]), *row[8:])
        for row in tx.rows(
            """SELECT f.finding_id, f.fund, f.institution, f.setl_id, f.subfund, f.service_year, f.term, f.category, f.kind,
                      f.amount_fen, f.amount_fen - f.taken_fen
                 FROM fund.finding f
                WHERE f.region = %(region)s AND f.fund = %(fund)s AND f.institution = %(institution)s AND f.term <= %(term)s
                  AND f.state = 'final' AND f.taken_fen < f.amount_fen
                  AND (f.setl_id = '' OR NOT EXISTS (SELECT 1 FROM fund.record r
                                                     WHERE r.region = f.region AND r.init_setl_id = f.setl_id AND r.init_setl_id <> ''))
                ORDER BY f.final_on, f.finding_id COLLATE "C" """,
            region=tx.region,
            fund=fund,
            institution=institution,
            term=term,
        )
    ]


def take(tx: Transaction, finding_id: str, sheet_id: str, fen: int) -> int:
    """Take `fen` of a final finding into a sheet; returns what is left. Once per sheet: again gives what is left now.

    There is no way back: take at the sheet's approval, not in its draft. Raises NotFound `finding.unknown`; Conflict
    `finding.not_final`, `finding.reversed`, `finding.no_sheet` (no approved sheet or letter of that institution),
    `finding.over_taken`, `finding.taken_otherwise`; Forbidden `access.role_missing` (maker, checker or system).
    """
    left: int = tx.value(
        "SELECT fund.take_finding(%(region)s, %(id)s, %(sheet_id)s, %(fen)s)",
        region=tx.region,
        id=finding_id,
        sheet_id=sheet_id,
        fen=fen,
    )
    return left
