"""T8, T9: money that came back is still owed to somebody, and an advance is never smaller than nothing (docs/adr/0013).

T8, per key: 200104 退汇待付 less daily money owed again in 9101 lies between nothing and what 9103, 9106 and orders in
flight owe. T9, per institution and kind: 1101 = advances paid − offset − given back, and never below zero.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.accounts import RETURNED_MONEY, coded
from ledger.core.money import yuan

# Written a second time, in SQL alone: what payments.returned decides by in Python. Daily money that came back lies in
# 2001 only where the payout day was under P2; the last order that came back counts, unless a later one has paid.
_OWED_BACK: Final = coded("""
    WITH moved AS (
        SELECT b.region, b.fund, d.counterparty AS institution, d.subfund, d.service_year, d.term, d.category, b.account,
               sum(b.credit - b.debit) AS fen
          FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
         WHERE b.account IN ({RETURNED_MONEY}, {MONTH_OWED}, {CLEARING_OWED}) AND d.counterparty <> 'PERSON' GROUP BY 1, 2, 3, 4, 5, 6, 7, 8),
    flying AS (
        SELECT o.region, o.fund, o.institution, i.subfund, i.service_year, i.term, i.category, i.amount_fen AS fen
          FROM payments.pay_order o
          JOIN payments.state s ON s.state = o.state AND s.in_flight
          JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no
         WHERE i.source IN ({MONTH_OWED}, {CLEARING_OWED})),
    came_back AS (
        SELECT DISTINCT ON (p.region, p.fund, p.setl_id, p.subfund)
               p.region, p.fund, p.institution, p.subfund, p.service_year, p.term, p.category, p.daily_fen, g.pay_date
          FROM payments.pay_order o
          JOIN payments.batch g ON g.region = o.region AND g.batch_id = o.batch_id
          JOIN payments.order_payable e ON e.region = o.region AND e.order_no = o.order_no
          JOIN fund.payable p ON p.region = e.region AND p.fund = e.fund AND p.setl_id = e.setl_id AND p.subfund = e.subfund
          LEFT JOIN payments.pay_order c ON c.region = p.region AND c.order_no = p.order_no
         WHERE o.state = 'returned' AND p.settled_by = '' AND c.state IS DISTINCT FROM 'paid'
         ORDER BY p.region, p.fund, p.setl_id, p.subfund, o.order_no DESC),
    sides AS (
        SELECT region, fund, institution, subfund, service_year, term, category,
               CASE WHEN account = {RETURNED_MONEY} THEN fen ELSE 0 END AS owed_back,
               CASE WHEN account = {RETURNED_MONEY} THEN 0 ELSE least(fen, 0) END AS low,
               CASE WHEN account = {RETURNED_MONEY} THEN 0 ELSE greatest(fen, 0) END AS high FROM moved
        UNION ALL
        SELECT region, fund, institution, subfund, service_year, term, category, 0, least(fen, 0), greatest(fen, 0) FROM flying
        UNION ALL
        SELECT region, fund, institution, subfund, service_year, term, category, -daily_fen, 0, 0 FROM came_back r
         WHERE (SELECT y.value FROM fund.region_policy y WHERE y.region = r.region AND y.key = 'daily_accounting'
                   AND y.from_day <= r.pay_date ORDER BY y.from_day DESC LIMIT 1) = 'P2')
    SELECT region, fund, institution, subfund, service_year, term, category, sum(owed_back)::bigint, sum(low)::bigint, sum(high)::bigint FROM sides
     GROUP BY 1, 2, 3, 4, 5, 6, 7 HAVING sum(owed_back) NOT BETWEEN sum(low) AND sum(high) ORDER BY 1, 2, 3, 4, 5, 6, 7
""")
_ADVANCES: Final = coded("""
    SELECT region, fund, institution, account, sum(booked)::bigint, sum(listed)::bigint FROM (
        SELECT b.region, b.fund, d.counterparty AS institution, b.account, b.debit - b.credit AS booked, 0 AS listed
          FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
         WHERE b.account IN ({ADVANCES})
        UNION ALL
        SELECT a.region, a.fund, a.institution,
               CASE a.kind WHEN 'prepayment' THEN {PREPAYMENT} WHEN 'preallocation' THEN {PREALLOCATION} ELSE {SUPPLIER_ADVANCE} END, 0,
               CASE WHEN o.state = 'paid' OR a.order_no LIKE 'OPEN:%' THEN a.amount_fen ELSE 0 END
               - (SELECT coalesce(sum(t.amount_fen), 0) FROM fund.advance_offset t
                   WHERE t.region = a.region AND t.advance_id = a.advance_id)
               - (SELECT coalesce(sum(f.amount_fen), 0) FROM fund.refund f
                   WHERE f.region = a.region AND f.advance_id = a.advance_id AND f.state = 'approved')
          FROM fund.advance a LEFT JOIN payments.pay_order o ON o.region = a.region AND o.order_no = a.order_no) sides
     GROUP BY 1, 2, 3, 4 HAVING sum(booked) <> sum(listed) OR sum(booked) < 0 ORDER BY 1, 2, 3, 4
""")
_GONE: Final = """
    SELECT a.region, a.fund, a.advance_id, CASE WHEN o.state = 'paid' OR a.order_no LIKE 'OPEN:%' THEN a.amount_fen ELSE 0 END AS paid, a.offset_fen, a.returned_fen
      FROM fund.advance a
      LEFT JOIN payments.pay_order o ON o.region = a.region AND o.order_no = a.order_no
     WHERE a.offset_fen + a.returned_fen > CASE WHEN o.state = 'paid' OR a.order_no LIKE 'OPEN:%' THEN a.amount_fen ELSE 0 END
        OR a.offset_fen <> (SELECT coalesce(sum(t.amount_fen), 0) FROM fund.advance_offset t
                             WHERE t.region = a.region AND t.advance_id = a.advance_id)
        OR a.returned_fen <> (SELECT coalesce(sum(f.amount_fen), 0) FROM fund.refund f
                               WHERE f.region = a.region AND f.advance_id = a.advance_id AND f.state = 'approved')
     ORDER BY 1, 2, 3
"""


def check_returned(snapshot: Snapshot) -> Iterator[Breach]:
    """T8, then T9 by balance and by advance."""
    for region, fund, *key, owed_back, low, high in snapshot.rows(_OWED_BACK):
        message = f"退汇待付{yuan(owed_back)}元，退回后仍应付的为{yuan(low)}至{yuan(high)}元"
        yield Breach("T8", f"{region}-{fund}", f"{RETURNED_MONEY} " + "/".join(map(str, key)), message)
    for region, fund, institution, account, booked, listed in snapshot.rows(_ADVANCES):
        message = f"预付款项账上{yuan(booked)}元，已付减抵扣减退回为{yuan(listed)}元；两者应相等且不小于零"
        yield Breach("T9", f"{region}-{fund}", f"{account} {institution}", message)
    for region, fund, advance_id, paid, offset, returned in snapshot.rows(_GONE):
        message = f"已付{yuan(paid)}元的预付款项已抵扣{yuan(offset)}元、退回{yuan(returned)}元，超过已付或与明细不符"
        yield Breach("T9", f"{region}-{fund}", f"advance {advance_id}", message)
