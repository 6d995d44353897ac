"""A 期号 line by line: compared or not, declared or not, where each declaration stands."""

from __future__ import annotations

from datetime import date, timedelta
from typing import NamedTuple

from ledger.core.dates import next_month
from ledger.db.unit_of_work import Transaction


class TermLine(NamedTuple):
    """One institution's line of a 期号 and 清算类别; `declaration_id` is "" where nothing living is declared. Money in fen."""

    institution: str
    name: str
    clr_type: str
    reconciled: str
    """fund.reconciliation.state: open, differs, agreed."""
    differences: int
    records: int
    declaration_id: str
    state: str
    """clr_stas (platform-fields.md 4.5); "" without a declaration."""
    late: bool
    fund_fen: int


class DeclarationEvent(NamedTuple):
    """A frozen row of a declaration's history."""

    event: str
    from_state: str
    to_state: str
    user: str
    on: object
    reason: str


def term_lines(tx: Transaction, fund: int, term: int) -> list[TermLine]:
    """Every line of a 期号 that was compared with an institution, with its latest declaration that was not withdrawn; and an
    institution that has something to declare of it and no line at all, under no clearing type."""
    return [TermLine(*row, "", "open", 0, 0, "", "", False, 0) for row in unheard(tx, fund, term)] + [
        TermLine(*row)
        for row in tx.rows(
            """SELECT r.institution, i.name, r.clr_type, r.state, r.differences, r.records, coalesce(d.declaration_id, ''),
                      coalesce(d.state, ''), coalesce(d.late, false), coalesce(d.fund_appy_fen, 0)
                 FROM fund.reconciliation r
                 JOIN fund.institution i ON i.region = r.region AND i.institution = r.institution
                 LEFT JOIN LATERAL (
                      SELECT * FROM fund.declaration d WHERE d.region = r.region AND d.fund = r.fund
                         AND d.institution = r.institution AND d.term = r.term AND d.clr_type = r.clr_type AND NOT d.withdrawn
                       ORDER BY d.declared_on DESC, d.declaration_id DESC LIMIT 1) d ON true
                WHERE r.region = %(region)s AND r.fund = %(fund)s AND r.term = %(term)s
                ORDER BY r.institution COLLATE "C", r.clr_type""",
            region=tx.region,
            fund=fund,
            term=term,
        )
    ]


def unheard(tx: Transaction, fund: int, term: int) -> list[tuple[str, str]]:
    """(code, name) of the institutions that have records of a 期号 to declare and of which nothing was compared yet."""
    first = date(term // 100, term % 100, 1)
    found: list[tuple[str, str]] = tx.rows(
        """SELECT i.institution, i.name FROM fund.institution i
             JOIN (SELECT DISTINCT p.institution FROM fund.payable p
                    WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.term = %(term)s
                      AND p.day BETWEEN %(first)s AND %(last)s) p USING (institution)
            WHERE i.region = %(region)s AND NOT EXISTS (
                  SELECT FROM fund.reconciliation r WHERE r.region = i.region AND r.fund = %(fund)s
                     AND r.institution = i.institution AND r.term = %(term)s)
            ORDER BY i.institution COLLATE "C" """,
        region=tx.region,
        fund=fund,
        term=term,
        first=first,
        last=next_month(first) - timedelta(days=1),
    )
    return found


def declaration_events(tx: Transaction, declaration_id: str) -> list[DeclarationEvent]:
    """Everything done to a declaration, in order."""
    return [
        DeclarationEvent(*row)
        for row in tx.rows(
            """SELECT event, from_state, to_state, user_name, business_date, reason FROM fund.declaration_event
                WHERE region = %(region)s AND declaration_id = %(id)s ORDER BY n""",
            region=tx.region,
            id=declaration_id,
        )
    ]
