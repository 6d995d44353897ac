"""The year's clearing 年度清算: how far against the plan of 2026 to 2028, its budgets and rates, every letter."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.entries import FUND_NAMES
from ledger.core.errors import InvalidInput
from ledger.core.words import said, words_of
from ledger.fund.clearing.approve_all import YearScope, living_letters, settled_in
from ledger.fund.clearing.store import Letter, letters
from ledger.fund.clearing.targets import YearFigures, year_figures
from ledger.web.pages.yearly import plan
from ledger.web.record import Offer, record_page
from ledger.web.show import Filter, address
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line


def progress(desk: Desk, _request: Request) -> Response:
    """A service year: the two figures of the plan, the letters, and what may be done with all of them."""
    q = desk.query
    fund = int(q["fund"]) if q.get("fund") in {str(one) for one in FUND_NAMES} else next(iter(FUND_NAMES))
    year = int(q["year"]) if len(q.get("year", "")) == 4 and q["year"].isdigit() else desk.today.year
    period = q.get("part") or "year"
    with desk.tx() as tx:
        listed, shown = living_letters(tx, YearScope(fund, year, period))
        voided = [
            one for one in letters(tx, year, fund) if one.state == "void" and one.scope.period == period
        ]
        ready = settled_in(tx, fund, year)
        planned = plan.planned(tx, fund, year)
        try:
            figures = [year_figures(tx, one, year, desk.today) for one in FUND_NAMES]
        except InvalidInput:  # the plan has no target of that year: nothing to hold it against
            figures = []
    here = address("clearing", region=desk.region, fund=fund, year=year, part=period)
    held = {"region": desk.region, "fund": fund, "year": year, "period": period}
    drafts = sum(one.state == "draft" for one in listed)
    offers = plan.offers(planned, {"region": desk.region, "fund": fund, "year": year})
    if len(listed) < len(ready):
        offers.append(
            Offer(
                ("maker",),
                "clear letter",
                "编制全部确认书",
                {**held, "every": True},
                note="不能编制的逐家列明原因。",
            )
        )
    if drafts:
        offers.append(
            Offer(
                ("checker",),
                "clear approve",
                f"审批以上{drafts}张",
                {**held, "every": True, "digest": shown.shown},
            )
        )
    if any(one.state == "confirmed" and one.amount_fen > 0 and not one.order_no for one in listed):
        offers.append(
            Offer(
                ("maker",),
                "clear orders",
                "编制清算拨付单",
                {"region": desk.region, "fund": fund, "year": year},
            )
        )
    filters = (
        Filter("fund", "险种", [(str(code), name) for code, name in FUND_NAMES.items()], value=str(fund)), Filter("year", "年度", value=str(year)),
        Filter("part", "期间", list(words_of("letter.period").items()), value=period),
    )  # fmt: skip
    facts = (
        ("险种", FUND_NAMES[fund]), ("年度", year), ("有月结算的机构", f"{len(ready)}家"), ("确认书", f"{len(listed)}张"),
        ("双方已确认", f"{sum(one.state in ('confirmed', 'paid') for one in listed)}张"),
    )  # fmt: skip
    grids = [*([_figures(figures)] if figures else []), *plan.grids(planned), _letters([*listed, *voided])]
    return record_page(desk, "年度清算", facts, grids, offers, filters=filters, here=here)


def _figures(figures: list[YearFigures]) -> Grid:
    columns = (
        Column("fund", "险种"), Column("by", "目标完成日", "day"), Column("institutions", "机构", "count"),
        Column("cleared", "已清算", "count"), Column("reached", "完成日", "day"), Column("late", "距目标"),
        Column("clearing", "清算支付", "money"), Column("payments", "全年支付", "money"), Column("share", "清算资金占比"),
        Column("target", "目标占比"),
    )  # fmt: skip
    lines = [
        Line((
            FUND_NAMES[one.fund], one.target.by, one.institutions, one.cleared, one.reached_on,
            _distance(one), one.clearing_fen, one.payments_fen,
            f"{one.share_ratio / 100:.2f}%", f"{one.target.share_low / 100:g}%—{one.target.share_high / 100:g}%",
        ))
        for one in figures
    ]  # fmt: skip
    notes = [*dict.fromkeys(one.target.source for one in figures), "目标只列示差距，不作为拒绝的理由。"]
    return Grid("清算提质增效", "清算提质增效（2026—2028三年行动计划）", columns, lines, notes=notes)


def _distance(one: YearFigures) -> str:
    if one.days_late > 0:
        return f"已迟{one.days_late}天"
    return f"早{-one.days_late}天" if one.reached_on else f"尚余{-one.days_late}天"


def _letters(found: list[Letter]) -> Grid:
    columns = (
        Column("letter", "清算确认书"), Column("institution", "机构"), Column("state", "状态"), Column("grade", "考核等级"),
        Column("row6", "应支付总额", "money"), Column("row7", "已拨付", "money"), Column("row9", "清算应付", "money"),
        Column("order_no", "拨付单"), Column("cleared", "清算完成", "day"),
    )  # fmt: skip
    lines = [
        Line((one.letter_id, one.scope.institution, said("letter.state", one.state), one.grade, one.rows[6], one.rows[7],
              one.rows[9], one.order_no, one.cleared_on))
        for one in found
    ]  # fmt: skip
    living = [one for one in found if one.state != "void"]
    lines.append(
        Line(
            ("合计", "", "", "", *(sum(one.rows[row] for one in living) for row in (6, 7, 9)), "", None),
            total=True,
        )
    )
    return Grid("清算确认书", "清算确认书", columns, lines, notes=("单位：元；合计不含已作废的。",))
