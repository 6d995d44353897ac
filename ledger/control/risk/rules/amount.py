"""日拨付额突增: an institution's daily money of a day against the mean of its days before (procedure.md 6)."""

from __future__ import annotations

from typing import Final, LiteralString

from ledger.control.risk.rule import RiskRule

BY_DAY: Final[LiteralString] = """, by_day AS (
        SELECT k.institution, k.day, count(*) AS records, sum(k.daily_fen)::bigint AS fen FROM known k GROUP BY 1, 2),
    figures AS (
        SELECT d.institution, d.fen, d.records, b.days, b.fen AS before_fen, b.records AS before_records FROM by_day d
          JOIN (SELECT h.institution, count(*) AS days, sum(h.fen)::bigint AS fen, sum(h.records)::bigint AS records FROM by_day h
                 WHERE h.day < %(day)s GROUP BY 1) b ON b.institution = d.institution
         WHERE d.day = %(day)s AND d.records >= %(least)s AND b.days >= 5)"""
"""The day of each institution beside its days before: at least five with records, or there is nothing to compare with."""
EVIDENCE: Final[LiteralString] = """
    (SELECT jsonb_agg(jsonb_build_object('day', d.day, 'records', d.records, 'fen', d.fen) ORDER BY d.day)
       FROM by_day d WHERE d.institution = f.institution)"""
"""Every day that was compared."""

_FIGURE: Final[LiteralString] = """
    SELECT f.institution, (f.fen::numeric * f.days * 10000 / f.before_fen)::bigint,"""
_OVER: Final[LiteralString] = """
      FROM figures f WHERE f.before_fen > 0 AND f.fen::numeric * f.days * 10000 >= %(threshold)s * f.before_fen::numeric
     ORDER BY f.institution COLLATE "C" """
RULE: Final = RiskRule(
    "amount", "risk_amount", "300", {"history": 30, "least": 20},
    BY_DAY + _FIGURE + EVIDENCE + _OVER, back="history",
)  # fmt: skip
