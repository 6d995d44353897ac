"""INV-08 of deductions: taken so far + left = decided, for every finding, other deduction and advance (art. 19).

What papers list as taken is what is noted as taken; what a month's sheet says it had to take is what its earlier papers
left; and nothing was left over while the month had money to bear it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot

# What is noted as taken of each, beside what the row itself says and what was decided.
_SUMS: Final = """
    SELECT * FROM (
        SELECT f.region, f.fund, f.finding_id AS reference, f.amount_fen, f.taken_fen,
               coalesce((SELECT sum(t.amount_fen) FROM fund.finding_taken t
                          WHERE t.region = f.region AND t.finding_id = f.finding_id), 0) AS noted
          FROM fund.finding f
        UNION ALL
        SELECT o.region, o.fund, o.deduction_id, o.amount_fen, o.taken_fen,
               coalesce((SELECT sum(t.amount_fen) FROM fund.deduction_taken t
                          WHERE t.region = o.region AND t.deduction_id = o.deduction_id), 0)
          FROM fund.other_deduction o
        UNION ALL
        SELECT a.region, a.fund, a.advance_id, a.amount_fen - a.returned_fen, a.offset_fen,
               coalesce((SELECT sum(t.amount_fen) FROM fund.advance_offset t
                          WHERE t.region = a.region AND t.advance_id = a.advance_id), 0)
          FROM fund.advance a) each_one
     WHERE taken_fen <> noted OR noted NOT BETWEEN 0 AND amount_fen ORDER BY 1, 2, 3
"""
# A letter takes all that is left of an other deduction.
_CLEARED: Final = """
    SELECT DISTINCT o.region, o.fund, o.deduction_id, o.amount_fen, o.taken_fen
      FROM fund.other_deduction o
      JOIN fund.letter_deduction d ON d.region = o.region AND d.deduction_id = o.deduction_id
      JOIN fund.letter l ON l.region = d.region AND l.letter_id = d.letter_id AND l.state = 'confirmed'
     WHERE o.taken_fen <> o.amount_fen ORDER BY 1, 2, 3
"""
# Paper by paper: what it lists, and what is noted as taken by it.
_PAPERS: Final = """
    SELECT region, fund, paper, reference, sum(listed)::bigint, sum(noted)::bigint FROM (
        SELECT s.region, s.fund, s.sheet_id AS paper, t.reference, t.amount_fen AS listed, 0 AS noted
          FROM fund.sheet s JOIN fund.sheet_taking t ON t.region = s.region AND t.sheet_id = s.sheet_id WHERE s.state = 'approved'
        UNION ALL
        SELECT l.region, l.fund, l.letter_id, t.reference, t.amount_fen, 0
          FROM fund.letter l
          JOIN (SELECT region, letter_id, finding_id AS reference, amount_fen FROM fund.letter_finding
                UNION ALL SELECT region, letter_id, deduction_id, amount_fen FROM fund.letter_deduction
                UNION ALL SELECT region, letter_id, advance_id, amount_fen FROM fund.letter_offset) t
            ON t.region = l.region AND t.letter_id = l.letter_id WHERE l.state = 'confirmed'
        UNION ALL
        SELECT f.region, f.fund, t.sheet_id, t.finding_id, 0, t.amount_fen
          FROM fund.finding_taken t JOIN fund.finding f ON f.region = t.region AND f.finding_id = t.finding_id
        UNION ALL
        SELECT region, fund, paper, deduction_id, 0, amount_fen FROM fund.deduction_taken
        UNION ALL
        SELECT a.region, a.fund, t.sheet_id, t.advance_id, 0, t.amount_fen
          FROM fund.advance_offset t JOIN fund.advance a ON a.region = t.region AND a.advance_id = t.advance_id) sides
     GROUP BY 1, 2, 3, 4 HAVING sum(listed) <> sum(noted) ORDER BY 1, 2, 3, 4
"""
# An approved sheet's own account of what it had to take. Sheets of release 0.2 have none.
_DUES: Final = """
    WITH pool AS (
        SELECT l.region, l.sheet_id, sum(l.rounded_fen - l.audit_fen - l.other_fen) AS share, sum(l.offset_fen) AS offset_fen,
               greatest(0, sum(l.paid_daily_fen)) AS paid, least(0, sum(l.month_open_fen)) AS owed
          FROM fund.sheet_line l WHERE l.subfund = 'pool' GROUP BY 1, 2),
    due AS (
        SELECT s.region, s.fund, s.sheet_id, d.kind, d.reference, d.decided_fen, d.before_fen, d.taken_fen, d.left_fen,
               coalesce((SELECT sum(t.amount_fen) FROM fund.sheet_taking t WHERE t.region = s.region AND t.sheet_id = s.sheet_id
                            AND t.kind = d.kind AND t.reference = d.reference), 0) AS listed,
               coalesce(f.amount_fen, o.amount_fen, a.amount_fen, 0) AS stands, coalesce(p.share, 0) AS share, coalesce(p.offset_fen, 0) AS offset_fen, coalesce(p.paid, 0) AS paid, coalesce(p.owed, 0) AS owed
          FROM fund.sheet s
          JOIN fund.sheet_due d ON d.region = s.region AND d.sheet_id = s.sheet_id
          LEFT JOIN fund.finding f ON d.kind = 'finding' AND f.region = d.region AND f.finding_id = d.reference
          LEFT JOIN fund.other_deduction o ON d.kind = 'other' AND o.region = d.region AND o.deduction_id = d.reference
          LEFT JOIN fund.advance a ON d.kind NOT IN ('finding', 'other') AND a.region = d.region AND a.advance_id = d.reference
          LEFT JOIN pool p ON p.region = s.region AND p.sheet_id = s.sheet_id
         WHERE s.state = 'approved')
    SELECT region, fund, sheet_id, reference,
           CASE WHEN decided_fen <> before_fen + taken_fen + left_fen THEN '已扣、本期扣与结转之和不等于应扣'
                WHEN decided_fen <> stands THEN '应扣数与所依据的决定不同'
                WHEN taken_fen <> listed THEN '所列本期扣不等于各行所扣'
                WHEN kind = 'other' AND left_fen > 0 AND share > 0 THEN '本期尚有余额而未扣足'
                WHEN kind NOT IN ('finding', 'other') AND left_fen > 0 AND greatest(0, share - offset_fen) - paid + owed > 0
                    THEN '本期尚有应付而未抵足' END AS what
      FROM due
     WHERE decided_fen <> before_fen + taken_fen + left_fen OR decided_fen <> stands OR taken_fen <> listed OR kind = 'other' AND left_fen > 0 AND share > 0
        OR kind NOT IN ('finding', 'other') AND left_fen > 0 AND greatest(0, share - offset_fen) - paid + owed > 0
     ORDER BY 1, 2, 3, 4
"""


def check_deductions(snapshot: Snapshot) -> Iterator[Breach]:
    """Every deduction against what papers took of it, and every sheet against what it had to take."""
    for region, fund, reference, decided, taken, noted in snapshot.rows(_SUMS):
        message = f"{reference}应扣{decided}分，所记已扣{taken}分，各单据已扣{noted}分"
        yield Breach("INV-08", f"{region}-{fund}", f"deduction {reference}", message)
    for region, fund, reference, decided, taken in snapshot.rows(_CLEARED):
        message = f"{reference}应扣{decided}分，已由清算确认书扣清，所记已扣{taken}分"
        yield Breach("INV-08", f"{region}-{fund}", f"deduction {reference}", message)
    for region, fund, paper, reference, listed, noted in snapshot.rows(_PAPERS):
        message = f"{paper}列明扣减{reference}{listed}分，所记为{noted}分"
        yield Breach("INV-08", f"{region}-{fund}", f"paper {paper}", message)
    for region, fund, sheet, reference, what in snapshot.rows(_DUES):
        yield Breach("INV-08", f"{region}-{fund}", f"paper {sheet}", f"{sheet}的{reference}：{what}")
