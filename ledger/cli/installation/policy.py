"""`fundledger policy`: a region's dated choices; one person proposes, another confirms what was shown."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show
from ledger.core.dates import parse_day
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.region.choices import confirm_choices, propose_choice, read_choices, refuse_choices

app = typer.Typer(help="统筹区的选择", no_args_is_help=True)

DigestOption = Annotated[str, typer.Option("--digest", help="所核对内容的摘要（policy list所列）")]


@app.command("list")
def list_choices(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """在用的选择与待确认的，新旧对照。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = read_choices(tx)
    lines = [
        f"{one.key}（{one.title}）：自{one.from_day}起 {one.value}，依据{one.source}，{one.set_by}提出、{one.checker}"
        for one in found.chosen
    ]
    lines += [
        f"待确认：{one.key}（{one.title}）自{one.from_day}起 {one.in_force or '（未选择）'} → {one.value}，依据{one.source}，"
        f"{one.proposed_by}于{one.proposed_on}提出"
        for one in found.waiting
    ]
    if found.digest:
        lines.append(
            f"核对无误后，由另一人：fundledger policy confirm --region {region} --digest {found.digest}"
        )
    show(found.as_json(), lines or ["没有任何选择：各项按默认"], as_json=as_json)


@app.command()
def propose(
    key: Annotated[str, typer.Argument(help="选择的名称，如daily_accounting")],
    value: Annotated[str, typer.Argument(help="值")],
    region: RegionOption,
    since: Annotated[str, typer.Option("--from", help="自何日起")],
    source: Annotated[str, typer.Option(help="依据的文件")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出一项选择，待另一人确认后生效。"""
    running = app_for("accountant")
    from_day = parse_day(since)
    with act(running, region, "policy.propose", f"{key} {since} {value}") as tx:
        proposed = propose_choice(tx, key, value, from_day, source, running.clock.today())
    said = "待另一人确认：fundledger policy list" if proposed else "已在用或已待确认，未再提出"
    show(
        {"key": key, "from": since, "value": value, "proposed": proposed},
        [f"{key}自{since}起 {value}：{said}"],
        as_json=as_json,
    )


@app.command()
def confirm(region: RegionOption, digest: DigestOption, *, as_json: JsonFlag = False) -> None:
    """由另一人确认所核对的选择，使其生效。"""
    running = app_for("checker")
    with act(running, region, "policy.confirm", digest) as tx:
        confirmed = confirm_choices(tx, digest, running.clock.today())
    show({"confirmed": confirmed}, [f"已确认{confirmed}项"], as_json=as_json)


@app.command()
def refuse(
    region: RegionOption,
    digest: DigestOption,
    reason: Annotated[str, typer.Option(help="理由")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """退回待确认的选择，写明理由。"""
    running = app_for("checker")
    with act(running, region, "policy.refuse", digest) as tx:
        refused = refuse_choices(tx, digest, reason, running.clock.today())
    show({"refused": refused}, [f"已退回{refused}项"], as_json=as_json)
