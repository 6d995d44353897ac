"""The day's money at 工作台 from records to receipts: a station each, which leads to exactly what it counts."""

from __future__ import annotations

from datetime import date
from typing import Final, LiteralString, NamedTuple

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.dates import parse_day
from ledger.core.entries import FUND_NAMES
from ledger.db.unit_of_work import Transaction
from ledger.web.show import Filter, grid_page
from ledger.web.sitting import Desk
from reports.render.grid import Column, Grid, Line


class Step(NamedTuple):
    """A station of the day's money."""

    name: str
    orders: int
    fen: int
    path: str
    bad: bool = False
    unit: str = "单"


class OwedOnDay(NamedTuple):
    """What is to be paid to an institution on a day, in fen, and of what it is made."""

    fund: int
    institution: str
    name: str
    records: int
    """Drafted in the day's orders."""
    ordered_fen: int
    held_fen: int
    """Not paid, as the last run left it."""
    again_fen: int
    """In both: refused or come back on the day, and held back since. It is owed once."""

    @property
    def owed_fen(self) -> int:
        """What is owed."""
        return self.ordered_fen + self.held_fen - self.again_fen


STATIONS: Final = (
    ("制单", ("draft",), False), ("已审批", ("approved",), False), ("已制盘", ("filed",), False),
    ("已发送", ("sending", "sent", "accepted"), False), ("未知", ("unknown",), True), ("已付妥", ("paid",), False),
    ("拒绝、退汇", ("rejected", "returned"), True),
)  # fmt: skip
GROUPS: Final = {",".join(states): name for name, states, _ in STATIONS if len(states) > 1}
"""States that a station takes together, as a list of orders is asked for them."""
_SUMS: Final[LiteralString] = """
    SELECT o.state, count(*), sum(o.amount_fen)::bigint FROM payments.pay_order o
      JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id
     WHERE o.region = %(region)s AND b.pay_date = %(day)s GROUP BY 1"""
_BLOCKED: Final[LiteralString] = """
    SELECT count(*), coalesce(sum(k.amount_fen), 0)::bigint FROM payments.blocked k
     WHERE k.region = %(region)s AND k.pay_date = %(day)s AND k.run = (SELECT max(r.run) FROM payments.daily_run r
           WHERE r.region = k.region AND r.fund = k.fund AND r.pay_date = k.pay_date)"""
# an order that pays again what came back on a former day is of this day; one that pays again an order of the day is that order, and
# what was drafted anew after its order was cancelled is owed once
_OWED: Final[LiteralString] = """
    WITH ordered AS (
        SELECT d.fund, d.institution, count(DISTINCT d.setl_id) AS records, sum(d.daily_fen)::bigint AS fen FROM (
        SELECT DISTINCT o.fund, o.institution, p.setl_id, p.subfund, p.daily_fen FROM payments.batch b
          JOIN payments.pay_order o ON o.region = b.region AND o.batch_id = b.batch_id
          JOIN payments.order_payable p ON p.region = o.region AND p.order_no = o.order_no
         WHERE b.region = %(region)s AND b.pay_date = %(day)s AND NOT EXISTS (
               SELECT FROM payments.pay_order w JOIN payments.batch was USING (region, batch_id)
                WHERE w.region = o.region AND w.order_no = o.replaces AND was.pay_date = b.pay_date)) d GROUP BY 1, 2),
    back AS (
        SELECT o.fund, o.institution, sum(o.amount_fen)::bigint AS fen FROM payments.batch b
          JOIN payments.pay_order o ON o.region = b.region AND o.batch_id = b.batch_id
          JOIN payments.state s ON s.state = o.state AND s.releases
         WHERE b.region = %(region)s AND b.pay_date = %(day)s AND NOT EXISTS (
               SELECT FROM payments.pay_order w JOIN payments.batch was USING (region, batch_id)
                WHERE w.region = o.region AND w.order_no = o.replaces AND was.pay_date = b.pay_date) GROUP BY 1, 2),
    held AS (
        SELECT k.fund, k.institution, sum(k.amount_fen)::bigint AS fen FROM payments.blocked k
         WHERE k.region = %(region)s AND k.pay_date = %(day)s AND k.run = (SELECT max(r.run) FROM payments.daily_run r
               WHERE r.region = k.region AND r.fund = k.fund AND r.pay_date = k.pay_date) GROUP BY 1, 2)
    SELECT k.fund, k.institution, coalesce(i.name, ''), coalesce(a.records, 0), coalesce(a.fen, 0), coalesce(h.fen, 0),
           greatest(least(coalesce(b.fen, 0), coalesce(h.fen, 0)), 0)
      FROM (SELECT fund, institution FROM ordered UNION SELECT fund, institution FROM held) k
      LEFT JOIN ordered a USING (fund, institution) LEFT JOIN held h USING (fund, institution) LEFT JOIN back b USING (fund, institution)
      LEFT JOIN fund.institution i ON i.region = %(region)s AND i.institution = k.institution
     ORDER BY k.fund, k.institution COLLATE "C" """


def flow(tx: Transaction, day: date) -> list[Step]:
    """The day's orders by where they are, and what was held back, in fen."""
    sums = {state: (count, fen) for state, count, fen in tx.rows(_SUMS, region=tx.region, day=day)}
    steps = []
    for name, states, bad in STATIONS:
        there = [sums[state] for state in states if state in sums]
        path = f"orders?date={day}&state={','.join(states)}"
        steps.append(Step(name, sum(n for n, _ in there), sum(fen for _, fen in there), path, bad))
    [(blocked, blocked_fen)] = tx.rows(_BLOCKED, region=tx.region, day=day)
    rows = owed_on(tx, day)
    first = Step(
        "结算记录应拨", sum(one.records for one in rows), sum(one.owed_fen for one in rows), f"owed?date={day}", unit="笔已制单",
    )  # fmt: skip
    return [first, *steps, Step("受阻未拨", blocked, blocked_fen, f"blocked?date={day}", bad=True)]


def owed_on(tx: Transaction, day: date) -> list[OwedOnDay]:
    """What is owed on a day, by fund and institution."""
    return [OwedOnDay(*row) for row in tx.rows(_OWED, region=tx.region, day=day)]


def owed(desk: Desk, _request: Request) -> Response:
    """The same as a list."""
    day = parse_day(desk.query["date"]) if desk.query.get("date") else desk.today
    with desk.tx() as tx:
        rows = owed_on(tx, day)
    columns = (
        Column("fund", "险种"), Column("institution", "机构"), Column("name", "名称"), Column("records", "已制单笔数", "count"),
        Column("ordered", "已制单", "money"), Column("held", "受阻未拨", "money"), Column("again", "退回后受阻（已在已制单内）", "money"),
        Column("owed", "应拨", "money"),
    )  # fmt: skip
    lines = [
        Line((FUND_NAMES.get(one.fund, str(one.fund)), one.institution, one.name, one.records, one.ordered_fen, one.held_fen,
              -one.again_fen, one.owed_fen))
        for one in rows
    ]  # fmt: skip
    if rows:
        lines.append(
            Line(("合计", "", "", sum(one.records for one in rows), sum(one.ordered_fen for one in rows),
                  sum(one.held_fen for one in rows), -sum(one.again_fen for one in rows), sum(one.owed_fen for one in rows)), total=True)
        )  # fmt: skip
    shown = Grid(f"应拨-{day}", "结算记录应拨", columns, lines, heads=(f"拨付日{day}",), notes=("应拨＝已制单＋受阻未拨－退回后受阻的。单位：元",))  # fmt: skip
    return grid_page(desk, shown, filters=(Filter("date", "拨付日", kind="date", value=str(day)),))
