"""Internal control 内控: business, finance and bank side by side; the monthly report of art. 29 to read and to sign; seals."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ledger.books.reading import cut, parse_period
from ledger.books.setup import books_of
from ledger.core.dates import next_month, parse_day, period_of
from ledger.web.pages.payouts import local
from ledger.web.record import Offer, record_page
from ledger.web.show import Filter, address
from ledger.web.sitting import Desk
from reports.control.due import ControlMonth
from reports.control.report import as_signed, control_report, signed_of, tips_of
from reports.control.three_ways import three_ways, three_ways_grid
from reports.render.grid import Column, Grid, Line

_WHOLE: Final = "month"


def ways(desk: Desk, _request: Request) -> Response:
    """Three ways by institution on a day, on all days of a month, or by day of one institution's month.

    All three sides are worked out anew each time, records one by one: a day is what a page shows unless more is asked for.
    """
    q = desk.query
    institution, whole = q.get("institution", ""), q.get("scope", "") == _WHOLE
    chosen = _day_of(desk)
    period, day = period_of(chosen), None if institution or whole else chosen
    with desk.tx() as tx:
        books = [book for book, _ in books_of(tx)]
        month = ControlMonth(desk.region, period, tuple(book.fund for book in books), day)
        found = three_ways(tx, month, tips_of(tx, {book: cut(tx, book, None) for book in books}), institution)
    wrong = sum(one.differs for one in found)
    facts = (
        ("范围", f"{day}结算" if day else f"{period // 100}年{period % 100}月结算"),
        ("核对", f"{len(found)}{'天' if institution else '家'}，{f'不符{wrong}' if wrong else '全部相符'}"),
    )
    filters = (
        Filter("day", "结算日", kind="date", value=str(chosen)), Filter("institution", "机构（全月逐日）"),
        Filter("scope", "范围", [("", "一日"), (_WHOLE, "全月（逐笔重算，较慢）")]),
    )  # fmt: skip
    return record_page(
        desk, "三方核对", facts, (three_ways_grid(month, found, institution),), filters=filters,
        here=address("control", region=desk.region, day=chosen, institution=institution, scope=_WHOLE if whole else ""),
    )  # fmt: skip


def _day_of(desk: Desk) -> date:
    """The day asked for, else the last one of the month asked for whose records are all in: yesterday, or the month's end."""
    if desk.query.get("day"):
        return parse_day(desk.query["day"])
    period = parse_period(desk.period)
    first = date(period // 100, period % 100, 1)
    return max(first, min(desk.today, next_month(first)) - timedelta(1))


def report(desk: Desk, _request: Request) -> Response:
    """The report of a month, as it was signed or as it stands; the reviewer signs what is shown, its sample drawn by the seed."""
    month = parse_period(desk.period)
    with desk.tx() as tx:
        signed = signed_of(tx, month)
        # the same seed for the same month and reader: what is looked at again is the same sample
        seed = (
            desk.query.get("seed")
            or hashlib.sha256(f"{desk.region} {month} {desk.user}".encode()).hexdigest()[:8]
        )
        if signed is not None and not desk.query.get("seed"):
            made = as_signed(tx, month)
        else:
            made = control_report(tx, month, seed)
    here = address("control-report", region=desk.region, period=month, seed=desk.query.get("seed", ""))
    offers = []
    if signed is None:
        held = {"region": desk.region, "month": month, "seed": seed, "digest": made.digest.hex()}
        offers.append(Offer(("reviewer",), "report control-sign", "签署所看的这一份", held))
    facts = (
        ("月份", month), ("随机种子", made.seed), ("报告摘要", made.digest.hex()),
        ("签署", f"{signed.signed_by} {signed.signed_on}" if signed else "尚未签署"),
    )  # fmt: skip
    return record_page(
        desk, "内控报告（第二十九条）", facts, made.printed(on_paper=True), offers,
        filters=(Filter("period", "月份", value=desk.period), Filter("seed", "随机种子")), here=here,
    )  # fmt: skip


def seals(desk: Desk, _request: Request) -> Response:
    """Which months of which books are sealed: what stands outside, by whom."""
    with desk.tx() as tx:
        rows = tx.rows(
            """SELECT s.fund, s.period, s.sealed_by, s.sealed_on, encode(s.sha256, 'hex'), s.key_id FROM books.period_seal s
                WHERE s.region = %(region)s ORDER BY s.period DESC, s.fund""",
            region=desk.region,
        )
        anchors = tx.rows(
            """SELECT a.fund, a.block, b.recorded_at, encode(b.hash, 'hex'), a.made_by FROM fund.anchored a
                 JOIN books.block b ON b.region = a.region AND b.fund = a.fund AND b.block = a.block
                WHERE a.region = %(region)s ORDER BY b.recorded_at DESC LIMIT 50""",
            region=desk.region,
        )
    columns = (
        Column("fund", "基金"), Column("period", "期间"), Column("by", "封存人"), Column("on", "封存日", "day"), Column("digest", "SHA-256"),
        Column("key", "签名密钥"),
    )  # fmt: skip
    chain = (
        Column("fund", "基金"), Column("block", "区块", "count"), Column("at", "记账时间"), Column("head", "链头"), Column("by", "存证"),
    )  # fmt: skip
    return record_page(
        desk, "封存与存证", (),
        (
            Grid("封存", "已封存的期间", columns, [Line((str(fund), str(period), *rest)) for fund, period, *rest in rows]),
            Grid("存证", "最近的账链存证", chain, [Line((str(fund), block, local(at), head, by)) for fund, block, at, head, by in anchors]),
        ),
        here=address("seals", region=desk.region),
    )  # fmt: skip
