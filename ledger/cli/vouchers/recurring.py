"""`fundledger book voucher recurring`, `due`: vouchers that come again, by two persons, drafted once each time."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.books.reading import parse_book
from ledger.books.templates import recurring as register
from ledger.books.templates.recurring import RHYTHMS, Recurrence
from ledger.cli.line.context import JsonFlag, act, app_for, day_or_today, show
from ledger.cli.vouchers.templates import (
    AccountOption,
    AmountOption,
    BankOption,
    CategoryOption,
    PartyOption,
    SubfundOption,
    TermOption,
    YearOption,
    given_of,
    template_of,
)
from ledger.core.dates import parse_day
from ledger.core.digests import parse_digest
from ledger.core.entries import Dimensions
from ledger.core.errors import InvalidInput
from ledger.core.money import yuan_grouped
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work

app = typer.Typer(help="定期凭证：按模板与节律，两人办理", no_args_is_help=True)

BookOption = Annotated[str, typer.Option("--book", help="账套，如420100-310")]
DateOption = Annotated[str, typer.Option("--date", help="办理日期 YYYY-MM-DD；缺省为业务日期")]
Id = Annotated[str, typer.Argument(help="定期凭证编号，如RV-…")]
DigestOption = Annotated[str, typer.Option(help="所核对的摘要，见recurring list")]


@app.command()
def propose(
    book: BookOption,
    template: Annotated[str, typer.Option(help="凭证模板，如A14")],
    evidence: Annotated[str, typer.Option(help="依据：文号、合同号")],
    rhythm: Annotated[str, typer.Option(help="、".join(f"{k}{v}" for k, v in RHYTHMS.items()))],
    first: Annotated[
        str, typer.Option("--from", help="首次到期日 YYYY-MM-DD，其日即每期之日；interest为起日")
    ],
    last: Annotated[str, typer.Option("--to", help="止日 YYYY-MM-DD；缺省为不定期限")] = "",
    amount: AmountOption = None,
    bank: BankOption = None,
    account: AccountOption = None,
    party: PartyOption = "",
    subfund: SubfundOption = "",
    year: YearOption = 0,
    term: TermOption = 0,
    category: CategoryOption = "",
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出定期凭证，待另一人确认；不给金额的（如存款利息）每期制单时给出。"""
    running, named, day = app_for("accountant"), parse_book(book), day_or_today(date)
    form = template_of(running, named, template, day)
    given = given_of(amount, bank, account, Dimensions(party, subfund, year, term, category))
    days = (parse_day(first), parse_day(last) if last else None)
    with act(running, named.region, "voucher.recurring_propose", f"{book} {template} {rhythm}") as tx:
        made = register.propose_recurrence(tx, named, form, given, evidence, rhythm, days, day)
    show(made.as_json(), [_words(made)], as_json=as_json)


@app.command()
def confirm(
    recurrence: Id,
    book: BookOption,
    digest: DigestOption,
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """确认：由提出人以外的人，凭摘要。"""
    _decide("checker", recurrence, book, "confirmed", digest, "", date, as_json=as_json)


@app.command()
def refuse(
    recurrence: Id,
    book: BookOption,
    digest: DigestOption,
    reason: Annotated[str, typer.Option(help="理由")],
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """退回，写明理由。"""
    _decide("checker", recurrence, book, "refused", digest, reason, date, as_json=as_json)


@app.command()
def stop(
    recurrence: Id,
    book: BookOption,
    digest: DigestOption,
    reason: Annotated[str, typer.Option(help="理由")],
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """停止执行，写明理由；已制单的不受影响。"""
    _decide("accountant", recurrence, book, "stopped", digest, reason, date, as_json=as_json)


@app.command("list")
def list_recurring(book: BookOption, *, as_json: JsonFlag = False) -> None:
    """列出定期凭证。"""
    running, named = app_for("reviewer"), parse_book(book)
    with unit_of_work(running.engine, running.user, named.region) as tx:
        found = register.recurrences(tx, named)
    lines = [_words(one) for one in found] or ["没有定期凭证"]
    show({"recurrences": [one.as_json() for one in found]}, lines, as_json=as_json)


def due(
    book: BookOption,
    date: DateOption = "",
    recurrence: Annotated[str, typer.Option("--recurrence", help="只办这一项，如RV-…")] = "",
    amount: AmountOption = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """把截至办理日期到期的定期凭证制单，每期只一次；要给金额的列出，用--recurrence与--amount给出最早一期的。"""
    running, named, day = app_for("accountant"), parse_book(book), day_or_today(date)
    amounts = dict(given_of(amount, None, None, Dimensions()).amounts)
    if amounts and not recurrence:
        raise InvalidInput("recurrence.amount", "--amount须与--recurrence同用", field="amount")
    with act(running, named.region, "voucher.due", f"{book} {day}") as tx:
        register.require_drafter(tx, named)
        found = register.due(tx, named, day)
        if recurrence:
            register.recurrence(tx, named, recurrence)
            found = [one for one in found if one.recurrence_id == recurrence][: 1 if amounts else None]
        done = [register.draft_due(tx, named, one, amounts, day) for one in found]
    lines = [f"{one.due_on} {one.recurrence_id} {one.summary} {one.voucher_id or '待给金额'}" for one in done]
    rows = [one._asdict() | {"due_on": one.due_on.isoformat()} for one in done]
    show({"book": book, "due": rows}, lines or ["没有到期的定期凭证"], as_json=as_json)


def _decide(
    role: str, recurrence: str, book: str, state: str, digest: str, reason: str, date: str, *, as_json: bool
) -> None:
    running, named, day = app_for(role), parse_book(book), day_or_today(date)
    seen = parse_digest(digest)
    with act(running, named.region, f"voucher.recurring_{state}", f"{book} {recurrence}") as tx:
        made = register.decide_recurrence(tx, named, recurrence, state, seen, reason, day)
    show(made.as_json(), [_words(made)], as_json=as_json)


def _words(one: Recurrence) -> str:
    amounts = "、".join(
        f"{said('template.part', part)}{yuan_grouped(fen)}元" for part, fen in one.given.amounts.items()
    )
    return (
        f"{one.recurrence_id} {one.template} {one.summary} {said('recurrence.rhythm', one.rhythm)}自{one.from_day}"
        f"{f'至{one.to_day}' if one.to_day else ''} {amounts or '每期给金额'}，{one.proposed_by}提出，"
        f"{said('recurrence.state', one.state)}{f'：{one.reason}' if one.reason else ''}，摘要{one.digest.hex()}"
    )
