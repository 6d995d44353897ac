"""`fundledger cash`: forecast and fund request, interest and fees, payments to persons."""

from __future__ import annotations

from typing import Annotated

import typer

from adapters.banks.ports import BankAccount
from ledger.books.setup import open_period
from ledger.cli.cash_plans import app as plans_app
from ledger.cli.cash_plans import request_json, request_words
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, business_day, show
from ledger.core.dates import parse_day, period_of
from ledger.core.entries import Book
from ledger.core.money import parse_fen, yuan_grouped
from ledger.core.words import said, words_of
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.cash.fund_request import (
    approve_request,
    grant,
    need,
    read_requests,
    refuse_request,
    request_funds,
)
from ledger.fund.cash.movements import KINDS as MOVE_KINDS
from ledger.fund.cash.movements import AccountMove, approve_move, read_moves, refuse_move, request_move
from ledger.fund.cash.orders import order_persons
from ledger.fund.cash.person_accounts import (
    PersonAccount,
    account_words,
    approve_account,
    propose_account,
    read_person_accounts,
    refuse_account,
)
from ledger.fund.cash.persons import KINDS as PERSON_KINDS
from ledger.fund.cash.persons import (
    PersonPayment,
    PersonRequest,
    approve_person,
    read_persons,
    refuse_person,
    request_person,
)
from ledger.fund.ordering.draft import REFUSALS, refusal_words, refused_json
from ledger.fund.ordering.forecast import KIND_NAMES, total

app = typer.Typer(help="用款计划、请款、利息手续费、个人付款", no_args_is_help=True)
app.add_typer(plans_app)

FundOption = Annotated[int, typer.Option("--fund", help="基金：310职工，390居民")]
DateOption = Annotated[str, typer.Option("--date", help="业务日期 YYYY-MM-DD")]
UptoOption = Annotated[str, typer.Option("--upto", help="用款截止日 YYYY-MM-DD")]
AmountOption = Annotated[str, typer.Option("--amount", help="金额，元")]
RefuseOption = Annotated[str, typer.Option("--refuse", help="不同意的理由")]
MonthOption = Annotated[int, typer.Option(help="月份 YYYYMM")]
Key = Annotated[str, typer.Argument(help="编号")]


@app.command()
def forecast(
    region: RegionOption, fund: FundOption, date: DateOption, upto: UptoOption, *, as_json: JsonFlag = False
) -> None:
    """到期应付与可用资金。"""
    running = app_for("maker")
    with unit_of_work(running.engine, running.user, region) as tx:
        dues, available, asked = need(tx, fund, business_day(date), parse_day(upto))
    document = {
        "due": [
            {"kind": d.kind, "due_on": d.due_on.isoformat(), "amount_fen": str(d.amount_fen)} for d in dues
        ],
        "total_fen": str(total(dues)),
        "available_fen": str(available),
        "asked_fen": str(asked),
    }
    lines = [f"{d.due_on} {KIND_NAMES[d.kind]} {yuan_grouped(d.amount_fen)}元" for d in dues]
    lines.append(
        f"合计{yuan_grouped(total(dues))}元，可用{yuan_grouped(available)}元，已请未拨{yuan_grouped(asked)}元"
    )
    show(document, lines, as_json=as_json)


@app.command()
def request(
    region: RegionOption,
    fund: FundOption,
    date: DateOption,
    upto: UptoOption,
    amount: Annotated[str, typer.Option(help="金额，元；默认为所需")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """请款（不记账），待另一人复核。"""
    running = app_for("maker")
    with act(running, region, "cash.request", f"{fund}/{upto}") as tx:
        made = request_funds(
            tx, fund, business_day(date), parse_day(upto), parse_fen(amount) if amount else 0
        )
    show(request_json(made), [request_words(made)], as_json=as_json)


@app.command()
def approve(
    key: Key, region: RegionOption, date: DateOption, refuse: RefuseOption = "", *, as_json: JsonFlag = False
) -> None:
    """复核请款。"""
    running, day = app_for("checker"), business_day(date)
    with act(running, region, "cash.refuse" if refuse else "cash.approve", key) as tx:
        made = refuse_request(tx, key, day, refuse) if refuse else approve_request(tx, key, day)
    show(request_json(made), [request_words(made)], as_json=as_json)


@app.command("grant")
def grant_command(
    key: Key,
    region: RegionOption,
    amount: AmountOption,
    receipt: Annotated[str, typer.Option(help="财政专户缴拨凭证号")],
    received: Annotated[str, typer.Option(help="到账日 YYYY-MM-DD")],
    date: DateOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """登记到账并记账，凭证一次有效。"""
    running, day = app_for("accountant"), business_day(date)
    with act(running, region, "cash.grant", f"{key}/{receipt}") as tx:
        for found in read_requests(tx, key=key):
            open_period(tx, Book(region, found.fund), period_of(day))
        made = grant(tx, key, receipt, parse_fen(amount), parse_day(received), day)
    show(request_json(made), [request_words(made)], as_json=as_json)


@app.command()
def move(
    region: RegionOption,
    fund: FundOption,
    kind: Annotated[str, typer.Option(help="、".join(f"{k}{v}" for k, v in MOVE_KINDS.items()))],
    amount: AmountOption,
    booked: Annotated[str, typer.Option(help="银行记账日 YYYY-MM-DD")],
    receipt: Annotated[str, typer.Option(help="银行回单号")],
    date: DateOption,
    subfund: Annotated[str, typer.Option(help="利息：pool、acct，未分清的不写")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """登记利息、手续费（不记账），待另一人复核。"""
    running = app_for("maker")
    with act(running, region, "cash.move", f"{kind}/{receipt}") as tx:
        made = request_move(
            tx, fund, kind, parse_fen(amount), parse_day(booked), receipt, business_day(date), subfund=subfund
        )
    show(_move_json(made), [_move_words(made)], as_json=as_json)


@app.command("approve-move")
def approve_move_command(
    key: Key, region: RegionOption, date: DateOption, refuse: RefuseOption = "", *, as_json: JsonFlag = False
) -> None:
    """复核利息、手续费：同意即记账。"""
    running, day = app_for("checker"), business_day(date)
    with act(running, region, "cash.move.refuse" if refuse else "cash.move.approve", key) as tx:
        made = refuse_move(tx, key, day, refuse) if refuse else approve_move(tx, key, day)
    show(_move_json(made), [_move_words(made)], as_json=as_json)


@app.command()
def person(
    region: RegionOption,
    fund: FundOption,
    kind: Annotated[str, typer.Option(help="、".join(f"{k}{v}" for k, v in PERSON_KINDS.items()))],
    psn: Annotated[str, typer.Option(help="人员编号")],
    payee: Annotated[tuple[str, str, str, str], typer.Option(help="收款账户：户名 账号 开户行 行号")],
    amount: AmountOption,
    document: Annotated[str, typer.Option(help="核定单文号")],
    year: Annotated[int, typer.Option(help="服务年度")],
    term: Annotated[int, typer.Option(help="期号 yyyymm")],
    category: Annotated[str, typer.Option(help="待遇类别，如inpatient、maternity_allowance")],
    date: DateOption,
    subfund: Annotated[str, typer.Option(help="pool统筹、acct个账")] = "pool",
    due: Annotated[str, typer.Option(help="最迟付款日，默认当日")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """申请付款给个人，待另一人复核。"""
    running, day = app_for("maker"), business_day(date)
    asked = PersonRequest(
        fund, kind, psn, subfund, year, term, category, parse_fen(amount), document, BankAccount(*payee),
        parse_day(due) if due else day,
    )  # fmt: skip
    with act(running, region, "cash.person", document) as tx:
        made = request_person(tx, asked, day)
    show(_person_json(made), [_person_words(made)], as_json=as_json)


@app.command("approve-person")
def approve_person_command(
    key: Key, region: RegionOption, date: DateOption, refuse: RefuseOption = "", *, as_json: JsonFlag = False
) -> None:
    """复核个人付款。"""
    running, day = app_for("checker"), business_day(date)
    with act(running, region, "cash.person.refuse" if refuse else "cash.person.approve", key) as tx:
        made = refuse_person(tx, key, day, refuse) if refuse else approve_person(tx, key, day)
    show(_person_json(made), [_person_words(made)], as_json=as_json)


@app.command("person-account")
def person_account(
    key: Key,
    region: RegionOption,
    payee: Annotated[tuple[str, str, str, str], typer.Option(help="收款账户：户名 账号 开户行 行号")],
    document: Annotated[str, typer.Option(help="依据：本人申请、银行查复")],
    date: DateOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """更正经银行退回的个人收款账户（或核实原账户），待另一人复核。"""
    running, day = app_for("maker"), business_day(date)
    with act(running, region, "cash.person_account", key) as tx:
        made = propose_account(tx, key, BankAccount(*payee), document, day)
    show(_account_json(made), [account_words(made)], as_json=as_json)


@app.command("approve-person-account")
def approve_person_account(
    key: Key, region: RegionOption, date: DateOption, refuse: RefuseOption = "", *, as_json: JsonFlag = False
) -> None:
    """复核个人收款账户的更正。"""
    running, day = app_for("checker"), business_day(date)
    with act(
        running, region, "cash.person_account.refuse" if refuse else "cash.person_account.approve", key
    ) as tx:
        made = refuse_account(tx, key, day, refuse) if refuse else approve_account(tx, key, day)
    show(_account_json(made), [account_words(made)], as_json=as_json)


@app.command("order-persons")
def order_persons_command(
    region: RegionOption, fund: FundOption, date: DateOption, *, as_json: JsonFlag = False
) -> None:
    """将已同意而未付的个人付款制单，待另一人审批批次。"""
    running, day = app_for("maker"), business_day(date)
    with act(running, region, "cash.order_persons", f"{fund}/{date}") as tx:
        done = order_persons(tx, fund, day, running.bears())
    batches = [batch.as_json() for batch in done.batches]
    skipped = [{"payment": s.key, **refused_json(s)} for s in done.skipped]
    lines = [
        f"批次{b.batch_id}：{len(b.order_nos)}单，{yuan_grouped(b.total_fen)}元，待另一人审批"
        for b in done.batches
    ]
    lines += [f"未制单 {s.key} {refusal_words(s, REFUSALS)}" for s in done.skipped]
    show({"batches": batches, "skipped": skipped}, lines or ["没有待付的个人款项"], as_json=as_json)


@app.command("list")
def list_cash(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """列出请款、利息手续费、个人付款（个人信息遮盖）。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        requests, moves, persons = read_requests(tx), read_moves(tx), read_persons(tx)
        accounts = read_person_accounts(tx)
    document = {
        "requests": [request_json(one) for one in requests],
        "moves": [_move_json(one) for one in moves],
        "persons": [_person_json(one) for one in persons],
        "person_accounts": [_account_json(one) for one in accounts],
    }
    lines = [*map(request_words, requests), *map(_move_words, moves), *map(_person_words, persons)]
    lines += map(account_words, accounts)
    show(document, lines, as_json=as_json)


def _move_json(one: AccountMove) -> dict[str, object]:
    return {
        "move": one.move_id,
        "fund": one.fund,
        "kind": one.kind,
        "booked": one.booked_on.isoformat(),
        "amount_fen": str(one.amount_fen),
        "receipt": one.receipt_no,
        "state": one.state,
    }


def _move_words(one: AccountMove) -> str:
    state = words_of("movement.state")[one.state]
    return (
        f"{one.move_id} {MOVE_KINDS[one.kind]} {yuan_grouped(one.amount_fen)}元 回单{one.receipt_no} {state}"
    )


def _person_json(one: PersonPayment) -> dict[str, object]:
    psn_no, name, number = one.masked
    return {
        "payment": one.payment_id,
        "fund": one.fund,
        "kind": one.kind,
        "psn_no": psn_no,
        "payee_name": name,
        "payee_number": number,
        "amount_fen": str(one.amount_fen),
        "document": one.document,
        "state": one.state,
        "order": one.order_no,
        "order_state": one.order_state,
    }


def _account_json(one: PersonAccount) -> dict[str, object]:
    return {
        "account": one.account_id,
        "payment": one.payment_id,
        "order": one.order_no,
        "failed_on": one.failed_on.isoformat(),
        "why": one.why,
        "payee_name": one.name,
        "payee_number": one.number,
        "document": one.document,
        "state": one.state,
        "reason": one.reason,
    }


def _person_words(one: PersonPayment) -> str:
    psn_no, name, number = one.masked
    state = words_of("person_payment.state")[one.state]
    return (
        f"{one.payment_id} {PERSON_KINDS[one.kind]} {name} {psn_no} {number} {yuan_grouped(one.amount_fen)}元 "
        f"{state} {said('order.state', one.order_state)}".rstrip()
    )
