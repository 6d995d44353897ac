"""`fundledger data`: personal data at rest: refused lines opened with a reason, keys replaced, what is past its time."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli.installation.data_retention import app as retention
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show
from ledger.core.masking import masked
from ledger.core.money import yuan_grouped
from ledger.fund.intake.kept import open_line, replace_key, reseal_lines
from ledger.fund.region.persons import open_payee

app = typer.Typer(help="个人信息：隔离行与收款人的查看、密钥、保存期限", no_args_is_help=True)
app.add_typer(retention, name="retention")


@app.command("open")
def open_command(
    load: Annotated[int, typer.Argument(help="第几次接入（隔离清单所列）")],
    line: Annotated[int, typer.Argument(help="行号")],
    region: RegionOption,
    reason: Annotated[str, typer.Option(help="查看的理由，记入操作日志")],
    *,
    clear: Annotated[bool, typer.Option("--clear", help="显示明文；缺省为遮蔽后的")] = False,
    as_json: JsonFlag = False,
) -> None:
    """查看一条隔离的记录：缺省遮蔽个人信息，--clear显示明文；何人、何行、何故记入操作日志。"""
    running = app_for("maker")
    what = f"{load}:{line} {'明文' if clear else '遮蔽'} {reason.strip()}"
    with act(running, region, "data.open", what) as tx:
        text = open_line(tx, running.settings.home, load, line, reason)
    said = text if clear else masked(text)
    show({"load": load, "line": line, "clear": clear, "text": said}, [said], as_json=as_json)


@app.command("open-payee")
def open_payee_command(
    key: Annotated[str, typer.Argument(help="拨付单号、个人付款编号、往来单位，或回单（种类:编号）")],
    region: RegionOption,
    reason: Annotated[str, typer.Option(help="查看的理由，记入操作日志")],
    *,
    clear: Annotated[bool, typer.Option("--clear", help="显示明文；缺省为遮蔽后的")] = False,
    as_json: JsonFlag = False,
) -> None:
    """查看个人收款人的户名与账号，及审批所签的摘要：缺省遮蔽，--clear显示明文；何人、何单、何故记入操作日志。"""
    running = app_for("maker")
    what = f"payee {key} {'明文' if clear else '遮蔽'} {reason.strip()}"
    with act(running, region, "data.open", what) as tx:
        found = open_payee(tx, key, reason, clear=clear)
    document = {"key": key, "clear": clear, "name": found.name, "number": found.number}
    lines = [f"{found.name} {found.number}"]
    if found.digest:
        document |= {
            "bank": found.bank,
            "amount_fen": str(found.amount_fen),
            "of": found.of,
            "digest": found.digest,
        }
        lines += [f"{found.bank} {yuan_grouped(found.amount_fen)}元"] if found.amount_fen else []
        lines.append(f"{found.of}审批所签的摘要 {found.digest}")
    show(document, lines, as_json=as_json)


@app.command("new-key")
def new_key(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """更换统筹区加密隔离行的密钥：其后的行用新密钥，以前的行仍以旧密钥打开。"""
    running = app_for("admin")
    with act(running, region, "data.new_key", str(region)) as tx:
        key_id = replace_key(tx, running.settings.home)
    show(
        {"region": region, "key": key_id},
        [f"统筹区{region}已启用密钥{key_id}，私钥在数据目录keys中"],
        as_json=as_json,
    )


@app.command("reseal")
def reseal(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """以现用密钥重新加密以旧密钥加密的隔离记录，内容不变；中断后再次执行即继续。其后旧密钥可以停用（db keys retire）。"""
    running = app_for("admin")
    done, last = 0, 1
    while last:
        with act(running, region, "data.reseal", str(region)) as tx:
            last = reseal_lines(tx, running.settings.home)
        done += last
    show({"region": region, "lines": done}, [f"统筹区{region}重新加密隔离记录{done}条"], as_json=as_json)
