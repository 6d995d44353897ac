"""`fundledger book`: which books there are; opening periods; stored balances made anew."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.access.operator_log import append_line
from ledger.books.reading import parse_book
from ledger.books.search import forget, take_in
from ledger.books.setup import books_of, open_period, rebuild_balances
from ledger.bootstrap import App
from ledger.cli.line.context import JsonFlag, act, app_for, show, steps
from ledger.cli.vouchers import voucher
from ledger.control.breach import Breach
from ledger.core.entries import Book
from ledger.core.errors import Conflict
from ledger.db.unit_of_work import unit_of_work

app = typer.Typer(help="账套、手工凭证", no_args_is_help=True)
app.add_typer(voucher.app, name="voucher")


@app.command("list")
def list_books(*, as_json: JsonFlag = False) -> None:
    """列出可见的账套。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user) as tx:
        regions = [region for (region,) in tx.rows("SELECT access.regions_of(%(user)s)", user=running.user)]
    found: list[tuple[Book, str]] = []
    for region in regions:
        with unit_of_work(running.engine, running.user, region) as tx:
            found += books_of(tx)
    document = {
        "books": [
            {"book": str(book), "name": name, "region": book.region, "fund": book.fund}
            for book, name in found
        ]
    }
    show(document, [f"{book}  {name}" for book, name in found], as_json=as_json)


@app.command("open")
def open_one(
    book: Annotated[str, typer.Option(help="账套，如420100-310")],
    period: Annotated[int, typer.Option(help="会计期间 yyyymm")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """开启会计期间。"""
    running, named = app_for("accountant"), parse_book(book)
    with act(running, named.region, "period.open", f"{book} {period}") as tx:
        open_period(tx, named, period, running.clock.today())
    show(
        {"book": book, "period": period, "state": "open"},
        [f"账套{book}会计期间{period}已开启"],
        as_json=as_json,
    )


_OF_LINES = frozenset({"INV-01", "INV-05", "INV-12"})
"""The promises that speak of the lines themselves: balances are made from lines only while these hold."""


@app.command("rebuild")
def rebuild(
    book: Annotated[str, typer.Option(help="账套，如420100-310")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """按分录行重建余额：先核验分录行未被改动，再重建，再核验。"""
    running, named = app_for("accountant"), parse_book(book)
    with steps(
        running, named.region, "balance.rebuild", book
    ):  # verifying takes longer than a transaction may
        before = _breaches(running, named)
        changed = [breach for breach in before if breach.promise in _OF_LINES]
        if changed:
            raise Conflict(
                "balance.lines_changed",
                f"账套{book}的凭证或账链有{len(changed)}处问题（如{changed[0].entry}：{changed[0].message}），"
                "先查明再重建：否则余额会照着被改动的分录行改",
                findings=len(changed),
            )
        with unit_of_work(running.engine, running.user, named.region) as tx:
            rebuild_balances(tx, named)
            append_line(tx, "balance.rebuilt", book, "done", "")
        after = _breaches(running, named)
    document = {"book": str(named), "wrong_before": len(before), "wrong_after": len(after)}
    show(
        document,
        [f"账套{book}的余额已按分录行重建：核验问题由{len(before)}处变为{len(after)}处"],
        as_json=as_json,
    )


def _breaches(running: App, book: Book) -> list[Breach]:
    """What `verify` finds in a book."""
    # the one command of this group that verifies waits for all the checks to be imported
    from ledger.control.verify import verify

    return [found for found in verify(running.auditor, running.settings.home) if found.book == str(book)]


@app.command("index")
def index(
    book: Annotated[str, typer.Option(help="账套，如420100-310")],
    *,
    anew: Annotated[bool, typer.Option("--anew", help="先清除，再按凭证重做")] = False,
    as_json: JsonFlag = False,
) -> None:
    """更新凭证检索（report find 按摘要、金额查找用）：定时任务每10分钟办理，大批记账后可随时办理；不改动任何凭证。"""
    running, named = app_for("accountant"), parse_book(book)
    with steps(running, named.region, "search.index", book):
        if anew:
            with unit_of_work(running.engine, running.user, named.region) as tx:
                forget(tx, named)
        taken = take_in(running.engine, running.user, named, least=1)
        with unit_of_work(running.engine, running.user, named.region) as tx:
            append_line(tx, "search.indexed", book, "done", str(taken))
    show(
        {"book": str(named), "entries": taken}, [f"账套{book}凭证检索已更新：{taken}张凭证"], as_json=as_json
    )
