"""`fundledger outregion`: other regions' patients here, our patients elsewhere, and the money between regions."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ledger.access.operator_log import logged
from ledger.cli.context import JsonFlag, RegionOption, app_for, show
from ledger.core.dates import parse_day
from ledger.core.errors import InvalidInput
from ledger.core.money import parse_fen, yuan_grouped
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.outregion import (
    SIDES,
    Counterparty,
    add_counterparty,
    confirm_counterparty,
    recognise_outregion,
    totals,
)
from ledger.fund.outregion_bills import draft_bill_orders, make_bill
from ledger.fund.outregion_clearing import confirm, pull, roll_back
from ledger.fund.outregion_link import Difference, End, deliver, differences, ends, report_paid
from ledger.fund.outregion_moves import (
    KINDS,
    Move,
    approve_move,
    cancel_move,
    confirm_move,
    refuse_move,
    request_hospital,
    request_move,
)
from ledger.fund.outregion_quota import set_quota, usage

app = typer.Typer(help="异地就医", no_args_is_help=True)
FundOption = Annotated[int, typer.Option("--fund", help="基金：310职工，390居民")]
DateOption = Annotated[str, typer.Option("--date", help="业务日期 YYYY-MM-DD")]
PartyOption = Annotated[int, typer.Option("--with", help="对方统筹区，6位")]
TermOption = Annotated[int, typer.Option("--term", help="期号 yyyymm")]


@app.command()
def counterparty(
    region: RegionOption,
    party: PartyOption,
    name: Annotated[str, typer.Option(help="名称；只给 --confirm 时可空")] = "",
    payee: Annotated[str, typer.Option(help="户名|账号|开户行|联行号")] = "",
    *,
    confirming: Annotated[bool, typer.Option("--confirm", help="由另一人复核")] = False,
    as_json: JsonFlag = False,
) -> None:
    """登记对方统筹区及其收款账户，由另一人复核。"""
    running = app_for("checker" if confirming else "maker")
    parts = payee.split("|")
    if not confirming and len(parts) != 4:
        raise InvalidInput("outregion.payee", "--payee 应为 户名|账号|开户行|联行号")
    with (
        logged(running.engine, running.user, region, "outregion.counterparty", str(party)),
        unit_of_work(running.engine, running.user, region) as tx,
    ):
        if confirming:
            confirm_counterparty(tx, party)
        else:
            add_counterparty(tx, Counterparty(party, name, parts[0], parts[1], parts[2], parts[3], "", ""))
    state = "confirmed" if confirming else "proposed"
    show(
        {"counterparty": party, "state": state},
        [f"{party} {'已复核' if confirming else '待复核'}"],
        as_json=as_json,
    )


@app.command()
def recognise(region: RegionOption, fund: FundOption, date: DateOption, *, as_json: JsonFlag = False) -> None:
    """确认到某日为止的异地结算：就医地记应付医院（95xx），参保地只登记。"""
    running = app_for("maker")
    day = parse_day(date)
    with (
        logged(running.engine, running.user, region, "outregion.recognise", date),
        unit_of_work(running.engine, running.user, region) as tx,
    ):
        done = recognise_outregion(tx, fund, day, day)
    refused = [{"setl_id": one.setl_id, "error": one.code, "message": one.message} for one in done.refused]
    lines = [
        f"就医地{done.care}笔，参保地{done.insured}笔，凭证{done.entries}张",
        *(one["message"] for one in refused),
    ]
    document = {"care": done.care, "insured": done.insured, "entries": done.entries, "refused": refused}
    show(document, lines, as_json=as_json)


@app.command()
def quota(
    region: RegionOption,
    fund: FundOption,
    party: PartyOption,
    direction: Annotated[str, typer.Option(help="paid上解、received收到")],
    since: Annotated[str, typer.Option("--from", help="起始日")],
    amount: Annotated[str, typer.Option(help="额度，元")],
    document: Annotated[str, typer.Option(help="文号")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """登记预付金额度，自某日起。"""
    running = app_for("accountant")
    fen = parse_fen(amount)
    with (
        logged(running.engine, running.user, region, "outregion.quota", f"{party}/{direction}"),
        unit_of_work(running.engine, running.user, region) as tx,
    ):
        set_quota(tx, fund, party, direction, parse_day(since), fen, document)
    show(
        {"counterparty": party, "quota_fen": str(fen)},
        [f"{party} 自{since}起{yuan_grouped(fen)}元"],
        as_json=as_json,
    )


@app.command()
def request(
    region: RegionOption,
    fund: FundOption,
    kind: Annotated[str, typer.Option(help="、".join(f"{k}{v}" for k, v in KINDS.items()))],
    date: DateOption,
    party: Annotated[int, typer.Option("--with", help="对方统筹区")] = 0,
    amount: Annotated[str, typer.Option(help="金额，元（医院付款由记录汇总）")] = "",
    document: Annotated[str, typer.Option(help="文号；收清算款时为账单编号")] = "",
    institution: Annotated[str, typer.Option(help="付医院时：机构编码")] = "",
    term: Annotated[int, typer.Option(help="付医院时：期号")] = 0,
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出一笔收付，待另一人复核。"""
    running = app_for("maker")
    day = parse_day(date)
    with (
        logged(running.engine, running.user, region, "outregion.request", f"{kind}/{institution or party}"),
        unit_of_work(running.engine, running.user, region) as tx,
    ):
        if kind == "hospital":
            move = request_hospital(tx, fund, institution, term, day)
        else:
            move = request_move(tx, fund, kind, party, parse_fen(amount), document, day)
    show(_plain(move), [_words(move)], as_json=as_json)


@app.command()
def approve(
    move_id: Annotated[str, typer.Argument(help="收付编号")],
    region: RegionOption,
    date: DateOption,
    *,
    refuse: Annotated[bool, typer.Option("--refuse", help="不同意")] = False,
    as_json: JsonFlag = False,
) -> None:
    """复核一笔收付。"""
    running = app_for("checker")
    with (
        logged(
            running.engine,
            running.user,
            region,
            "outregion.refuse" if refuse else "outregion.approve",
            move_id,
        ),
        unit_of_work(running.engine, running.user, region) as tx,
    ):
        move = (refuse_move if refuse else approve_move)(tx, move_id, parse_day(date))
    show(_plain(move), [_words(move)], as_json=as_json)


@app.command()
def receipt(
    move_id: Annotated[str, typer.Argument(help="收付编号")],
    region: RegionOption,
    date: DateOption,
    number: Annotated[str, typer.Option(help="银行回单号；撤销时不写")] = "",
    booked: Annotated[str, typer.Option(help="银行记账日")] = "",
    *,
    cancel: Annotated[bool, typer.Option("--cancel", help="银行没有办理，撤销")] = False,
    as_json: JsonFlag = False,
) -> None:
    """登记银行回单并记账，或撤销。"""
    running = app_for("accountant")
    day = parse_day(date)
    with (
        logged(
            running.engine,
            running.user,
            region,
            "outregion.cancel" if cancel else "outregion.receipt",
            move_id,
        ),
        unit_of_work(running.engine, running.user, region) as tx,
    ):
        move = (
            cancel_move(tx, move_id, day)
            if cancel
            else confirm_move(tx, move_id, number, parse_day(booked), day)
        )
    show(_plain(move), [_words(move)], as_json=as_json)


@app.command("usage")
def show_usage(
    region: RegionOption, fund: FundOption, date: DateOption, *, as_json: JsonFlag = False
) -> None:
    """预付金使用情况：70%黄色，90%红色。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = usage(tx, fund, parse_day(date))
    rows = [{key: str(v) if key.endswith("_fen") else v for key, v in one._asdict().items()} for one in found]
    lines = [
        f"{one.counterparty} {one.direction} 预付{yuan_grouped(one.prepaid_fen)}元 已用{one.percent}% {one.level}"
        for one in found
    ]
    show({"usage": rows}, lines, as_json=as_json)


@app.command("pull")
def pull_rows(
    region: RegionOption,
    fund: FundOption,
    year: Annotated[int, typer.Option(help="清分年")],
    month: Annotated[int, typer.Option(help="清分月")],
    startrow: Annotated[int, typer.Option(help="上一次最后的seqno")] = 0,
    side: Annotated[str, typer.Option(help="care就医地、insured参保地")] = "care",
    *,
    as_json: JsonFlag = False,
) -> None:
    """3260：取清分明细，每次至多100行。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        rows = [row._asdict() for row in pull(tx, fund, year, month, startrow, side)]
    show(
        {"rows": rows},
        [f"{row['seqno']} {row['setl_sn']} {row['optins_pay_sumamt']}" for row in rows],
        as_json=as_json,
    )


@app.command("confirm")
def confirm_rows(
    setl_id: Annotated[list[str], typer.Argument(help="结算ID，至多100个")],
    region: RegionOption,
    fund: FundOption,
    date: DateOption,
    *,
    back: Annotated[bool, typer.Option("--back", help="3262：回退")] = False,
    as_json: JsonFlag = False,
) -> None:
    """3261：确认清分；--back 为3262回退。全部成或全部不成。"""
    running = app_for("maker")
    with (
        logged(
            running.engine,
            running.user,
            region,
            "outregion.rollback" if back else "outregion.confirm",
            setl_id[0],
        ),
        unit_of_work(running.engine, running.user, region) as tx,
    ):
        count = roll_back(tx, fund, setl_id) if back else confirm(tx, fund, setl_id, parse_day(date))
    show({"rolled_back" if back else "confirmed": count}, [f"{count}笔"], as_json=as_json)


@app.command("totals")
def show_totals(
    region: RegionOption, fund: FundOption, term: TermOption = 0, *, as_json: JsonFlag = False
) -> None:
    """按对方统筹区、期号合计。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = totals(tx, fund, term)
    rows: list[dict[str, Any]] = [
        {"side": side, "counterparty": party, "term": month, "records": count, "amount_fen": str(fen)}
        for side, party, month, count, fen in found
    ]
    lines = [
        f"{SIDES[side]} {party} {month} {count}笔 {yuan_grouped(fen)}元"
        for side, party, month, count, fen in found
    ]
    show({"totals": rows}, lines, as_json=as_json)


@app.command()
def bill(
    region: RegionOption,
    fund: FundOption,
    party: PartyOption,
    term: TermOption,
    date: DateOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """就医地：把已确认的清分列成账单，待送对方。"""
    running = app_for("maker")
    with (
        logged(running.engine, running.user, region, "outregion.bill", f"{party}/{term}"),
        unit_of_work(running.engine, running.user, region) as tx,
    ):
        made = make_bill(tx, fund, party, term, parse_day(date))
    document = {"bill": made.bill_id, "records": made.records, "amount_fen": str(made.amount_fen)}
    show(document, [f"{made.bill_id} {made.records}笔 {yuan_grouped(made.amount_fen)}元"], as_json=as_json)


@app.command()
def order(region: RegionOption, fund: FundOption, date: DateOption, *, as_json: JsonFlag = False) -> None:
    """参保地：为未付的清算账单制拨付单，随后的审批、报送、回单同其他拨付单。"""
    running = app_for("maker")
    with (
        logged(running.engine, running.user, region, "outregion.order", date),
        unit_of_work(running.engine, running.user, region) as tx,
    ):
        made = draft_bill_orders(tx, fund, parse_day(date))
    document = {
        "batch": made.batch.batch_id if made.batch else "",
        "digest": made.batch.digest.hex() if made.batch else "",
        "total_fen": str(made.batch.total_fen if made.batch else 0),
        "bills": list(made.bills),
        "blocked": [{"bill": one, "reason": why} for one, why in made.blocked],
    }
    show(document, [f"拨付单{len(made.bills)}张，未成{len(made.blocked)}张"], as_json=as_json)


@app.command("deliver")
def carry(region: RegionOption, party: PartyOption, date: DateOption, *, as_json: JsonFlag = False) -> None:
    """把发往对方的消息送达；对方不通的留待再送。同一安装内的两个统筹区。"""
    running = app_for("system")
    day = parse_day(date)
    with (
        logged(running.engine, running.user, region, "outregion.deliver", str(party)),
        unit_of_work(running.engine, running.user, region) as tx,
    ):
        report_paid(tx, day)
    ours, other = End(running.engine, running.user, region), End(running.engine, running.user, party)
    done = deliver(ours, other, day)
    lines = [
        f"{one.link_id} {'已送达' if one.outcome == 'delivered' else '待再送 ' + one.error}" for one in done
    ]
    show({"messages": [one._asdict() for one in done]}, lines, as_json=as_json)


@app.command("differences")
def show_differences(
    region: RegionOption,
    date: DateOption,
    party: Annotated[int, typer.Option("--with", help="对方统筹区")] = 0,
    *,
    everything: Annotated[bool, typer.Option("--all", help="相符的也列")] = False,
    as_json: JsonFlag = False,
) -> None:
    """两地不符的往来，按账龄。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = (ends if everything else differences)(tx, parse_day(date), party)
    show({"links": [_link(one) for one in found]}, [_link_words(one) for one in found], as_json=as_json)


def _link(one: Difference) -> dict[str, object]:
    fields = {key: str(value) if key.endswith("_fen") else value for key, value in one._asdict().items()}
    return {**fields, "difference_fen": str(one.difference_fen)}


def _link_words(one: Difference) -> str:
    return f"{one.link_id} {one.counterparty} 相差{yuan_grouped(one.difference_fen)}元 账龄{one.age}天"


def _plain(move: Move) -> dict[str, object]:
    return {
        "move": move.move_id,
        "kind": move.kind,
        "counterparty": move.counterparty,
        "institution": move.institution,
        "amount_fen": str(move.amount_fen),
        "state": move.state,
        "receipt": move.receipt_no,
    }


def _words(move: Move) -> str:
    state = {
        "requested": "待复核",
        "approved": "已复核",
        "refused": "已退回",
        "done": "已入账",
        "cancelled": "已撤销",
    }[move.state]
    return f"{move.move_id} {KINDS[move.kind]} {yuan_grouped(move.amount_fen)}元 {state}"
