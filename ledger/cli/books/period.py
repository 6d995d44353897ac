"""`fundledger period`: where a month stands, its close by an accountant and the chief, waivers, reopening, the year's end."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.books.reading import parse_book, parse_period
from ledger.bootstrap import App
from ledger.cli.line.acting import ACTING
from ledger.cli.line.context import JsonFlag, act, app_for, show, steps
from ledger.closing import close as closing
from ledger.closing.lines import WAIVABLE
from ledger.closing.status import PeriodStatus, next_to_close, state_of, status
from ledger.closing.year import YearEnd, require_year, year_of
from ledger.control.verify import verify
from ledger.core.digests import parse_digest
from ledger.core.entries import Book
from ledger.core.money import yuan_grouped
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work

app = typer.Typer(help="会计期间：检查、结账、确认、年结", no_args_is_help=True)

BookOption = Annotated[str, typer.Option("--book", help="账套，如420100-310")]
PeriodOption = Annotated[str, typer.Option("--period", help="会计期间 yyyymm")]


@app.callback()
def _group() -> None:
    """会计期间."""


@app.command("status")
def status_command(
    book: BookOption,
    period: Annotated[str, typer.Option("--period", help="会计期间 yyyymm，默认最早未结的一个")] = "",
    quick: Annotated[bool, typer.Option("--quick", help="不运行核验（verify），省去它的三项")] = False,
    *,
    as_json: JsonFlag = False,
) -> None:
    """期间的状态与结账检查：逐项列出未通过的单据。"""
    running, named = app_for("reviewer"), parse_book(book)
    found = _status(running, named, parse_period(period) if period else None, quick=quick)
    show(found.as_json(), found.words(), as_json=as_json)


@app.command("close")
def close_command(book: BookOption, period: PeriodOption, *, as_json: JsonFlag = False) -> None:
    """结账：由会计逐项检查并提交会计主管；中断后同一命令接着做。"""
    running, named, month = app_for("accountant"), parse_book(book), parse_period(period)
    _close(running, named, month)
    found = _shown(running, named, month)
    words = [*found.words(), f"已提交，待会计主管凭摘要确认（period confirm --digest {_digest(found)}）"]
    show(found.as_json(), words, as_json=as_json)


@app.command("confirm")
def confirm_command(
    book: BookOption,
    period: PeriodOption,
    digest: Annotated[str, typer.Option("--digest", help="所确认内容的摘要，64位十六进制，见period status")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """会计主管确认结账：同时记结转凭证，期间即结。"""
    running, named, month = app_for("chief"), parse_book(book), parse_period(period)
    with act(running, named.region, "period.confirm", f"{book} {month}") as tx:
        posted = closing.confirm(tx, named, month, parse_digest(digest), running.clock.today())
    found = _shown(running, named, month)
    vouchers = [one.voucher for one in posted]
    words = [*found.words(), *([f"结转凭证：{'、'.join(vouchers)}"] if vouchers else [])]
    show(found.as_json() | {"vouchers": vouchers}, words, as_json=as_json)


@app.command("withdraw")
def withdraw_command(
    book: BookOption,
    period: PeriodOption,
    reason: Annotated[str, typer.Option("--reason", help="理由")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """放弃尚未确认的结账：期间回到已开，可以继续记账。"""
    running, named, month = app_for("accountant"), parse_book(book), parse_period(period)
    with act(running, named.region, "period.withdraw", f"{book} {month}") as tx:
        closing.withdraw(tx, named, month, reason)
    show(
        {"book": book, "period": month, "state": "open"},
        [f"账套{book}会计期间{month}的结账已放弃"],
        as_json=as_json,
    )


@app.command("waive")
def waive_command(
    code: Annotated[str, typer.Argument(help="检查项：" + "、".join(sorted(WAIVABLE)))],
    book: BookOption,
    period: PeriodOption,
    reason: Annotated[str, typer.Option("--reason", help="理由；由会计提出时写明，会计主管同意时不写")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """放行一项检查：会计写明理由提出，会计主管同意；列入附注。"""
    running, named, month = (
        app_for("accountant" if reason else "chief"),
        parse_book(book),
        parse_period(period),
    )
    with act(running, named.region, "period.waive", f"{book} {month} {code}") as tx:
        state = closing.waive(tx, named, month, code, reason, running.clock.today())
    words = "已提出放行，待会计主管同意" if state == "asked" else "已放行"
    show(
        {"book": book, "period": month, "code": code, "waiver": state},
        [f"账套{book}会计期间{month}的{said('closing.check', code)}{words}"],
        as_json=as_json,
    )


@app.command("reopen")
def reopen_command(
    book: BookOption,
    period: PeriodOption,
    reason: Annotated[str, typer.Option("--reason", help="理由；由会计提出时写明，会计主管同意时不写")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """重新开启最后结账的期间：会计写明理由提出，会计主管同意，结转凭证同时红字冲销。"""
    running, named, month = (
        app_for("accountant" if reason else "chief"),
        parse_book(book),
        parse_period(period),
    )
    with act(running, named.region, "period.reopen", f"{book} {month}") as tx:
        outcome = closing.reopen(tx, named, month, reason, running.clock.today())
        state = state_of(tx, named, month)
    words = "已提出重新开启，待会计主管同意" if outcome == "asked" else "已重新开启，结转凭证已冲销"
    show(
        {"book": book, "period": month, "state": state, "reopening": outcome},
        [f"账套{book}会计期间{month}{words}"],
        as_json=as_json,
    )


@app.command("year-close")
def year_close_command(
    book: BookOption,
    year: Annotated[int, typer.Option("--year", help="会计年度")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """年结：结12月（待转科目须已分清），会计主管确认后结转下年；已年结的显示全年收支与结余。"""
    running, named = app_for("accountant"), parse_book(book)
    with unit_of_work(running.engine, running.user, named.region) as tx:
        closed = require_year(tx, named, year)
    if not closed:
        _close(running, named, year * 100 + 12)
    found = _shown(running, named, year * 100 + 12)
    with unit_of_work(running.engine, running.user, named.region) as tx:
        totals = year_of(tx, named, year)
    show(found.as_json() | totals.as_json(), [*found.words(), *_year_words(totals)], as_json=as_json)


def _close(running: App, named: Book, month: int) -> None:
    with steps(running, named.region, "period.close", f"{named} {month}"):
        closing.close(
            running.engine,
            closing.verifier(running.auditor, running.settings.home),
            running.user,
            named,
            month,
            running.clock.today(),
            _tell,
        )


def _tell(step: str) -> None:
    if ACTING.answers is None:
        typer.echo(f"{step}…", err=True)


def _status(running: App, named: Book, period: int | None, *, quick: bool) -> PeriodStatus:
    with unit_of_work(running.engine, running.user, named.region) as tx:
        month = next_to_close(tx, named) if period is None else period
        open_ = state_of(tx, named, month) in ("open", "closing")
    breaches = verify(running.auditor, running.settings.home, progress=_tell) if open_ and not quick else None
    with unit_of_work(running.engine, running.user, named.region) as tx:
        return status(tx, named, month, running.clock.today(), breaches)


def _shown(running: App, named: Book, month: int) -> PeriodStatus:
    with unit_of_work(running.engine, running.user, named.region) as tx:
        return status(tx, named, month, running.clock.today(), None)


def _digest(found: PeriodStatus) -> str:
    return found.closing.digest.hex() if found.closing else ""


def _year_words(totals: YearEnd) -> list[str]:
    return [
        f"{totals.year}年 {name}：收入{yuan_grouped(income)}元 支出{yuan_grouped(expense)}元 本年结余{yuan_grouped(income - expense)}元 年末结余{yuan_grouped(carried)}元"
        for name, income, expense, carried in totals.subfunds
    ]
