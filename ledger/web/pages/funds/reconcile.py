"""对账（机构）: a term's lines with their totals and differences, one comparison's differences decided by two; hand-back and deductions."""

from __future__ import annotations

from datetime import date
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.entries import FUND_NAMES
from ledger.core.money import yuan_grouped
from ledger.core.words import said, words_of
from ledger.fund.declare.listing import unheard
from ledger.fund.reconcile.details import Difference, differences, result_of
from ledger.web.pages.declarations import term_of
from ledger.web.pages.funds.cash import AMOUNT, FUND, fund_of
from ledger.web.record import Ask, Offer, record_page
from ledger.web.show import ROWS, Filter, Linked, address, grid_page
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line

_TOTALS_NOTE: Final = "总账只对一个险种（310与510生育分别对），可不含退费；明细与申报为本基金全部险种，含退费，故笔数、金额可与总账不同"
_SIDES: Final = ("medfee", "fund", "acct")
"""What both sides state of a record: all fees, of the pooled fund, of the personal account."""


def lines(desk: Desk, _request: Request) -> Response:
    """Every line of a fund's term: what its totals said, how many differences are open."""
    fund, term = term_of(desk)
    with desk.tx() as tx:
        rows = tx.rows(
            """SELECT l.institution, i.name, l.clr_type, l.state, l.records, l.differences, l.run_id, t.stmt_rslt,
                      t.our_count, t.their_count, t.our_fund_fen, t.their_fund_fen, t.insutype, t.setl_optins, t.refd_setl_flag,
                      t.compared_on
                 FROM fund.reconciliation l JOIN fund.institution i USING (region, institution)
                 LEFT JOIN fund.reconcile_total t ON t.region = l.region AND t.total_id = l.total_id
                WHERE l.region = %(region)s AND l.fund = %(fund)s AND l.term = %(term)s
                ORDER BY l.state = 'agreed', l.institution, l.clr_type""",
            region=desk.region,
            fund=fund,
            term=term,
        )
        silent = unheard(tx, fund, term)
    columns = (
        Column("institution", "机构"), Column("name", "名称"), Column("clr_type", "清算类别"), Column("state", "对账"),
        Column("records", "结算笔数", "count"), Column("run", "明细"), Column("total", "总账"), Column("scope", "总账所对"),
        Column("ours", "总账中心笔数", "count"), Column("theirs", "总账机构笔数", "count"), Column("our_fund", "总账中心基金", "money"),
        Column("their_fund", "总账机构基金", "money"),
    )  # fmt: skip
    shown = [
        Line(
            (
                code,
                name,
                "—",
                said("reconciliation.state", "open"),
                None,
                "未对",
                "",
                "",
                None,
                None,
                None,
                None,
            )
        )
        for code, name in silent
    ]
    shown += [
        Line((
            institution, name, clr_type, said("reconciliation.state", state), records,
            Linked(f"未决差异{open_}笔" if open_ else "看明细", address(f"reconcile/{run}", region=desk.region)) if run else "未对",
            "" if result is None else "平" if result == "0" else "不平", "" if result is None else _scope_of(*scope),
            ours, theirs, our_fen, their_fen,
        ))
        for institution, name, clr_type, state, records, open_, run, result, ours, theirs, our_fen, their_fen, *scope in rows
    ]  # fmt: skip
    filters = (
        Filter("fund", "险种", [(str(code), name) for code, name in FUND_NAMES.items()], value=str(fund)), Filter("term", "期号", value=str(term)),
    )  # fmt: skip
    heads = (
        FUND_NAMES[fund],
        f"期号{term}",
        f"未一致{len(silent) + sum(row[3] != 'agreed' for row in rows)}家次",
        "单位：元",
    )
    grid = Grid(f"对账-{fund}-{term}", "与机构对账", columns, shown, heads=heads, notes=(_TOTALS_NOTE,))
    return grid_page(desk, grid, filters=filters)


def _scope_of(insutype: str, office: str, refunded: str, on: date) -> str:
    """What a file of totals spoke of: one kind of insurance of one office, with what was refunded or without, on its day."""
    parts = (
        f"险种{insutype}",
        f"经办机构{office}" if office else "",
        "含退费" if refunded == "1" else "不含退费",
        f"{on}所对",
    )
    return "，".join(part for part in parts if part)


def run(desk: Desk, request: Request) -> Response:
    """One comparison of details: what differs, what is proposed, and the two acts of a decision."""
    run_id = request.path_params["run"]
    with desk.tx() as tx:
        found = result_of(tx, run_id)
        listed = differences(tx, run_id)
    scope = found.scope
    facts = (
        ("机构", scope.institution), ("险种", fund_of(scope.fund)), ("期号", scope.term), ("清算类别", scope.clr_type),
        ("状态", said("reconciliation.state", found.state)), ("平", found.matched), ("中心多", found.center_only),
        ("医药机构多", found.provider_only), ("数据不一致", found.amount_diff),
    )  # fmt: skip
    held = {"region": desk.region, "run": run_id, "date": desk.today}
    offers = []
    open_ = [one for one in listed if not one.resolved and not one.decision]
    if open_:
        offers.append(
            Offer(("maker",), "reconcile propose", "提出处理", held, (
                Ask("setl_id", "结算ID", choices=[(one.setl_id, f"{one.setl_id} {said('difference.outcome', one.outcome)}") for one in open_[:ROWS]]),
                Ask("decision", "处理", choices=list(words_of("difference.decision").items())), Ask("reason", "理由")))
        )  # fmt: skip
    waits = [one for one in listed if one.decision and not one.confirmed_by]
    if waits:
        picked = [one.setl_id for one in waits][:ROWS]
        offers.append(
            Offer(("checker",), "reconcile confirm", "确认处理", held, (
                Ask("setl_id", "结算ID（逗号分隔，只留所确认的）", value="，".join(picked), many=True),))
        )  # fmt: skip
    return record_page(
        desk, f"对账明细 {scope.institution} {scope.term}", facts, (_differences(listed),), offers,
        here=address(f"reconcile/{run_id}", region=desk.region),
    )  # fmt: skip


def _differences(listed: list[Difference]) -> Grid:
    columns = (
        Column("setl_id", "结算ID"), Column("outcome", "结果"),
        *(Column(f"{side}_{what}", f"{who}{title}", "money") for what, title in zip(_SIDES, ("费用", "基金", "个账"), strict=True)
          for side, who in (("our", "中心"), ("their", "机构"))),
        Column("decision", "处理"), Column("reason", "理由"), Column("by", "提出"), Column("confirmed", "确认"),
    )  # fmt: skip
    rows = []
    for one in sorted(listed, key=lambda one: (one.resolved, one.n)):
        sides = one.sides._asdict()
        amounts = [sides[f"{side}_{what}_fen"] for what in _SIDES for side in ("our", "their")]
        rows.append(
            Line((one.setl_id, said("difference.outcome", one.outcome), *amounts, said("difference.decision", one.decision),
                  one.reason, one.proposed_by, one.confirmed_by or ("新的明细已一致" if one.resolved else "")))
        )  # fmt: skip
    return Grid("差异", "差异，未决的在前", columns, rows, notes=("单位：元",))


def deductions(desk: Desk, _request: Request) -> Response:
    """Hand-back of the months and other deductions: made, proposed and approved; month orders; one institution's sheet."""
    fund, term = term_of(desk)
    with desk.tx() as tx:
        back = tx.rows(
            "SELECT fund, month, made_by, made_on, late, paid_fen, returned_fen FROM fund.handback WHERE region = %(region)s"
            " ORDER BY month DESC, fund LIMIT 24",
            region=desk.region,
        )
        taken = tx.rows(
            "SELECT deduction_id, fund, institution, term, reason, amount_fen, taken_fen, prepared_by, approved_by"
            " FROM fund.other_deduction WHERE region = %(region)s AND fund = %(fund)s ORDER BY approved_by <> '', term DESC, deduction_id LIMIT 1000",
            region=desk.region,
            fund=fund,
        )
    grids = (
        Grid("其他扣款", "其他扣款", (
            Column("id", "扣款编号"), Column("fund", "险种"), Column("institution", "机构"), Column("term", "期号"), Column("reason", "依据"),
            Column("amount", "金额", "money"), Column("taken", "已扣", "money"), Column("by", "提出"), Column("approved", "审批")),
            [Line((n, fund_of(f), i, str(t), why, fen, done or None, by, ok or "待审批")) for n, f, i, t, why, fen, done, by, ok in taken],
            notes=("单位：元",)),
        Grid("回传", "日拨付回传（规程第十二条）", (
            Column("fund", "险种"), Column("month", "月份"), Column("by", "办理"), Column("on", "日期", "day"), Column("late", "逾期"),
            Column("paid", "已付", "money"), Column("returned", "退回", "money")),
            [Line((fund_of(f), str(m), by, on, "逾期" if late else "", paid, returned)) for f, m, by, on, late, paid, returned in back]),
    )  # fmt: skip
    held = {"region": desk.region, "fund": fund}
    last = desk.today.year * 12 + desk.today.month - 2
    month = Ask("month", "银行记账月份（年年年年月月）", value=str(last // 12 * 100 + last % 12 + 1))
    institution = Ask("institution", "机构编码")
    offers = [
        Offer(("checker",), "month deduct-approve", f"审批扣款{n}（{yuan_grouped(fen)}元）", {"region": desk.region, "number": n})
        for n, _, _, _, _, fen, _, _, approved in taken if not approved
    ]  # fmt: skip
    offers += [
        Offer(("maker", "accountant"), "month deduct", "提出其他扣款", {**held, "term": term},
              (institution, Ask("number", "扣款编号"), AMOUNT, Ask("reason", "依据")), note=f"{FUND_NAMES[fund]}，期号{term}"),
        Offer(("maker",), "month prepare", "编制一家的月结算单", {**held, "term": term}, (institution,), note=f"{FUND_NAMES[fund]}，期号{term}"),
        Offer(("accountant",), "month handback", "汇总回传", held, (month,), note=FUND_NAMES[fund]),
        Offer(("maker",), "month orders", "月结算制单", {"region": desk.region}, (FUND,), note="已审批且应付大于零的。"),
    ]  # fmt: skip
    filters = (
        Filter("fund", "险种", [(str(code), name) for code, name in FUND_NAMES.items()], value=str(fund)), Filter("term", "期号", value=str(term)),
    )  # fmt: skip
    here = address("deductions", region=desk.region, fund=fund, term=term)
    return record_page(desk, "回传与扣款", (), grids, offers, filters=filters, here=here)
