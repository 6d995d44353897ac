"""`fundledger day`: a normal day in three acts. One runs it, another approves all of it under one digest, a third sends it."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ledger.cli.daily import words
from ledger.cli.line.acting import ACTING
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, day_or_today, show, steps
from ledger.cli.payments import banks_of
from ledger.cli.words.day import words_of_list
from ledger.cli.words.payments import plain_sent, words_of_sent
from ledger.cli.words.received import plain_received, words_of_received
from ledger.core.digests import parse_digest
from ledger.core.errors import LedgerError
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.daily.run import run_daily_in
from ledger.payments.incoming.receive import receive as receive_account
from ledger.payments.incoming.receive import require_bookkeeper
from ledger.payments.orders.day_list import approve_day_in, day_list
from ledger.payments.orders.stale import REASONS
from ledger.payments.out import files
from ledger.payments.out.send import send as send_files

app = typer.Typer(help="一天三步：办理、审批、发送", no_args_is_help=True)

DayOption = Annotated[str, typer.Option(help="拨付日 YYYY-MM-DD，缺省为今天")]
Without = Annotated[list[str] | None, typer.Option("--without", help="不在此次审批之内的批次，可多次给出")]


@app.callback()
def _group() -> None:
    """一天三步."""


@app.command()
def run(region: RegionOption, date: DayOption = "", *, as_json: JsonFlag = False) -> None:
    """第一步：收银行文件、记账、制单；无收银行文件岗位的，该步列为未办，其余照办；有未能收下的，列出并以1退出。"""
    running = app_for("maker")
    day = day_or_today(date, ahead=True)
    received, left = _receive(region)
    with act(running, region, "daily.run", day.isoformat()) as tx:
        done = run_daily_in(tx, day, running.bears())
    document = done.as_json() | {"received": received, "left": left, "warnings": ACTING.warnings}
    lines = [f"  未办 {one['step']}：{one['message']}" for one in left]
    lines += [line for one in received for line in one["words"]]
    show(document, [*words(done), *lines, "下一步：复核人审批（fundledger day show）"], as_json=as_json)
    if any(one["code"] != "access.role_missing" for one in left) or any(one["failures"] for one in received):
        raise typer.Exit(1)


@app.command("show")
def show_list(
    region: RegionOption, date: DayOption = "", without: Without = None, *, as_json: JsonFlag = False
) -> None:
    """待审批的全部批次：每单的收款人、账号、金额，首次付款的标明；以一个摘要审批。"""
    running = app_for("checker")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = day_list(tx, day_or_today(date, ahead=True), without or ())
    show(found.as_json(), words_of_list(found), as_json=as_json)


@app.command()
def approve(
    region: RegionOption,
    digest: Annotated[str, typer.Option(help="所核对清单的摘要，64位十六进制，见day show")],
    date: DayOption = "",
    without: Without = None,
    *,
    as_json: JsonFlag = False,
) -> None:
    """第二步：按一个摘要审批清单上的全部批次，要么全部、要么一批也不；随后逐批制盘。"""
    running = app_for("checker")
    day = day_or_today(date, ahead=True)
    with act(running, region, "day.approve", day.isoformat()) as tx:
        found = day_list(tx, day, without or ())
        done = approve_day_in(tx, found, parse_digest(digest, "batch.digest_format"), running.clock.today())
    made, failed, gone = _file(region, [one.batch_id for one in done])
    document = {
        "digest": found.shown.shown,
        "batches": [
            {
                "batch": one.batch_id,
                "orders": one.orders,
                "total_fen": str(one.total_fen),
                "approved_by": one.approved_by,
                "approved_on": one.approved_on.isoformat(),
            }
            for one in done
        ],
        "files": made,
        "failed": failed,
        "cancelled": [{"order": order_no, "message": why} for order_no, why in gone],
    }
    before = {one.batch_id: one.approved_by for one in found.batches if one.approved_by}
    new = [one for one in done if one.batch_id not in before]
    lines = (
        ["此次没有再审批，清单上的批次此前均已审批："]
        if before and not new
        else [
            f"已审批{len(new)}批{sum(one.orders for one in new)}单，合计{yuan_grouped(sum(one.total_fen for one in new))}元，制盘{len(made)}个文件"
        ]
    )
    lines += [f"  批次{batch}此前已由{who}审批" for batch, who in before.items()]
    lines += [f"  批次{one['batch']}未能制盘：{one['message']}" for one in failed]
    lines += [f"  取消 {order_no}：{why}" for order_no, why in gone]
    show(document, [*lines, "下一步：出纳发送（fundledger day send）"], as_json=as_json)
    if failed:
        raise typer.Exit(1)


@app.command()
def send(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """第三步：发送全部已制盘的和结果未知的付款文件；可重复执行。有未送达的，列出并以1退出。"""
    running = app_for("cashier")
    with banks_of(running, region) as bank_of, steps(running, region, "payments.send", str(region)):
        done = send_files(running.engine, running.user, region, bank_of, running.clock.today())
    show(plain_sent(done), words_of_sent(done), as_json=as_json)
    if any(one.outcome != "sent" for one in done):
        raise typer.Exit(1)


def _receive(region: int) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """What every account's bank answered, and what could not be asked: the day goes on without it, and says so."""
    running = app_for("maker")
    received: list[dict[str, Any]] = []
    left: list[dict[str, str]] = []
    accounts = running.expenditure_accounts(region)
    with banks_of(running, region) as bank_of:
        for account in accounts:
            try:
                # looked at first: what his post never does is no refusal to be kept, on every normal day
                with unit_of_work(running.engine, running.user, region) as tx:
                    require_bookkeeper(tx, account)
                with steps(running, region, "payments.receive", account):
                    done = receive_account(
                        running.engine, running.user, region, account, bank_of(account), running.clock.today()
                    )
            except LedgerError as error:
                whose = "收银行文件须由会计办理"
                message = whose if error.code == "access.role_missing" else error.message
                left.append({"step": f"账户{account}收银行文件", "code": error.code, "message": message})
            else:
                received.append(plain_received(done) | {"words": words_of_received(done)})
    return received, left


def _file(
    region: int, batches: list[str]
) -> tuple[list[dict[str, Any]], list[dict[str, str]], list[tuple[str, str]]]:
    """The payment files of approved batches, one after the other; one that cannot be made hinders no other. Last, what was cancelled and why."""
    running = app_for("checker")
    made: list[dict[str, Any]] = []
    failed: list[dict[str, str]] = []
    gone: list[tuple[str, str]] = []
    for batch in batches:
        try:
            with banks_of(running, region) as bank_of, act(running, region, "payments.file", batch) as tx:
                done = files.file_in(tx, batch, bank_of, running.now())
        except LedgerError as error:
            failed.append({"batch": batch, "code": error.code, "message": error.message})
        else:
            gone += [(order_no, REASONS[reason]) for order_no, reason in done.cancelled]
            gone += [(order_no, why) for order_no, why in done.unbearable]
            made += [
                {"batch": batch, "file": one.file_id, "orders": one.orders, "total_fen": str(one.total_fen)}
                for one in done.files
            ]
    return made, failed, gone
