"""What a measure hands back, how pairs are taken, and processor time: what a thing costs whoever else is at work here."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

PAIRS: Final = 7
"""Alternating pairs a ratio: the machine's speed swings by a factor of two, so both halves stand side by side."""

_PROC: Final = Path("/proc")
_BACKENDS: Final = ("postgres: fundledger_", "postgres: parallel worker")
"""Of the server's processes, those that answer somebody; not what cleans up meanwhile."""


class PeerMissing(RuntimeError):
    """A measure cannot be taken because the program it is measured with is not on this machine."""

    def __init__(self, program: str, package: str) -> None:
        super().__init__(program, package)  # travels between processes by its arguments
        self.program = program
        self.package = package


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure: `value` is the median of `n` samples (each a ratio, a rate or a time)."""

    measure: str
    value: float
    low: float
    high: float
    unit: str
    n: int
    seconds: float
    peak_mb: float

    def line(self) -> str:
        """The JSON line of the contract."""
        return json.dumps(
            {
                "measure": self.measure,
                "value": round(self.value, 4),
                "min": round(self.low, 4),
                "max": round(self.high, 4),
                "unit": self.unit,
                "n": self.n,
                "seconds": round(self.seconds, 1),
                "peak_mb": round(self.peak_mb, 1),
            }
        )


def measured(measure: str, unit: str, samples: Sequence[float], started: float) -> Measured:
    """The median of the samples with their range; `started` is the `time.perf_counter()` of the measure's begin."""
    return Measured(
        measure,
        median(samples),
        min(samples),
        max(samples),
        unit,
        len(samples),
        time.perf_counter() - started,
        peak_mb(),
    )


def peak_mb() -> float:
    """Peak resident memory of this process and of its largest ended child, in MB; the database server is not in it."""
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    child = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return (own + child) / 1024


def rate(count: int, work: Callable[[], object]) -> float:
    """How many of `count` things a second `work` does."""
    started = time.perf_counter()
    work()
    return count / (time.perf_counter() - started)


def say(text: str) -> None:
    """Progress, for people."""
    print(text, file=sys.stderr, flush=True)


class Processor:
    """Milliseconds on a processor so far, of one service with its children and of the backends of the server it asks."""

    def __init__(self, home: Path, service: int) -> None:
        self._service = service
        self._server = int((home / "pg" / "data" / "postmaster.pid").read_text().split("\n", 1)[0])
        self._watched: list[int] = []
        self.look()

    def look(self) -> None:
        """See which processes there are now: what begins after it is not counted until the next look."""
        children = _children()
        backends = [one for one in children.get(self._server, ()) if _title(one).startswith(_BACKENDS)]
        self._watched = [self._service, *_below(self._service, children), *backends]

    def ms(self) -> float:
        """All together. What ended in between is not in it."""
        return sum(map(_ran_ms, self._watched))


def _children() -> dict[int, list[int]]:
    """Every process by its parent."""
    found: dict[int, list[int]] = {}
    for place in _PROC.iterdir():
        if place.name.isdigit():
            try:
                after_name = (place / "stat").read_text().rpartition(")")[2]
            except OSError:  # ended meanwhile
                continue
            found.setdefault(int(after_name.split()[1]), []).append(int(place.name))
    return found


def _below(parent: int, children: dict[int, list[int]]) -> Iterator[int]:
    for child in children.get(parent, ()):
        yield child
        yield from _below(child, children)


def _title(process: int) -> str:
    try:
        return (_PROC / str(process) / "cmdline").read_text(errors="replace")
    except OSError:
        return ""


def _ran_ms(process: int) -> float:
    """Of all its threads, to the nanosecond."""
    ran = 0
    try:
        for thread in (_PROC / str(process) / "task").iterdir():
            ran += int((thread / "schedstat").read_text().split()[0])
    except OSError:
        pass
    return ran / 1e6
