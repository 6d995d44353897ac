"""`fundledger advance`: prepayment, pre-allocation, suppliers paid for an institution."""

from __future__ import annotations

from typing import Annotated

import typer

from adapters.banks.ports import BankAccount
from ledger.books.setup import open_period
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, business_day, show
from ledger.core.dates import parse_day, period_of
from ledger.core.entries import EMPLOYEE_FUND, Book
from ledger.core.money import parse_fen, yuan_grouped
from ledger.core.words import said, words_of
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.advances.advance import (
    KIND_NAMES,
    Advance,
    AdvanceRequest,
    approve_advance,
    read_advances,
    refuse_advance,
    request_advance,
)
from ledger.fund.advances.year_end import reconcile
from ledger.fund.cash.orders import order_advances
from ledger.fund.ordering.draft import REFUSALS, refusal_words, refused_json
from ledger.fund.refunds.refund import RefundRequest, request_refund

app = typer.Typer(help="预付金、按月预拨、集采直接结算", no_args_is_help=True)

FundOption = Annotated[int, typer.Option("--fund", help="基金：310职工，390居民")]
InstitutionOption = Annotated[str, typer.Option("--institution", help="机构编码")]
DateOption = Annotated[str, typer.Option("--date", help="业务日期 YYYY-MM-DD")]
_STATES = words_of("advance.state")


@app.command()
def request(
    region: RegionOption,
    fund: FundOption,
    institution: InstitutionOption,
    kind: Annotated[str, typer.Option(help="、".join(f"{k}{v}" for k, v in KIND_NAMES.items()))],
    amount: Annotated[str, typer.Option(help="金额，元")],
    document: Annotated[str, typer.Option(help="申请书、预拨表或发票文号")],
    date: DateOption,
    due: Annotated[str, typer.Option(help="最迟付款日 YYYY-MM-DD，默认当日")] = "",
    year: Annotated[int, typer.Option(help="预付金的年度")] = 0,
    term: Annotated[int, typer.Option(help="按月预拨、集采直接结算的期号 yyyymm")] = 0,
    payee: Annotated[
        tuple[str, str, str, str], typer.Option(help="供应商收款账户：户名 账号 开户行 行号")
    ] = ("", "", "", ""),
    *,
    as_json: JsonFlag = False,
) -> None:
    """申请预付：按账面核对条件与额度，待另一人复核。"""
    running, day = app_for("maker"), business_day(date)
    asked = AdvanceRequest(
        fund, institution, kind, parse_fen(amount), document, parse_day(due) if due else day, year, term, BankAccount(*payee)
    )  # fmt: skip
    with act(running, region, "advance.request", f"{institution}/{document}") as tx:
        made = request_advance(tx, asked, day)
    show(plain(made), [words(made)], as_json=as_json)


@app.command()
def approve(
    advance: Annotated[str, typer.Argument(help="预付编号")],
    region: RegionOption,
    date: DateOption,
    refuse: Annotated[str, typer.Option(help="不同意的理由")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """复核：再次核对条件与额度；给出理由则退回。"""
    running = app_for("checker")
    with act(running, region, "advance.refuse" if refuse else "advance.approve", advance) as tx:
        day = business_day(date)
        made = refuse_advance(tx, advance, day, refuse) if refuse else approve_advance(tx, advance, day)
    show(plain(made), [words(made)], as_json=as_json)


@app.command()
def order(region: RegionOption, fund: FundOption, date: DateOption, *, as_json: JsonFlag = False) -> None:
    """将已同意而未付的预付制单，待另一人审批批次。"""
    running, day = app_for("maker"), business_day(date)
    with act(running, region, "advance.order", f"{fund}/{date}") as tx:
        open_period(tx, Book(region, fund), period_of(day))
        done = order_advances(tx, fund, day, running.bears())
    batches = [batch.as_json() for batch in done.batches]
    skipped = [{"advance": s.key, **refused_json(s)} for s in done.skipped]
    lines = [
        f"批次{b.batch_id}：{len(b.order_nos)}单，{yuan_grouped(b.total_fen)}元，待另一人审批"
        for b in done.batches
    ]
    lines += [f"未制单 {s.key} {refusal_words(s, REFUSALS)}" for s in done.skipped]
    show({"batches": batches, "skipped": skipped}, lines or ["没有待付的预付"], as_json=as_json)


@app.command("reconcile")
def reconcile_command(
    region: RegionOption,
    fund: FundOption,
    year: Annotated[int, typer.Option("--year", help="年度")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """与账面核对，列出至年末尚未收回的。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = reconcile(tx, fund, year)
    document = [
        {
            "institution": one.institution,
            "kind": one.kind,
            "paid_fen": str(one.paid_fen),
            "offset_fen": str(one.offset_fen),
            "returned_fen": str(one.returned_fen),
            "booked_fen": str(one.booked_fen),
            "overdue_fen": str(one.overdue_fen),
            "agrees": one.agrees,
        }
        for one in found
    ]
    lines = [
        f"{one.institution} {KIND_NAMES[one.kind]}：付{yuan_grouped(one.paid_fen)}，抵扣{yuan_grouped(one.offset_fen)}，"
        f"退回{yuan_grouped(one.returned_fen)}，账面{yuan_grouped(one.booked_fen)}，未收回{yuan_grouped(one.overdue_fen)}"
        + ("" if one.agrees else "  与账面不符")
        for one in found
    ]
    show({"advances": document, "agrees": all(one.agrees for one in found)}, lines, as_json=as_json)


@app.command("return")
def give_back(
    advance: Annotated[str, typer.Argument(help="预付编号")],
    region: RegionOption,
    account: Annotated[str, typer.Option(help="到账账户：本账套的财政专户")],
    received: Annotated[str, typer.Option(help="到账日 YYYY-MM-DD")],
    amount: Annotated[str, typer.Option(help="金额，元")],
    document: Annotated[str, typer.Option(help="退款函文号")],
    receipt: Annotated[str, typer.Option(help="缴款凭证号")],
    date: DateOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """登记机构缴回的预付，由另一人用refund approve复核记账。"""
    running = app_for("maker")
    with act(running, region, "advance.return", advance) as tx:
        found = read_advances(tx, key=advance)
        fund, institution = (found[0].fund, found[0].institution) if found else (EMPLOYEE_FUND, "")
        made = request_refund(
            tx,
            RefundRequest(
                fund, institution, "prepaid", "institution", account, parse_day(received), parse_fen(amount), document,
                receipt, (), advance,
            ),
            business_day(date),
        )  # fmt: skip
    show({"refund": made.refund_id, "state": made.state}, [f"退款{made.refund_id}待复核"], as_json=as_json)


@app.command("list")
def list_advances(
    region: RegionOption,
    institution: Annotated[str, typer.Option(help="机构编码")] = "",
    year: Annotated[int, typer.Option(help="年度")] = 0,
    *,
    as_json: JsonFlag = False,
) -> None:
    """列出预付。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = read_advances(tx, institution=institution, year=year)
    show({"advances": [plain(one) for one in found]}, [words(one) for one in found], as_json=as_json)


def plain(one: Advance) -> dict[str, object]:
    """An advance for machines; money in fen as text."""
    return {
        "advance": one.advance_id,
        "fund": one.fund,
        "institution": one.institution,
        "kind": one.kind,
        "year": one.year,
        "term": one.term,
        "state": one.state,
        "amount_fen": str(one.amount_fen),
        "quota_fen": str(one.quota_fen),
        "conditions": one.conditions,
        "document": one.document,
        "order": one.order_no,
        "order_state": one.order_state,
        "offset_fen": str(one.offset_fen),
        "returned_fen": str(one.returned_fen),
        "left_fen": str(one.left_fen),
    }


def words(one: Advance) -> str:
    """An advance for people."""
    return (
        f"{one.advance_id} {one.institution} {one.term}期起 {KIND_NAMES[one.kind]} {yuan_grouped(one.amount_fen)}元 "
        f"{_STATES[one.state]}{' ' + said('order.state', one.order_state) if one.order_state else ''}，余{yuan_grouped(one.left_fen)}元"
    )
