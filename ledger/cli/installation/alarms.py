"""`fundledger alarms`: what must reach a person, who has seen it, and sending it outside."""

from __future__ import annotations

import dataclasses
import sys
from hashlib import sha256
from typing import Annotated

import typer

from ledger.access.alarms import see_alarm
from ledger.access.users import regions_of
from ledger.acts.telling import tell
from ledger.cli.line.acting import ACTING
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show, steps
from ledger.control.alarms.standing import Alarm, Moment, standing, told
from ledger.control.alarms.table import table
from ledger.control.alarms.words import in_words
from ledger.core.dates import machine_seconds
from ledger.core.errors import NotFound
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work
from reports.render.grid import Column, Grid, Line

app = typer.Typer(help="告警：由状态产生，由人签收，随状态消除；不带子命令则列出现有的")


@app.callback(invoke_without_command=True)
def open_command(
    context: typer.Context,
    region: Annotated[
        int, typer.Option(help="统筹区，6位；省略则为操作人所在的全部统筹区", min=0, max=999_999)
    ] = 0,
    *,
    as_json: JsonFlag = False,
) -> None:
    """列出现有的告警：起于何时、已历多久、与谁有关、该做什么。"""
    if context.invoked_subcommand is None:
        _list(region, as_json=as_json)


@app.command("list")
def list_command(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """列出一个统筹区与本安装现有的告警：严重程度、起于何时、谁已签收。"""
    _list(region, as_json=as_json)


def _list(region: int, *, as_json: bool) -> None:
    """What stands in a region, or in all of the acting user's; what is the installation's own stands in each."""
    ACTING.region = region
    running = app_for("reviewer")
    moment = Moment(running.now(), machine_seconds())
    found: list[tuple[int, Alarm]] = []
    for one in [region] if region else regions_of(running.engine, running.user):
        with unit_of_work(running.engine, running.user, one) as tx:
            found += [(one, alarm) for alarm in standing(tx, moment)]
    if as_json or not found:
        document = {"alarms": [told(alarm) | {"region": where} for where, alarm in found]}
        show(document, ["没有告警"], as_json=as_json)
        return
    # whoever has no alarm, or asks for JSON, draws no table
    from reports.render.grid_terminal import table as drawn
    from reports.render.terminal import show as show_table

    show_table(drawn(_grid(found)), sys.stdout)


def _grid(found: list[tuple[int, Alarm]]) -> Grid:
    titles = ("编号", "程度", "统筹区", "告警", "起于", "已历", "有关岗位", "该做什么")
    return Grid(
        "alarms",
        f"现有告警{len(found)}项",
        [Column(str(n), title) for n, title in enumerate(titles)],
        [Line(_cells(where, one)) for where, one in found],
    )


def _cells(region: int, one: Alarm) -> tuple[str, ...]:
    row = table()[one.kind]
    return (
        short(one.key),
        said("alarm.severity", one.severity),
        str(region),
        words(one),
        one.since or "无日期",
        lasted(one.age_seconds),
        "、".join(said("user.role", post) for post in row.whom),
        f"{one.seen.seen_by}已签收：{one.seen.reason}" if one.seen else row.ask,
    )


def lasted(seconds: int | None) -> str:
    """An age in the largest unit that is whole: days, hours or minutes."""
    if seconds is None:
        return "不详"
    for unit, each in (("天", 86_400), ("小时", 3_600)):
        if seconds >= each:
            return f"{seconds // each}{unit}"
    return f"{seconds // 60}分钟"


@app.command("see")
def see_command(
    region: RegionOption,
    key: Annotated[str, typer.Option(help="告警的编号或标识（alarms list给出）")],
    reason: Annotated[str, typer.Option(help="为何可以暂且如此、由谁处理")],
    *,
    as_json: JsonFlag = False,
) -> None:
    """签收一项告警并说明理由：告警仍在，直到起因消除。"""
    running = app_for("reviewer")
    with act(running, region, "alarms.seen", key[:200]) as tx:
        keys = {one.key for one in standing(tx, Moment(running.now(), machine_seconds()))}
        key = next((one for one in keys if key in (one, short(one))), "") or key
        if key not in keys:
            raise NotFound("alarm.unknown", f"没有告警{key[:60]}：请看 alarms list", alarm=key[:200])
        see_alarm(tx, key, reason)
    show({"alarm": key}, [f"已签收 {key}"], as_json=as_json)


@app.command("tell")
def tell_command(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """把尚未告知的告警送往notices.toml所列的网址与邮箱；未送达的以后再送。"""
    running = app_for("system")
    with steps(running, region, "alarms.told", str(region)):
        done = tell(running, region, machine_seconds())
    show(dataclasses.asdict(done), [f"送达{done.sent}件，未送达{done.failed}件"], as_json=as_json)


@app.command("table")
def table_command(*, as_json: JsonFlag = False) -> None:
    """列出什么会产生告警、从多久或多少起、多严重、该做什么。"""
    rows = list(table().values())
    show(
        {"kinds": [dataclasses.asdict(row) for row in rows]},
        [
            f"{row.kind} {said('alarm.severity', row.severity)} {row.after}{row.unit} {row.what}；{row.ask}（{'、'.join(said('user.role', post) for post in row.whom)}）"
            for row in rows
        ],
        as_json=as_json,
    )


def short(key: str) -> str:
    """What people call an alarm by: the beginning of its key's digest."""
    return sha256(key.encode()).hexdigest()[:10]


def words(one: Alarm) -> str:
    """What it is and of what, for people."""
    subject, detail = in_words(one)
    return f"{table()[one.kind].what}：{subject} {detail}".rstrip()
