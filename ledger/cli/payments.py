"""`fundledger payments`: from a drafted batch to posted receipts. Thin: every command is one function of ledger.payments."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from ledger.bootstrap import App, OwnBank
from ledger.cli import freeze, handed, suspense
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show, steps
from ledger.cli.words.payments import (
    plain_order,
    plain_overview,
    plain_sent,
    words_of_order,
    words_of_overview,
    words_of_sent,
)
from ledger.cli.words.received import plain_received, words_of_received
from ledger.core.digests import parse_digest
from ledger.core.money import yuan_grouped
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work
from ledger.payments.incoming.proven import BankRefusal, read_refusals
from ledger.payments.incoming.proven import release as release_refused
from ledger.payments.incoming.receive import Received
from ledger.payments.incoming.receive import receive as receive_account
from ledger.payments.orders import approve as approvals
from ledger.payments.orders.listing import order_view, overview
from ledger.payments.orders.stale import REASONS
from ledger.payments.out import files
from ledger.payments.out.ask import ask_in
from ledger.payments.out.send import send as send_files

app = typer.Typer(help="拨付：审批、制盘、发送、收回单、挂账", no_args_is_help=True)
app.add_typer(suspense.app, name="suspense")
app.add_typer(handed.app, name="handed")
app.add_typer(freeze.app, name="freeze")

Batch = Annotated[str, typer.Argument(help="拨付批次")]
OrderNo = Annotated[str, typer.Argument(help="拨付单号")]


@contextmanager
def banks_of(running: App, region: int) -> Iterator[Callable[[str], OwnBank]]:
    """Each account's bank, connected at most once and hung up at the end."""
    opened: dict[str, OwnBank] = {}

    def bank_of(account: str) -> OwnBank:
        if account not in opened:
            opened[account] = running.bank(region, account)
        return opened[account]

    try:
        yield bank_of
    finally:
        for bank in opened.values():
            bank.channel.close()


@app.command("list")
def list_orders(
    region: RegionOption,
    state: Annotated[str, typer.Option(help="只列此状态")] = "",
    batch: Annotated[str, typer.Option(help="只列此批次")] = "",
    order: Annotated[str, typer.Option(help="一张拨付单的全程")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """各状态的拨付单与合计、批次、未过账的回单；或一张拨付单的全程。"""
    running = app_for("maker")
    if order:
        view = order_view(running.engine, running.user, region, order)
        show(plain_order(view), words_of_order(view), as_json=as_json)
    else:
        found = overview(running.engine, running.user, region, state=state, batch_id=batch)
        show(plain_overview(found), words_of_overview(found), as_json=as_json)


@app.command()
def approve(
    batch: Batch,
    region: RegionOption,
    digest: Annotated[str, typer.Option(help="所审批内容的摘要，64位十六进制，见payments list")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """审批一批拨付单：由制单人以外的人，对其摘要负责。"""
    running = app_for("checker")
    with act(running, region, "payments.approve", batch) as tx:
        done = approvals.approve_in(
            tx,
            batch,
            parse_digest(digest, "batch.digest_format"),
            running.clock.today(),
        )
    document = {
        "batch": done.batch_id,
        "orders": done.orders,
        "total_fen": str(done.total_fen),
        "prepared_by": done.prepared_by,
        "approved_by": done.approved_by,
        "approved_on": done.approved_on.isoformat(),
    }
    line = f"批次{batch}已由{done.approved_by}于{done.approved_on}审批：{done.orders}单，{yuan_grouped(done.total_fen)}元"
    show(document, [line], as_json=as_json)


@app.command()
def discard(
    batch: Batch,
    region: RegionOption,
    reason: Annotated[str, typer.Option(help="原因")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """作废一批未审批的拨付单。"""
    running = app_for("maker")
    with act(running, region, "payments.discard", batch) as tx:
        orders = approvals.discard_in(tx, batch, reason, running.clock.today())
    show({"batch": batch, "orders": orders}, [f"批次{batch}已作废：{orders}单"], as_json=as_json)


@app.command()
def file(batch: Batch, region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """制盘：每个付款账户一个文件；不得再拨付的单先取消，含其单的未发文件作废重制。"""
    running = app_for("maker")
    with (
        banks_of(running, region) as bank_of,
        act(running, region, "payments.file", batch) as tx,
    ):
        done = files.file_in(tx, batch, bank_of, running.now())
    document = {
        "batch": done.batch_id,
        "files": [
            {
                "file": made.file_id,
                "name": made.name,
                "orders": made.orders,
                "total_fen": str(made.total_fen),
                "sha256": made.sha256.hex(),
                "sm3": made.sm3.hex(),
            }
            for made in done.files
        ],
        "voided": list(done.voided),
        "cancelled": [{"order": order_no, "reason": reason} for order_no, reason in done.cancelled],
        "held": [{"order": order_no, "receipt": receipt} for order_no, receipt in done.held],
        "unbearable": [{"order": order_no, "reason": why} for order_no, why in done.unbearable],
    }
    lines = [f"批次{batch}：制盘{len(done.files)}个文件"]
    lines += [
        f"  {m.name}：{m.orders}单，{yuan_grouped(m.total_fen)}元，SM3 {m.sm3.hex()[:16]}" for m in done.files
    ]
    lines += [f"  作废 {file_id}" for file_id in done.voided]
    lines += [f"  取消 {order_no}：{REASONS[reason]}" for order_no, reason in done.cancelled]
    lines += [
        f"  留置 {order_no}：回单{paper}可能已付此款，请先查明（payments suspense）"
        for order_no, paper in done.held
    ]
    lines += [f"  取消 {order_no}：{why}" for order_no, why in done.unbearable]
    show(document, lines, as_json=as_json)


@app.command()
def send(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """发送：已制盘的和结果未知的付款文件；同名同内容，可重复执行。有未送达的，列出并以1退出。"""
    running = app_for("cashier")
    with (
        banks_of(running, region) as bank_of,
        steps(running, region, "payments.send", str(region)),
    ):
        done = send_files(running.engine, running.user, region, bank_of, running.clock.today())
    show(plain_sent(done), words_of_sent(done), as_json=as_json)
    if any(s.outcome != "sent" for s in done):
        raise typer.Exit(1)


@app.command()
def receive(
    region: RegionOption,
    account: Annotated[str, typer.Option(help="只收此账户；缺省为全部支出户")] = "",
    *,
    again: Annotated[bool, typer.Option("--again", help="已收过的文件也重新取来比对")] = False,
    as_json: JsonFlag = False,
) -> None:
    """收银行文件：状态回执改变单的状态，回单过账；可重复执行。有未能收下的，列出并以1退出。"""
    running = app_for("accountant")
    accounts = [account] if account else running.expenditure_accounts(region)
    received: list[Received] = []
    with (
        banks_of(running, region) as bank_of,
        steps(running, region, "payments.receive", ",".join(accounts)),
    ):
        for own in accounts:
            received.append(
                receive_account(
                    running.engine,
                    running.user,
                    region,
                    own,
                    bank_of(own),
                    running.clock.today(),
                    again=again,
                )
            )
    document = {"accounts": [plain_received(done) for done in received]}
    show(document, [line for done in received for line in words_of_received(done)], as_json=as_json)
    if any(done.failures for done in received):
        raise typer.Exit(1)


@app.command()
def cancel(
    order: OrderNo,
    region: RegionOption,
    reason: Annotated[str, typer.Option(help="原因")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """取消一张未发送的拨付单；已制盘的，其文件作废，其余的单待重新制盘。"""
    running = app_for("maker")
    with act(running, region, "payments.cancel", order) as tx:
        voided = files.cancel_in(tx, order, reason, running.clock.today())
    told = f"拨付单{order}已取消" + (f"，文件{voided}作废，请重新制盘" if voided else "")
    show({"order": order, "voided": voided}, [told], as_json=as_json)


@app.command()
def ask(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """列出超过期限仍无回单的拨付单，转为状态未知；只查询，不重发。"""
    running = app_for("accountant")
    with act(running, region, "payments.ask", str(region)) as tx:
        overdue = ask_in(tx, running.clock.today())
    document = {
        "overdue": [
            dataclasses.asdict(o) | {"amount_fen": str(o.amount_fen), "sent_on": o.sent_on.isoformat()}
            for o in overdue
        ]
    }
    lines = [
        f"{o.order_no} {o.institution} {yuan_grouped(o.amount_fen)}元，{o.sent_on}发送，{said('order.state', o.state)}"
        f" {'、'.join(said('paper.reason', code) for code in o.papers.split(',') if code)}".rstrip()
        for o in overdue
    ]
    show(document, lines or ["没有超期未收到回单的拨付单"], as_json=as_json)


@app.command()
def refusals(
    region: RegionOption,
    order: Annotated[str, typer.Option(help="只看此拨付单")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """银行已拒绝的拨付单：凭哪份状态文件、哪些对账单，还缺哪项证据。"""
    running = app_for("accountant")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = read_refusals(tx, order)
    lines = [line for one in found for line in _refusal_lines(one)]
    show({"refusals": [one.as_json() for one in found]}, lines or ["没有待证实的银行拒绝"], as_json=as_json)


@app.command()
def release(order: OrderNo, region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """银行已拒绝的拨付单，两项证据（银行的拒绝、涵盖其间而无扣款的对账单）俱在后退回，可重付。"""
    running = app_for("accountant")
    with act(running, region, "payments.release", order) as tx:
        done = release_refused(tx, order, running.clock.today())
    show(done.as_json(), _refusal_lines(done), as_json=as_json)


def _refusal_lines(one: BankRefusal) -> list[str]:
    status = "银行状态即终局" if one.final else "银行状态非终局，须以对账单证实"
    return [
        f"{one.order} {yuan_grouped(one.amount_fen)}元 {said('order.state', one.state)}，{status}",
        f"  第一项：{one.said_on} {one.file} {one.reasons}",
        f"  第二项：对账单{'、'.join(one.statements) or '无'}",
        f"  尚缺：{'；'.join(one.missing) or '无'}",
    ]
