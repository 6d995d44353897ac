"""`fundledger bank`: our key for a bank's SFTP, where the bank's front is, and the files it sent."""

from __future__ import annotations

import signal
from pathlib import Path
from threading import Event
from typing import Annotated

import typer

from adapters.banks.wire.sftp.keys import ensure_ed25519_key
from ledger.bootstrap import client_key_path
from ledger.cli.installation import bank_files
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show
from ledger.core.dates import FileClock, FixedClock, parse_day
from ledger.payments.orders.own_accounts import confirm_channel, propose_channel
from ledger.settings import get_settings

app = typer.Typer(help="银行通道与收到的文件", no_args_is_help=True)
app.add_typer(bank_files.app)

AccountOption = Annotated[str, typer.Option(help="支出户账号")]


@app.command()
def key(region: RegionOption, account: AccountOption, *, as_json: JsonFlag = False) -> None:
    """本方SFTP公钥（没有则生成），交给银行登记；私钥只在数据目录内。"""
    running = app_for("admin")
    public = ensure_ed25519_key(client_key_path(running.settings.home, region, account))
    show({"account": account, "public_key": public}, [public], as_json=as_json)


@app.command()
def channel(
    region: RegionOption,
    account: AccountOption,
    host: Annotated[str, typer.Option(help="银行SFTP主机")],
    port: Annotated[int, typer.Option(help="端口")],
    username: Annotated[str, typer.Option(help="用户名")],
    host_key: Annotated[list[str], typer.Option(help="银行书面约定的主机公钥“类型 base64”，可多个")],
    inbox: Annotated[str, typer.Option(help="付款文件目录")] = "/inbox",
    outbox: Annotated[str, typer.Option(help="回单目录")] = "/outbox",
    archive: Annotated[str, typer.Option(help="银行归档目录")] = "/archive",
    *,
    final_status: Annotated[
        bool,
        typer.Option(help="协议约定银行的状态回执为终局；不加此项，拒绝须待当日对账单证实未扣款方可重付"),
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """提出银行通道，待另一人确认；主机公钥不符时一律拒绝连接。"""
    running = app_for("admin")
    with act(running, region, "bank.channel", f"{account} {host}:{port}") as tx:
        propose_channel(
            tx,
            account,
            {
                "host": host,
                "port": port,
                "username": username,
                "host_keys": host_key,
                "inbox": inbox,
                "outbox": outbox,
                "archive": archive,
                "final_status": final_status,
            },
        )
    show(
        {"account": account, "state": "proposed"},
        [f"账户{account}的银行通道已提出：{host}:{port}，待另一人确认"],
        as_json=as_json,
    )


@app.command()
def confirm(
    region: RegionOption,
    account: AccountOption,
    version: Annotated[
        int, typer.Option(help="所核对的是第几版；此后另有提出的不确认。缺省为最新的一版")
    ] = 0,
    *,
    as_json: JsonFlag = False,
) -> None:
    """由另一人（复核审批岗）确认银行通道，确认后启用。"""
    running = app_for("checker")
    with act(running, region, "bank.confirm", account) as tx:
        confirm_channel(tx, account, running.clock.today(), version)
    show({"account": account, "state": "confirmed"}, [f"账户{account}的银行通道已确认启用"], as_json=as_json)


@app.command()
def serve(
    file: Annotated[Path, typer.Argument(help="银行设置文件（JSON），见 docs/bank-simulator.md")],
    on: Annotated[str, typer.Option("--on", help="银行的日期 YYYY-MM-DD，不再变动")] = "",
    clock_file: Annotated[
        Path | None, typer.Option(help="时钟文件：一行日期，改了就跟着走，中间的日子逐日过")
    ] = None,
) -> None:
    """练习用的银行：真实的SFTP、自己的账；日期取自 --on、--clock-file，否则与本程序其余部分相同。按Ctrl-C停止。"""
    # nobody else waits for a bank to be imported
    from adapters.banks.simulator.serving import read_settings
    from adapters.banks.simulator.serving import serve as serve_bank

    clock = get_settings().clock()
    if on:
        clock = FixedClock(parse_day(on))
    elif clock_file is not None:
        clock = FileClock(clock_file)
    stopping = Event()
    for word in (signal.SIGTERM, signal.SIGINT):
        signal.signal(word, lambda *_: stopping.set())
    serve_bank(read_settings(file), clock, stopping)
