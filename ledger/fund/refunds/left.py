"""How much can still come back by each kind of refund: this year's expense, earlier years', or the daily advance."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ledger.core.accounts import coded
from ledger.core.errors import Conflict
from ledger.core.money import yuan_grouped
from ledger.core.words import said, words_of
from ledger.db.unit_of_work import Transaction

KINDS: Final = words_of("refund.kind")
BENEFITS: Final = frozenset({"same_year", "earlier_year", "daily_advance"})


class RefundLine(NamedTuple):
    """What part of a refund belongs to which key; afterwards it is owed against `source`, 9103, or 9106 once cleared."""

    source: int
    subfund: str
    service_year: int
    term: int
    category: str
    amount_fen: int


def require_left(
    tx: Transaction,
    fund: int,
    institution: str,
    kind: str,
    lines: Sequence[RefundLine],
    year: int,
    *,
    but: str,
) -> None:
    """No more comes back by a kind than that kind has: expense of this year or of earlier ones, or the daily advance."""
    for line in lines if kind in BENEFITS else ():
        left = (
            _daily_left(tx, fund, institution, line)
            if kind == "daily_advance"
            else _expensed(tx, fund, institution, line, year, but, same_year=kind == "same_year")
        )
        if line.amount_fen > left:
            raise Conflict(
                "refund.not_expensed",
                f"机构{institution}{line.term}期{said('category', line.category)}可按“{KINDS[kind]}”退回{yuan_grouped(max(left, 0))}元，"
                f"不足{yuan_grouped(line.amount_fen)}元：请核对年度与种类",
                left_fen=left,
            )


def _daily_left(tx: Transaction, fund: int, institution: str, line: RefundLine) -> int:
    return int(
        tx.value(
            coded("""SELECT coalesce(sum(b.debit - b.credit), 0)::bigint FROM books.balance b
                 JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.account = {DAILY_ADVANCE} AND d.counterparty = %(institution)s AND d.subfund = %(subfund)s AND d.service_year = %(service_year)s
                  AND d.term = %(term)s AND d.category = %(category)s"""),
            **_facts(tx, fund, institution, line),
        )
    )


def _expensed(
    tx: Transaction, fund: int, institution: str, line: RefundLine, year: int, but: str, *, same_year: bool
) -> int:
    # The debit side only: month-end closing credits 5001; what refunds took is in our own list.
    facts = _facts(tx, fund, institution, line)
    spent = int(
        tx.value(
            coded("""SELECT coalesce(sum(b.debit), 0)::bigint FROM books.balance b
                 JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.account::text LIKE '{BENEFITS}%%'
                  AND CASE WHEN %(same)s THEN b.period / 100 = %(year)s ELSE b.period / 100 < %(year)s END AND d.counterparty = %(institution)s AND d.subfund = %(subfund)s AND d.service_year = %(service_year)s
                  AND d.term = %(term)s AND d.category = %(category)s"""),
            **facts,
            same=same_year,
            year=year,
        )
    )
    back = int(
        tx.value(
            """SELECT coalesce(sum(l.amount_fen), 0)::bigint FROM fund.refund r
                 JOIN fund.refund_line l ON l.region = r.region AND l.refund_id = r.refund_id
                WHERE r.region = %(region)s AND r.fund = %(fund)s AND r.institution = %(institution)s
                  AND r.state NOT IN ('refused', 'reversed') AND r.refund_id <> %(but)s AND l.subfund = %(subfund)s
                  AND l.service_year = %(service_year)s AND l.term = %(term)s AND l.category = %(category)s
                  AND CASE WHEN %(same)s THEN r.kind = 'same_year' AND extract(year FROM r.received_on) = %(year)s
                           ELSE r.kind = 'earlier_year'
                                OR r.kind = 'same_year' AND extract(year FROM r.received_on) < %(year)s END""",
            **facts,
            same=same_year,
            year=year,
            but=but,
        )
    )
    return spent - back


def _facts(tx: Transaction, fund: int, institution: str, line: RefundLine) -> dict[str, object]:
    return {
        "region": tx.region,
        "fund": fund,
        "institution": institution,
        "subfund": line.subfund,
        "service_year": line.service_year,
        "term": line.term,
        "category": line.category,
    }
