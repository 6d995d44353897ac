"""INV-09: what a bank's statement shows of an order of ours, no paper of which was ever taken in: money that moved and that the
books do not know. The other way round, an entry whose receipt no statement has, is `payments.statements`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.money import yuan

# A line the account's statements have passed by five days, named by our order's number or by the serial the bank gave the order,
# matched with nothing. A paper is the line's by its own number or serial; where a bank numbers its statements otherwise, the order
# has as many papers of that direction as lines. Orders that were let go have their own check (payments.debited).
_UNBOOKED: Final = """
    WITH reach AS (SELECT region, account, max(last_day) AS last FROM payments.bank_statement WHERE n > 0 GROUP BY 1, 2),
    late AS (
        SELECT l.region, l.account, l.statement, l.n, l.direction, l.booked_on, l.amount_fen, l.bank_reference, l.receipt_no, l.order_no,
               r.last - l.booked_on AS age
          FROM payments.statement_line l
          JOIN reach r ON r.region = l.region AND r.account = l.account
          LEFT JOIN payments.match_line m ON m.region = l.region AND m.account = l.account AND m.statement = l.statement AND m.n = l.n AND m.live
         WHERE l.statement > 0 AND m.n IS NULL AND l.booked_on <= r.last - 5),
    ours AS (
        SELECT l.*, o.fund, o.state, o.order_no AS ours FROM late l
          JOIN payments.pay_order o ON o.region = l.region AND o.account = l.account AND o.order_no = l.order_no
        UNION
        SELECT l.*, o.fund, o.state, o.order_no FROM late l
          JOIN payments.pay_order o ON o.region = l.region AND o.account = l.account AND o.bank_reference = l.bank_reference
         WHERE l.bank_reference <> '' AND l.order_no = ''),
    unpapered AS (
        SELECT l.* FROM ours l
         WHERE l.state NOT IN ('rejected', 'cancelled')
           AND NOT EXISTS (SELECT FROM payments.evidence e WHERE e.region = l.region AND e.account = l.account AND e.direction = l.direction
                              AND e.receipt_no = l.receipt_no AND l.receipt_no <> '')
           AND NOT EXISTS (SELECT FROM payments.evidence e WHERE e.region = l.region AND e.account = l.account AND e.direction = l.direction
                              AND e.bank_reference IN (l.bank_reference, split_part(l.bank_reference, '#', 1), l.bank_reference || '#' || l.ours)
                              AND l.bank_reference <> '')
           AND NOT EXISTS (SELECT FROM payments.evidence e WHERE e.region = l.region AND e.account = l.account AND e.direction = l.direction
                              AND e.kind = 'statement' AND e.receipt_no = l.statement || '-' || l.n))
    SELECT l.region, l.account, l.statement, l.n, l.fund, l.ours, l.direction, l.amount_fen, l.booked_on, l.age,
           EXISTS (SELECT FROM payments.reconciliation_item i JOIN payments.reconciliation r USING (region, account, period, version)
                    WHERE r.state = 'reviewed' AND i.region = l.region AND i.account = l.account AND left(i.part, 4) = 'bank'
                      AND i.reference = l.statement || ':' || l.n)
      FROM unpapered l
     WHERE (SELECT greatest(count(*), 1) FROM payments.statement_line k WHERE k.region = l.region AND k.account = l.account AND k.statement > 0
               AND k.direction = l.direction AND k.order_no = l.ours)
         > (SELECT count(DISTINCT split_part(e.bank_reference, '#', 1)) FROM payments.evidence e
             WHERE e.region = l.region AND e.account = l.account AND e.direction = l.direction AND e.matched_order = l.ours)
     ORDER BY 1, 2, 3, 4
"""


def check_unbooked(snapshot: Snapshot) -> Iterator[Breach]:
    """Each such line; one that stands as open on a reviewed sheet is known to two persons, and told as waiting."""
    for region, account, statement, n, fund, order_no, side, fen, day, age, shown in snapshot.rows(_UNBOOKED):
        if shown:
            name = f"统筹区{region}账户{account}余额调节表上已过五日、银行已记而未收到回单的拨付单"
            snapshot.waiting[name] = snapshot.waiting.get(name, 0) + 1
            continue
        moved = "扣款" if side == "debit" else "退回"
        yield Breach(
            "INV-09",
            f"{region}-{fund}",
            f"order {order_no}",
            f"账户{account}对账单第{statement}:{n}行显示银行已于{day}{moved}{yuan(fen)}元，至今没有收到其回单，账上没有这笔（已{age}天）",
            "order.unbooked",
        )
