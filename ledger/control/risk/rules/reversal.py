"""冲销率: how many of an institution's settlements of a month were reversed, of those it settled in it (procedure.md 6)."""

from __future__ import annotations

from typing import Final

from ledger.control.risk.rule import RiskRule

RULE: Final = RiskRule(
    "reversal", "risk_reversal", "5", {"least": 20},
    """, figures AS (
        SELECT k.institution, count(*) FILTER (WHERE k.fund_fen >= 0) AS records, count(*) FILTER (WHERE k.fund_fen < 0) AS reversals
          FROM known k GROUP BY 1)
    SELECT f.institution, f.reversals * 10000 / f.records,
           (SELECT jsonb_agg(e.one) FROM (SELECT jsonb_build_object('setl_id', k.setl_id, 'day', k.day, 'fen', k.fund_fen) AS one FROM known k
             WHERE k.institution = f.institution AND k.fund_fen < 0 ORDER BY k.day, k.setl_id COLLATE "C", k.fund LIMIT 200) e)
      FROM figures f WHERE f.records >= %(least)s AND f.reversals > 0 AND f.reversals * 10000 >= %(threshold)s * f.records
     ORDER BY f.institution COLLATE "C" """,
    monthly=True,
)  # fmt: skip
