"""INV-12, INV-13: hand-backs of art. 12 say what their receipts say, and every receipt of a daily order is told once.

What no hand-back tells yet is no breach while its own is still to be made: past the 3rd it is named as waiting.
"""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.accounts import coded

_HEADS: Final = """
    SELECT h.region, h.fund, h.month, encode(h.digest, 'hex'), h.paid_fen, h.returned_fen,
           coalesce(sum(l.paid_fen), 0), coalesce(sum(l.returned_fen), 0),
           h.region || '|' || h.fund || '|' || h.month || E'\\n' || coalesce(string_agg(
               concat_ws('|', l.booked_month, l.institution, l.term, l.paid_fen, l.returned_fen) || E'\\n', ''
               ORDER BY l.booked_month DESC, l.institution COLLATE "C", l.term)
               FILTER (WHERE l.region IS NOT NULL), '')
      FROM fund.handback h
      LEFT JOIN fund.handback_line l ON l.region = h.region AND l.fund = h.fund AND l.month = h.month
     GROUP BY h.region, h.fund, h.month ORDER BY 1, 2, 3
"""
# Receipts of daily orders: what each moved per 期号, and the day it was booked here.
_DAILY: Final = coded("""
    WITH daily AS (
        SELECT v.region, o.fund, v.account, v.kind, v.receipt_no, to_char(v.booking_date, 'YYYYMM')::integer AS booked_month,
               o.institution, o.order_no, v.direction, e.posted_on
          FROM payments.evidence v JOIN payments.pay_order o ON o.region = v.region AND o.order_no = v.matched_order
          LEFT JOIN (SELECT region, order_no, evidence, event, max(business_date) AS posted_on FROM payments.order_event
                      WHERE event IN ('pay', 'return') GROUP BY 1, 2, 3, 4) e
            ON e.region = o.region AND e.order_no = o.order_no AND e.evidence = v.kind || ':' || v.receipt_no
               AND e.event = CASE v.direction WHEN 'debit' THEN 'pay' ELSE 'return' END
         WHERE v.outcome = 'posted' AND EXISTS (SELECT 1 FROM payments.order_item i WHERE i.region = o.region
                                                   AND i.order_no = o.order_no AND i.source = {DAILY_OWED}))
""")
_LINES: Final = coded("""
    SELECT * FROM (
        SELECT region, fund, month, booked_month, institution, term, sum(told_paid), sum(told_back), sum(paid), sum(back)
          FROM (SELECT region, fund, month, booked_month, institution, term, paid_fen AS told_paid, returned_fen AS told_back,
                       0 AS paid, 0 AS back FROM fund.handback_line
                UNION ALL
                SELECT r.region, r.fund, r.month, d.booked_month, d.institution, i.term, 0, 0,
                       CASE d.direction WHEN 'debit' THEN i.amount_fen ELSE 0 END, CASE d.direction WHEN 'credit' THEN i.amount_fen ELSE 0 END
                  FROM fund.handback_receipt r
                  JOIN daily d ON d.region = r.region AND d.fund = r.fund AND d.account = r.account AND d.kind = r.kind
                              AND d.receipt_no = r.receipt_no AND d.direction = r.direction
                  JOIN payments.order_item i ON i.region = d.region AND i.order_no = d.order_no AND i.source = {DAILY_OWED}) sides
         GROUP BY 1, 2, 3, 4, 5, 6) lines (region, fund, month, booked_month, institution, term, told_paid, told_back, paid, back)
     WHERE (told_paid, told_back) <> (paid, back) ORDER BY 1, 2, 3, 4, 5, 6
""")
# Booked here on a day before a hand-back of its own month or a later one was made, and in none, though its own is made.
_LOST: Final = """
    SELECT d.region, d.fund, d.kind || ':' || d.receipt_no, d.booked_month, d.posted_on, h.month, h.made_on
      FROM daily d
      JOIN LATERAL (SELECT h.month, h.made_on FROM fund.handback h
                     WHERE h.region = d.region AND h.fund = d.fund AND h.month >= d.booked_month AND h.made_on > d.posted_on
                     ORDER BY h.month LIMIT 1) h ON true
     WHERE EXISTS (SELECT 1 FROM fund.handback own WHERE own.region = d.region AND own.fund = d.fund AND own.month = d.booked_month
                      AND own.made_on <= h.made_on)
       AND NOT EXISTS (SELECT 1 FROM fund.handback_receipt r WHERE r.region = d.region AND r.account = d.account
                          AND r.kind = d.kind AND r.receipt_no = d.receipt_no AND r.direction = d.direction)
     ORDER BY 1, 2, 3
"""
# By the day the book has reached: verify asks no clock.
_OVERDUE: Final = """
    SELECT count(*) FROM daily d
      JOIN (SELECT region, fund, max(voucher_date) AS day FROM books.block GROUP BY 1, 2) b ON b.region = d.region AND b.fund = d.fund
     WHERE b.day > (date_trunc('month', d.posted_on) + interval '1 month 2 days')::date
       AND NOT EXISTS (SELECT 1 FROM fund.handback_receipt r WHERE r.region = d.region AND r.account = d.account
                          AND r.kind = d.kind AND r.receipt_no = d.receipt_no AND r.direction = d.direction)
"""


def check_handbacks(snapshot: Snapshot) -> Iterator[Breach]:
    """Heads against lines, lines against receipts, receipts against hand-backs."""
    for region, fund, month, stored, paid, returned, *sums, text in snapshot.rows(_HEADS):
        where = f"handback {month}"
        if sha256(text.encode()).hexdigest() != stored:
            yield Breach("INV-12", f"{region}-{fund}", where, "回传与其摘要不符，已被改动")
        if [paid, returned] != sums:
            message = f"回传合计付{paid}分退{returned}分，各行合计付{sums[0]}分退{sums[1]}分"
            yield Breach("INV-12", f"{region}-{fund}", where, message)
    for region, fund, month, booked, institution, term, told_paid, told_back, paid, back in snapshot.rows(
        _DAILY + _LINES
    ):
        message = f"机构{institution}{term}期{booked}月：回传付{told_paid}分退{told_back}分，回单付{paid}分退{back}分"
        yield Breach("INV-13", f"{region}-{fund}", f"handback {month}", message)
    for region, fund, receipt, booked, posted_on, month, made_on in snapshot.rows(_DAILY + _LOST):
        message = f"{booked}月的日拨付回单于{posted_on}过账，{month}月回传于{made_on}作出而未列入"
        yield Breach("INV-13", f"{region}-{fund}", f"receipt {receipt}", message)
    [(overdue,)] = snapshot.rows(_DAILY + _OVERDUE)
    if overdue:
        snapshot.waiting["逾期未回传的日拨付回单"] = overdue
