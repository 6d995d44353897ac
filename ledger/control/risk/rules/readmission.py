"""重复住院: stays of a month that begin within some days after the same person's discharge from the same institution (procedure.md 6).

Of inpatient settlements only, and of those that were not reversed; two settlements of one stay count as well.
No part of it pairs all records with all: a person's stays are laid beside each other, whatever the planner thinks how many they are.
"""

from __future__ import annotations

from typing import Final

from ledger.control.risk.rule import RiskRule

RULE: Final = RiskRule(
    "readmission", "risk_readmission", "10", {"again_days": 10, "least": 20},
    """, read AS MATERIALIZED (
        SELECT k.institution, k.fund, k.day, r.setl_id, r.init_setl_id, r.psn_no, r.setl_time, r.begndate, r.enddate, r.med_type
          FROM known k JOIN fund.record r ON r.region = %(region)s AND r.setl_id = k.setl_id),
    stays AS MATERIALIZED (
        SELECT DISTINCT ON (r.setl_id) r.institution, r.day, r.setl_id, r.psn_no, r.setl_time, r.begndate::date AS begun, r.enddate::date AS ended
          FROM read r
         WHERE r.init_setl_id = '' AND r.begndate <> '' AND r.enddate <> ''
           AND r.med_type IN ('21', '22', '23', '24', '25', '26', '27', '52')
           AND r.setl_id NOT IN (SELECT v.init_setl_id FROM read v WHERE v.init_setl_id <> '')
         ORDER BY r.setl_id, r.fund),
    persons AS (
        SELECT s.institution, array_agg(s.setl_id ORDER BY s.setl_time, s.setl_id) AS ids, array_agg(s.day ORDER BY s.setl_time, s.setl_id) AS days,
               array_agg(s.begun ORDER BY s.setl_time, s.setl_id) AS begun, array_agg(s.ended ORDER BY s.setl_time, s.setl_id) AS ended
          FROM stays s GROUP BY s.institution, s.psn_no HAVING count(*) > 1),
    again AS MATERIALIZED (
        SELECT p.institution, b.setl_id, b.day, min(a.setl_id COLLATE "C") AS after FROM persons p
         CROSS JOIN LATERAL unnest(p.ids, p.days, p.begun) WITH ORDINALITY AS b (setl_id, day, begun, n)
         CROSS JOIN LATERAL unnest(p.ids, p.ended) WITH ORDINALITY AS a (setl_id, ended, n)
         WHERE a.n < b.n AND b.begun BETWEEN a.ended AND a.ended + %(again_days)s::integer AND b.day >= %(month)s GROUP BY 1, 2, 3),
    figures AS (
        SELECT s.institution, s.records, coalesce(g.again, 0) AS again
          FROM (SELECT institution, count(*) AS records FROM stays WHERE day >= %(month)s GROUP BY 1) s
          LEFT JOIN (SELECT institution, count(*) AS again FROM again GROUP BY 1) g ON g.institution = s.institution)
    SELECT f.institution, f.again * 10000 / f.records,
           (SELECT jsonb_agg(e.one) FROM (SELECT jsonb_build_object('setl_id', g.setl_id, 'day', g.day, 'after', g.after) AS one FROM again g
             WHERE g.institution = f.institution ORDER BY g.day, g.setl_id COLLATE "C" LIMIT 200) e)
      FROM figures f WHERE f.records >= %(least)s AND f.again > 0 AND f.again * 10000 >= %(threshold)s * f.records
     ORDER BY f.institution COLLATE "C" """,
    monthly=True, back="again_days",
)  # fmt: skip
