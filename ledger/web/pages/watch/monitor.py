"""监测: a day's figures by fund and institution with charts, time to money, coverage, clearing progress; down to the records."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final, LiteralString

from starlette.requests import Request
from starlette.responses import Response

from ledger.control.monitor.coverage import GOAL, Covered
from ledger.control.monitor.figures import FigureRow, Figures, total
from ledger.control.monitor.shown import Monitor, read_monitor
from ledger.control.risk.words import percent
from ledger.core.dates import SHANGHAI, parse_day
from ledger.core.entries import FUND_NAMES
from ledger.core.money import yuan_grouped
from ledger.core.words import said
from ledger.fund.clearing.targets import YearFigures
from ledger.web.charts import Chart, Series, columns, shares
from ledger.web.pages.watch.quarantine import COUNT
from ledger.web.record import record_page
from ledger.web.show import ROWS, Filter, Linked, address, grid_page
from ledger.web.sitting import Desk
from reports.render.grid import Cell, Column, Grid, Line

INSTITUTIONS: Final = 12
"""In the chart of institutions."""
_FUNDS: Final = [(str(code), name) for code, name in FUND_NAMES.items()]


def figures(desk: Desk, _request: Request) -> Response:
    """A day; today as it is now, an earlier one as the job counted it last."""
    q = desk.query
    day = parse_day(q["day"]) if q.get("day") else desk.today
    fund, institution = _fund(desk), q.get("institution", "")
    term = (
        int(q["term"])
        if q.get("term", "").isascii() and q.get("term", "").isdigit() and len(q["term"]) == 6
        else 0
    )
    with desk.tx() as tx:
        found = read_monitor(tx, day, desk.today, fund=fund, institution=institution, term=term)
        [(aside, _)] = tx.rows(COUNT, region=desk.region)
    at = f"{found.counted_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M}计算" if found.counted_at else "现在计算"
    one, whole = found.all, found.covered
    facts = (
        ("日期", f"{day}（{at}）"), ("协议在执行的机构", f"{found.connected.institutions}家，其中按日拨付{found.connected.daily}家"),
        ("结算", f"{one.records}笔，另冲销{one.reversals}笔"), ("应付", f"{yuan_grouped(one.payable_fen)}元"),
        ("拨付单", f"{one.orders}张，{yuan_grouped(one.order_fen)}元"), ("到账", f"{one.paid}张，{yuan_grouped(one.paid_fen)}元"),
        ("失败、退回", f"{one.failed}张，{yuan_grouped(one.failed_fen)}元"), ("到账时间", _times(one)),
        ("隔离的结算记录", Linked(f"{aside}条待处理", address("quarantine", region=desk.region))),
        ("覆盖率", f"{found.term}：{percent(whole.share)}，日拨付占{percent(whole.daily_share)}，目标{percent(GOAL)}" if found.term else ""),
    )  # fmt: skip
    terms = Filter(
        "term", "覆盖率的期号", [(str(one), str(one)) for one in found.terms], value=str(found.term)
    )
    filters = (
        Filter("day", "日期", kind="date", value=str(day)), Filter("fund", "险种", [("", "全部"), *_FUNDS]), Filter("institution", "机构"),
        *([terms] if found.terms else []),
    )  # fmt: skip
    grids = [
        _day(desk, found),
        *([_coverage(found)] if found.coverage else []),
        *([_clearing(desk, found.years)] if found.years else []),
    ]
    here = address("monitor", region=desk.region, day=day, fund=fund or "", institution=institution)
    return record_page(
        desk, "监测", facts, grids, (), filters=filters, here=here, template="monitor.html", extra={"charts": _charts(found)},
    )  # fmt: skip


def _times(one: Figures) -> str:
    if one.mean_days is None:
        return ""
    parts = (
        ("一日内", one.within_1),
        ("第二日", one.within_2),
        ("第三日", one.within_3),
        ("三日以后", one.later),
    )
    mean = f"平均{one.mean_days // 100}.{one.mean_days % 100:02d}日"
    return mean + "：" + "，".join(f"{name}{count}笔" for name, count in parts)


def _day(desk: Desk, found: Monitor) -> Grid:
    cols = (
        Column("institution", "机构"), Column("name", "名称"), Column("fund", "险种"), Column("records", "结算笔数", "count"),
        Column("reversals", "冲销", "count"), Column("payable", "应付", "money"), Column("orders", "拨付单", "count"),
        Column("ordered", "拨付单金额", "money"), Column("paid", "到账", "count"), Column("paid_fen", "到账金额", "money"),
        Column("failed", "失败", "count"), Column("mean", "到账平均日数"), Column("open", "明细"),
    )  # fmt: skip

    def cells(name: str, title: str, fund: str, one: Figures, link: Cell) -> tuple[Cell, ...]:
        mean = "" if one.mean_days is None else f"{one.mean_days // 100}.{one.mean_days % 100:02d}"
        return (
            name, title, fund, one.records, one.reversals, one.payable_fen, one.orders, one.order_fen, one.paid, one.paid_fen,
            one.failed, mean, link,
        )  # fmt: skip

    def records(row: FigureRow) -> Linked:
        values = {"region": desk.region, "day": found.day, "fund": row.fund, "institution": row.institution}
        return Linked("结算记录", address("monitor/records", **values))

    lines = [
        Line(
            cells(
                row.institution, row.name, FUND_NAMES.get(row.fund, str(row.fund)), row.figures, records(row)
            )
        )
        for row in found.rows
    ]
    if found.rows:
        whole = Linked(
            "全部结算记录",
            address("monitor/records", region=desk.region, day=found.day, fund=found.fund or ""),
        )
        lines.append(Line(cells("合计", "", "", found.all, whole), total=True))
    return Grid(
        f"监测{found.day}",
        f"{found.day} 各机构",
        cols,
        lines,
        notes=("单位：元。到账按银行记账日，不含其后退汇的；失败按记账日。",),
    )


def _coverage(found: Monitor) -> Grid:
    cols = (
        Column("institution", "机构"), Column("name", "名称"), Column("fund", "险种"), Column("daily", "日拨付", "money"),
        Column("month", "按期月结算", "money"), Column("late", "逾期月结算", "money"), Column("offset", "抵扣预付", "money"),
        Column("settled", "已结算", "money"), Column("share", "覆盖率"), Column("daily_share", "其中日拨付"),
    )  # fmt: skip

    def cells(name: str, title: str, fund: str, one: Covered) -> tuple[Cell, ...]:
        return (
            name, title, fund, one.daily_fen, one.month_fen, one.late_fen, one.offset_fen, one.settled_fen, percent(one.share),
            percent(one.daily_share),
        )  # fmt: skip

    lines = [
        Line(cells(one.institution, one.name, FUND_NAMES.get(one.fund, str(one.fund)), one))
        for one in found.coverage
    ]
    lines.append(Line(cells("合计", "", "", found.covered), total=True))
    note = (
        "覆盖率＝（日拨付＋按期月结算）÷已结算，目标不低于80%；机构覆盖率"
        + percent(found.covered.institution_share)
        + "。单位：元。"
    )
    return Grid(f"覆盖率{found.term}", f"{found.term} 即时结算覆盖率", cols, lines, notes=(note,))


def _clearing(desk: Desk, years: Sequence[YearFigures]) -> Grid:
    cols = (
        Column("year", "年度"), Column("fund", "险种"), Column("cleared", "已清算"), Column("by", "目标日", "day"), Column("reached", "完成日"),
        Column("days", "与目标相差（日）"), Column("share", "留待清算"), Column("goal", "目标"),
    )  # fmt: skip
    lines = [
        Line((
            Linked(str(one.year), address("clearing", region=desk.region, fund=one.fund, year=one.year)), FUND_NAMES.get(one.fund, str(one.fund)),
            f"{one.cleared}/{one.institutions}家", one.target.by, str(one.reached_on or "未完成"), str(one.days_late),
            percent(one.share_ratio), f"{percent(one.target.share_low)}—{percent(one.target.share_high)}",
        ))
        for one in years
    ]  # fmt: skip
    return Grid(
        "清算进度", "年度清算进度（三年行动计划）", cols, lines, notes=("目标是努力的方向，不据以拒绝办理。",)
    )


def _charts(found: Monitor) -> list[Chart]:
    """Those that have something to show."""
    charts = []
    for title, points, cut in (("当日累计（每十分钟）", found.ticks, 0), ("近31日", found.days, 5)):
        owed, paid = [one.payable_fen for one in points], [one.paid_fen for one in points]
        if any(owed) or any(paid):
            series = (Series("应付", "s1", owed), Series("到账", "s2", paid))
            charts.append(columns(title, [one.at[cut:] for one in points], series, yuan_grouped))
    by_code: dict[str, list[FigureRow]] = {}
    for row in found.rows:
        by_code.setdefault(row.institution, []).append(row)
    sums = {code: total(rows) for code, rows in by_code.items()}
    most = sorted(sums.items(), key=lambda pair: (-pair[1].payable_fen, pair[0]))[:INSTITUTIONS]
    if any(one.payable_fen > 0 or one.paid_fen > 0 for _, one in most):
        series = (
            Series("应付", "s1", [one.payable_fen for _, one in most]),
            Series("到账", "s2", [one.paid_fen for _, one in most]),
        )
        charts.append(columns("应付最多的机构", [code[-5:] for code, _ in most], series, yuan_grouped))
    one = found.all
    if one.timed:
        buckets = [one.within_1, one.within_2, one.within_3, one.later]
        charts.append(
            columns(
                "到账时间（自出院结算起）",
                ["一日内", "第二日", "第三日", "三日以后"],
                [Series("结算笔数", "s3", buckets)],
                str,
            )
        )
    whole = found.covered
    if whole.share is not None:
        rows = [("资金", whole.share, percent(whole.share)), ("机构", whole.institution_share or 0, percent(whole.institution_share)),
                ("其中日拨付", whole.daily_share or 0, percent(whole.daily_share))]  # fmt: skip
        charts.append(shares(f"{found.term} 即时结算覆盖率", rows, GOAL, 2))
    return charts


_RECORDS: Final[LiteralString] = """
    SELECT p.setl_id, p.institution, p.fund, p.day, p.fund_fen, p.daily_fen, p.order_no, coalesce(o.state, ''),
           CASE WHEN o.state IS DISTINCT FROM 'returned' THEN (SELECT max(v.booking_date) FROM payments.evidence v WHERE v.region = p.region AND v.matched_order = p.order_no AND p.order_no <> ''
               AND v.outcome = 'posted' AND v.direction = 'debit') END
      FROM fund.payable p LEFT JOIN payments.pay_order o ON o.region = p.region AND o.order_no = p.order_no
     WHERE p.region = %(region)s AND p.day = %(day)s AND p.subfund = 'pool' AND %(fund)s IN (0, p.fund)
       AND %(institution)s IN ('', p.institution) AND (p.setl_id COLLATE "C", p.fund) > (%(after)s, 0)
     ORDER BY p.setl_id COLLATE "C", p.fund LIMIT %(most)s"""
FILE_MOST: Final = 100_000
"""Records in a file."""


def records(desk: Desk, _request: Request) -> Response:
    """The settlement records of a day, each to be followed from discharge to receipt."""
    q = desk.query
    day = parse_day(q["day"]) if q.get("day") else desk.today
    with desk.tx() as tx:
        asked = {
            "region": tx.region,
            "day": day,
            "fund": _fund(desk),
            "institution": q.get("institution", ""),
        }
        rows = tx.rows(_RECORDS, **asked, after=q.get("after", ""), most=ROWS + 1)
    following = rows[ROWS - 1][0] if len(rows) > ROWS else None

    def whole() -> Grid:
        with desk.tx() as tx:
            return _listed(day, tx.rows(_RECORDS, **asked, after="", most=FILE_MOST))

    filters = (
        Filter("day", "日期", kind="date", value=str(day)),
        Filter("fund", "险种", [("", "全部"), *_FUNDS]),
        Filter("institution", "机构"),
    )
    return grid_page(desk, _listed(day, rows[:ROWS]), filters=filters, following=following, whole=whole)


def _listed(day: date, rows: Sequence[tuple[Any, ...]]) -> Grid:
    cols = (
        Column("setl_id", "结算ID"), Column("institution", "机构"), Column("fund", "险种"), Column("day", "结算日", "day"),
        Column("fund_fen", "基金金额", "money"), Column("daily", "日拨付", "money"), Column("order_no", "拨付单"), Column("state", "单的状态"),
        Column("paid", "到账日", "day"), Column("days", "到账日数"),
    )  # fmt: skip
    lines = []
    for setl_id, institution, fund, on, fund_fen, daily, order, state, paid in rows:
        days = str((paid - on).days) if isinstance(paid, date) and isinstance(on, date) else ""
        said_fund = FUND_NAMES.get(int(str(fund)), str(fund))
        lines.append(
            Line(
                (
                    str(setl_id),
                    str(institution),
                    said_fund,
                    on,
                    fund_fen,
                    daily,
                    str(order),
                    said("order.state", str(state)) if state else "",
                    paid,
                    days,
                )
            )
        )
    return Grid(
        f"结算记录{day}", f"{day} 结算记录", cols, lines, notes=("单位：元；点结算ID从出院结算追到回单。",)
    )


def _fund(desk: Desk) -> int:
    asked = desk.query.get("fund", "")
    return int(asked) if asked in {str(one) for one in FUND_NAMES} else 0
