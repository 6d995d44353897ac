"""`fundledger worker`: the scheduler's process, or one start of one job."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from ledger.cli.line.context import JsonFlag, app_for, show
from ledger.core.words import said
from scheduler.worker import run_named
from scheduler.worker import work as work_on


def worker(
    once: Annotated[str, typer.Option(help="只执行一次此任务（见jobs list），如receipts")] = "",
    *,
    as_json: JsonFlag = False,
) -> None:
    """定时任务（见jobs list）：到点办理、补办遗漏的日子、办理临时要求。可同时运行多个，每个时点只做一次。"""
    running = app_for("system", works=True)
    if not once:
        work_on(running)
        return
    moment = running.now()
    runs = run_named(running, once, moment)
    lines = [
        f"{run.region} {said('job', run.job)} {run.slot}：{said('job.state', run.state)} {run.message}"
        for run in runs
    ]
    show({"runs": [asdict(run) for run in runs]}, lines, as_json=as_json)
    if any(run.state == "failed" for run in runs):
        raise typer.Exit(1)
