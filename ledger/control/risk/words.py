"""A case of risk as people read it: its figure beside its threshold, and what the rule looked at."""

from __future__ import annotations

from typing import Final

from ledger.control.risk.cases import RiskCase
from ledger.control.risk.catalogue import RULES
from ledger.control.risk.rule import MONEY
from ledger.core.money import ratio_text, yuan_grouped
from ledger.core.words import said

EVIDENCE: Final = {
    "amount": (("day", "日"), ("records", "笔数"), ("fen", "日拨付额")),
    "count": (("day", "日"), ("records", "笔数"), ("fen", "日拨付额")),
    "readmission": (("setl_id", "再住院的结算"), ("day", "日"), ("after", "前次住院的结算")),
    "budget": (
        ("fund", "基金"),
        ("standard_fen", "年度标准"),
        ("fen", "本年已应付"),
        ("plan", "所据方案的摘要"),
    ),
    "reversal": (("setl_id", "冲销的结算"), ("day", "日"), ("fen", "金额")),
    "payee": (("order_no", "拨付单"), ("fen", "金额"), ("changed", "账户变更日")),
}
"""The columns of a rule's evidence, by key."""


def percent(ratio: int | None) -> str:
    """Ten-thousandths as percents, `12.34%`; "" for None."""
    return "" if ratio is None else f"{ratio // 100}.{ratio % 100:02d}%"


def measured(rule: str, figure: int) -> str:
    """A figure or threshold of a rule."""
    return f"{yuan_grouped(figure)}元" if RULES[rule].measure == MONEY else percent(figure)


def begins(case: RiskCase) -> str:
    """Where the rule began to find it."""
    if RULES[case.rule].measure == MONEY:
        return f"变更后{case.terms.get('payee_days', '')}日内拨付"
    return measured(case.rule, case.threshold)


def words_of_case(case: RiskCase) -> list[str]:
    """A case and its steps, a line each."""
    lines = [
        f"{case.n} {case.found_on} {said('risk.state', case.state)} {said('risk.rule', case.rule)} {case.institution}{case.name}"
        f" {case.period}：{measured(case.rule, case.figure)}，起点{begins(case)}"
    ]
    for one in case.steps:
        said_of = f"  {one.proposed_on} {said('risk.step', one.step)}：{one.document}"
        if one.ratio is not None:
            said_of += f"，日拨付比例自{one.from_day}起{ratio_text(one.ratio)}"
        said_of += f"，{one.proposed_by}提出，{said('risk.step_state', one.state)}"
        if one.decided_by:
            said_of += f"（{one.decided_on} {one.decided_by}）"
        lines.append(said_of + (f"：{one.reason}" if one.reason else ""))
    if case.digest:
        lines.append(f"  待另一人复核，摘要 {case.digest}")
    return lines
