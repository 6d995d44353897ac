"""`fundledger generate`: made-up institutions and records in the intake shapes, with the right answers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ledger.cli.line.context import JsonFlag, show
from ledger.core.dates import parse_day
from ledger.simulation.platform.day import generate as generate_files


def generate(
    records: Annotated[int, typer.Option(help="记录行数（含重复、坏行、冲销）")],
    institutions: Annotated[int, typer.Option(help="机构数")],
    date: Annotated[str, typer.Option(help="结算日 YYYY-MM-DD")],
    out: Annotated[Path, typer.Option(help="输出目录")],
    seed: Annotated[int, typer.Option(help="随机种子")] = 1,
    region: Annotated[int, typer.Option(help="统筹区，6位", min=100_000, max=999_999)] = 420100,
    *,
    as_json: JsonFlag = False,
) -> None:
    """生成机构与结算记录（接入格式）以及正确答案 expected.json。"""
    made = generate_files(records, institutions, parse_day(date), seed, out, region=region)
    files = [str(path) for path in made.settlements]
    document = {
        "institutions": str(made.institutions),
        "settlements": files,
        "expected": str(made.expected_path),
    }
    show(document, [str(made.institutions), *files, str(made.expected_path)], as_json=as_json)
