"""`fundledger outregion`, the money: prepayments and their quota, what came in, and the orders for what we pay."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Annotated, Final

import typer

from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, business_day, show
from ledger.cli.outregion.options import DateOption, FundOption, PartyOption, TermOption
from ledger.core.dates import parse_day, period_of
from ledger.core.errors import InvalidInput
from ledger.core.money import parse_fen, yuan_grouped
from ledger.core.words import said, words_of
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.outregion.bills import draft_bill_orders
from ledger.fund.outregion.hospitals import draft_hospital_orders
from ledger.fund.outregion.quota import set_quota, usage
from ledger.fund.outregion.receipts import confirm_move
from ledger.fund.outregion.requests import (
    INCOMING,
    KINDS,
    RegionMovement,
    approve_move,
    cancel_move,
    refuse_move,
    request_move,
)
from ledger.fund.outregion.transfers import draft_transfer_orders
from ledger.payments.orders.bearing import BearsOf
from ledger.payments.orders.values import Batch

app = typer.Typer()


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
    with act(running, region, "outregion.quota", f"{party}/{direction}") as tx:
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
    party: PartyOption,
    kind: Annotated[str, typer.Option(help="、".join(f"{k}{v}" for k, v in KINDS.items()))],
    amount: Annotated[str, typer.Option(help="金额，元")],
    document: Annotated[str, typer.Option(help="文号；收清算款时为账单编号")],
    date: DateOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出一笔与对方的收付，待另一人复核。"""
    running = app_for("maker")
    day, fen = business_day(date), parse_fen(amount)
    with act(running, region, "outregion.request", f"{kind}/{party}") as tx:
        move = request_move(tx, fund, kind, party, fen, document, day)
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
    with act(running, region, "outregion.refuse" if refuse else "outregion.approve", move_id) as tx:
        move = (refuse_move if refuse else approve_move)(tx, move_id, business_day(date))
    show(_plain(move), [_words(move)], as_json=as_json)


@app.command()
def receipt(
    move_id: Annotated[str, typer.Argument(help="收付编号")],
    region: RegionOption,
    date: DateOption,
    number: Annotated[str, typer.Option(help="银行回单号；撤销时不写")] = "",
    booked: Annotated[str, typer.Option(help="银行记账日")] = "",
    *,
    cancel: Annotated[bool, typer.Option("--cancel", help="没有办理，撤销")] = False,
    as_json: JsonFlag = False,
) -> None:
    """登记收到款项的银行回单并记账；--cancel 撤销已复核而未办的收付。"""
    running = app_for("accountant")
    day = business_day(date)
    with act(running, region, "outregion.cancel" if cancel else "outregion.receipt", move_id) as tx:
        move = (
            cancel_move(tx, move_id) if cancel else confirm_move(tx, move_id, number, parse_day(booked), day)
        )
    show(_plain(move), [_words(move)], as_json=as_json)


@app.command("usage")
def show_usage(
    region: RegionOption, fund: FundOption, date: DateOption, *, as_json: JsonFlag = False
) -> None:
    """预付金使用情况：70%黄色，90%红色。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = usage(tx, fund, business_day(date))
    rows = [{key: str(v) if key.endswith("_fen") else v for key, v in one._asdict().items()} for one in found]
    lines = [
        f"{one.counterparty} {said('region.direction', one.direction)} 预付{yuan_grouped(one.prepaid_fen)}元 已用{one.percent}%"
        f" {said('usage.level', one.level)}"
        for one in found
    ]
    show({"usage": rows}, lines, as_json=as_json)


@app.command()
def order(
    region: RegionOption,
    fund: FundOption,
    date: DateOption,
    what: Annotated[
        str, typer.Option("--of", help="bills清算账单、hospitals本地医院、transfers预付金上解与退还")
    ] = "bills",
    term: TermOption = 0,
    *,
    as_json: JsonFlag = False,
) -> None:
    """制拨付单，随后的审批、报送、回单同其他拨付单。医院的付到 --term 期号为止，不写为本月。"""
    if what not in _DRAFTS:
        raise InvalidInput("outregion.order_of", f"--of 应为{'、'.join(_DRAFTS)}")
    running = app_for("maker")
    with act(running, region, "outregion.order", f"{what}/{date}") as tx:
        batch, ordered, blocked = _DRAFTS[what](tx, fund, business_day(date), term, running.bears())
    document = {
        "batch": batch.batch_id if batch else "",
        "digest": batch.digest.hex() if batch else "",
        "total_fen": str(batch.total_fen if batch else 0),
        what: ordered,
        "blocked": [{"of": one, "reason": why} for one, why in blocked],
    }
    lines = [f"拨付单{len(ordered)}张，未成{len(blocked)}张", *(f"{one} {_WHY[why]}" for one, why in blocked)]
    show(document, lines, as_json=as_json)


_Drafted = tuple[Batch | None, list[str], list[tuple[str, str]]]
"""The batch, what it pays, and what it does not pay with the reason."""


def _bills(tx: Transaction, fund: int, day: date, _term: int, bears: BearsOf) -> _Drafted:
    made = draft_bill_orders(tx, fund, day, bears)
    return made.batch, list(made.bills), list(made.blocked)


def _hospitals(tx: Transaction, fund: int, day: date, term: int, bears: BearsOf) -> _Drafted:
    made = draft_hospital_orders(tx, fund, term or period_of(day), day, bears)
    return made.batch, list(made.institutions), [(one.institution, one.reason) for one in made.blocked]


def _transfers(tx: Transaction, fund: int, day: date, _term: int, bears: BearsOf) -> _Drafted:
    made = draft_transfer_orders(tx, fund, day, bears)
    return made.batch, list(made.moves), list(made.blocked)


_DRAFTS: Final[Mapping[str, Callable[[Transaction, int, date, int, BearsOf], _Drafted]]] = {
    "bills": _bills,
    "hospitals": _hospitals,
    "transfers": _transfers,
}
_STATES: Final = words_of("region_movement.state")
_WHY: Final = words_of("order.blocked") | words_of("outregion.blocked") | words_of("transfer.blocked")


def _plain(move: RegionMovement) -> dict[str, object]:
    return {
        "move": move.move_id,
        "kind": move.kind,
        "counterparty": move.counterparty,
        "amount_fen": str(move.amount_fen),
        "state": move.state,
        "order": move.order_no,
        "receipt": move.receipt_no,
    }


def _words(move: RegionMovement) -> str:
    direction = "收" if move.kind in INCOMING else "付"
    return f"{move.move_id} {direction} {KINDS[move.kind]} {yuan_grouped(move.amount_fen)}元 {_STATES[move.state]}"
