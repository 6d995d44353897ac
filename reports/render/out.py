"""Tables to a file: the one place that knows which format is written by what."""

from __future__ import annotations

import os
from collections.abc import Sequence
from hashlib import file_digest
from pathlib import Path
from typing import Final, NamedTuple

from ledger.core.private import private
from reports.render.grid import Grid
from reports.render.paper import Paper

FILE_FORMATS: Final = ("xlsx", "pdf")
"""Formats that are files and never a text on standard output."""


class Written(NamedTuple):
    """What was written: the digest is of the file's bytes."""

    path: Path
    size: int
    sha256: str


def write_grid(
    grids: Grid | Sequence[Grid],
    shape: str,
    path: Path,
    paper: Paper = Paper.A4_ACROSS,
    *,
    together: bool = False,
) -> Written:
    """Write tables as `xlsx` or `pdf`; the file appears under its name only when it is whole.

    Rows are read once, in order. `together`: short tables of one PDF follow each other on a page. Raises InvalidInput
    `print.cell`, OSError when the file cannot be written, ValueError for another format.
    """
    tables = [grids] if isinstance(grids, Grid) else grids
    partial = path.with_name(f"{path.name}.part")
    try:
        private(partial)
        if shape == "xlsx":
            from reports.render.xlsx import write as write_workbook

            write_workbook(tables, partial, paper)
        elif shape == "pdf":
            from reports.render.pdf.write import write as write_pdf

            write_pdf(tables, partial, paper, together=together)
        else:
            raise ValueError(shape)
        with partial.open("rb") as done:
            os.fsync(done.fileno())
            digest = file_digest(done, "sha256").hexdigest()
        size = partial.stat().st_size
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return Written(path, size, digest)
