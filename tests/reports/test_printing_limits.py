"""100,000 rows to a workbook and to a PDF: memory in any case, time as the processor counts it (other work does not count)."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SCRIPT = """
import importlib, json, sys, time
from datetime import date, timedelta
from pathlib import Path
from reports.render.grid import Column, Grid, Line

class Rows:
    def __iter__(self):
        for n in range(100_000):
            fen = (n * 7919) % 100_000_000 - 200_000
            yield Line([date(2026, 1, 1) + timedelta(n % 365), f"记-202610-{n}", f"日拨付 第{n % 97}医院 住院统筹基金", "50010101",
                        "社会保险待遇支出—住院", f"H{n % 9999:011d} 统筹基金 2026年度", fen or None, None, "借", abs(fen)],
                       total=n % 1000 == 999)

columns = [Column("a", "日期", "day"), *(Column(f"t{n}", f"列{n}") for n in range(5)), Column("d", "借方", "money"),
           Column("c", "贷方", "money"), Column("s", "方向"), Column("b", "余额", "money")]
writer = importlib.import_module(sys.argv[1])
began = time.process_time()
writer.write([Grid("t", "明细账", columns, Rows(), heads=["单位：元"], signers=["复核："])], Path(sys.argv[2]))
# not ru_maxrss: a process begins with the peak of the one that started it, here the whole test run's
peak = next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(json.dumps([time.process_time() - began, peak / 1024]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("writer", "seconds", "megabytes"),
    [("reports.render.xlsx", 20, 100), ("reports.render.pdf.write", 30, 200)],
)
def test_a_long_book_is_written_in_its_limits(tmp_path, writer, seconds, megabytes):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, writer, str(tmp_path / "o")],
        capture_output=True,
        text=True,
        check=True,
    )
    took, used = json.loads(done.stdout)
    assert used < megabytes
    assert (
        took < 3 * seconds
    )  # alone on two cores 13 s and 12 s; beside other work the processor itself is slower
