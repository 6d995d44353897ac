"""`fundledger outregion`, the other regions: who they are, what is told to them, and where the two books differ."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.acts.posts import login_of
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, business_day, show
from ledger.cli.outregion.options import DateOption, PartyOption
from ledger.core.errors import InvalidInput
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.outregion.link import End, LinkDifference, deliver, differences, ends
from ledger.fund.outregion.parties import Counterparty, add_counterparty, confirm_counterparty
from ledger.fund.outregion.report import report_paid

app = typer.Typer()


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
    with act(running, region, "outregion.counterparty", str(party)) as tx:
        if confirming:
            confirm_counterparty(tx, party, running.clock.today())
        else:
            add_counterparty(tx, Counterparty(party, name, parts[0], parts[1], parts[2], parts[3], "", ""))
    state = "confirmed" if confirming else "proposed"
    show(
        {"counterparty": party, "state": state},
        [f"{party} {'已复核' if confirming else '待复核'}"],
        as_json=as_json,
    )


@app.command("deliver")
def carry(region: RegionOption, party: PartyOption, date: DateOption, *, as_json: JsonFlag = False) -> None:
    """把发往对方的消息送达；对方不通的留待再送。同一安装内的两个统筹区。"""
    running = app_for("system")
    day = business_day(date)
    with act(running, region, "outregion.deliver", str(party)) as tx:
        report_paid(tx, day)
    with running.as_post(login_of("outregion.deliver")):  # each message is taken in a transaction of its own
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
        found = (ends if everything else differences)(tx, business_day(date), party)
    show({"links": [_link(one) for one in found]}, [_link_words(one) for one in found], as_json=as_json)


def _link(one: LinkDifference) -> dict[str, object]:
    fields = {key: str(value) if key.endswith("_fen") else value for key, value in one._asdict().items()}
    return {**fields, "difference_fen": str(one.difference_fen)}


def _link_words(one: LinkDifference) -> str:
    return f"{one.link_id} {one.counterparty} 相差{yuan_grouped(one.difference_fen)}元 账龄{one.age}天"
