"""The advances of an institution on its statement: what is out, what went out and came back in the year, and by when it is due.

1101 暂付款 is no part of the equation of procedure.md 7E until it is offset: without these rows money that was paid and is
not yet settled would stand nowhere on the page.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, Final, NamedTuple

from ledger.db.unit_of_work import Transaction
from ledger.fund.advances.offset import KIND_ACCOUNTS
from ledger.fund.month.due import PAY_BY, term_days

if TYPE_CHECKING:
    from moneyed import Money


class StatementAdvance(NamedTuple):
    """One advance in a year, in fen: opening + paid − taken = out, at the year's end or now."""

    advance_id: str
    kind: str
    document: str
    term: int
    recovery: str
    due_on: date
    """The day by which it is to be back: of a prepayment its year's end; else the 8th on which its 期号 is paid, holidays
    not counted (art. 20)."""
    opening_fen: int
    paid_fen: int
    taken_fen: int

    @property
    def out_fen(self) -> int:
        """Paid, neither offset nor given back."""
        return self.opening_fen + self.paid_fen - self.taken_fen

    @property
    def columns(self) -> tuple[Money, ...]:
        """Opening, paid out, taken back, still out, to be shown."""
        from ledger.core.cny import to_money

        return tuple(map(to_money, (self.opening_fen, self.paid_fen, self.taken_fen, self.out_fen)))


class AdvancesOut(NamedTuple):
    """All advances of a page, and whether the books say the same of what is out now."""

    rows: Sequence[StatementAdvance]
    listed_fen: int
    booked_fen: int

    @property
    def agree(self) -> bool:
        """T9 on this page: 1101 by kind is what was paid, less what was offset and given back."""
        return self.listed_fen == self.booked_fen


_ROWS: Final = """
    WITH own AS (
        SELECT a.* FROM fund.advance a LEFT JOIN payments.pay_order o ON o.region = a.region AND o.order_no = a.order_no
         WHERE a.region = %(region)s AND a.fund = %(fund)s AND a.institution = %(institution)s
           AND (o.state = 'paid' OR a.order_no LIKE 'OPEN:%%')),
    moved AS (
        SELECT w.advance_id, coalesce((SELECT max(v.booking_date) FROM payments.evidence v WHERE v.region = w.region
                                          AND v.matched_order = w.order_no AND v.outcome = 'posted' AND v.direction = 'debit'),
                                      (SELECT make_date(extract(year FROM c.day)::integer - 1, 12, 31) FROM fund.cutover c   -- brought in
                                        WHERE c.region = w.region AND c.fund = w.fund AND c.state = 'confirmed')) AS day,
               w.amount_fen AS paid, 0 AS back
          FROM own w
        UNION ALL
        SELECT w.advance_id, coalesce(s.approved_on, l.confirmed_on), 0, f.amount_fen
          FROM own w JOIN fund.advance_offset f ON f.region = w.region AND f.advance_id = w.advance_id
          LEFT JOIN fund.sheet s ON s.region = f.region AND s.sheet_id = f.sheet_id
          LEFT JOIN fund.letter l ON l.region = f.region AND l.letter_id = f.sheet_id
        UNION ALL
        SELECT w.advance_id, r.approved_on, 0, r.amount_fen
          FROM own w JOIN fund.refund r ON r.region = w.region AND r.advance_id = w.advance_id AND r.state = 'approved')
    SELECT w.advance_id, w.kind, w.document, w.year, w.term, w.recovery,
           coalesce(sum(m.paid - m.back) FILTER (WHERE m.day < make_date(%(year)s, 1, 1)), 0)::bigint,
           coalesce(sum(m.paid) FILTER (WHERE extract(year FROM m.day) = %(year)s), 0)::bigint,
           coalesce(sum(m.back) FILTER (WHERE extract(year FROM m.day) = %(year)s), 0)::bigint
      FROM own w JOIN moved m ON m.advance_id = w.advance_id
     GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY w.term, w.advance_id COLLATE "C" """
_NOW: Final = """
    SELECT (SELECT coalesce(sum(a.amount_fen - a.offset_fen - a.returned_fen), 0)::bigint
              FROM fund.advance a LEFT JOIN payments.pay_order o ON o.region = a.region AND o.order_no = a.order_no
             WHERE a.region = %(region)s AND a.fund = %(fund)s AND a.institution = %(institution)s
           AND (o.state = 'paid' OR a.order_no LIKE 'OPEN:%%')),
           (SELECT coalesce(sum(b.debit - b.credit), 0)::bigint
              FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
             WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.account = ANY(%(accounts)s)
               AND d.counterparty = %(institution)s)"""


def advances_out(tx: Transaction, fund: int, institution: str, year: int) -> AdvancesOut:
    """The advances that were out at the beginning of `year`, or moved in it."""
    scope: dict[str, object] = {"region": tx.region, "fund": fund, "institution": institution, "year": year}
    rows = [
        StatementAdvance(advance_id, kind, document, term, recovery, _due(kind, of_year, term), *fen)
        for advance_id, kind, document, of_year, term, recovery, *fen in tx.rows(_ROWS, **scope)
        if any(fen)
    ]
    [(listed, booked)] = tx.rows(_NOW, **scope, accounts=list(KIND_ACCOUNTS.values()))
    return AdvancesOut(rows, listed, booked)


def _due(kind: str, year: int, term: int) -> date:
    if kind == "prepayment":
        return date(year, 12, 31)
    month = term_days(term)[1].month + 2
    return date(term // 100 + (month - 1) // 12, (month - 1) % 12 + 1, PAY_BY)
