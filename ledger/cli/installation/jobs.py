"""`fundledger jobs`: what runs by itself, when it ran and will run, and what persons ask of the worker."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.cli.line.context import JsonFlag, RegionOption, act, app_for, show
from ledger.core.dates import SHANGHAI
from ledger.db.unit_of_work import unit_of_work
from scheduler.asked import ask
from scheduler.jobs.catalogue import job_named
from scheduler.listing import JobView, KeptRun, jobs_of, runs_of

app = typer.Typer(help="定时任务：列出、查看、临时运行、暂停、恢复", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="任务，如day，见jobs list")]
Reason = Annotated[str, typer.Option(help="为何，2到200字")]


@app.callback()
def _group() -> None:
    """定时任务."""


@app.command("list")
def list_jobs(region: RegionOption, *, as_json: JsonFlag = False) -> None:
    """列出全部任务：何时办、上次如何、下次何时、谁暂停了。"""
    running = app_for("reviewer")
    with unit_of_work(running.engine, running.user, region) as tx:
        found = jobs_of(tx, running.now())
    show({"jobs": [one.as_json() for one in found]}, [_words(one) for one in found], as_json=as_json)


@app.command("show")
def show_job(
    job: Name,
    region: RegionOption,
    limit: Annotated[int, typer.Option(min=1, max=500, help="列出几次运行")] = 20,
    *,
    as_json: JsonFlag = False,
) -> None:
    """一项任务：需要什么、期限、失败会怎样，及其最近的运行。"""
    running, name = app_for("reviewer"), job_named(job).name
    with unit_of_work(running.engine, running.user, region) as tx:
        found = next(one for one in jobs_of(tx, running.now()) if one.job.name == name)
        runs = runs_of(tx, name, limit)
    lines = [
        _words(found),
        f"  需要：{found.job.needs}",
        f"  期限：{found.job.deadline}",
        f"  失败：{found.job.raises}",
        *(f"  {_run(one)}" for one in runs),
    ]
    show(found.as_json() | {"runs": [one.as_json() for one in runs]}, lines, as_json=as_json)


@app.command("run-now")
def run_now(job: Name, region: RegionOption, reason: Reason, *, as_json: JsonFlag = False) -> None:
    """要求定时任务在一分钟内运行一次；由安全管理员、会计主管或接口用户，写明理由。"""
    _ask(job, region, "run", reason, as_json=as_json)


@app.command()
def pause(job: Name, region: RegionOption, reason: Reason, *, as_json: JsonFlag = False) -> None:
    """暂停：到点不办，直到恢复；临时运行照办。"""
    _ask(job, region, "pause", reason, as_json=as_json)


@app.command()
def resume(job: Name, region: RegionOption, reason: Reason, *, as_json: JsonFlag = False) -> None:
    """恢复：暂停期间的日子按日期补办。"""
    _ask(job, region, "resume", reason, as_json=as_json)


def _ask(job: str, region: int, what: str, reason: str, *, as_json: bool) -> None:
    running = app_for("admin")
    with act(running, region, f"jobs.{what}", job[:40]) as tx:
        made = ask(tx, job, what, reason, running.clock.today())
    told = {
        "run": "已要求运行，一分钟内办理",
        "pause": "已暂停",
        "resume": "已恢复，暂停期间的日子将补办",
    }
    show(
        {"n": made.n, "job": made.job, "what": made.what, "slot": made.slot if what == "run" else None, "asked_by": made.asked_by},
        [f"{job_named(job).title}：{told[what]}"],
        as_json=as_json,
    )  # fmt: skip


def _words(one: JobView) -> str:
    next_start = "不办" if one.next_start is None else f"{one.next_start.astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    rests = "" if one.rests is None else f"，{one.rests.asked_by}于{one.rests.on_day}暂停：{one.rests.reason}"
    last = "从未运行" if one.last is None else f"上次{_run(one.last)}"
    named = f"fundledger jobs show {one.job.name}"  # the name to type
    return f"{one.job.title} {one.when}，下次{next_start}{rests}；{last}；{named}"


def _run(one: KeptRun) -> str:
    tries = f"（第{one.epoch}次）" if one.epoch > 1 else ""
    return f"{one.slot} {one.words}{tries} {one.message}".rstrip()
