"""`fundledger report`: trial balance, account ledger and voucher, on the terminal, as CSV or as JSON."""

from __future__ import annotations

import sys
from enum import StrEnum
from functools import partial
from typing import Annotated

import typer
from rich.table import Table

from ledger.books.reading import parse_book, parse_known_at, parse_period
from ledger.books.selection import BEFORE_ALL, parse_cursor
from ledger.bootstrap import App
from ledger.cli.books.auxiliary import auxiliary, changed, dealings
from ledger.cli.books.control import control, control_draw, control_sign
from ledger.cli.books.printed import bank_journal, columnar, find_vouchers, journal, sub_ledger
from ledger.cli.books.printing import OutOption, PaperOption, printed
from ledger.cli.books.remittance import remittance
from ledger.cli.books.shapes import GridShape, GridShapeOption, hand_out
from ledger.cli.books.statements import balance_sheet, income_statement
from ledger.cli.line.context import RegionOption, app_for
from ledger.core.dates import parse_day
from ledger.core.entries import Book, Dimensions
from ledger.db.unit_of_work import unit_of_work
from reports.books.by_level import ALL_LEVELS, trial_balance_grid
from reports.books.general import general_grid
from reports.books.heading import months_of
from reports.books.sub_ledger import sub_ledger_grid
from reports.general_ledger import PAGE_ENTRIES
from reports.general_ledger import general_ledger as general_ledger_report
from reports.reconciliation import reconciliation_grid
from reports.render import terminal, text_csv, text_json, voucher_html
from reports.render.books_grid import ledger_grid, voucher_grid
from reports.render.books_grid import trial_balance_grid as leaf_grid
from reports.render.grid import Grid
from reports.render.paper import Paper
from reports.trial_balance import trial_balance as trial_balance_report
from reports.voucher import voucher as voucher_report

FILE_ENTRIES = 20_000
"""Entries read at once where a whole ledger goes to a file."""
app = typer.Typer(help="账表：财务报表、科目余额表、明细账、记账凭证", no_args_is_help=True)
app.command("balance-sheet")(balance_sheet)
app.command("income-statement")(income_statement)
app.command("sub-ledger")(sub_ledger)
app.command("columnar")(columnar)
app.command("journal")(journal)
app.command("bank-journal")(bank_journal)
app.command("auxiliary")(auxiliary)
app.command("dealings")(dealings)
app.command("changed")(changed)
app.command("find")(find_vouchers)
app.command("control")(control)
app.command("control-draw")(control_draw)
app.command("control-sign")(control_sign)
app.command("remittance")(remittance)


class VoucherShape(StrEnum):
    """How a voucher is written."""

    TABLE = "table"
    HTML = "html"
    CSV = "csv"
    JSON = "json"
    XLSX = "xlsx"
    PDF = "pdf"


BookOption = Annotated[str, typer.Option("--book", help="账套：统筹区代码-基金，如420100-310")]
PeriodOption = Annotated[str | None, typer.Option(help="会计期间YYYYMM；缺省为开账以来")]
AsOfOption = Annotated[str | None, typer.Option(help="只取凭证日期不晚于此日的凭证，YYYY-MM-DD")]
KnownAtOption = Annotated[
    str | None, typer.Option(help="只取此时已记账的凭证，ISO 8601；缺省为现在。报表印出的记录时间可再次使用")
]


@app.command("trial-balance")
def trial_balance(
    book: BookOption,
    period: PeriodOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    level: Annotated[
        int | None, typer.Option(min=1, max=9, help="按级次列科目及其上级：1为一级，9为全部；须指明会计期间")
    ] = None,
    shape: GridShapeOption = GridShape.TABLE,
    out: OutOption = None,
    paper: PaperOption = None,
) -> None:
    """科目余额表：末级科目×辅助核算，各部分试算平衡；--level为按级次、带上级科目和本年累计的四栏式。"""
    running = app_for("reviewer")
    chosen = parse_book(book)
    if level is not None or shape is GridShape.HTML:
        grid = _by_level(running, chosen, period, level or ALL_LEVELS, as_of, known_at)
        hand_out(grid, shape, out=out, paper=paper or Paper.A4_ACROSS)
        return
    with unit_of_work(running.engine, running.user, chosen.region) as tx:
        report = trial_balance_report(
            tx,
            chosen,
            parse_period(period) if period else None,
            parse_day(as_of) if as_of else None,
            parse_known_at(known_at) if known_at else None,
        )
    match shape:
        case GridShape.JSON:
            typer.echo(text_json.render(report.as_json()))
        case GridShape.CSV:
            _write(text_csv.trial_balance(report))
        case GridShape.XLSX | GridShape.PDF:
            printed(leaf_grid(report), shape, out, paper or Paper.A4_ACROSS)
        case _:
            _show(terminal.trial_balance(report))


def _by_level(
    running: App,
    book: Book,
    period: str | None,
    level: int,
    as_of: str | None,
    known_at: str | None,
) -> Grid:
    with unit_of_work(running.engine, running.user, book.region) as tx:
        return trial_balance_grid(
            tx,
            book,
            parse_period(period or ""),
            level=level,
            as_of=parse_day(as_of) if as_of else None,
            known_at=parse_known_at(known_at) if known_at else None,
        )


@app.command("general-ledger")
def general_ledger(
    book: BookOption,
    account: Annotated[
        str, typer.Option(help="科目编码，或其开头（取其下全部末级）；省略则为总账：各科目逐月合计")
    ] = "",
    period: PeriodOption = None,
    year: Annotated[int | None, typer.Option(help="总账的年度YYYY")] = None,
    level: Annotated[int, typer.Option(min=1, max=4, help="总账的科目级次")] = 1,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    counterparty: Annotated[str, typer.Option(help="只取此往来单位")] = "",
    subfund: Annotated[str, typer.Option(help="只取此子基金：pool或acct")] = "",
    service_year: Annotated[int, typer.Option(help="只取此服务年度")] = 0,
    term: Annotated[int, typer.Option(help="只取此期号yyyymm")] = 0,
    category: Annotated[str, typer.Option(help="只取此待遇类别")] = "",
    after: Annotated[str | None, typer.Option(help="续页标记，取自上一页")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="每页凭证数")] = PAGE_ENTRIES,
    shape: GridShapeOption = GridShape.TABLE,
    out: OutOption = None,
    paper: PaperOption = None,
) -> None:
    """总账（不指明科目）：各科目逐月合计；指明科目则为三栏式明细账：期初、逐笔余额、本月合计、本年累计。"""
    running = app_for("reviewer")
    chosen = parse_book(book)
    dims = Dimensions(counterparty, subfund, service_year, term, category)
    day = parse_day(as_of) if as_of else None
    moment = parse_known_at(known_at) if known_at else None
    month = parse_period(period) if period else None
    if not account or shape is GridShape.HTML:
        with unit_of_work(running.engine, running.user, chosen.region) as tx:
            grid = (
                sub_ledger_grid(tx, chosen, account, dims, period=month, as_of=day, known_at=moment)
                if account
                else general_grid(tx, chosen, months_of(month, year), level=level, as_of=day, known_at=moment)
            )
        hand_out(grid, shape, out=out, paper=paper or Paper.A4_ACROSS)
        return
    with unit_of_work(running.engine, running.user, chosen.region) as tx:
        to_file = shape in (GridShape.XLSX, GridShape.PDF)
        read = partial(
            general_ledger_report,
            tx,
            chosen,
            account,
            dims,
            period=month,
            as_of=day,
            entries=max(limit, FILE_ENTRIES) if to_file else limit,
        )
        report = read(
            known_at=moment,
            after=parse_cursor(after) if after else BEFORE_ALL,
        )
        if to_file:
            known = report.chosen.known.recorded_at
            whole = ledger_grid(report, lambda end: read(known_at=known, after=end))
            printed(whole, shape, out, paper or Paper.A4_ACROSS)
            return
    match shape:
        case GridShape.JSON:
            typer.echo(text_json.render(report.as_json()))
        case GridShape.CSV:
            _write(text_csv.general_ledger(report))
        case _:
            _show(terminal.general_ledger(report))


@app.command("voucher")
def voucher(
    number: Annotated[str, typer.Argument(help="凭证号，如记-202610-12，或链上序号")],
    book: BookOption,
    shape: Annotated[
        VoucherShape, typer.Option("--format", help="table、html（打印装订）、csv、json、xlsx或pdf")
    ] = VoucherShape.TABLE,
    out: OutOption = None,
    paper: PaperOption = None,
) -> None:
    """记账凭证：分录、大小写合计、签章人、来源单据；--format html 为可打印装订的一页。"""
    running = app_for("reviewer")
    chosen = parse_book(book)
    with unit_of_work(running.engine, running.user, chosen.region) as tx:
        report = voucher_report(tx, chosen, number)
    match shape:
        case VoucherShape.JSON:
            typer.echo(text_json.render(report.as_json()))
        case VoucherShape.CSV:
            _write(text_csv.voucher(report))
        case VoucherShape.HTML:
            _write(voucher_html.voucher(report))
        case VoucherShape.TABLE:
            _show(terminal.voucher(report))
        case VoucherShape.XLSX | VoucherShape.PDF:
            printed(voucher_grid(report), shape, out, paper or Paper.A5_ACROSS)


@app.command("reconciliation")
def reconciliation(
    region: RegionOption,
    account: Annotated[str, typer.Option(help="自有账户")],
    period: Annotated[str, typer.Option(help="会计期间YYYYMM")],
    version: Annotated[int, typer.Option(min=0, help="第几版；缺省为最新")] = 0,
    shape: GridShapeOption = GridShape.TABLE,
    out: OutOption = None,
    paper: PaperOption = None,
) -> None:
    """银行存款余额调节表：两边余额各加减未达账项，调节后相等；逐项列日期、凭据、天数。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        grid = reconciliation_grid(tx, account, parse_period(period), version)
    hand_out(grid, shape, out=out, paper=paper)


def _write(text: str) -> None:
    typer.echo(text, nl=False)


def _show(table: Table) -> None:
    terminal.show(table, sys.stdout)
