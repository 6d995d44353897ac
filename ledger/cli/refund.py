"""`fundledger refund`: money an institution pays back, by its kind, through the fiscal special account."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, business_day, show
from ledger.core.dates import parse_day
from ledger.core.errors import InvalidInput
from ledger.core.money import parse_fen, yuan_grouped
from ledger.core.words import words_of
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.refunds.refund import (
    KINDS,
    ORDERED_BY,
    Refund,
    RefundLine,
    RefundRequest,
    approve_refund,
    read_refunds,
    refuse_refund,
    request_refund,
)

app = typer.Typer(help="退款与追回", no_args_is_help=True)

DateOption = Annotated[str, typer.Option("--date", help="业务日期 YYYY-MM-DD")]


@app.command()
def request(
    region: RegionOption,
    fund: Annotated[int, typer.Option(help="基金：310职工，390居民")],
    institution: Annotated[str, typer.Option(help="机构编码")],
    kind: Annotated[str, typer.Option(help="、".join(f"{k}{v}" for k, v in KINDS.items()))],
    by: Annotated[str, typer.Option(help="、".join(f"{k}{v}" for k, v in ORDERED_BY.items()))],
    account: Annotated[str, typer.Option(help="到账账户：本账套的财政专户")],
    received: Annotated[str, typer.Option(help="到账日 YYYY-MM-DD")],
    amount: Annotated[str, typer.Option(help="金额，元")],
    document: Annotated[str, typer.Option(help="决定书、协议条款或函件文号")],
    receipt: Annotated[str, typer.Option(help="缴款凭证号")],
    date: DateOption,
    line: Annotated[
        list[str] | None,
        typer.Option(
            "--line", help="来源:账目:服务年度:期号:类别:元，如9103:pool:2026:202610:inpatient:4500.00"
        ),
    ] = None,
    advance: Annotated[str, typer.Option(help="退回预付款项时：预付编号")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """登记退款（不记账），待另一人复核。"""
    running = app_for("maker")
    asked = RefundRequest(
        fund, institution, kind, by, account, parse_day(received), parse_fen(amount), document, receipt,
        tuple(_line(text) for text in line or ()), advance,
    )  # fmt: skip
    with act(running, region, "refund.request", f"{institution}/{document}") as tx:
        made = request_refund(tx, asked, business_day(date))
    show(plain(made), [words(made)], as_json=as_json)


@app.command()
def approve(
    refund: Annotated[str, typer.Argument(help="退款编号")],
    region: RegionOption,
    date: DateOption,
    refuse: Annotated[str, typer.Option(help="不同意的理由")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """复核：同意即记账；给出理由则退回。"""
    running = app_for("checker")
    with act(running, region, "refund.refuse" if refuse else "refund.approve", refund) as tx:
        day = business_day(date)
        made = refuse_refund(tx, refund, day, refuse) if refuse else approve_refund(tx, refund, day)
    show(plain(made), [words(made)], as_json=as_json)


@app.command("list")
def list_refunds(
    region: RegionOption,
    institution: Annotated[str, typer.Option(help="机构编码")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """列出退款。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = read_refunds(tx, institution=institution)
    show({"refunds": [plain(one) for one in found]}, [words(one) for one in found], as_json=as_json)


def _line(text: str) -> RefundLine:
    parts = text.split(":")
    if len(parts) != 6 or not all(
        part.isascii() and part.isdigit() for part in (parts[0], parts[2], parts[3])
    ):
        raise InvalidInput("refund.lines", f"“{text[:60]}”应为来源:账目:服务年度:期号:类别:元")
    return RefundLine(int(parts[0]), parts[1], int(parts[2]), int(parts[3]), parts[4], parse_fen(parts[5]))


def plain(one: Refund) -> dict[str, object]:
    """A refund for machines; money in fen as text."""
    return {
        "refund": one.refund_id,
        "fund": one.fund,
        "institution": one.institution,
        "kind": one.kind,
        "ordered_by": one.ordered_by,
        "state": one.state,
        "received": one.received_on.isoformat(),
        "amount_fen": str(one.amount_fen),
        "document": one.document,
        "receipt": one.receipt_no,
        "advance": one.advance_id,
    }


def words(one: Refund) -> str:
    """A refund for people."""
    state = words_of("refund.state")[one.state]
    return f"{one.refund_id} {one.institution} {KINDS[one.kind]} {yuan_grouped(one.amount_fen)}元 {one.document} {state}"
