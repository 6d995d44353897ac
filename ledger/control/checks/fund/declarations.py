"""INV-12, INV-13: a declaration's clr_stas is what its events made of it, and 已拨付 what the bank paid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot

# Every step starts where the one before ended, along the table; the last one's end is the state.
_STEPS: Final = """
    SELECT d.region, d.fund, d.declaration_id, d.state, e.n, e.event, e.from_state, e.to_state FROM (
        SELECT e.*, coalesce(lag(e.to_state) OVER own, '') AS before, lead(e.n) OVER own IS NULL AS last
          FROM fund.declaration_event e WINDOW own AS (PARTITION BY e.region, e.declaration_id ORDER BY e.n)) e
      JOIN fund.declaration d ON d.region = e.region AND d.declaration_id = e.declaration_id
      LEFT JOIN fund.declaration_transition t ON t.from_state = e.from_state AND t.event = e.event AND t.to_state = e.to_state
     WHERE e.from_state <> e.before OR e.last AND e.to_state <> d.state
        OR t.event IS NULL AND (e.event, e.from_state, e.to_state) <> ('apply', '', '10')
     ORDER BY 1, 3, 5
"""
_UNTOLD: Final = """
    SELECT d.region, d.fund, d.declaration_id, d.state FROM fund.declaration d
     WHERE NOT EXISTS (SELECT 1 FROM fund.declaration_event e WHERE e.region = d.region AND e.declaration_id = d.declaration_id)
     ORDER BY 1, 3
"""
# 60 while all the sheet's money is out: an order paid and not returned, approved after the last return of an order of it.
_PAID: Final = """
    SELECT d.region, d.fund, d.declaration_id, d.state, coalesce(p.event, ''), coalesce(p.order_no, '')
      FROM fund.declaration d
      LEFT JOIN fund.declaration_event e ON e.region = d.region AND e.declaration_id = d.declaration_id AND e.event = 'settle'
      LEFT JOIN (SELECT o.region, o.sheet_id, (array_agg(o.event ORDER BY o.told_at DESC))[1] AS event,
                        (array_agg(o.order_no ORDER BY o.told_at DESC))[1] AS order_no,
                        bool_or(o.event = 'pay' AND (o.back_at IS NULL OR o.approved_at > o.back_at)) AS paid
                   FROM (SELECT l.*, max(l.told_at) FILTER (WHERE l.event = 'return') OVER (PARTITION BY l.region, l.sheet_id) AS back_at
                           FROM (SELECT x.region, x.sheet_id, x.order_no, min(v.recorded_at) FILTER (WHERE v.event = 'approve') AS approved_at,
                                        max(v.recorded_at) AS told_at, (array_agg(v.event ORDER BY v.recorded_at DESC))[1] AS event
                                   FROM fund.sheet_order x
                                   JOIN payments.order_event v ON v.region = x.region AND v.order_no = x.order_no
                                                              AND v.event IN ('approve', 'pay', 'return')
                                  GROUP BY 1, 2, 3) l) o
                  WHERE o.event <> 'approve' GROUP BY 1, 2) p ON p.region = d.region AND p.sheet_id = e.reason
     WHERE (d.state = '60') IS DISTINCT FROM coalesce(p.paid, false) ORDER BY 1, 3
"""

# Declared record by record, the very ones whose digest the declaration has; freed by withdrawal or rejection only.
_RECORDS: Final = """
    SELECT d.region, d.fund, d.declaration_id, d.records, coalesce(r.records, 0)
      FROM (SELECT n.*, EXISTS (SELECT FROM fund.declaration_event e WHERE e.region = n.region AND e.declaration_id = n.declaration_id
                                   AND e.event IN ('withdraw', 'reject')) AS freed FROM fund.declaration n) d
      LEFT JOIN (SELECT c.region, c.fund, c.declaration_id, count(*) AS records,
                        sha256(string_agg(convert_to(c.setl_id, 'UTF8') || s.content_digest, ''::bytea ORDER BY c.setl_id COLLATE "C")) AS digest
                   FROM fund.declared c LEFT JOIN fund.record s ON s.region = c.region AND s.setl_id = c.setl_id GROUP BY 1, 2, 3) r
        ON r.region = d.region AND r.fund = d.fund AND r.declaration_id = d.declaration_id
     WHERE CASE WHEN d.freed THEN r.records IS NOT NULL ELSE (r.records, r.digest) IS DISTINCT FROM (d.records, d.digest) END
     ORDER BY 1, 3
"""


def check_declarations(snapshot: Snapshot) -> Iterator[Breach]:
    """Events against the state, then the state against the bank's papers."""
    for region, fund, declaration, state in snapshot.rows(_UNTOLD):
        message = f"申报的清算状态为{state}，却没有经过记录"
        yield Breach("INV-12", f"{region}-{fund}", f"declaration {declaration}", message)
    for region, fund, declaration, said, there in snapshot.rows(_RECORDS):
        message = (
            f"申报记有{said}笔结算，现列在其下的为{there}笔，或不是原来的那些：有申报记录被删除、加上或换过"
        )
        yield Breach("INV-12", f"{region}-{fund}", f"declaration {declaration}", message)
    for region, fund, declaration, state, n, event, before, after in snapshot.rows(_STEPS):
        message = f"申报的第{n}步{event}由{before or '（无）'}至{after}，与前后经过或现状态{state}不符"
        yield Breach("INV-12", f"{region}-{fund}", f"declaration {declaration}", message)
    for region, fund, declaration, state, event, order_no in snapshot.rows(_PAID):
        said = {
            "pay": f"拨付单{order_no}已付妥（退汇款再付后为60）",
            "return": f"拨付单{order_no}已退汇",
            "": "没有付妥的拨付单",
        }
        message = f"申报的清算状态为{state}，而月结算{said[event]}"
        yield Breach("INV-13", f"{region}-{fund}", f"declaration {declaration}", message)
