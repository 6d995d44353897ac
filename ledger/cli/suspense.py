"""`fundledger payments suspense`: what a paper nobody could match is; an accountant says, a checker confirms."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.books.setup import open_period
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, business_day, show
from ledger.core.dates import period_of
from ledger.core.entries import Book
from ledger.core.money import yuan_grouped
from ledger.core.words import paper_named, said
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.suspense.resolution import KINDS, STATES, Resolution, SuspensePaper, read_resolutions
from ledger.fund.suspense.suspense import confirm, propose, refuse
from ledger.payments.orders.listing import OpenPaper, open_papers

app = typer.Typer(help="挂账回单：会计提出是什么，另一人复核", no_args_is_help=True)

Key = Annotated[str, typer.Argument(help="处理编号，如SUS-…")]
DateOption = Annotated[str, typer.Option("--date", help="办理日期 YYYY-MM-DD，即填制日期")]


@app.command("list")
def list_open(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """列出挂账与待配对的回单，和对它们的处理。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        papers, resolutions = open_papers(tx), read_resolutions(tx)
    document = {
        "papers": [paper_json(one) for one in papers],
        "resolutions": [plain(one) for one in resolutions],
    }
    lines = [
        f"{one.account} {paper_named(one.kind, one.receipt_no)} {one.booking_date} {said('direction', one.direction)}"
        f"{yuan_grouped(one.amount_fen)}元 {said('paper.reason', one.code)} {one.order_no}".rstrip()
        + (f"；似与{one.same_as}同为一笔，可提出same（依据须为银行查复）" if one.same_as else "")
        for one in papers
    ]
    show(document, [*lines, *map(_words, resolutions)] or ["没有挂账回单"], as_json=as_json)


@app.command("propose")
def propose_command(
    region: RegionOption,
    fund: Annotated[int, typer.Option(help="基金：310职工，390居民")],
    account: Annotated[str, typer.Option(help="自有账户")],
    receipt: Annotated[
        str, typer.Option(help="回单，种类:回单号，如bker:R20261013001；付、收同号时再加:debit或:credit")
    ],
    what: Annotated[str, typer.Option(help="、".join(f"{k}{v}" for k, v in KINDS.items()))],
    document: Annotated[str, typer.Option(help="依据：查询查复书、函件、说明")],
    date: DateOption,
    reference: Annotated[
        str,
        typer.Option(
            help="拨付单号、请款编号、所冲或所同的回单（种类:回单号）、4101末级、转出账号、已记账的SUS-…；利息可写pool、acct"
        ),
    ] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出一张挂账回单是什么（不记账），待另一人复核。"""
    running, day = app_for("accountant"), business_day(date)
    kind, _, number = receipt.partition(":")
    number, direction = _number_and_direction(number)
    said = SuspensePaper(fund, account, kind, number, what, reference, document, direction)
    with act(running, region, "suspense.propose", f"{receipt} {what}") as tx:
        made = propose(tx, said, day)
    show(plain(made), [_words(made)], as_json=as_json)


@app.command("confirm")
def confirm_command(
    resolution: Key,
    region: RegionOption,
    date: DateOption,
    refusal: Annotated[str, typer.Option("--refuse", help="不同意的理由")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """复核：同意即按其规则记账；给出理由则退回，回单仍挂账。"""
    running, day = app_for("checker"), business_day(date)
    with act(running, region, "suspense.refuse" if refusal else "suspense.confirm", resolution) as tx:
        for known in read_resolutions(tx, key=resolution):
            open_period(tx, Book(region, known.fund), period_of(day))
        done = refuse(tx, resolution, day, refusal) if refusal else confirm(tx, resolution, day)
    show(plain(done), [_words(done)], as_json=as_json)


def _number_and_direction(text: str) -> tuple[str, str]:
    number, _, side = text.rpartition(":")
    return (number, side) if number and side in ("debit", "credit") else (text, "")


def paper_json(one: OpenPaper) -> dict[str, object]:
    """An open paper for machines; money in fen as text."""
    return {
        "account": one.account,
        "receipt": f"{one.kind}:{one.receipt_no}",
        "direction": one.direction,
        "booked": one.booking_date.isoformat(),
        "amount_fen": str(one.amount_fen),
        "outcome": one.outcome,
        "code": one.code,
        "order": one.order_no,
        "same_as": one.same_as,
    }


def plain(one: Resolution) -> dict[str, object]:
    """A resolution for machines."""
    return {
        "resolution": one.resolution_id,
        "fund": one.fund,
        "account": one.account,
        "receipt": f"{one.kind}:{one.receipt_no}",
        "what": one.what,
        "reference": one.reference,
        "document": one.document,
        "state": one.state,
        "prepared_by": one.prepared_by,
        "approved_by": one.approved_by,
        "reason": one.reason,
    }


def _words(one: Resolution) -> str:
    return (
        f"{one.resolution_id} {paper_named(one.kind, one.receipt_no)} {KINDS[one.what]} {one.reference} {STATES[one.state]} "
        f"{one.prepared_by}提出{'，' + one.approved_by + '复核' if one.approved_by else ''} {one.reason}".rstrip()
    )
