"""A book of 100,000 rows to a workbook and to a PDF, each in a process of its own, so that its memory is its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Final, cast

from benchmarks.measured import Measured, peak_mb, say
from benchmarks.world import World
from reports.render.grid import Column, Grid, Line
from reports.render.out import write_grid

ROWS: Final = 100_000
TIMES: Final = 3
_COLUMNS: Final = (
    Column("date", "日期", "day"),
    Column("voucher", "凭证"),
    Column("summary", "摘要"),
    Column("code", "科目编码"),
    Column("name", "科目名称"),
    Column("dimensions", "辅助核算"),
    Column("debit", "借方", "money"),
    Column("credit", "贷方", "money"),
    Column("side", "方向"),
    Column("balance", "余额", "money"),
)


class _Rows:
    """Rows as a ledger has them, made while they are written."""

    def __iter__(self) -> Iterator[Line]:
        for n in range(ROWS):
            fen = (n * 7919) % 100_000_000 - 200_000
            day = date(2026, 1, 1) + timedelta(n % 365)
            texts = (f"日拨付 第{n % 97}医院 住院统筹基金", "50010101", "社会保险待遇支出—住院")
            cells = (
                day,
                f"记-202610-{n}",
                *texts,
                f"H{n % 9999:011d} 统筹基金",
                fen or None,
                None,
                "借",
                abs(fen),
            )
            yield Line(cells, total=n % 1000 == 999)


def _write(shape: str) -> tuple[float, float]:
    """Processor seconds (neighbours do not count) and peak memory in MB of this process."""
    grid = Grid(
        "明细账",
        "明细账",
        _COLUMNS,
        cast("list[Line]", _Rows()),
        heads=["单位：元"],
        signers=["复核："],
        page_sums=("debit", "credit"),
        page_last=("side", "balance"),
    )
    with tempfile.TemporaryDirectory(prefix="flb-print-") as folder:
        began = time.process_time()
        write_grid(grid, shape, Path(folder, f"o.{shape}"))
        return time.process_time() - began, peak_mb()


def measure(_world: World) -> list[Measured]:
    """`printing.xlsx.cpu_s` and `printing.pdf.cpu_s`; `peak_mb` is that of the process that writes."""
    found = []
    for shape in ("xlsx", "pdf"):
        began = time.perf_counter()
        samples = []
        for _ in range(TIMES):
            with ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn")) as process:
                samples.append(process.submit(_write, shape).result())
        seconds, peaks = (sorted(values) for values in zip(*samples, strict=True))
        middle = TIMES // 2
        say(f"  {shape}: {seconds[middle]:.1f} s, {peaks[middle]:.0f} MB")
        found.append(
            Measured(f"printing.{shape}.cpu_s", seconds[middle], seconds[0], seconds[-1], "s", TIMES,
                     time.perf_counter() - began, peaks[middle])
        )  # fmt: skip
    return found
