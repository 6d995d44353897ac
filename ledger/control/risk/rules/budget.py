"""超预算进度: what an institution's records of the year claim, against the part of its yearly standard that is due by the day.

The standard is that of the clearing plan two persons agreed on; an institution without one is not compared (procedure.md 4, 6).
Of a year's millions of payables those are left out whose entries the books did not know yet: these are looked for, for they are few;
to look for all the others, each day's of each institution, took three times as long.
"""

from __future__ import annotations

from typing import Final

from ledger.control.risk.rule import RiskRule

RULE: Final = RiskRule(
    "budget", "risk_budget", "110", {},
    """
    WITH planned AS MATERIALIZED (
        SELECT s.institution, s.fund, s.standard_fen, encode(p.digest, 'hex') AS plan FROM fund.clearing_plan p
          JOIN fund.clearing_standard s ON s.region = p.region AND s.fund = p.fund AND s.year = p.year
         WHERE p.region = %(region)s AND p.year = extract(year FROM %(day)s::date) AND p.approved_by <> '' AND p.approved_on <= %(day)s
           AND s.standard_fen > 0 AND %(institution)s IN ('', s.institution)),
    late AS MATERIALIZED (
        SELECT e.fund, e.source_key FROM unnest(%(funds)s::smallint[], %(seqs)s::bigint[]) AS w (fund, seq)
          JOIN books.entry e ON e.region = %(region)s AND e.fund = w.fund AND e.seq > w.seq AND e.event IN ('REC', 'REV')
         UNION ALL
        SELECT e.fund, e.source_key FROM unnest(%(funds)s::smallint[], %(seqs)s::bigint[]) AS w (fund, seq)
          JOIN books.entry e ON e.region = %(region)s AND e.fund = w.fund AND e.seq > w.seq AND e.event IN ('OPEN', 'CLOSE-M', 'CLOSE-Y')),
    known AS MATERIALIZED (
        SELECT p.institution, p.fund, sum(p.fund_fen)::bigint AS fen FROM fund.payable p
         WHERE EXISTS (SELECT 1 FROM planned) AND p.region = %(region)s AND p.subfund = 'pool' AND p.day BETWEEN %(first)s AND %(day)s
           AND %(institution)s IN ('', p.institution) AND p.recognised_by <> ''
           AND (p.fund, p.recognised_by) NOT IN (SELECT l.fund, l.source_key FROM late l) GROUP BY 1, 2), figures AS (
        SELECT d.institution, d.fund, d.standard_fen, d.plan, k.fen,
               extract(doy FROM %(day)s::date)::integer AS gone,
               extract(doy FROM make_date(extract(year FROM %(day)s::date)::integer, 12, 31))::integer AS days
          FROM planned d JOIN known k ON k.institution = d.institution AND k.fund = d.fund),
    over AS (
        SELECT f.*, (f.fen::numeric * f.days * 10000 / (f.standard_fen::numeric * f.gone))::bigint AS figure FROM figures f
         WHERE f.fen::numeric * f.days * 10000 >= %(threshold)s * f.standard_fen::numeric * f.gone)
    SELECT o.institution, max(o.figure),
           jsonb_agg(jsonb_build_object('fund', o.fund, 'standard_fen', o.standard_fen, 'fen', o.fen, 'plan', o.plan) ORDER BY o.fund)
      FROM over o GROUP BY o.institution ORDER BY o.institution COLLATE "C" """,
    monthly=True, yearly=True, reads_known=False,
)  # fmt: skip
