"""`fundledger report`: trial balance, account ledger and voucher, on the terminal, as CSV or as JSON."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Table

from ledger.books.account_lines import BEFORE_ALL, parse_cursor
from ledger.books.reading import parse_book, parse_known_at, parse_period
from ledger.cli.line.context import RegionOption, app_for
from ledger.core.dates import parse_day
from ledger.core.entries import Dimensions
from ledger.db.unit_of_work import unit_of_work
from reports.general_ledger import PAGE_ENTRIES
from reports.general_ledger import general_ledger as general_ledger_report
from reports.reconciliation import reconciliation_grid
from reports.render import grid_plain, terminal, text_csv, text_json, voucher_html
from reports.trial_balance import trial_balance as trial_balance_report
from reports.voucher import voucher as voucher_report

app = typer.Typer(help="账表：科目余额表、明细账、记账凭证", no_args_is_help=True)


class VoucherShape(StrEnum):
    """How a voucher is written."""

    TABLE = "table"
    HTML = "html"
    CSV = "csv"
    JSON = "json"


class ReportShape(StrEnum):
    """How a report is written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


class SheetShape(StrEnum):
    """How 余额调节表 is written."""

    JSON = "json"
    CSV = "csv"
    HTML = "html"


BookOption = Annotated[str, typer.Option("--book", help="账套：统筹区代码-基金，如420100-310")]
PeriodOption = Annotated[str | None, typer.Option(help="会计期间YYYYMM；缺省为开账以来")]
AsOfOption = Annotated[str | None, typer.Option(help="只取凭证日期不晚于此日的凭证，YYYY-MM-DD")]
KnownAtOption = Annotated[
    str | None, typer.Option(help="只取此时已记账的凭证，ISO 8601；缺省为现在。报表印出的记录时间可再次使用")
]
ShapeOption = Annotated[ReportShape, typer.Option("--format", help="table、csv或json")]


@app.command("trial-balance")
def trial_balance(
    book: BookOption,
    period: PeriodOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    shape: ShapeOption = ReportShape.TABLE,
) -> None:
    """科目余额表：末级科目×辅助核算，各部分试算平衡。"""
    running = app_for("reviewer")
    chosen = parse_book(book)
    with unit_of_work(running.engine, running.user, chosen.region) as tx:
        report = trial_balance_report(
            tx,
            chosen,
            parse_period(period) if period else None,
            parse_day(as_of) if as_of else None,
            parse_known_at(known_at) if known_at else None,
        )
    match shape:
        case ReportShape.JSON:
            typer.echo(text_json.render(report.as_json()))
        case ReportShape.CSV:
            _write(text_csv.trial_balance(report))
        case ReportShape.TABLE:
            _show(terminal.trial_balance(report))


@app.command("general-ledger")
def general_ledger(
    book: BookOption,
    account: Annotated[str, typer.Option(help="科目编码，或其开头（取其下全部末级）")],
    period: PeriodOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    counterparty: Annotated[str, typer.Option(help="只取此往来单位")] = "",
    subfund: Annotated[str, typer.Option(help="只取此子基金：pool或acct")] = "",
    service_year: Annotated[int, typer.Option(help="只取此服务年度")] = 0,
    term: Annotated[int, typer.Option(help="只取此期号yyyymm")] = 0,
    category: Annotated[str, typer.Option(help="只取此待遇类别")] = "",
    after: Annotated[str | None, typer.Option(help="续页标记，取自上一页")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="每页凭证数")] = PAGE_ENTRIES,
    shape: ShapeOption = ReportShape.TABLE,
) -> None:
    """三栏式明细账：期初、逐笔余额、本月合计、本年累计。"""
    running = app_for("reviewer")
    chosen = parse_book(book)
    with unit_of_work(running.engine, running.user, chosen.region) as tx:
        report = general_ledger_report(
            tx,
            chosen,
            account,
            Dimensions(counterparty, subfund, service_year, term, category),
            period=parse_period(period) if period else None,
            as_of=parse_day(as_of) if as_of else None,
            known_at=parse_known_at(known_at) if known_at else None,
            after=parse_cursor(after) if after else BEFORE_ALL,
            entries=limit,
        )
    match shape:
        case ReportShape.JSON:
            typer.echo(text_json.render(report.as_json()))
        case ReportShape.CSV:
            _write(text_csv.general_ledger(report))
        case ReportShape.TABLE:
            _show(terminal.general_ledger(report))


@app.command("voucher")
def voucher(
    number: Annotated[str, typer.Argument(help="凭证号，如记-202610-12，或链上序号")],
    book: BookOption,
    shape: Annotated[
        VoucherShape, typer.Option("--format", help="table、html（打印装订）、csv或json")
    ] = VoucherShape.TABLE,
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


@app.command("reconciliation")
def reconciliation(
    region: RegionOption,
    account: Annotated[str, typer.Option(help="自有账户")],
    period: Annotated[str, typer.Option(help="会计期间YYYYMM")],
    version: Annotated[int, typer.Option(min=0, help="第几版；缺省为最新")] = 0,
    shape: Annotated[SheetShape, typer.Option("--format", help="json、csv或html（打印）")] = SheetShape.JSON,
) -> None:
    """银行存款余额调节表：两边余额各加减未达账项，调节后相等；逐项列日期、凭据、天数。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        grid = reconciliation_grid(tx, account, parse_period(period), version)
    renderers = {
        SheetShape.JSON: grid_plain.as_json,
        SheetShape.CSV: grid_plain.as_csv,
        SheetShape.HTML: grid_plain.as_html,
    }
    _write(renderers[shape](grid))


def _write(text: str) -> None:
    typer.echo(text, nl=False)


def _show(table: Table) -> None:
    terminal.show(table, sys.stdout)
