"""Business, finance and bank side by side, an institution or a day a row: what the records owe by the day, what the journal has of
it, what went into orders, and what the bank's own papers prove as paid (art. 29)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final, LiteralString, NamedTuple

from ledger.db.unit_of_work import Transaction
from reports.control.business import BOOKED
from reports.control.due import DUE, ControlMonth, judged
from reports.render.grid import Column, Grid, Line

# What is owed is added up by order first: there are some hundred orders to a day's ten thousands of records. Orders and papers are looked up by their numbers (OFFSET 0), however many there are of other months.
# An order that failed and went out again is paid where the last of its line is: proven by the papers of any of them, net of returns.
_WAYS: Final[LiteralString] = """,
    owed AS (SELECT day, fund, institution, order_no, sum(daily_fen) AS fen FROM fund.payable
              WHERE region = %(region)s AND fund = ANY(%(funds)s) AND day >= %(first)s AND day < %(after)s AND daily_fen <> 0
 AND recognised_by NOT LIKE 'OPEN:%%' GROUP BY 1, 2, 3, 4),
    line AS (SELECT DISTINCT order_no AS root, order_no FROM owed WHERE order_no <> ''
              UNION ALL
             SELECT l.root, r.order_no FROM line l CROSS JOIN LATERAL (
                SELECT o.order_no FROM payments.pay_order o
                 WHERE o.region = %(region)s AND o.replaces = l.order_no AND o.replaces <> '' OFFSET 0) r),
    proven AS (SELECT l.root FROM line l CROSS JOIN LATERAL (
                SELECT v.direction, v.amount_fen FROM payments.evidence v
                 WHERE v.region = %(region)s AND v.matched_order = l.order_no AND v.matched_order <> '' AND v.outcome = 'posted' OFFSET 0) v
                GROUP BY 1 HAVING sum(CASE v.direction WHEN 'debit' THEN v.amount_fen ELSE -v.amount_fen END) > 0),
    told AS (SELECT DISTINCT l.root FROM line l CROSS JOIN LATERAL (
                SELECT o.state FROM payments.pay_order o WHERE o.region = %(region)s AND o.order_no = l.order_no OFFSET 0) o
              WHERE o.state = 'paid'),
    money AS (SELECT w.day, w.fund, w.institution, sum(w.fen) FILTER (WHERE w.order_no <> '') AS ordered,
                     sum(w.fen) FILTER (WHERE t.root IS NOT NULL) AS told,
                     sum(w.fen) FILTER (WHERE p.root IS NOT NULL) AS paid
                FROM owed w LEFT JOIN proven p ON p.root = w.order_no LEFT JOIN told t ON t.root = w.order_no GROUP BY 1, 2, 3),
    ways AS (SELECT day, fund, institution, coalesce(b.u_count, 0) AS count, coalesce(b.u_daily, 0) AS business,
                    coalesce(b.k_daily, 0) AS finance, coalesce(m.ordered, 0) AS ordered,
                    coalesce(m.told, 0) AS told, coalesce(m.paid, 0) AS paid
               FROM both_sides b FULL JOIN money m USING (day, fund, institution))
"""
_BY_INSTITUTION: Final[LiteralString] = """
    SELECT w.institution, i.name, sum(count)::bigint, sum(business)::bigint, sum(finance)::bigint, sum(ordered)::bigint, sum(told)::bigint,
           sum(paid)::bigint
      FROM ways w LEFT JOIN fund.institution i ON i.region = %(region)s AND i.institution = w.institution
     GROUP BY 1, 2 ORDER BY w.institution COLLATE "C"
"""
_EACH: Final[LiteralString] = """
    SELECT fund, institution, day, count::bigint, business::bigint, finance::bigint, ordered::bigint, told::bigint, paid::bigint FROM ways
     ORDER BY fund, institution COLLATE "C", day
"""


class WayOfDay(NamedTuple):
    """An institution's day in one fund; the figures as in `Ways`."""

    fund: int
    institution: str
    day: date
    parts: int
    business_fen: int
    finance_fen: int
    ordered_fen: int
    told_fen: int
    paid_fen: int


class Ways(NamedTuple):
    """A row: an institution or one of its days. Money in fen of the share that is paid by the day."""

    of: str | date
    name: str
    parts: int
    """Records, the pooled and the account part of one counted each."""
    business_fen: int
    finance_fen: int
    ordered_fen: int
    told_fen: int
    """Of these, by our orders paid."""
    paid_fen: int
    """Proven by the bank's papers, returns taken off."""

    @property
    def differs(self) -> bool:
        """Whether business and finance, or finance and bank, say different sums."""
        return self.business_fen != self.finance_fen or self.told_fen != self.paid_fen


def three_ways(tx: Transaction, month: ControlMonth, tips: Mapping[int, int]) -> list[Ways]:
    """Every institution of a month or of a day of it, worked out anew. `tips`: the last entry known of each fund's book."""
    return [Ways(code, name or "", *rest) for code, name, *rest in _asked(tx, month, tips, _BY_INSTITUTION)]


def ways_by_day(tx: Transaction, month: ControlMonth, tips: Mapping[int, int]) -> list[WayOfDay]:
    """Each institution's days in each fund, worked out anew: what a kept month is added up from."""
    return [WayOfDay(*row) for row in _asked(tx, month, tips, _EACH)]


def _asked(
    tx: Transaction, month: ControlMonth, tips: Mapping[int, int], rows: LiteralString
) -> list[tuple[Any, ...]]:
    query: LiteralString = "WITH RECURSIVE " + DUE + "," + BOOKED + _WAYS + rows
    return judged(tx, query, **month.params(funds=list(tips), tips=list(tips.values())))


def three_ways_grid(month: ControlMonth, found: list[Ways], institution: str = "") -> Grid:
    """As a table with its totals; what differs is said in the last column."""
    of = Column("day", "结算日", "day", 10) if institution else Column("institution", "机构", "text", 14)
    columns = (
        of, Column("name", "名称"), Column("parts", "应付笔数", "count"), Column("business", "业务应拨付", "money"),
        Column("finance", "账面应拨付", "money"), Column("difference", "业财差额", "money"), Column("ordered", "已编单", "money"),
        Column("told", "账上已付", "money"), Column("paid", "银行已付", "money"), Column("open", "未付", "money"), Column("word", "核对"),
    )  # fmt: skip
    lines = [
        Line((one.of, one.name, one.parts, one.business_fen, one.finance_fen, one.business_fen - one.finance_fen,
              one.ordered_fen, one.told_fen, one.paid_fen, one.finance_fen - one.paid_fen, "不符" if one.differs else "相符"))
        for one in found
    ]  # fmt: skip
    sums = [sum(values) for values in zip(*(one[2:8] for one in found), strict=True)] or [0] * 6
    total = (None if institution else "合计", "合计" if institution else "", sums[0], sums[1], sums[2], sums[1] - sums[2],
             *sums[3:], sums[2] - sums[5], "")  # fmt: skip
    title = f"业务、财务、银行三方核对{'：' + institution if institution else ''}"
    span = f"{month.day}" if month.day else f"{month.month}"
    when = f"{month.day}结算" if month.day else f"{month.month // 100}年{month.month % 100}月结算"
    return Grid(
        f"三方核对-{month.region}-{span}{'-' + institution if institution else ''}", title, columns,
        [*lines, Line(total, total=True)], heads=(f"统筹区：{month.region}", when, "单位：元"),
        notes=("业务：结算记录按当日协议比例应日拨付额；账面：已记账的日拨付应付；账上已付：已付妥的拨付单；银行已付：以银行单据为准，退汇已减；未付为负的是冲销后待抵扣。",),
    )  # fmt: skip
