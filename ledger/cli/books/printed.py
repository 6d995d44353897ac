"""`fundledger report` for the books a person prints: 总账, 明细账, 多栏账, 序时账, 银行日记账; and `report find`."""

from __future__ import annotations

from datetime import date
from typing import Annotated

import typer

from ledger.books.reading import parse_book, parse_known_at, parse_period
from ledger.books.selection import BEFORE_ALL, parse_cursor
from ledger.cli.books.printing import OutOption, PaperOption
from ledger.cli.books.shapes import GridShape, GridShapeOption, hand_out
from ledger.cli.line.context import app_for
from ledger.core.accounts import BENEFITS, SPENDING_KIND
from ledger.core.dates import days_asked, parse_day
from ledger.core.entries import Book, Dimensions
from ledger.core.errors import Forbidden
from ledger.core.money import parse_fen
from ledger.db.connections import Engine
from ledger.db.unit_of_work import unit_of_work
from reports.books.bank_journal import bank_journal_grid
from reports.books.find import FOUND_MAX, Wanted, find, found_grid, require_something
from reports.books.journal import PAGE, journal_grid
from reports.books.sub_ledger import By, columnar_grid, sub_ledger_grid
from reports.render.paper import Paper

BookOption = Annotated[str, typer.Option("--book", help="账套：统筹区代码-基金，如420100-310")]
PeriodOption = Annotated[str | None, typer.Option(help="会计期间YYYYMM；缺省为开账以来")]
AsOfOption = Annotated[str | None, typer.Option(help="只取凭证日期不晚于此日的凭证，YYYY-MM-DD")]
KnownAtOption = Annotated[str | None, typer.Option(help="只取此时已记账的凭证，ISO 8601")]
AccountOption = Annotated[str, typer.Option(help="科目编码，或其开头（取其下全部末级）")]
MonthOption = Annotated[
    str, typer.Option("--period", help="会计期间YYYYMM；与--from、--to同用则取其中的日子")
]


def sub_ledger(
    book: BookOption,
    account: AccountOption,
    period: PeriodOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    counterparty: Annotated[str, typer.Option(help="只取此往来单位")] = "",
    subfund: Annotated[str, typer.Option(help="只取此子基金：pool或acct")] = "",
    service_year: Annotated[int, typer.Option(help="只取此服务年度")] = 0,
    term: Annotated[int, typer.Option(help="只取此期号yyyymm")] = 0,
    category: Annotated[str, typer.Option(help="只取此待遇类别")] = "",
    shape: GridShapeOption = GridShape.TABLE,
    out: OutOption = None,
    paper: PaperOption = None,
) -> None:
    """明细账：一个科目（或其下全部末级）的逐笔明细，本月合计、本年累计，整本打印。"""
    running, chosen = app_for("reviewer"), parse_book(book)
    with unit_of_work(running.engine, running.user, chosen.region) as tx:
        grid = sub_ledger_grid(
            tx,
            chosen,
            account,
            Dimensions(counterparty, subfund, service_year, term, category),
            period=parse_period(period) if period else None,
            as_of=parse_day(as_of) if as_of else None,
            known_at=parse_known_at(known_at) if known_at else None,
        )
    hand_out(grid, shape, out=out, paper=paper or Paper.A4_ACROSS)


def columnar(
    book: BookOption,
    account: AccountOption = str(BENEFITS),
    by: Annotated[
        By | None,
        typer.Option(help="按什么分栏：account、category、counterparty、subfund；1101缺省按往来单位"),
    ] = None,
    period: PeriodOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    shape: GridShapeOption = GridShape.TABLE,
    out: OutOption = None,
    paper: PaperOption = None,
) -> None:
    """多栏账：明细账按类别分栏，如5001按待遇类别、1101按机构；各栏之和等于发生额。"""
    running, chosen = app_for("reviewer"), parse_book(book)
    usual = By.PARTY if account.startswith(("1101", "2001")) else By.CATEGORY
    with unit_of_work(running.engine, running.user, chosen.region) as tx:
        grid = columnar_grid(
            tx,
            chosen,
            account,
            by or usual,
            period=parse_period(period) if period else None,
            as_of=parse_day(as_of) if as_of else None,
            known_at=parse_known_at(known_at) if known_at else None,
        )
    hand_out(grid, shape, out=out, paper=paper or Paper.A4_ACROSS)


def bank_journal(
    book: BookOption,
    account: Annotated[str, typer.Option(help="1001至1005之一")] = SPENDING_KIND,
    number: Annotated[str, typer.Option(help="只取此银行账号")] = "",
    period: PeriodOption = None,
    as_of: AsOfOption = None,
    known_at: KnownAtOption = None,
    shape: GridShapeOption = GridShape.TABLE,
    out: OutOption = None,
    paper: PaperOption = None,
) -> None:
    """银行（现金）日记账：逐笔、票据号、对方户名，逐日小计与余额，日清月结。"""
    running, chosen = app_for("reviewer"), parse_book(book)
    with unit_of_work(running.engine, running.user, chosen.region) as tx:
        grid = bank_journal_grid(
            tx,
            chosen,
            account,
            number,
            period=parse_period(period) if period else None,
            as_of=parse_day(as_of) if as_of else None,
            known_at=parse_known_at(known_at) if known_at else None,
        )
    hand_out(grid, shape, out=out, paper=paper or Paper.A4_ACROSS)


def journal(
    book: BookOption,
    period: MonthOption = "",
    first: Annotated[str, typer.Option("--from", help="凭证日期自，YYYY-MM-DD；缺省为开账以来")] = "",
    last: Annotated[str, typer.Option("--to", help="凭证日期至，YYYY-MM-DD")] = "",
    known_at: KnownAtOption = None,
    after: Annotated[str | None, typer.Option(help="续页标记，取自上一页的next")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1_000_000, help="每页凭证数")] = PAGE,
    shape: GridShapeOption = GridShape.TABLE,
    out: OutOption = None,
    paper: PaperOption = None,
) -> None:
    """序时账：全部凭证按日期和编号，逐行，含制单复核与依据。"""
    running, chosen = app_for("reviewer"), parse_book(book)
    with unit_of_work(running.engine, running.user, chosen.region) as tx:
        grid = journal_grid(
            tx,
            chosen,
            days_within(period, first, last),
            known_at=parse_known_at(known_at) if known_at else None,
            after=parse_cursor(after) if after else BEFORE_ALL,
            entries=limit,
        )
    hand_out(grid, shape, out=out, paper=paper or Paper.A4_ACROSS)


def find_vouchers(
    book: Annotated[str, typer.Option("--book", help="只在此账套查找；缺省为可见的全部账套")] = "",
    number: Annotated[str, typer.Option(help="凭证号，如记-202610-12，或链上序号")] = "",
    amount: Annotated[
        str, typer.Option(help="一行的金额（元），红字不论正负；与--to-amount连用则为下限")
    ] = "",
    to_amount: Annotated[str, typer.Option(help="金额上限（元）")] = "",
    words: Annotated[str, typer.Option(help="摘要中的字")] = "",
    party: Annotated[str, typer.Option(help="往来单位")] = "",
    account: Annotated[str, typer.Option(help="科目编码或其开头")] = "",
    evidence: Annotated[str, typer.Option(help="依据或业务键中的字，如回单号、拨付单号")] = "",
    period: MonthOption = "",
    first: Annotated[str, typer.Option("--from", help="凭证日期自，YYYY-MM-DD")] = "",
    last: Annotated[str, typer.Option("--to", help="凭证日期至，YYYY-MM-DD")] = "",
    maker: Annotated[str, typer.Option(help="制单人或复核人的用户名")] = "",
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="每个账套至多列出几张")] = FOUND_MAX,
    shape: GridShapeOption = GridShape.TABLE,
    out: OutOption = None,
    paper: PaperOption = None,
) -> None:
    """查找凭证：按凭证号、金额或范围、摘要、往来单位、依据、日期、制单人，在可见的全部账套中。"""
    running = app_for("reviewer")
    most = parse_fen(to_amount) if to_amount else None
    least = parse_fen(amount) if amount else (0 if most is not None else None)
    days = days_within(period, first, last) if period or first or last else (None, None)
    wanted = Wanted(
        number,
        least,
        most,
        words,
        party,
        account,
        evidence,
        first=days[0],
        last=days[1],
        maker=maker,
    )
    require_something(wanted)
    found = []
    for region, books in _books(running.engine, running.user, parse_book(book) if book else None):
        with unit_of_work(running.engine, running.user, region) as tx:
            found += [(one, line) for one in books for line in find(tx, one, wanted, limit)]
    hand_out(found_grid(found, limit), shape, out=out, paper=paper or Paper.A4_ACROSS)


def days_within(period: str, first: str, last: str) -> tuple[date, date]:
    """The days a list is asked for, as words; raises InvalidInput `period.format`, `date.format`."""
    return days_asked(
        parse_period(period) if period else None,
        parse_day(first) if first else None,
        parse_day(last) if last else None,
    )


def _books(engine: Engine, user: str, only: Book | None) -> list[tuple[int, list[Book]]]:
    """The books to look in, by region: the one asked for, or all the user's; row security lets no other through."""
    with unit_of_work(engine, user) as tx:
        regions: list[int] = [row[0] for row in tx.rows("SELECT access.regions_of(%(user)s)", user=user)]
    if only is not None and only.region not in regions:
        raise Forbidden("region.not_allowed", f"用户{user}在统筹区{only.region}没有角色", region=only.region)
    found = []
    for region in [only.region] if only else sorted(regions):
        with unit_of_work(engine, user, region) as tx:
            books = [
                Book(region, fund)
                for (fund,) in tx.rows(
                    "SELECT fund FROM books.book WHERE region = %(region)s ORDER BY fund", region=region
                )
            ]
        found.append((region, [book for book in books if only in (None, book)]))
    return found
