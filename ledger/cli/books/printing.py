"""`--format xlsx|pdf --out FILE`: a report as a file to print or to compute with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ledger.core.errors import InvalidInput
from ledger.core.os_errors import os_reason
from reports.render.grid import Grid
from reports.render.out import write_grid
from reports.render.paper import Paper

OutOption = Annotated[Path | None, typer.Option("--out", help="xlsx、pdf写入的文件；写完才出现")]
PaperOption = Annotated[
    Paper | None,
    typer.Option("--paper", help="纸张：A4、A5，-landscape为横向；缺省账簿A4横向、凭证A5横向、对账单A4纵向"),
]


def printed(
    grids: Grid | Sequence[Grid],
    shape: str,
    out: Path | None,
    paper: Paper,
    *,
    together: bool = False,
) -> None:
    """Write the report to the file named and say so on standard error: standard output stays empty.

    Raises InvalidInput `print.no_file` without a file, `export.file` when it cannot be written, `print.cell`.
    """
    if out is None:
        raise InvalidInput("print.no_file", f"{shape}须写入文件：请加 --out 文件", format=shape)
    try:
        done = write_grid(grids, shape, out, paper, together=together)
    except OSError as error:
        raise InvalidInput("export.file", f"不能写入{out}：{os_reason(error)}", file=str(out)) from error
    typer.echo(f"已写入{out}：{done.size}字节，SHA-256 {done.sha256}", err=True)
