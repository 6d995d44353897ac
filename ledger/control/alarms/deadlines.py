"""Terms that near or are over: the month's hand-back, declarations, payments, appeals, recurring vouchers, a year's clearing.

What a term is and how it is counted stands with its own noun; here only what is still open at its end is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final, LiteralString, NamedTuple

from ledger.books.setup import books_of
from ledger.books.templates.recurring import due as vouchers_due
from ledger.core.dates import next_month, period_of
from ledger.db.unit_of_work import Transaction
from ledger.fund.month.due import DECLARE_BY
from ledger.fund.month.handback import HAND_BACK_BY

DAYS_BEFORE: Final = 3
"""Calendar days before a term's end from which on it is reminded of."""
YEAR_BEFORE: Final = 30
"""The same for the year's clearing."""


class Term(NamedTuple):
    """What is open: its kind, what it is about, and the last day."""

    kind: str
    subject: str
    last: date
    detail: str


_HANDBACK: Final[LiteralString] = """
SELECT b.fund::text, m.month FROM books.book b
 CROSS JOIN LATERAL (SELECT %(month)s AS month UNION SELECT p.period FROM books.period p
                      WHERE p.region = b.region AND p.fund = b.fund AND p.period < %(month)s AND p.state IN ('open', 'closing')) m
 WHERE b.region = %(region)s AND b.opened_on < %(first)s AND NOT EXISTS (
    SELECT FROM fund.handback h WHERE h.region = b.region AND h.fund = b.fund AND h.month = m.month) ORDER BY 2, 1"""
"""Of the month before, and of every earlier one whose books are still open: closing asks for the hand-back, or has it waived."""
_UNDECLARED: Final[LiteralString] = """
SELECT p.fund::text, p.term, count(DISTINCT p.institution) FROM fund.payable p
 WHERE p.region = %(region)s AND p.term <= %(month)s AND p.settled_by = '' AND NOT EXISTS (
    SELECT FROM fund.declaration d WHERE d.region = p.region AND d.fund = p.fund AND d.institution = p.institution
       AND d.term = p.term AND NOT d.withdrawn) GROUP BY 1, 2 ORDER BY 2, 1"""
"""Whatever month it was: a term that is over stays over until it is met."""
_SHEETS: Final[LiteralString] = """
SELECT s.sheet_id, s.due_on FROM fund.sheet s
 WHERE s.region = %(region)s AND s.due_on <= %(near)s AND s.state <> 'void' AND s.result_fen > 0 AND NOT EXISTS (
    SELECT FROM fund.sheet_order o JOIN payments.pay_order p ON p.region = o.region AND p.order_no = o.order_no
     WHERE o.region = s.region AND o.sheet_id = s.sheet_id AND p.state = 'paid') ORDER BY 2, 1"""
_APPEALS: Final[LiteralString] = """
SELECT f.finding_id, f.appeal_until FROM fund.finding f
 WHERE f.region = %(region)s AND f.state = 'first' AND f.severity <> 'low' AND f.appeal_until <= %(near)s ORDER BY 2, 1"""
_YEARS: Final[LiteralString] = """
SELECT l.fund::text || '/' || l.year, t.by_month, l.year, count(*)
  FROM fund.letter l JOIN LATERAL (SELECT c.by_month FROM fund.clearing_target c
        WHERE c.from_year <= l.year AND NOT c.pilot ORDER BY c.from_year DESC LIMIT 1) t ON true
 WHERE l.region = %(region)s AND l.period = 'year' AND l.state NOT IN ('confirmed', 'void') GROUP BY 1, 2, 3 ORDER BY 1"""


def open_terms(tx: Transaction, day: date) -> Iterator[Term]:
    """Every term of the transaction's region that ends within its days of warning, or is over, and is not met."""
    first = day.replace(day=1)
    month = period_of(first - timedelta(days=1))
    near = day + timedelta(days=DAYS_BEFORE)
    asked = {"region": tx.region, "first": first, "month": month}
    for fund, of in tx.rows(_HANDBACK, **asked):
        yield Term("handback", f"{fund}/{of}", _following(of, HAND_BACK_BY), "")
    for fund, of, count in tx.rows(_UNDECLARED, region=tx.region, month=month):
        last = _following(of, DECLARE_BY)
        if last <= near:
            yield Term("declaration", f"{fund}/{of}", last, f"{count}家未申报")
    for sheet, due in tx.rows(_SHEETS, region=tx.region, near=near):
        yield Term("month", sheet, due, "")
    for finding, until in tx.rows(_APPEALS, region=tx.region, near=near):
        yield Term("appeal", finding, until, "")
    for book, _ in books_of(tx):
        for one in vouchers_due(tx, book, day):
            yield Term("recurring", f"{book}/{one.recurrence_id}", one.due_on, one.summary)
    for subject, by_month, year, count in tx.rows(_YEARS, region=tx.region):
        by = next_month(date(year + 1, by_month, 1)) - timedelta(days=1)
        if by <= day + timedelta(days=YEAR_BEFORE):
            yield Term("clearing", subject, by, f"{count}份确认书未确认")


def _following(month: int, day: int) -> date:
    """That day of the month after `month`."""
    return next_month(date(month // 100, month % 100, 1)).replace(day=day)
