"""Honest callers beside strangers: the 99th percentile of their requests in a flood of each kind ÷ the usual, in turns.

The house (service and database) has one processor, before whatever else runs there; strangers and honest callers have the
other, where the callers go first. What strangers cost the machine they run on is told apart by a third run: `vs_elsewhere` is
against the same strangers at a listener that is not ours, on their own processor.
`FLOOD_KINDS`, `FLOOD_SECONDS` and `FLOOD_TURNS` choose.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.honest import Heard
from benchmarks.http import _prepare, served
from benchmarks.measured import Measured, measured, say
from benchmarks.strangers import KINDS
from benchmarks.world import World
from ledger.db.cluster import Cluster

SECONDS: Final = 5.0
TURNS: Final = 3
USUAL_SECONDS: Final = 20.0
"""However long a flood lasts."""
HEADS: Final = ("slow_heads", "endless_heads", "endless_lines")
"""`FLOOD_KINDS=heads FLOOD_SECONDS=300` is the bar of five minutes."""
NICE: Final = -15
"""Of house and strangers, before whatever else the machine does; without the right to it they run as they are."""
STRANGERS: Final = ("127.0.0.2",)
CROWD: Final = tuple(f"127.0.{third}.{fourth}" for third in (3, 4) for fourth in range(1, 251))
SAME: Final = ("127.0.0.1",)
"""The honest callers' own address."""
_DEAF: Final = """
import asyncio, uvloop
async def main():
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
uvloop.run(main())
"""


def measure(world: World) -> list[Measured]:
    """`flood.KIND.p99_vs_usual` and `.p99_vs_elsewhere`. Raises RuntimeError where an honest caller was refused."""
    started = time.perf_counter()
    kinds = os.environ.get("FLOOD_KINDS", " ".join([*KINDS, "heads", "all", "crowd", "same"])).split()
    seconds = float(os.environ.get("FLOOD_SECONDS", SECONDS))
    turns = int(os.environ.get("FLOOD_TURNS", TURNS))
    found: list[Measured] = []
    house, street = min(os.sched_getaffinity(0)), max(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="flb-flood-") as folder:
        key = _prepare(world, Path(folder))
        postmaster = int((Cluster(world.home).data / "postmaster.pid").read_text().split()[0])
        _prefer([postmaster, *_children(postmaster)], house)
        with served(world) as url, _listener(street) as deaf:
            port = int(url.split(":")[2].split("/")[0])
            service = next(pid for pid in _children(os.getpid()) if b"serve" in _words(pid))
            _prefer([service], house)
            honest = _Honest(port, key, Path(folder) / "records", street, service)
            honest.run(3.0)
            for name in kinds:
                runs = [
                    _three(honest, name, (deaf, port), seconds, street, Path(folder)) for _ in range(turns)
                ]
                for against, place in (("usual", 0), ("elsewhere", 1)):
                    ratios = [run[2].late / run[place].late for run in runs]
                    say(f"  {name} ÷ {against}: {median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})")
                    found.append(measured(f"flood.{name}.p99_vs_{against}", "ratio", ratios, started))
    return found


def _three(
    honest: _Honest, name: str, ports: tuple[int, int], seconds: float, street: int, folder: Path
) -> tuple[Heard, Heard, Heard]:
    """Without strangers; with the strangers at a listener that is not ours; with them at the service."""
    usual = honest.run(min(seconds, USUAL_SECONDS))
    with flood(name, ports[0], street, folder / "said"):
        elsewhere = honest.run(min(seconds, USUAL_SECONDS))
    with flood(name, ports[1], street, folder / "said"):
        here = honest.run(seconds)
    opened, asked, cpu = (folder / "said").read_text().splitlines()[-1].split()
    say(f"  {name}: {opened} connections, {asked} requests, {cpu} s of the strangers' processor")
    say(f"    p99 {usual.told()} -> elsewhere {elsewhere.told()} -> here {here.told()}")
    time.sleep(1.5)  # those put off are told and gone
    return usual, elsewhere, here


@contextmanager
def flood(name: str, port: int, street: int, said: Path) -> Iterator[None]:
    """Strangers of one kind; of `all` kinds from one address; from a `crowd` of addresses; from the `same` as honest callers."""
    kinds = name if name in KINDS else ",".join(HEADS if name == "heads" else KINDS)
    addresses = {"crowd": CROWD, "same": SAME}.get(name, STRANGERS)
    command = [sys.executable, "-m", "benchmarks.strangers", kinds, str(port), *addresses]
    with said.open("wb") as out, _on(street):
        process = subprocess.Popen(command, stdout=out, start_new_session=True)
    try:
        _prefer([process.pid], street)
        deadline = time.monotonic() + 30
        while said.stat().st_size < 10:  # what they opened so far, after the word that they are there
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the strangers did not come")
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait()


class _Honest:
    """Callers with a key, in a process of their own."""

    def __init__(self, port: int, key: str, records: Path, street: int, service: int) -> None:
        self._port, self._key, self._records, self._street = port, key, records, street
        self._service = service
        self._runs = 0

    def run(self, seconds: float) -> Heard:
        """So many seconds; raises RuntimeError where one was not answered with success."""
        self._runs += 1
        words = ["-m", "benchmarks.honest", str(self._port), str(self._records), str(seconds)]
        environment = {**os.environ, "FLB_KEY": self._key, "FLB_RUN": f"F{self._runs}-"}
        used, began = _used(self._service), time.perf_counter()
        with _on(self._street):
            done = subprocess.run(
                [sys.executable, *words], env=environment, capture_output=True, text=True, check=False
            )
        if done.returncode:
            raise RuntimeError(f"an honest caller was not answered: {done.stderr.strip()[-300:]}")
        cpu = (_used(self._service) - used) / (time.perf_counter() - began)
        return Heard(*json.loads(done.stdout))._replace(cpu=cpu)


@contextmanager
def _on(processor: int) -> Iterator[None]:
    """What is started meanwhile runs there."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {processor})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _prefer(pids: Sequence[int], processor: int) -> None:
    """Processes with all their threads: on one processor, before others."""
    for pid in pids:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {processor})
            with suppress(PermissionError):
                os.setpriority(os.PRIO_PROCESS, int(thread.name), NICE)
        with suppress(OSError):  # Linux weighs sessions against each other first, then what is in one
            Path(f"/proc/{pid}/autogroup").write_text(str(NICE))


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _words(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def _used(pid: int) -> float:
    """Processor seconds of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def _listener(street: int) -> Iterator[int]:
    """A server that takes everything and says nothing, on the strangers' own processor; yields its port."""
    with _on(street):
        process = subprocess.Popen([sys.executable, "-c", _DEAF], stdout=subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
