"""INV-11: what an institution is paid by is the word of two persons, and every payable is what the terms of its day say.

The shares are worked out a second time, from the versions in force; the month's ratio, hence the deposit 质量保证金, likewise.
Rows of a home of 0.2 are one person's word and stand as taken over; where that person set terms back to before records that
were there already, nobody can say by what these were taken in, and the version says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.fund.record.codes import national_codes

# Half up in magnitude, of inpatient care only, as procedure.md 2.2 says. A reversal owes the opposite of its original, whatever holds by then.
_SHARES: Final = """
    SELECT p.region, p.fund, p.setl_id, p.day, p.ratio, p.daily_fen, p.reversal, p.due_ratio FROM (
        SELECT p.*, coalesce(r.init_setl_id, '') <> '' AS reversal, coalesce(t.reason, '') <> '' AND t.state = 'taken_over' AS unsure,
               CASE WHEN e.mode = 'daily' AND r.med_type = ANY (%(inpatient)s) THEN e.ratio ELSE 0 END AS due_ratio,
               o.ratio AS first_ratio, o.fund_fen AS first_fund, o.daily_fen AS first_daily
          FROM fund.payable p
          LEFT JOIN fund.record r ON r.region = p.region AND r.setl_id = p.setl_id
          LEFT JOIN fund.payable o ON o.region = p.region AND o.fund = p.fund AND o.setl_id = r.init_setl_id AND o.subfund = p.subfund
                                  AND r.init_setl_id <> ''
          LEFT JOIN fund.enrolment e ON e.region = p.region AND e.institution = p.institution AND p.day BETWEEN e.from_day AND e.to_day
          LEFT JOIN fund.terms t ON t.region = e.region AND t.institution = e.institution AND t.kind = 'enrolment'
                                AND t.version = e.version) p
     WHERE CASE WHEN p.reversal THEN (p.ratio, p.fund_fen, p.daily_fen) IS DISTINCT FROM (p.first_ratio, -p.first_fund, -p.first_daily)
                WHEN p.subfund = 'acct' THEN (p.ratio, p.daily_fen) <> (0, 0)
                ELSE p.daily_fen <> round(p.fund_fen::numeric * p.ratio / 10000)
                     OR NOT p.unsure AND p.ratio <> p.due_ratio
           END
     ORDER BY 1, 2, 3
"""
_MONTHS: Final = """
    SELECT s.region, s.fund, s.sheet_id, s.month_ratio, e.month_ratio FROM fund.sheet s
     CROSS JOIN LATERAL (SELECT x.month_ratio, x.version FROM fund.enrolment x
                          WHERE x.region = s.region AND x.institution = s.institution
                            AND x.from_day <= (make_date(s.term / 100, s.term % 100, 1) + interval '1 month - 1 day')::date
                          ORDER BY x.from_day DESC LIMIT 1) e
      JOIN fund.terms t ON t.region = s.region AND t.institution = s.institution AND t.kind = 'enrolment' AND t.version = e.version
     WHERE s.state = 'approved' AND t.state = 'confirmed' AND s.month_ratio <> e.month_ratio ORDER BY 1, 2, 3
"""
# In force, and not what two persons (or, for a stop, one) said. A version of before names were confirmed says none.
_ENROLMENTS: Final = """
    SELECT e.region, e.institution, e.from_day,
           CASE WHEN t.version IS NULL OR (e.from_day, e.mode, e.cycle, e.ratio, e.month_ratio)
                                          IS DISTINCT FROM (t.from_day, t.mode, t.cycle, t.ratio, t.month_ratio)
                THEN '在用的参加方式不是已确认的那一版，已被改动'
                WHEN EXISTS (SELECT 1 FROM fund.enrolment o WHERE o.region = e.region AND o.institution = e.institution
                                AND o.from_day > e.from_day AND o.from_day <= e.to_day) THEN '参加方式的期间与下一版重叠'
                ELSE '参加方式的提出与确认不是系统内两个不同的人' END
      FROM fund.enrolment e
      LEFT JOIN fund.terms t ON t.region = e.region AND t.institution = e.institution AND t.kind = 'enrolment' AND t.version = e.version
                            AND t.state IN ('confirmed', 'taken_over')
      LEFT JOIN access.app_user maker ON maker.user_name = t.proposed_by
      LEFT JOIN access.app_user checker ON checker.user_name = t.confirmed_by
     WHERE t.version IS NULL
        OR (e.from_day, e.mode, e.cycle, e.ratio, e.month_ratio) IS DISTINCT FROM (t.from_day, t.mode, t.cycle, t.ratio, t.month_ratio)
        OR EXISTS (SELECT 1 FROM fund.enrolment o WHERE o.region = e.region AND o.institution = e.institution
                      AND o.from_day > e.from_day AND o.from_day <= e.to_day)
        OR CASE t.state WHEN 'taken_over' THEN t.confirmed_by <> 'system:0.2'
                        ELSE maker.person IS NULL OR checker.person IS NULL OR maker.person = checker.person END
     ORDER BY 1, 2, 3
"""
_AGREEMENTS: Final = """
    SELECT i.region, i.institution,
           CASE WHEN t.version IS NULL OR (i.type, i.level, i.agreement_state, i.agreement_to)
                                          IS DISTINCT FROM (t.type, t.level, t.agreement_state, t.agreement_to)
                     OR i.agreement_from > t.agreement_from THEN '在用的协议不是已确认的那一版，已被改动'
                WHEN i.name <> t.name THEN '机构名称不是已确认的那一版（' || t.name || '），已被改动'
                ELSE '协议的提出与确认不是系统内两个不同的人' END
      FROM fund.institution i
      LEFT JOIN fund.terms t ON t.region = i.region AND t.institution = i.institution AND t.kind = 'agreement' AND t.version = i.agreement_version
                            AND t.state IN ('confirmed', 'stopped', 'taken_over')
      LEFT JOIN access.app_user maker ON maker.user_name = t.proposed_by
      LEFT JOIN access.app_user checker ON checker.user_name = t.confirmed_by
     WHERE (i.agreement_version > 0 OR i.agreement_state <> 'proposed')
       AND (t.version IS NULL OR (i.type, i.level, i.agreement_state, i.agreement_to)
                                 IS DISTINCT FROM (t.type, t.level, t.agreement_state, t.agreement_to)
            OR i.agreement_from > t.agreement_from OR i.name <> t.name
            OR CASE t.state WHEN 'taken_over' THEN t.confirmed_by <> 'system:0.2' WHEN 'stopped' THEN maker.person IS NULL
                            ELSE maker.person IS NULL OR checker.person IS NULL OR maker.person = checker.person END)
     ORDER BY 1, 2
"""
_CHOICES: Final = """
    SELECT y.region, y.key, y.from_day FROM fund.region_policy y
      LEFT JOIN fund.policy_proposal p ON p.region = y.region AND p.key = y.key AND p.from_day = y.from_day AND p.state = 'confirmed'
                                      AND (p.value, p.source, p.proposed_by, p.decided_by) = (y.value, y.source, y.set_by, y.confirmed_by)
      LEFT JOIN access.app_user maker ON maker.user_name = y.set_by
      LEFT JOIN access.app_user checker ON checker.user_name = y.confirmed_by
     WHERE y.confirmed_by <> 'system:0.2'
       AND (p.version IS NULL OR maker.person IS NULL OR checker.person IS NULL OR maker.person = checker.person)
     ORDER BY 1, 2, 3
"""


def check_terms(snapshot: Snapshot) -> Iterator[Breach]:
    """Payables and sheets against the terms of their day; terms and choices against their two persons."""
    inpatient = [code for code, meant in national_codes().med_type.items() if meant.inpatient]
    for region, fund, setl_id, day, ratio, daily, reversal, due in snapshot.rows(
        _SHARES, inpatient=inpatient
    ):
        said = (
            "与原结算不是恰好相反"
            if reversal
            else f"按比例{ratio}（万分之）记日拨付{daily}分，当日在用的为{due}"
        )
        yield Breach("INV-11", f"{region}-{fund}", f"payable {setl_id}", f"{day}的结算{setl_id}{said}")
    for region, fund, sheet, ratio, due in snapshot.rows(_MONTHS):
        message = f"月比例{ratio}（万分之）不是该期末在用的{due}，质量保证金随之不符"
        yield Breach("INV-11", f"{region}-{fund}", f"sheet {sheet}", message)
    for region, institution, day, message in snapshot.rows(_ENROLMENTS):
        yield Breach("INV-11", str(region), f"enrolment {institution} {day}", message)
    for region, institution, message in snapshot.rows(_AGREEMENTS):
        yield Breach("INV-11", str(region), f"agreement {institution}", message)
    for region, key, day in snapshot.rows(_CHOICES):
        message = "统筹区的选择不是系统内两个不同的人提出与确认的那一项"
        yield Breach("INV-11", str(region), f"policy {key} {day}", message)
