"""`fundledger party`: the kept list of parties 往来单位: proposed by one person, confirmed by another."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.institutions.parties import ListedParty, confirm_party, propose_party, read_parties

app = typer.Typer(help="往来单位", no_args_is_help=True)

PartyArgument = Annotated[str, typer.Argument(help="往来单位编码：凭证上所写的，一经使用不得更改")]


@app.command()
def add(
    party: PartyArgument,
    region: RegionOption,
    name: Annotated[str, typer.Option(help="名称")],
    kind: Annotated[str, typer.Option(help="person、agency、insurer、bond、lender、supplier或other")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出一个往来单位，待另一人确认后可用。"""
    running = app_for("maker")
    with act(running, region, "party.add", party) as tx:
        found = propose_party(tx, party, name, kind)
    show(found._asdict(), [_words(found)], as_json=as_json)


@app.command()
def confirm(party: PartyArgument, region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """确认往来单位；须为另一人。"""
    running = app_for("checker")
    with act(running, region, "party.confirm", party) as tx:
        found = confirm_party(tx, party, running.clock.today())
    show(found._asdict(), [_words(found)], as_json=as_json)


@app.command("list")
def list_parties(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """全部往来单位；机构、自有账户、统筹区另有其册。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = read_parties(tx)
    show({"parties": [one._asdict() for one in found]}, [_words(one) for one in found], as_json=as_json)


def _words(one: ListedParty) -> str:
    return f"{one.party}  {one.name}  {said('party.kind', one.kind)}  {said('party.state', one.state)}"
