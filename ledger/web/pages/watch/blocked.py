"""受阻未拨: what a run could not pay, each with its reason in words and the records it is made of."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final, LiteralString

from starlette.requests import Request
from starlette.responses import Response

from ledger.core.dates import parse_day
from ledger.core.entries import FUND_NAMES
from ledger.core.money import yuan_grouped
from ledger.core.words import said
from ledger.web.show import Filter, Linked, address, grid_page
from ledger.web.sitting import Desk
from reports.render.grid import Cell, Column, Grid, Line

_BLOCKED: Final[LiteralString] = """
    SELECT k.fund, k.run, k.institution, coalesce(i.name, ''), k.amount_fen, k.reason, k.detail FROM payments.blocked k
      LEFT JOIN fund.institution i ON i.region = k.region AND i.institution = k.institution
     WHERE k.region = %(region)s AND k.pay_date = %(day)s AND (%(every)s OR k.run = (
           SELECT max(r.run) FROM payments.daily_run r WHERE r.region = k.region AND r.fund = k.fund AND r.pay_date = k.pay_date))
     ORDER BY k.fund, k.run, k.institution COLLATE "C" """
# what the day's orders took stands in them; what later days' orders took was open on the day
_RECORDS: Final[LiteralString] = """
    SELECT p.setl_id, p.day, p.term, p.category, p.fund_fen, p.daily_fen, p.order_no, h.setl_id IS NOT NULL
      FROM fund.payable p
      LEFT JOIN payments.pay_order o ON o.region = p.region AND o.order_no = p.order_no
      LEFT JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id
      LEFT JOIN fund.held h ON h.region = p.region AND h.fund = p.fund AND h.setl_id = p.setl_id AND h.released_by = ''
     WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.institution = %(institution)s AND p.day <= %(upto)s
       AND p.subfund = 'pool' AND p.recognised_by <> '' AND p.daily_fen <> 0 AND p.settled_by = ''
       AND (p.order_no = '' OR b.pay_date > %(day)s) ORDER BY p.daily_fen > 0, p.day, p.setl_id"""
_FUNDS: Final = [(str(code), name) for code, name in FUND_NAMES.items()]


def _asked_day(desk: Desk) -> date:
    return parse_day(desk.query["date"]) if desk.query.get("date") else desk.today


def why(reason: str, fen: int, detail: str) -> tuple[str, str]:
    """(reasons, what is to be known beside them) in words: a run keeps all of an institution's reasons in one line."""
    kinds = reason.split(",")
    words = "；".join(said("daily.blocked", one) for one in kinds)
    if "negative" in kinds and not detail:
        detail = "冲销多于应拨，尚欠的留待下次抵减" if fen < 0 else "应拨与冲销正好相抵" if fen == 0 else ""
    return words, detail


def listing(desk: Desk, _request: Request) -> Response:
    """What was not paid on a day, as the last run of each book left it, or every run's; each leads to its records."""
    every, day = desk.query.get("runs", "") == "every", _asked_day(desk)
    with desk.tx() as tx:
        rows = tx.rows(_BLOCKED, region=desk.region, day=day, every=every)
    columns = (
        Column("fund", "险种"), Column("run", "第几次", "count"), Column("institution", "机构"), Column("name", "名称"),
        Column("amount", "金额", "money"), Column("records", "明细"), Column("reason", "原因"), Column("detail", "说明"),
    )  # fmt: skip

    def made_of(fund: int, code: str) -> Linked:
        where = {"region": desk.region, "date": day, "fund": fund, "institution": code}
        return Linked("结算记录", address("blocked/records", **where))

    lines = [
        Line((FUND_NAMES.get(fund, str(fund)), run, code, name, fen, made_of(fund, code), *why(reason, fen, detail)))
        for fund, run, code, name, fen, reason, detail in rows
    ]  # fmt: skip
    if rows and not every:  # the runs of a day find the same money again
        whole: tuple[Cell, ...] = (
            "合计",
            None,
            f"{len(rows)}家次",
            "",
            sum(row[4] for row in rows),
            "",
            "",
            "",
        )
        lines.append(Line(whole, total=True))
    notes = ("金额为净额，冲销多于应拨的为负。单位：元",)
    shown = Grid(f"受阻-{day}", "受阻未拨", columns, lines, heads=(f"拨付日{day}",), notes=notes)
    filters = (
        Filter("date", "拨付日", (), "date", str(day)),
        Filter("runs", "办理", [("", "最近一次"), ("every", "各次")]),
    )
    return grid_page(desk, shown, filters=filters)


def records(desk: Desk, _request: Request) -> Response:
    """The records one institution's line is made of, what was reversed first, and whether they still add up to it."""
    day, institution = _asked_day(desk), desk.query.get("institution", "")
    asked = desk.query.get("fund", "")
    fund = int(asked) if asked in dict(_FUNDS) else next(iter(FUND_NAMES))
    where = {"region": desk.region, "day": day, "fund": fund, "institution": institution}
    with desk.tx() as tx:
        rows = tx.rows(_RECORDS, **where, upto=day - timedelta(days=1))
        kept = [row for row in tx.rows(_BLOCKED, region=desk.region, day=day, every=False)
                if (row[0], row[2]) == (fund, institution)]  # fmt: skip
    columns = (
        Column("setl_id", "结算ID"), Column("day", "结算日", "day"), Column("term", "期号"), Column("category", "类别"),
        Column("fund_fen", "基金金额", "money"), Column("daily", "应拨", "money"), Column("held", "审核"), Column("order_no", "其后的拨付单"),
    )  # fmt: skip
    lines = [
        Line(
            (
                setl_id,
                on,
                str(term),
                said("category", category),
                fund_fen,
                daily,
                "拦截" if held else "",
                order,
            )
        )
        for setl_id, on, term, category, fund_fen, daily, order, held in rows
    ]
    found = sum(row[5] for row in rows)
    if rows:
        lines.append(Line(("合计", None, "", "", sum(row[4] for row in rows), found, "", ""), total=True))
    shown = Grid(
        f"受阻明细-{fund}-{institution}-{day}", "受阻未拨的结算记录", columns, lines,
        heads=(FUND_NAMES[fund], institution, f"拨付日{day}", *_agrees(kept, found)), notes=("单位：元",),
    )  # fmt: skip
    filters = (
        Filter("date", "拨付日", kind="date", value=str(day)), Filter("fund", "险种", _FUNDS, value=str(fund)), Filter("institution", "机构"),
    )  # fmt: skip
    return grid_page(desk, shown, filters=filters)


def _agrees(kept: list[tuple[Any, ...]], found: int) -> tuple[str, ...]:
    """Whether the records are what the run kept: some may have been settled, or reversed, since."""
    if not kept:
        return ("此日没有列为受阻",)
    listed = sum(row[4] for row in kept)
    words = f"当日所列{yuan_grouped(listed)}元"
    return (
        (words,)
        if listed == found
        else (words, f"与此刻的{yuan_grouped(found)}元不同：其后有结清、退回或补记的")
    )
