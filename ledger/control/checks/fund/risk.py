"""INV-11, INV-12: a case of risk is what its rule finds again in the records; its steps follow each other, each by two persons."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final, NamedTuple

from ledger.control.breach import Breach
from ledger.control.risk.catalogue import RULES
from ledger.control.risk.run import asked_of, terms_by
from ledger.control.snapshot import Snapshot

_CASES: Final = """
    SELECT c.region, c.n, c.rule, c.institution, c.period, c.day, c.figure, c.threshold, c.terms, c.evidence, c.seq_310, c.seq_390,
           c.found_on, c.digest <> fund.risk_digest(c)
      FROM fund.risk_case c ORDER BY c.region, c.n
"""
# A step whose predecessor is not confirmed before it; the same persons on both sides, or somebody unknown here; another case's figures.
_STEPS: Final = """
    SELECT s.region, s.case_n, s.n, s.step, c.n IS NULL OR c.digest <> s.case_digest,
           s.state = 'confirmed' AND b.step <> '' AND NOT EXISTS (
               SELECT 1 FROM fund.risk_step p WHERE p.region = s.region AND p.case_n = s.case_n AND p.n < s.n AND p.step = b.step
                  AND p.state = 'confirmed' AND p.decided_on <= s.decided_on),
           s.state <> 'proposed' AND (x.person IS NULL OR y.person IS NULL OR x.person = y.person),
           s.state = 'confirmed' AND CASE s.step
               WHEN 'lower_ratio' THEN NOT EXISTS (SELECT 1 FROM fund.terms t WHERE t.region = s.region AND t.institution = c.institution
                       AND t.kind = 'enrolment' AND t.version = s.terms_version AND t.ratio = s.ratio AND t.from_day = s.from_day
                       AND t.state IN ('confirmed', 'corrected'))
               WHEN 'suspend' THEN NOT EXISTS (SELECT 1 FROM fund.terms t WHERE t.region = s.region AND t.institution = c.institution
                       AND t.kind = 'agreement' AND t.agreement_state IN ('suspended', 'ended') AND t.decided_on <= s.decided_on)
               ELSE false END
      FROM fund.risk_step s LEFT JOIN fund.risk_case c ON c.region = s.region AND c.n = s.case_n
      LEFT JOIN access.app_user x ON x.user_name = s.proposed_by LEFT JOIN access.app_user y ON y.user_name = s.decided_by
     CROSS JOIN LATERAL (SELECT fund.risk_before(s.region, c.institution, s.step, s.proposed_on) AS step) b
     ORDER BY s.region, s.case_n, s.n
"""
# The region's choices for a day as they were decided by the day a case was found on: what was chosen since changes no case.
_CHOSEN: Final = """
    SELECT DISTINCT ON (y.key) y.key, y.value FROM fund.region_policy y
     WHERE y.region = %(region)s AND y.from_day <= %(day)s AND starts_with(y.key, 'risk_') AND NOT EXISTS (
           SELECT 1 FROM fund.policy_proposal p WHERE p.region = y.region AND p.key = y.key AND p.from_day = y.from_day
              AND p.state = 'confirmed' AND p.decided_on > %(found)s)
     ORDER BY y.key, y.from_day DESC
"""
_OPEN: Final = """
    SELECT c.region, count(*) FROM fund.risk_case c
     WHERE NOT EXISTS (SELECT 1 FROM fund.risk_step s WHERE s.region = c.region AND s.case_n = c.n AND s.state = 'confirmed'
                          AND s.step IN ('suspend', 'withdraw')) GROUP BY 1 ORDER BY 1
"""


class _Case(NamedTuple):
    region: int
    n: int
    rule: str
    institution: str
    period: str
    day: date
    figure: int
    threshold: int
    terms: dict[str, int]
    evidence: list[dict[str, Any]]
    seq_310: int
    seq_390: int
    found_on: date
    changed: bool


def check_risk(snapshot: Snapshot) -> Iterator[Breach]:
    """Every case asked of its rule again, every step; those still open are told beside the result."""
    for row in snapshot.rows(_CASES):
        yield from _case(snapshot, _Case(*row))
    for region, case, n, step, other, early, alone, idle in snapshot.rows(_STEPS):
        where = f"risk {case} {n}"
        if other:
            yield Breach("INV-12", str(region), where, "风险处置所据的事项不是所核对的那一件，已被改动")
        if early:
            yield Breach("INV-11", str(region), where, f"风险处置（{step}）之前的一步没有经两人办理")
        if alone:
            yield Breach("INV-11", str(region), where, f"风险处置（{step}）不是两个不同的人办理的")
        if idle:
            yield Breach(
                "INV-11", str(region), where, f"风险处置（{step}）已经复核，机构的比例或协议却没有随之改变"
            )
    for region, count in snapshot.rows(_OPEN):
        snapshot.waiting[f"统筹区{region}的风险事项（处置中）"] = count


def _case(snapshot: Snapshot, one: _Case) -> Iterator[Breach]:
    rule = RULES[one.rule]
    asked = asked_of(rule, one.region, one.day, one.terms, (one.seq_310, one.seq_390), one.institution)
    found = {code: (again, rows) for code, again, rows in snapshot.rows(rule.query, **asked)}
    again, rows = found.get(one.institution, (0, None))
    said = (one.threshold, one.period)
    if (again, rows) != (one.figure, one.evidence) or said != (
        one.terms.get("threshold"),
        rule.period(one.day),
    ):
        message = f"风险事项的数{one.figure}不是规则从记录重新得出的数{again}，或所列各行不同"
        yield Breach("INV-12", str(one.region), f"risk {one.n}", message)
    chosen: dict[str, str] = dict(snapshot.rows(_CHOSEN, region=one.region, day=one.day, found=one.found_on))
    if one.terms != terms_by(rule, chosen.get):
        message = f"风险事项所用的条件{one.terms}不是统筹区在{one.day}的选择"
        yield Breach("INV-12", str(one.region), f"risk {one.n}", message)
    if one.changed:
        yield Breach("INV-12", str(one.region), f"risk {one.n}", "风险事项与其摘要不符，已被改动")
