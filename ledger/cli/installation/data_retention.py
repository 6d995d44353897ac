"""`fundledger data retention`: how long each kind is kept, and what is past its term taken away by two administrators."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.region.retention import (
    KIND_NAMES,
    REMOVED,
    Removal,
    confirm_removal,
    propose_removal,
    read_retention,
    refuse_removal,
    removals,
)

app = typer.Typer(help="保存期限：各类资料的年数，到期的由两人清除", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="清除的编号（data retention list所列）")]


@app.command("list")
def list_command(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """各类资料的保存年限与已逾期的数量，以及提出、办理过的清除。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = read_retention(tx, running.clock.today())
        done = removals(tx)
    lines = [
        f"{KIND_NAMES[one.kind]}：保存{one.years}年，{one.before}以前的已逾期{one.past}件"
        + ("" if one.kind in REMOVED else "（会计档案，不在此清除）")
        for one in found
    ]
    document = {
        "kinds": [
            {"kind": one.kind, "years": one.years, "before": one.before.isoformat(), "past": one.past}
            for one in found
        ],
        "removals": [_as_json(one) for one in done],
    }
    show(document, [*lines, *map(_words, done)], as_json=as_json)


@app.command()
def run(
    kind: Annotated[str, typer.Argument(help="、".join(f"{KIND_NAMES[one]}{one}" for one in REMOVED))],
    region: RegionOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出清除一类已逾保存期的资料（安全管理员），待审计管理员确认；保存期内的、会计档案不能清除。"""
    running = app_for("admin")
    with act(running, region, "data.propose_removal", kind) as tx:
        made = propose_removal(tx, kind, running.clock.today())
    show(_as_json(made), [_words(made), f"摘要 {made.digest}"], as_json=as_json)


@app.command()
def confirm(
    number: Number,
    region: RegionOption,
    digest: Annotated[str, typer.Option("--digest", help="所核对的清除的摘要")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """确认清除（审计管理员，另一人）：即时清除，留下种类、件数、起止日与摘要。"""
    running = app_for("audit_admin")
    with act(running, region, "data.confirm_removal", str(number)) as tx:
        done = confirm_removal(tx, number, digest, running.clock.today())
    show(_as_json(done), [_words(done)], as_json=as_json)


@app.command()
def refuse(
    number: Number,
    region: RegionOption,
    reason: Annotated[str, typer.Option(help="不同意的理由")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """不同意清除（审计管理员），写明理由。"""
    running = app_for("audit_admin")
    with act(running, region, "data.refuse_removal", str(number)) as tx:
        done = refuse_removal(tx, number, reason, running.clock.today())
    show(_as_json(done), [_words(done)], as_json=as_json)


def _as_json(one: Removal) -> dict[str, object]:
    return one._asdict() | {
        "before": one.before.isoformat(),
        "first_on": one.first_on.isoformat(),
        "last_on": one.last_on.isoformat(),
        "proposed_on": one.proposed_on.isoformat(),
        "decided_on": None if one.decided_on is None else one.decided_on.isoformat(),
    }


def _words(one: Removal) -> str:
    by = f"{one.proposed_by}提出" + (f"，{one.decided_by}办理" if one.decided_by else "")
    return (
        f"清除{one.n} {KIND_NAMES[one.kind]} {one.items}件（{one.first_on}至{one.last_on}）"
        f"{said('removal.state', one.state)}，{by} {one.reason}".rstrip()
    )
