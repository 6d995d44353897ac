"""Whether three sides agree at the end: our books, the bank's own books, and a recomputation that knows neither.

The recomputation starts from the records as the platform made them and the movements of the bank's own books. Of our
database it takes only which paper closed a record and what findings and deductions were taken; every amount, ratio and
rounding is worked out anew, in SQLite: an installed fundledger has no DuckDB. The tests recompute more, and from less of
ours, in DuckDB (tests/simulation/recompute.sql) over the same file, the bank's own books and `fundledger export`.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from ledger.core.accounts import coded
from ledger.simulation.town import Town

# What there should be per book and institution, and what is booked: the money that came in, what waits for its month,
# what a letter left to the institution, what was paid, and by difference what is still owed in all other ways.
_COMPARE: Final = coded("""
WITH side AS (
    SELECT fund, institution, 'recognised' AS what, fen, 0 AS booked FROM record
    UNION ALL
    SELECT r.fund, r.institution, 'waiting', r.fen - r.daily, 0 FROM record r LEFT JOIN settled s USING (setl_id, fund, subfund)
     WHERE s.paper IS NULL
    UNION ALL
    SELECT r.fund, r.institution, 'borne', r.fen, 0 FROM record r JOIN settled s USING (setl_id, fund, subfund) WHERE s.paper LIKE 'CL%'
    UNION ALL
    SELECT fund, institution, what, fen, 0 FROM movement
    UNION ALL
    SELECT fund, institution, what, fen, 0 FROM taken WHERE what <> 'advance_back'
    UNION ALL
    SELECT fund, institution, 'advanced', -fen, 0 FROM taken WHERE what = 'advance_back'
    UNION ALL
    SELECT g.fund, g.institution, 'retained', g.fen - sign(g.fen) * ((abs(g.fen) * g.ratio + 5000) / 10000), 0
      FROM (SELECT r.fund, r.institution, s.paper, r.clr_type, sum(r.fen) AS fen, 9500 AS ratio
              FROM record r JOIN settled s USING (setl_id, fund, subfund)
             WHERE r.subfund = 'pool' AND s.paper NOT LIKE 'CL%' GROUP BY 1, 2, 3, 4) g
      LEFT JOIN cleared c ON (c.fund, c.institution) = (g.fund, g.institution) WHERE c.fund IS NULL
    UNION ALL
    SELECT r.fund, r.institution, 'owed', r.fen, 0 FROM record r
    UNION ALL
    SELECT r.fund, r.institution, 'owed', -(r.fen - r.daily), 0 FROM record r LEFT JOIN settled s USING (setl_id, fund, subfund)
     WHERE s.paper IS NULL
    UNION ALL
    SELECT r.fund, r.institution, 'owed', -r.fen, 0 FROM record r JOIN settled s USING (setl_id, fund, subfund) WHERE s.paper LIKE 'CL%'
    UNION ALL
    SELECT fund, institution, 'owed', CASE what WHEN 'paid' THEN -fen ELSE fen END, 0 FROM movement WHERE what IN ('paid', 'billed')
    UNION ALL
    SELECT fund, institution, 'owed', -fen, 0 FROM taken WHERE what <> 'advance_back'
    UNION ALL
    SELECT b.fund, b.institution, CASE WHEN account = {RECOGNISED} THEN 'recognised' WHEN account = {MONTH_WAITING} THEN 'waiting'
            WHEN account = {BORNE} THEN 'borne' WHEN account IN ({PAID}) THEN 'paid' WHEN account = {AUDIT_DEDUCTED} THEN 'audit'
            WHEN account = {OTHER_DEDUCTED} THEN 'other' WHEN account = {SURPLUS_KEPT} THEN 'surplus' WHEN account = {REFUNDED} THEN 'refunded'
            WHEN account = {RETAINED_FORFEITED} THEN 'forfeited' WHEN account = {REGION_BILLS} THEN 'billed'
            WHEN account = {CARE_RECOGNISED} THEN 'guests' WHEN account = {CARE_PAID} THEN 'guests_paid' WHEN account = {RETURNED_MONEY} OR CAST(account AS TEXT) LIKE '{BENEFITS}%' THEN 'person'
            WHEN account IN ({OFFSETS}) THEN 'offset' ELSE 'unexpected' END, 0, CASE WHEN account IN ({RECOGNISED}, {REGION_BILLS}, {CARE_RECOGNISED}) OR account = {RETURNED_MONEY} OR CAST(account AS TEXT) LIKE '{BENEFITS}%'
            THEN -fen ELSE fen END
      FROM booked b WHERE account NOT IN ({DAILY_OWED}, {MONTH_OWED}, {IN_FLIGHT}, {RETAINED}, {CLEARING_OWED}, {PREPAYMENT}, {PREALLOCATION}, {SUPPLIER_ADVANCE})
    UNION ALL
    SELECT fund, institution, 'advanced', 0, CASE WHEN account < 120000 THEN -fen ELSE fen END FROM booked
      WHERE account IN ({ADVANCES}) OR account IN ({OFFSETS})
    UNION ALL
    SELECT b.fund, b.institution, 'retained', 0, fen FROM booked b
      LEFT JOIN cleared c ON (c.fund, c.institution) = (b.fund, b.institution) WHERE account = {RETAINED} AND c.fund IS NULL
    UNION ALL
    SELECT fund, institution, 'owed', 0, fen FROM booked WHERE account IN ({DAILY_OWED}, {MONTH_OWED}, {IN_FLIGHT}, {RETAINED}, {CLEARING_OWED}))
SELECT fund, institution, what, sum(fen), sum(booked) FROM side GROUP BY 1, 2, 3 HAVING sum(fen) <> sum(booked) ORDER BY 1, 2, 3
""")
_KEYS: Final = coded("""
SELECT fund, institution, subfund, year, term, sum(fen), sum(booked) FROM (
    SELECT fund, institution, subfund, year, term, fen, 0 AS booked FROM record
    UNION ALL
    SELECT fund, institution, subfund, year, term, 0, -fen FROM booked WHERE account = {RECOGNISED})
 GROUP BY 1, 2, 3, 4, 5 HAVING sum(fen) <> sum(booked) ORDER BY 1, 2, 3, 4, 5
""")


def bank_agrees(town: Town) -> bool:
    """The same balances of 支出户 and 财政专户 and the same payments, order by order."""
    with town.tx("accountant") as tx:
        paid: dict[str, int] = dict(
            tx.rows(
                "SELECT order_no, amount_fen FROM payments.pay_order WHERE region = %(region)s AND state = 'paid'",
                region=tx.region,
            )
        )
        held: dict[str, int] = dict(
            tx.rows(
                coded("""SELECT d.counterparty, sum(b.debit - b.credit)::bigint FROM books.balance b
                     JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                    WHERE b.region = %(region)s AND b.account IN ({SPENDING_DEPOSIT}, {FISCAL_DEPOSIT}) GROUP BY 1"""),
                region=tx.region,
            )
        )
    fiscal = town.bank.bank.books.balance(town.bank.fiscal)
    return fiscal == held.get(town.bank.fiscal, 0) and town.bank.agrees(held.get(town.bank.account, 0), paid)


def disagreements(path: Path) -> list[str]:
    """What the recomputation finds different, one line each; [] if both agree to the fen."""
    with sqlite3.connect(path) as both:
        found = [
            f"{fund} {institution} {what}：应为{fen}分，账上{booked}分"
            for fund, institution, what, fen, booked in both.execute(_COMPARE)
        ]
        found += [
            f"{fund} {institution} {subfund} {year} {term} 待遇确认：应为{fen}分，账上{booked}分"
            for fund, institution, subfund, year, term, fen, booked in both.execute(_KEYS)
        ]
    both.close()
    return found
