"""INV-10: no order was approved for more than its institution was owed then, netted over its fund (art. 12).

And what is owed waits for no order that does not pay it: it would be paid by nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot, seq_label
from ledger.core.accounts import coded

# The journal lived through again: what each kind owed to each institution came to right after every order.
_OVERDRAWN: Final = coded("""
    WITH line AS MATERIALIZED (     -- apart: joined beside the unnesting, every entry would be held against every dimension
        SELECT e.region, e.fund, e.period, e.seq, e.series, e.vno, e.event, e.source_key, l.dim, abs(l.account) AS account,
               sum(-sign(l.account)::bigint * l.amount_fen) AS fen
          FROM books.entry e CROSS JOIN LATERAL unnest(e.accounts, e.dims, e.amounts) AS l (account, dim, amount_fen)
         WHERE abs(l.account) IN ({DAILY_OWED}, {MONTH_OWED}, {CLEARING_OWED})
         GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10)
    SELECT region, fund, period, seq, series, vno, source_key, institution, account, left_fen FROM (
        SELECT *, sum(fen) OVER (PARTITION BY region, fund, account, institution ORDER BY seq) AS left_fen FROM (
            SELECT l.region, l.fund, l.period, l.seq, l.series, l.vno, l.event, l.source_key, d.counterparty AS institution, l.account,
                   sum(l.fen) AS fen
              FROM line l JOIN books.dim d ON d.region = l.region AND d.dim = l.dim
             GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9, 10) moved) lived
     WHERE event = 'ORD' AND fen < 0 AND left_fen < 0 ORDER BY region, fund, seq
""")
# What a cut-over took over as ordered is held against what was handed over (checks/fund/cutover.py).
_UNPAID: Final = """
    SELECT y.region, y.fund, y.setl_id, y.order_no FROM fund.payable y
     WHERE y.order_no <> '' AND y.order_no NOT LIKE 'OPEN%' AND NOT EXISTS (
           SELECT FROM payments.order_payable p WHERE p.region = y.region AND p.order_no = y.order_no AND p.fund = y.fund
              AND p.setl_id = y.setl_id AND p.subfund = y.subfund)
     ORDER BY 1, 2, 3
"""


def check_owed(snapshot: Snapshot) -> Iterator[Breach]:
    """Every order against what was owed when it was approved, and what is owed against its order."""
    for region, fund, period, seq, series, vno, key, institution, account, left in snapshot.rows(_OVERDRAWN):
        message = f"{key}使机构{institution}的{account}成为{left}分：审批时的应付净额不足，多付了"
        yield Breach("INV-10", f"{region}-{fund}", seq_label(period, seq, series, vno), message)
    for region, fund, setl_id, order_no in snapshot.rows(_UNPAID):
        message = f"应付明细写明由拨付单{order_no}拨付，而该单没有这一笔：不会有人再付"
        yield Breach("INV-10", f"{region}-{fund}", f"record {setl_id}", message)
