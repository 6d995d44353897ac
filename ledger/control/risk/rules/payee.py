"""付款前变更收款账户: the first money approved to an account that took another's place a few days before (procedure.md 6)."""

from __future__ import annotations

from typing import Final

from ledger.control.risk.rule import MONEY, RiskRule

RULE: Final = RiskRule(
    "payee", "risk_payee_days", "7", {},
    """
    WITH ordered AS (
        SELECT o.institution, o.order_no, o.amount_fen, max(a.decided_on) AS changed FROM payments.pay_order o
          JOIN payments.approval v ON v.region = o.region AND v.batch_id = o.batch_id
          JOIN books.source s ON s.region = o.region AND s.fund = o.fund AND s.source_key = 'ORD:' || o.order_no
          JOIN fund.payee_account a ON a.region = o.region AND a.institution = o.institution AND a.number = o.payee_number
           AND a.cnaps = o.payee_cnaps AND a.confirmed_by <> '' AND a.state <> 'refused'
           AND a.decided_on > v.approved_on - %(payee_days)s::integer AND a.decided_on <= v.approved_on
         WHERE o.region = %(region)s AND v.approved_on = %(day)s AND %(institution)s IN ('', o.institution)
           AND s.seq <= (%(seqs)s::bigint[])[array_position(%(funds)s::smallint[], o.fund)]
           AND EXISTS (SELECT 1 FROM fund.payee_account b WHERE b.region = a.region AND b.institution = a.institution
                          AND b.version < a.version AND b.confirmed_by <> '' AND b.state <> 'refused'
                          AND (b.number, b.cnaps) <> (a.number, a.cnaps))
           AND NOT EXISTS (SELECT 1 FROM payments.pay_order e JOIN payments.approval w ON w.region = e.region AND w.batch_id = e.batch_id
                            WHERE e.region = o.region AND e.institution = o.institution AND e.payee_number = o.payee_number
                              AND e.payee_cnaps = o.payee_cnaps AND w.approved_on >= a.decided_on AND w.approved_on < v.approved_on)
         GROUP BY 1, 2, 3)
    SELECT o.institution, sum(o.amount_fen)::bigint,
           jsonb_agg(jsonb_build_object('order_no', o.order_no, 'fen', o.amount_fen, 'changed', o.changed) ORDER BY o.order_no COLLATE "C")
      FROM ordered o GROUP BY o.institution HAVING sum(o.amount_fen) >= %(threshold)s ORDER BY o.institution COLLATE "C" """,
    measure=MONEY, reads_known=False,
)  # fmt: skip
