"""Books and statements: from a statement's row to its accounts, to their vouchers, to the papers behind them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from ledger.books.correcting import correctable
from ledger.books.reading import parse_period
from ledger.books.selection import BEFORE_ALL, Cursor, parse_cursor
from ledger.core.accounts import SPENDING_KIND
from ledger.core.dates import days_asked, parse_day
from ledger.core.entries import Dimensions
from ledger.core.errors import NotFound
from ledger.core.money import parse_fen
from ledger.core.words import evidence_named
from ledger.db.unit_of_work import Transaction
from ledger.web.show import ROWS, Filter, file_of, grid_page, page
from ledger.web.sitting import Desk
from reports.books.bank_journal import bank_journal_grid
from reports.books.find import Wanted, find, found_grid
from reports.books.journal import journal_grid, people_of
from reports.catalogue import FORMS, REPORTS, ReportAsked, build, grid_of, told_statements
from reports.general_ledger import GeneralLedger, general_ledger
from reports.render.books_grid import ledger_grid, voucher_grid
from reports.render.paper import Paper
from reports.rmb import rmb_upper
from reports.statements.explain import explain
from reports.voucher import columns_of, voucher
from reports.wording import dimension_text

_ORDER: Final = re.compile(r"FL[0-9][0-9A-Z-]{7,32}")
_LEVELS: Final = [("", "全部")] + [(str(n), f"{n}级") for n in range(1, 5)]
_FIGURES: Final = {
    "debit_fen": "借方发生额",
    "credit_fen": "贷方发生额",
    "year_open_fen": "年初余额",
}
"""Figures of an account in a statement's cell that no column of the form heads."""
_FIELDS: Final = {
    "trial-balance": (Filter("level", "级次", _LEVELS),),
    "general-ledger": (Filter("level", "级次", _LEVELS),),
    "sub-ledger": (Filter("account", "科目"), Filter("party", "往来单位")),
    "columnar": (Filter("account", "科目"),),
    "bank-journal": (Filter("account", "科目"), Filter("number", "账号")),
    "auxiliary": (Filter("account", "科目"), Filter("party", "往来单位")),
    "dealings": (Filter("account", "科目"), Filter("party", "往来单位")),
    "journal": (Filter("from", "日期自", (), "date"), Filter("to", "至", (), "date")),
}


def report(desk: Desk, request: Request) -> Response:
    """A report of a book by its name; lists of entries 200 a page."""
    name = request.path_params["report"]
    if name not in REPORTS:
        raise NotFound("report.unknown", f"没有账表{name[:40]}")
    asked = _asked(desk)
    with desk.tx() as tx:
        filters = [*_common(tx, desk), *_FIELDS.get(name, ())]
        extra = {"report": name, "reports": True}
        if name in FORMS:
            built = build(tx, desk.book, name, asked)
            flat = [(line.cells[0], line.cells[1]) for line in built.flat.lines]
            return grid_page(desk, built.printed, filters=filters, extra=extra | {"opened": flat})
        if name == "sub-ledger":
            return _sub_ledger(tx, desk, asked, filters, extra)
        if name == "journal":
            days = days_asked(asked.period, asked.first, asked.last)
            after = _after(desk)
            shown = journal_grid(tx, desk.book, days, after=after, entries=ROWS)
            following = shown.facts.get("next")
            return grid_page(
                desk, shown, filters=filters, following=None if following is None else str(following), extra=extra,
                whole=lambda: grid_of(tx, desk.book, name, asked),
            )  # fmt: skip
        if name == "bank-journal":
            shown = bank_journal_grid(
                tx,
                desk.book,
                asked.account or SPENDING_KIND,
                asked.number,
                period=asked.period,
                after=_after(desk),
                entries=ROWS,
            )
            following = shown.facts.get("next")
            return grid_page(
                desk, shown, filters=filters, following=None if following is None else str(following), extra=extra,
                whole=lambda: grid_of(tx, desk.book, name, asked),
            )  # fmt: skip
        return grid_page(desk, grid_of(tx, desk.book, name, asked), filters=filters, extra=extra)


def _sub_ledger(
    tx: Transaction, desk: Desk, asked: ReportAsked, filters: list[Filter], extra: dict[str, object]
) -> Response:
    account = asked.account or SPENDING_KIND
    dims = Dimensions(asked.party, "", 0, 0, "")

    def read(after: Cursor, entries: int = ROWS) -> GeneralLedger:
        return general_ledger(tx, desk.book, account, dims, period=asked.period, after=after, entries=entries)

    told = read(_after(desk))
    shown = ledger_grid(replace(told, next=None), read)
    shown = replace(shown, lines=list(shown.lines))
    return grid_page(
        desk, shown, filters=filters, following=None if told.next is None else str(told.next), extra=extra,
        whole=lambda: ledger_grid(read(BEFORE_ALL), read),
    )  # fmt: skip


def row(desk: Desk, request: Request) -> Response:
    """One row of a statement opened: its formula, its accounts with what each puts in, and their entries."""
    name = request.path_params["report"]
    if name not in FORMS:
        raise NotFound("report.unknown", f"没有报表{name[:40]}")
    with desk.tx() as tx:
        told = told_statements(tx, desk.book, _asked(desk), None)
        opened = explain(tx, told, FORMS[name], desk.query.get("row", ""), _after(desk), ROWS)
        titles = _FIGURES | {column.key: column.title for column in told.forms[FORMS[name]].columns}
    return page(desk, "row.html", title=str(opened["name"]), opened=opened, form=name, titles=titles)


def one_voucher(desk: Desk, request: Request) -> Response:
    """A voucher in the standard form, with the way to what it rests on."""
    with desk.tx() as tx:
        told = voucher(tx, desk.book, request.path_params["number"])
        way = correctable(tx, desk.book, told.voucher.number, desk.today)
    shape = desk.query.get("format", "")
    if shape in ("pdf", "xlsx"):
        return file_of([voucher_grid(told)], shape, Paper.A5_ACROSS)
    posted = told.voucher
    after = desk.query.get("after", "")
    start = int(after) if after.isascii() and after.isdigit() and len(after) < 7 else 0
    count = len(posted.lines)
    sections = []
    passed = 0
    for (
        section,
        lines,
    ) in told.ordered():  # a long voucher 200 lines a page, each section's sums those of all its lines
        part = lines[max(start - passed, 0) : max(start + ROWS - passed, 0)]
        passed += len(lines)
        if part:
            rows = [(line, columns_of(line), dimension_text(line.asked, line.dims)) for line in part]
            sections.append((rows, told.sums[section], rmb_upper(told.sums[section][0])))
    orders = list(dict.fromkeys(_ORDER.findall(f"{posted.source_key} {posted.evidence}")))
    return page(
        desk, "voucher.html", title=f"记账凭证 {posted.number}", told=told, posted=posted, sections=sections, way=way,
        orders=orders, evidence=evidence_named(posted.evidence) or "无", start=start, count=count, rows=ROWS,
        draft=posted.source_key.removeprefix("MAN:") if posted.source_key.startswith("MAN:") else "",
    )  # fmt: skip


def find_page(desk: Desk, _request: Request) -> Response:
    """Vouchers by what is known of them, the newest 200."""
    q = desk.query
    least, most = q.get("amount", ""), q.get("to_amount", "")
    wanted = Wanted(
        q.get("number", ""), parse_fen(least) if least else (0 if most else None), parse_fen(most) if most else None,
        q.get("words", ""), q.get("party", ""), q.get("account", ""), q.get("evidence", ""), _day(q.get("from")),
        _day(q.get("to")), desk.login_of(q.get("maker", "")),
    )  # fmt: skip
    with desk.tx() as tx:
        asked = any(
            q.get(name)
            for name in (
                "number",
                "amount",
                "to_amount",
                "words",
                "party",
                "account",
                "evidence",
                "from",
                "to",
                "maker",
            )
        )
        found = [(desk.book, line) for line in find(tx, desk.book, wanted, ROWS)] if asked else []
        filters = [
            *_common(tx, desk)[:1], Filter("number", "凭证号"), Filter("amount", "金额自"), Filter("to_amount", "至"),
            Filter("words", "摘要"), Filter("party", "往来单位"), Filter("account", "科目"), Filter("evidence", "依据"),
            Filter("from", "日期自", (), "date"), Filter("to", "至", (), "date"), Filter("maker", "制单"),
        ]  # fmt: skip
        names = people_of(tx, [line for _, line in found])
    return grid_page(desk, found_grid(found, ROWS, names), filters=filters)


def _common(tx: Transaction, desk: Desk) -> list[Filter]:
    book = desk.book
    months = [
        (str(month), f"{month // 100}.{month % 100:02d}")
        for (month,) in tx.rows(
            "SELECT period FROM books.period WHERE region = %(region)s AND fund = %(fund)s ORDER BY period DESC",
            region=book.region,
            fund=book.fund,
        )
    ]
    return [
        Filter("book", "账套", [(str(one), f"{one} {name}") for one, name in desk.books]),
        Filter("period", "期间", months),
    ]


def _asked(desk: Desk) -> ReportAsked:
    q = desk.query
    level = q.get("level", "")
    ranged = bool(q.get("from") or q.get("to"))
    return ReportAsked(
        period=None if ranged and not q.get("period") else parse_period(desk.period),
        account=q.get("account", ""),
        number=q.get("number", ""),
        party=q.get("party", ""),
        level=int(level) if level.isdigit() and len(level) == 1 else 0,
        first=_day(q.get("from")),
        last=_day(q.get("to")),
    )


def _after(desk: Desk) -> Cursor:
    given = desk.query.get("after", "")
    return parse_cursor(given) if given else BEFORE_ALL


def _day(text: str | None) -> date | None:
    return parse_day(text) if text else None
