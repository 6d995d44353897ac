"""What a command costs before it does anything: CPU of whole processes against importing the three packages it rests on."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Final

from benchmarks.measured import PAIRS, Measured, measured, say
from benchmarks.world import World

PACKAGES: Final = "import typer, psycopg, sqlalchemy"


def measure(world: World) -> list[Measured]:
    """`cli.start` (`book list`) and `cli.help` (`--help`), each ÷ the bare imports; `cli.start.s` in seconds of CPU."""
    started = time.perf_counter()
    environment = {
        **os.environ,
        "FUNDLEDGER_HOME": str(world.home),
        "DATABASE_URL": str(world.settings.database_url),
    }
    program = (sys.executable, "-m", "ledger.cli")
    ratios: list[float] = []
    helps: list[float] = []
    seconds: list[float] = []
    for pair in range(PAIRS + 1):
        bare = _cpu((sys.executable, "-c", PACKAGES), environment)
        listed = _cpu((*program, "book", "list", "--as", "zhou"), environment)
        helped = _cpu((*program, "--help"), environment)
        if pair == 0:
            continue  # compiled files and pages of all three are there now
        ratios.append(listed / bare)
        helps.append(helped / bare)
        seconds.append(listed)
        say(
            f"  start {pair}/{PAIRS}: book list {listed:.2f} s, --help {helped:.2f} s, imports {bare:.2f} s of CPU"
        )
    return [
        measured("cli.start", "ratio", ratios, started),
        measured("cli.help", "ratio", helps, started),
        measured("cli.start.s", "s", seconds, started),
    ]


def _cpu(command: tuple[str, ...], environment: Mapping[str, str]) -> float:
    """Seconds of CPU, user and system, of one process and its children; raises CalledProcessError where it fails."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
