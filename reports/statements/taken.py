"""What a cut-over says of the time before these books, for the statements of its first year and of the year after."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Final

from ledger.books.account_months import AccountMonths, TakenOver
from ledger.books.selection import NOTHING, Turnover
from ledger.core.entries import Book
from ledger.core.entry_kinds import EntryKind
from ledger.db.unit_of_work import Transaction

_BALANCES: Final = """
SELECT l.account, sum(a.normal_side * l.year_open_fen)::bigint, sum(l.debit_fen)::bigint, sum(l.credit_fen)::bigint,
       sum(a.normal_side * l.balance_fen)::bigint
  FROM fund.cutover_line l
  JOIN books.account a ON a.region = l.region AND a.fund = l.fund AND a.account = l.account
 WHERE l.region = %(region)s AND l.fund = %(fund)s AND l.version = %(version)s AND l.file = 'balances'
 GROUP BY l.account
"""
_HISTORY: Final = """
SELECT period, account, sum(debit_fen)::bigint, sum(credit_fen)::bigint FROM fund.cutover_history
 WHERE region = %(region)s AND fund = %(fund)s AND version = %(version)s AND party = '' GROUP BY period, account
"""


def with_taken_over(tx: Transaction, book: Book, months: AccountMonths) -> AccountMonths:
    """`months` with what the confirmed set says of the time before, where its opening entry is among what is known.

    This year's turnover of an account is the set's history of the year where it has one (the old books had closed it),
    otherwise what stands in its balances.
    """
    if not any(months.apart.get(EntryKind.OPENING, {}).values()):
        return months
    found = tx.rows(
        "SELECT version, extract(year FROM day)::integer * 100 + extract(month FROM day)::integer FROM fund.cutover"
        " WHERE region = %(region)s AND fund = %(fund)s AND state = 'confirmed'",
        region=book.region,
        fund=book.fund,
    )
    if not found:
        return months
    version, month = found[0]
    scope: dict[str, object] = {"region": book.region, "fund": book.fund, "version": version}
    history: dict[int, dict[int, Turnover]] = defaultdict(dict)
    for period, account, debit, credit in tx.rows(_HISTORY, **scope):
        history[period][account] = Turnover(debit, credit)
    of_year = history.get(month // 100, {})
    year_open, moved, closed = {}, {}, {}
    for account, opening, debit, credit, balance in tx.rows(_BALANCES, **scope):
        year_open[account] = opening
        moved[account] = of_year.get(account, Turnover(debit, credit))
        if account in of_year:
            closed[account] = balance - opening - moved[account].net_fen
    for account, told in of_year.items():
        moved.setdefault(account, told)
        closed.setdefault(account, NOTHING.minus(told).net_fen)
    return replace(months, taken=TakenOver(month, year_open, moved, closed, dict(history)))
