"""重复住院: stays of a month that begin within some days after the same person's discharge from the same institution (procedure.md 6).

Of inpatient settlements only, and of those that were not reversed; two settlements of one stay count as well.
"""

from __future__ import annotations

from typing import Final

from ledger.control.risk.rule import RiskRule

RULE: Final = RiskRule(
    "readmission", "risk_readmission", "10", {"again_days": 10, "least": 20},
    """, stays AS MATERIALIZED (
        SELECT DISTINCT ON (r.setl_id) k.institution, k.day, r.setl_id, r.psn_no, r.setl_time, r.begndate::date AS begun, r.enddate::date AS ended
          FROM known k JOIN fund.record r ON r.region = %(region)s AND r.setl_id = k.setl_id
         WHERE r.init_setl_id = '' AND r.begndate <> '' AND r.enddate <> ''
           AND r.med_type IN ('21', '22', '23', '24', '25', '26', '27', '52')
           AND NOT EXISTS (SELECT 1 FROM known x JOIN fund.record v ON v.region = %(region)s AND v.setl_id = x.setl_id
                            WHERE v.init_setl_id = r.setl_id)
         ORDER BY r.setl_id, k.fund),
    again AS (
        SELECT b.institution, b.setl_id, b.day, min(a.setl_id COLLATE "C") AS after FROM stays b
          JOIN stays a ON a.psn_no = b.psn_no AND a.institution = b.institution AND (a.setl_time, a.setl_id) < (b.setl_time, b.setl_id)
           AND b.begun BETWEEN a.ended AND a.ended + %(again_days)s::integer
         WHERE b.day >= %(month)s GROUP BY 1, 2, 3),
    figures AS (
        SELECT s.institution, count(*) AS records, count(g.setl_id) AS again FROM stays s LEFT JOIN again g ON g.setl_id = s.setl_id
         WHERE s.day >= %(month)s GROUP BY 1)
    SELECT f.institution, f.again * 10000 / f.records,
           (SELECT jsonb_agg(e.one) FROM (SELECT jsonb_build_object('setl_id', g.setl_id, 'day', g.day, 'after', g.after) AS one FROM again g
             WHERE g.institution = f.institution ORDER BY g.day, g.setl_id COLLATE "C" LIMIT 200) e)
      FROM figures f WHERE f.records >= %(least)s AND f.again > 0 AND f.again * 10000 >= %(threshold)s * f.records
     ORDER BY f.institution COLLATE "C" """,
    monthly=True, back="again_days",
)  # fmt: skip
