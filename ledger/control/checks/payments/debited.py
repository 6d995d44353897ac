"""INV-10: orders that were let go for paying again and that the account's statement shows as debited: money that left twice, or will.

A status file is a bank's word; whoever can write as the service can write one, bytes and all. The statement of the day is
another paper by another way, chained, and both debits stand in it: what a forged refusal brought about is seen there.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, LiteralString

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot

# `tied`: which order a line is of, by its number, the bank's serial, or the receipt that posted it. A line that says nothing of
# an order counts where there are more such lines, by sum and payee, than orders that were sent and have no line of their own.
# What two persons explained (payments.resolution), and what the bank gave back under the same number or serial, is not counted.
DEBITED: Final[LiteralString] = """
    WITH freed AS (
        SELECT o.region, o.fund, o.order_no, o.account, o.amount_fen, o.payee_number, o.sent_on, o.bank_reference
          FROM payments.pay_order o
         WHERE o.state IN ('rejected', 'cancelled') AND %(region)s IN (0, o.region)),
    lines AS (
        SELECT l.region, l.account, l.statement, l.n, l.booked_on, l.direction, l.amount_fen, l.bank_reference, l.receipt_no,
               l.order_no, l.other_account
          FROM payments.statement_line l
         WHERE l.statement > 0 AND EXISTS (SELECT FROM freed f WHERE f.region = l.region AND f.account = l.account AND f.amount_fen = l.amount_fen)),
    papers AS (
        SELECT l.region, l.account, l.statement, l.n, e.matched_order, r.resolution_id IS NOT NULL AS explained
          FROM lines l
          JOIN payments.evidence e ON e.region = l.region AND e.account = l.account AND e.direction = l.direction
               AND e.receipt_no = l.receipt_no AND e.kind <> 'statement'
          LEFT JOIN payments.resolution r ON r.region = e.region AND r.account = e.account AND r.kind = e.kind
               AND r.receipt_no = e.receipt_no AND r.direction = e.direction AND r.state = 'approved'
         WHERE l.receipt_no <> ''
        UNION ALL
        SELECT l.region, l.account, l.statement, l.n, e.matched_order, r.resolution_id IS NOT NULL
          FROM lines l
          JOIN payments.evidence e ON e.region = l.region AND e.account = l.account AND e.direction = l.direction
               AND e.bank_reference = l.bank_reference
          LEFT JOIN payments.resolution r ON r.region = e.region AND r.account = e.account AND r.kind = e.kind
               AND r.receipt_no = e.receipt_no AND r.direction = e.direction AND r.state = 'approved'
         WHERE l.bank_reference <> ''
        UNION ALL
        SELECT l.region, l.account, l.statement, l.n, '', true
          FROM lines l
          JOIN payments.resolution r ON r.region = l.region AND r.account = l.account AND r.kind = 'statement'
               AND r.receipt_no = l.statement || '-' || l.n AND r.direction = l.direction AND r.state = 'approved'),
    tied AS (
        SELECT l.region, l.account, l.statement, l.n, l.direction, o.order_no FROM lines l
          JOIN payments.pay_order o ON o.region = l.region AND o.account = l.account AND o.order_no = l.order_no
        UNION
        SELECT l.region, l.account, l.statement, l.n, l.direction, t.order_no FROM lines l
          JOIN payments.taken_order t ON t.region = l.region AND t.reference = l.order_no
        UNION
        SELECT l.region, l.account, l.statement, l.n, l.direction, o.order_no FROM lines l
          JOIN payments.pay_order o ON o.region = l.region AND o.account = l.account AND o.bank_reference = l.bank_reference
         WHERE l.bank_reference <> ''
        UNION
        SELECT l.region, l.account, l.statement, l.n, l.direction, p.matched_order FROM lines l
          JOIN papers p ON p.region = l.region AND p.account = l.account AND p.statement = l.statement AND p.n = l.n
         WHERE p.matched_order <> ''),
    by_name AS (
        SELECT f.region, f.order_no, string_agg(t.statement || ':' || t.n, '、' ORDER BY t.statement, t.n) FILTER (WHERE t.direction = 'debit') AS shown
          FROM freed f JOIN tied t ON t.region = f.region AND t.account = f.account AND t.order_no = f.order_no
         WHERE NOT EXISTS (SELECT FROM papers p WHERE p.region = t.region AND p.account = t.account AND p.statement = t.statement
                              AND p.n = t.n AND p.explained)
         GROUP BY 1, 2 HAVING sum(CASE t.direction WHEN 'debit' THEN 1 ELSE -1 END) > 0),
    loose AS (
        SELECT l.region, l.account, l.statement, l.n, l.booked_on, l.amount_fen, l.other_account FROM lines l
         WHERE l.direction = 'debit' AND l.order_no = ''
           AND NOT EXISTS (SELECT FROM tied t WHERE t.region = l.region AND t.account = l.account AND t.statement = l.statement AND t.n = l.n)
           AND NOT EXISTS (SELECT FROM papers p WHERE p.region = l.region AND p.account = l.account AND p.statement = l.statement AND p.n = l.n)),
    waiting AS (
        SELECT o.region, o.account, o.amount_fen, o.payee_number, count(*) AS orders FROM payments.pay_order o
         WHERE o.sent_on IS NOT NULL AND o.state NOT IN ('rejected', 'cancelled')
           AND NOT EXISTS (SELECT FROM tied t WHERE t.region = o.region AND t.account = o.account AND t.order_no = o.order_no AND t.direction = 'debit')
         GROUP BY 1, 2, 3, 4),
    by_sum AS (
        SELECT f.region, f.order_no, string_agg(l.statement || ':' || l.n, '、' ORDER BY l.statement, l.n) AS shown
          FROM freed f
          JOIN loose l ON l.region = f.region AND l.account = f.account AND l.amount_fen = f.amount_fen AND l.booked_on >= f.sent_on
           AND l.other_account IN ('', f.payee_number)
          LEFT JOIN waiting w ON w.region = f.region AND w.account = f.account AND w.amount_fen = f.amount_fen AND w.payee_number = f.payee_number
         GROUP BY 1, 2 HAVING count(*) > coalesce(max(w.orders), 0))
    SELECT f.region, f.fund, f.order_no, coalesce(n.shown, s.shown),
           coalesce((SELECT string_agg(DISTINCT o.order_no, '、') FROM payments.pay_order o
                      WHERE o.region = f.region AND o.state NOT IN ('draft', 'rejected', 'cancelled')
                        AND (o.replaces = f.order_no OR o.order_no IN (
                             SELECT y.order_no FROM payments.order_payable p JOIN fund.payable y ON y.region = p.region
                                AND y.fund = p.fund AND y.setl_id = p.setl_id AND y.subfund = p.subfund
                              WHERE p.region = f.region AND p.order_no = f.order_no AND y.order_no <> f.order_no))), ''),
           f.sent_on::text
      FROM freed f
      LEFT JOIN by_name n ON n.region = f.region AND n.order_no = f.order_no
      LEFT JOIN by_sum s ON s.region = f.region AND s.order_no = f.order_no
     WHERE n.shown IS NOT NULL OR s.shown IS NOT NULL ORDER BY 1, 3
"""
"""`region` 0: of every region. Rows: region, fund, order, `statement:line` of the debits, the orders that pay the same again, sent on."""


def check_debited(snapshot: Snapshot) -> Iterator[Breach]:
    """Every order that was let go and that a statement shows as debited."""
    for region, fund, order_no, shown, again, _ in snapshot.rows(DEBITED, region=0):
        code = "order.paid_twice" if again else "order.debited"
        yield Breach(
            "INV-10",
            f"{region}-{fund}",
            f"order {order_no}",
            f"拨付单{order_no}{said_of(shown, again)}",
            code,
        )


def said_of(shown: str, again: str) -> str:
    """What is wrong with it, after its number."""
    more = f"，并由拨付单{again}再付：一款两付" if again else "，再付即为一款两付"
    return f"已退回重付，而对账单第{shown}行显示已扣款{more}"
