"""What a measure hands back, and how pairs are taken."""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

PAIRS: Final = 7
"""Alternating pairs a ratio: the machine's speed swings by a factor of two, so both halves stand side by side."""


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
