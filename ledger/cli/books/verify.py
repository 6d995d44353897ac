"""`fundledger verify`: is every promise kept? Exit 0 and `clean`, or exit 1 and what was found."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from ledger.control.promises import PROMISES
from ledger.control.verify import Verification, examine
from ledger.db.connections import direct
from ledger.db.identity import require_current
from ledger.settings import get_settings


def verify(
    as_json: Annotated[bool, typer.Option("--json", help="最后一行输出一个JSON对象")] = False,
    promises: Annotated[bool, typer.Option("--promises", help="只列出各项承诺及其防线、核验与测试")] = False,
) -> None:
    """核验全部承诺：凭证、账链、余额、记录、拨付单、回单；有问题则列出并以1退出。"""
    if promises:
        _promises(as_json=as_json)
        return
    settings = get_settings()
    engine = direct(settings, "auditor")
    try:
        require_current(engine)
        done = examine(engine, settings.home, progress=lambda name: typer.echo(f"核验{name}…", err=True))
    finally:
        engine.dispose()
    _report(done, as_json=as_json)
    if done.breaches:
        raise typer.Exit(1)


def _promises(*, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps({"promises": [asdict(one) for one in PROMISES]}, ensure_ascii=False))
        return
    for one in PROMISES:
        typer.echo(f"{one.id} {one.sentence}")
        typer.echo(f"    防线：{'、'.join(one.guards)}")
        typer.echo(f"    核验：{'、'.join(one.checks)}")
        typer.echo(f"    测试：{'、'.join(one.tests)}")


def _report(done: Verification, *, as_json: bool) -> None:
    for name, count in done.waiting.items():
        typer.echo(f"{name}：{count}", err=as_json)
    for breach in done.breaches:
        typer.echo(f"{breach.promise} {breach.book} {breach.entry}：{breach.message}", err=as_json)
    if not as_json:
        typer.echo("clean" if not done.breaches else f"发现{len(done.breaches)}处问题")
        return
    answer = {
        "verify": "findings" if done.breaches else "clean",
        "findings": [asdict(breach) for breach in done.breaches],
        "waiting": done.waiting,
        "entries": done.entries,
        "lines": done.lines,
        "seconds": round(done.seconds, 3),
    }
    typer.echo(json.dumps(answer, ensure_ascii=False))
