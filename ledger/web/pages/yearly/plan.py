"""清算方案: a year's budgets by class with their rates, each institution's standard, cases that wait; confirmed as shown by another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ledger.core.words import said
from ledger.db.unit_of_work import Transaction
from ledger.fund.clearing.cases import WaitingCase, waiting_cases
from ledger.fund.clearing.plan import ClearingPlan, Priced, find_plan, priced
from ledger.fund.clearing.rates import UNIT
from ledger.web.record import Ask, Offer
from reports.render.grid import Column, Grid, Line


class Planned(NamedTuple):
    """What is planned of a fund's year, None before anybody gave it in; and the cases that wait beside it."""

    plan: ClearingPlan | None
    priced: list[Priced]
    cases: list[WaitingCase]


def planned(tx: Transaction, fund: int, year: int) -> Planned:
    """The plan of a fund's year and what waits beside it."""
    return Planned(find_plan(tx, fund, year), priced(tx, fund, year), waiting_cases(tx, fund, year))


def offers(found: Planned, held: Mapping[str, object]) -> list[Offer]:
    """A second person's forms: the plan under the digest of what is shown, and the cases of one institution."""
    made = []
    if found.plan is not None and not found.plan.approved_by:
        made.append(
            Offer(("checker",), "clear budget", "复核清算方案", {**held, "digest": found.plan.digest.hex()})
        )
    if found.cases:
        institutions = [(one, one) for one in dict.fromkeys(case.institution for case in found.cases)]
        asks = (Ask("cases", "机构", choices=institutions),)
        made.append(
            Offer(
                ("checker",),
                "clear budget",
                "复核考核、特例单议、逾期个案",
                held,
                asks,
                note="该机构待复核的各项，如上所列。",
            )
        )
    return made


def grids(found: Planned) -> list[Grid]:
    """Budgets with their rates, standards, and what waits; nothing where there is nothing."""
    shown = []
    if found.plan is not None:
        state = f"已由{found.plan.approved_by}复核" if found.plan.approved_by else "待复核"
        shown = [
            _budgets(found.plan, found.priced, f"{found.plan.document}；{state}"),
            _standards(found.priced),
        ]
    return [one for one in (*shown, _cases(found.cases)) if one.lines]


def _budgets(plan: ClearingPlan, found: list[Priced], head: str) -> Grid:
    columns = (
        Column("class", "机构类别"), Column("amount", "预算", "money"), Column("reserve", "特例单议预留", "money"), Column("method", "付费方式"),
        Column("units", "权重或分值合计"), Column("published", "公布的费率或点值（元）"), Column("given", "已核定额", "money"),
    )  # fmt: skip
    of_class = {
        one.institution_class: [each for each in found if each.institution_class == one.institution_class]
        for one in found
    }
    lines = []
    for budget in plan.budgets:
        rows = of_class.get(budget.institution_class, [])
        units = sum(one.units for one in rows)
        lines.append(
            Line((
                budget.institution_class, budget.amount_fen, budget.reserve_fen, rows[0].method if rows else "待录入",
                units_text(units) if rows else "", rows[0].published if rows else "", sum(one.standard_fen for one in rows),
            ))
        )  # fmt: skip
    return Grid("清算方案", "清算方案：预算、费率或点值", columns, lines, heads=(head,))


def _standards(found: list[Priced]) -> Grid:
    columns = (
        Column("institution", "机构"), Column("class", "机构类别"), Column("cases", "病例数", "count"), Column("units", "权重或分值"),
        Column("personal", "个人负担", "money"), Column("standard", "核定额", "money"),
    )  # fmt: skip
    lines = [
        Line((one.institution, one.institution_class, one.cases, units_text(one.units), one.personal_fen, one.standard_fen))
        for one in found
    ]  # fmt: skip
    return Grid("核定额", "各机构核定额", columns, lines)


def _cases(found: list[WaitingCase]) -> Grid:
    columns = (
        Column("institution", "机构"), Column("kind", "事项"), Column("setl_id", "结算ID"), Column("grade", "考核等级"),
        Column("amount", "金额", "money"), Column("document", "依据"), Column("by", "提出"),
    )  # fmt: skip
    lines = [
        Line((one.institution, said("clearing.case", one.kind), one.setl_id, one.grade, one.amount_fen, one.document, one.prepared_by))
        for one in found
    ]  # fmt: skip
    return Grid("待复核个案", "待复核的考核、特例单议、逾期个案", columns, lines)


def units_text(units: int) -> str:
    """Weights or points with their four decimals."""
    return f"{units // UNIT}.{units % UNIT:04d}"
