"""`fundledger alarms`: what must reach a person, who has seen it, and sending it outside."""

from __future__ import annotations

import dataclasses
from hashlib import sha256
from typing import Annotated, Any, Final

import typer

from ledger.access.alarms import see_alarm
from ledger.acts.telling import tell
from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show, steps
from ledger.control.alarms.standing import Alarm, Moment, standing
from ledger.control.alarms.table import table
from ledger.core.dates import machine_seconds
from ledger.core.errors import NotFound
from ledger.core.words import said
from ledger.db.unit_of_work import unit_of_work

app = typer.Typer(help="告警：由状态产生，由人签收，随状态消除", no_args_is_help=True)


@app.command("list")
def list_command(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """列出一个统筹区与本安装现有的告警：严重程度、起于何时、谁已签收。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = standing(tx, Moment(running.now(), machine_seconds()))
    show(
        {"alarms": [plain(one) for one in found]},
        [words(one) for one in found] or ["没有告警"],
        as_json=as_json,
    )


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
            f"{row.kind} {said('alarm.severity', row.severity)} {row.after}{row.unit} {row.what}；{row.ask}"
            for row in rows
        ],
        as_json=as_json,
    )


_FAMILIES: Final = {
    "suspense": ("", "paper.reason"),
    "suspense_old": ("", "paper.reason"),
    "overdue": ("", "order.state"),
    "job_failed": ("job", ""),
    "job_silent": ("job", ""),
    "findings": ("job", ""),
    "frozen": ("freeze.sign", ""),
    "notice": ("alarm.channel", ""),
}
"""Families of words that an alarm's subject and detail are codes of."""


def short(key: str) -> str:
    """What people call an alarm by: the beginning of its key's digest."""
    return sha256(key.encode()).hexdigest()[:10]


def plain(one: Alarm) -> dict[str, Any]:
    """An alarm for machines."""
    row = table()[one.kind]
    return dataclasses.asdict(one) | {"what": row.what, "ask": row.ask}


def words(one: Alarm) -> str:
    """An alarm for people."""
    row = table()[one.kind]
    subject, detail = (
        said(family, text) if family else text
        for family, text in zip(_FAMILIES.get(one.kind, ("", "")), (one.subject, one.detail), strict=True)
    )
    text = f"{said('alarm.severity', one.severity)} {short(one.key)} {row.what}：{subject}（{one.since or '无日期'}）{detail}"
    return text + (f"；{one.seen.seen_by}已签收：{one.seen.reason}" if one.seen else f"；{row.ask}")
