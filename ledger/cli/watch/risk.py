"""`fundledger risk`: the rules asked of a day, the cases they found, and the steps that two persons take."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, day_or_today, show
from ledger.control.risk.cases import RiskCase, read_case, read_cases
from ledger.control.risk.run import run_rules
from ledger.control.risk.steps import confirm_step, propose_step, refuse_step
from ledger.control.risk.words import measured, words_of_case
from ledger.core.dates import parse_day
from ledger.core.money import parse_ratio
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work

app = typer.Typer(help="风险：规则、事项、提醒、约谈、下调比例、暂停拨付", no_args_is_help=True)

CaseOption = Annotated[
    int, typer.Option("--case", help="事项编号（risk list所列）", min=1, max=2_000_000_000)
]
DateOption = Annotated[str, typer.Option("--date", help="办理日期 YYYY-MM-DD，未给出则为业务日期")]
DigestOption = Annotated[str, typer.Option("--digest", help="所核对的摘要（risk show给出）")]


@app.command("run")
def run_command(
    region: RegionOption,
    day: Annotated[str, typer.Option(help="看哪一日 YYYY-MM-DD，未给出则为昨日")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """按规则看一日；同一规则、机构、期间只立一件。"""
    running = app_for("accountant")
    today = running.clock.today()
    looked = parse_day(day) if day else today - timedelta(days=1)
    with act(running, region, "risk.run", looked.isoformat()) as tx:
        found = run_rules(tx, looked, today)
    document = {
        "day": looked.isoformat(),
        "found": [one._asdict() | {"figure": str(one.figure)} for one in found],
    }
    lines = [f"{looked}新立风险事项{len(found)}件"]
    lines += [
        f"  {said('risk.rule', one.rule)} {one.institution} {one.period} {measured(one.rule, one.figure)}"
        for one in found
    ]
    show(document, lines, as_json=as_json)


@app.command("list")
def list_command(
    region: RegionOption,
    rule: Annotated[str, typer.Option(help="只列一条规则的")] = "",
    institution: Annotated[str, typer.Option(help="只列一家机构的")] = "",
    *,
    waiting: Annotated[bool, typer.Option("--open", help="只列未办结的")] = False,
    as_json: JsonFlag = False,
) -> None:
    """列出风险事项，新的在前。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = read_cases(tx, rule=rule, institution=institution, open_only=waiting)
    lines = [words_of_case(one)[0] for one in found] or ["没有风险事项"]
    show({"cases": [one.as_json() for one in found]}, lines, as_json=as_json)


@app.command("show")
def show_command(
    number: Annotated[int, typer.Argument(help="事项编号", min=1, max=2_000_000_000)],
    region: RegionOption,
    *,
    as_json: JsonFlag = False,
) -> None:
    """一件风险事项：所据的数、各步、待复核的摘要。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = read_case(tx, number)
    show(found.as_json(), words_of_case(found), as_json=as_json)


@app.command("propose")
def propose_command(
    region: RegionOption,
    case: CaseOption,
    step: Annotated[
        str,
        typer.Option(
            help="哪一步：notice提醒、interview约谈、lower_ratio下调比例、suspend暂停拨付、withdraw撤回"
        ),
    ],
    document: Annotated[str, typer.Option(help="依据：通知、约谈记录、决定的文号")],
    ratio: Annotated[str, typer.Option(help="下调后的日拨付比例，如0.4")] = "",
    from_day: Annotated[str, typer.Option("--from", help="下调自何日起 YYYY-MM-DD")] = "",
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """提出下一步，待另一人复核。"""
    running, day = app_for("maker"), day_or_today(date)
    lower, since = parse_ratio(ratio) if ratio else None, parse_day(from_day) if from_day else None
    with act(running, region, "risk.propose", f"{case} {step}") as tx:
        found = propose_step(tx, case, step, document, day, lower, since)
    _tell(found, as_json=as_json)


@app.command("confirm")
def confirm_command(
    region: RegionOption,
    case: CaseOption,
    digest: DigestOption,
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """复核待复核的一步：另一人，对摘要负责；即时生效。"""
    running, day = app_for("checker"), day_or_today(date)
    with act(running, region, "risk.confirm", f"{case} {digest[:16]}") as tx:
        found = confirm_step(tx, case, digest, day)
    _tell(found, as_json=as_json)


@app.command("refuse")
def refuse_command(
    region: RegionOption,
    case: CaseOption,
    digest: DigestOption,
    reason: Annotated[str, typer.Option(help="理由")],
    date: DateOption = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """退回待复核的一步，写明理由。"""
    running, day = app_for("checker"), day_or_today(date)
    with act(running, region, "risk.refuse", f"{case} {digest[:16]}") as tx:
        found = refuse_step(tx, case, digest, reason, day)
    _tell(found, as_json=as_json)


def _tell(found: RiskCase, *, as_json: bool) -> None:
    show(found.as_json(), words_of_case(found), as_json=as_json)
