"""`fundledger report auxiliary`, `dealings` and `changed`: balances by dimension, by party, and what changed since a print."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.books.reading import parse_book, parse_known_at, parse_period
from ledger.cli.books.printing import OutOption, PaperOption
from ledger.cli.books.shapes import GridShape, GridShapeOption, hand_out, hand_out_all
from ledger.cli.line.context import app_for
from ledger.core.dates import parse_day
from ledger.core.entries import Dimensions
from ledger.db.unit_of_work import unit_of_work
from reports.books.auxiliary import Dimension, auxiliary_grid, dealings_grid
from reports.catalogue import REPORTS, ReportAsked
from reports.changed import changed as changed_since
from reports.render.paper import Paper

BookOption = Annotated[str, typer.Option("--book", help="账套：统筹区代码-基金，如420100-310")]
PeriodOption = Annotated[str, typer.Option(help="会计期间YYYYMM")]
AsOfOption = Annotated[str | None, typer.Option(help="只取凭证日期不晚于此日的凭证，YYYY-MM-DD")]
KnownAtOption = Annotated[str | None, typer.Option(help="只取此时已记账的凭证，ISO 8601")]
AccountOption = Annotated[str, typer.Option(help="科目编码或其开头；缺省为全部")]
PartyOption = Annotated[str, typer.Option("--party", help="只取此往来单位")]


def auxiliary(
    book: BookOption,
    period: PeriodOption,
    by: Annotated[
        Dimension, typer.Option(help="按什么列：counterparty、subfund、service_year、term、category")
    ] = Dimension.PARTY,
    account: AccountOption = "",
    party: PartyOption = "",
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    shape: GridShapeOption = GridShape.TABLE,
    out: OutOption = None,
    paper: PaperOption = None,
) -> None:
    """辅助余额表：按往来单位、子基金、服务年度、期号、待遇类别列期初、本期、本年累计、期末。"""
    running, chosen = app_for("reviewer"), parse_book(book)
    with unit_of_work(running.engine, running.user, chosen.region) as tx:
        grid = auxiliary_grid(
            tx,
            chosen,
            by,
            parse_period(period),
            account=account,
            party=party,
            as_of=parse_day(as_of) if as_of else None,
            known_at=parse_known_at(known_at) if known_at else None,
        )
    hand_out(grid, shape, out=out, paper=paper or Paper.A4_ACROSS)


def dealings(
    book: BookOption,
    period: PeriodOption,
    account: AccountOption = "",
    party: PartyOption = "",
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    shape: GridShapeOption = GridShape.TABLE,
    out: OutOption = None,
    paper: PaperOption = None,
) -> None:
    """往来余额表：各往来单位的暂付、暂收、借入及备查账应付，期初、借方、贷方、期末及方向。"""
    running, chosen = app_for("reviewer"), parse_book(book)
    with unit_of_work(running.engine, running.user, chosen.region) as tx:
        grid = dealings_grid(
            tx,
            chosen,
            parse_period(period),
            account=account,
            party=party,
            as_of=parse_day(as_of) if as_of else None,
            known_at=parse_known_at(known_at) if known_at else None,
        )
    hand_out(grid, shape, out=out, paper=paper or Paper.A4_ACROSS)


def changed(
    book: BookOption,
    of: Annotated[str, typer.Option("--of", help=f"哪一种账表：{'、'.join(REPORTS)}")],
    since: Annotated[str, typer.Option("--since", help="印出时的记录时间（known_at），ISO 8601")],
    period: Annotated[str | None, typer.Option(help="会计期间YYYYMM")] = None,
    year: Annotated[int | None, typer.Option(help="年度YYYY")] = None,
    account: AccountOption = "",
    number: Annotated[str, typer.Option(help="日记账的银行账号")] = "",
    by: Annotated[str, typer.Option(help="多栏账、辅助余额表按什么列")] = "",
    party: PartyOption = "",
    level: Annotated[int, typer.Option(min=0, max=9, help="科目级次")] = 0,
    counterparty: Annotated[str, typer.Option(help="明细账只取此往来单位")] = "",
    first: Annotated[str, typer.Option("--from", help="序时账凭证日期自")] = "",
    last: Annotated[str, typer.Option("--to", help="序时账凭证日期至")] = "",
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    shape: GridShapeOption = GridShape.TABLE,
    out: OutOption = None,
    paper: PaperOption = None,
) -> None:
    """账表自印出以来变了什么、为什么：逐项列原数、现数，及其后记账的凭证、制单复核、摘要、依据。"""
    running, chosen = app_for("reviewer"), parse_book(book)
    asked = ReportAsked(
        parse_period(period) if period else None,
        year,
        parse_day(as_of) if as_of else None,
        account,
        number,
        party,
        by,
        level,
        parse_day(first) if first else None,
        parse_day(last) if last else None,
        Dimensions(counterparty),
    )
    with unit_of_work(running.engine, running.user, chosen.region) as tx:
        told = changed_since(
            tx, chosen, of, asked, parse_known_at(since), parse_known_at(known_at) if known_at else None
        )
        grids = told.grids(tx)
    hand_out_all(grids, told.as_json(), shape, out=out, paper=paper)
