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
from ledger.core.entries import FUND_NAMES
from ledger.db.unit_of_work import Transaction
from ledger.web.pages.payouts import local
from ledger.web.record import Ask, Offer, record_page
from ledger.web.show import Filter, address
from ledger.web.sitting import Desk
from reports.control.drawn import DrawnReport, drawn, grown_since, kept_ways
from reports.control.due import ControlMonth
from reports.control.report import as_signed, signed_of, tips_of
from reports.control.three_ways import three_ways, three_ways_grid
from reports.render.grid import Column, Grid, Line

_WHOLE: Final = "month"


def ways(desk: Desk, _request: Request) -> Response:
    """Three ways by institution on a day, worked out anew; or of a month as it was last drawn up, all of it or one institution's days."""
    q = desk.query
    institution, whole = q.get("institution", ""), q.get("scope", "") == _WHOLE
    chosen = _day_of(desk)
    period, kept = period_of(chosen), bool(institution) or whole
    with desk.tx() as tx:
        books = [book for book, _ in books_of(tx)]
        month = ControlMonth(
            desk.region, period, tuple(book.fund for book in books), None if kept else chosen
        )
        draft = drawn(tx, period) if kept else None
        if kept:
            found = kept_ways(tx, month, institution) if draft else []
        else:
            found = three_ways(tx, month, tips_of(tx, {book: cut(tx, book, None) for book in books}))
        since = _as_of(tx, draft) if kept else ()
    wrong = sum(one.differs for one in found)
    said = f"{len(found)}{'天' if institution else '家'}，{f'不符{wrong}' if wrong else '全部相符'}"
    facts = (
        ("范围", f"{period // 100}年{period % 100}月结算" if kept else f"{chosen}结算"), *since,
        ("核对", said if draft or not kept else ""),
    )  # fmt: skip
    filters = (
        Filter("day", "结算日", kind="date", value=str(chosen)), Filter("institution", "机构（全月逐日）"),
        Filter("scope", "范围", [("", "一日"), (_WHOLE, "全月（最近编制）")]),
    )  # fmt: skip
    return record_page(
        desk, "三方核对", facts, (three_ways_grid(month, found, institution),) if draft or not kept else (),
        [_redraw(desk, period, draft)] if kept else (), filters=filters,
        here=address("control", region=desk.region, day=chosen, institution=institution, scope=_WHOLE if whole else ""),
    )  # fmt: skip


def _as_of(tx: Transaction, draft: DrawnReport | None) -> tuple[tuple[str, object], ...]:
    """As of when what is shown was drawn up, and how far the books have gone on since: it is never shown as today's."""
    if draft is None:
        return (("编制", "尚未编制"),)
    blocks = "，".join(
        f"{FUND_NAMES[int(fund)]}第{draft.known(int(fund))}块" for fund in sorted(draft.blocks)
    )
    later = grown_since(tx, draft)
    return (
        ("编制", f"{draft.drawn_by}，截至{local(draft.drawn_at)}（账链{blocks}），其后的记录、拨付与回单不在其中"),
        ("其后", f"账链又记了{later}块，以重新编制的为准" if later else "账链没有新的记账"),
    )  # fmt: skip


def _redraw(desk: Desk, month: int, draft: DrawnReport | None) -> Offer:
    """The form that works a month out anew and keeps it. The same month and person ask for the same sample where nobody names a seed."""
    usual = hashlib.sha256(f"{desk.region} {month} {desk.user}".encode()).hexdigest()[:8]
    return Offer(
        ("reviewer", "accountant", "chief"), "report control-draw", "重新编制" if draft else "编制",
        {"region": desk.region, "month": month}, (Ask("seed", "抽样的随机种子", value=draft.seed if draft else usual),),
        note="按此刻的记录、账簿与单据重新计算内控报告与全月三方核对，替换所存的一份。",
    )  # fmt: skip


def _day_of(desk: Desk) -> date:
    """The day asked for, else the last one of the month asked for whose records are all in: yesterday, or the month's end."""
    if desk.query.get("day"):
        return parse_day(desk.query["day"])
    period = parse_period(desk.period)
    first = date(period // 100, period % 100, 1)
    return max(first, min(desk.today, next_month(first)) - timedelta(1))


def report(desk: Desk, _request: Request) -> Response:
    """The report of a month, as it was signed or as it was last drawn up; the reviewer signs what is shown, if made anew it is the same."""
    month = parse_period(desk.period)
    with desk.tx() as tx:
        signed = signed_of(tx, month)
        draft = drawn(tx, month) if signed is None else None
        made = as_signed(tx, month) if signed else draft.report(tx, month) if draft else None
        since = () if signed else _as_of(tx, draft)
    offers = []
    if draft is not None and made is not None:
        held = {
            "region": desk.region, "month": month, "seed": draft.seed, "cases": draft.cases, "digest": draft.digest.hex(),
        }  # fmt: skip
        note = "签署时按此刻的数据重新计算，与所看的不同即不签署。"
        offers.append(Offer(("reviewer",), "report control-sign", "签署所看的这一份", held, note=note))
    if signed is None:
        offers.append(_redraw(desk, month, draft))
    facts = (
        ("月份", month), *since, ("随机种子", made.seed if made else ""), ("报告摘要", made.digest.hex() if made else ""),
        ("签署", f"{signed.signed_by} {signed.signed_on}" if signed else "尚未签署"),
    )  # fmt: skip
    # a workbook has every row; a page has every case of the sample, since whoever signs looks at them, and of the rest what paper has
    book = desk.query.get("format", "") in ("xlsx", "csv")
    sample = () if desk.query.get("format") else ("sample",)
    return record_page(
        desk, "内控报告（第二十九条）", facts, made.printed(on_paper=not book, whole=sample) if made else (), offers,
        filters=(Filter("period", "月份", value=desk.period),), here=address("control-report", region=desk.region, period=month),
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
