"""`./dev bench [MEASURE...]`: every measure in a process of its own, on a fresh database of one durable server."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from benchmarks.measured import PeerMissing, say
from benchmarks.suite import GROWTH, MEASURES, measure
from benchmarks.world import fresh_world, server


def main(names: list[str]) -> int:
    """Run the named measures (default: all, those of growth only with FULL=1); exit 2 for an unknown name, 1 where a measure failed.

    A measure whose peer is missing is left out, and said so last; whatever becomes of one, the rest goes on.
    """
    known = [*MEASURES, *GROWTH]
    unknown = [name for name in names if name not in known]
    if unknown:
        say(f"no such measure: {', '.join(unknown)}; there are {', '.join(known)}")
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server ends with us
    started = time.perf_counter()
    say(f"load average before: {os.getloadavg()[0]:.2f}")
    missed: dict[str, PeerMissing] = {}
    failed: list[str] = []
    with server() as home:
        for name in names or (known if os.environ.get("FULL") else list(MEASURES)):
            say(f"{name} ({time.perf_counter() - started:.0f} s, load {os.getloadavg()[0]:.2f})")
            with fresh_world(home, f"bench_{name}") as world, _process() as process:
                try:
                    for result in process.submit(measure, name, world).result():
                        print(result.line(), flush=True)
                except PeerMissing as problem:
                    missed[name] = problem
                    say(f"  {name} is not measured: no {problem.program}")
                except RuntimeError as problem:  # the ledger refused, or a check of the measure's own failed
                    failed.append(name)
                    say(f"  {name} failed: {problem}")
    say(f"load average after: {os.getloadavg()[0]:.2f}; {time.perf_counter() - started:.0f} s in all")
    if failed:
        say(f"failed: {', '.join(failed)}")
    _say_missed(missed)
    return 1 if failed else 0


def _say_missed(missed: Mapping[str, PeerMissing]) -> None:
    """The last words of a run: what was not measured, and what is missing for it."""
    if not missed:
        return
    say("!" * 78)
    say(f"{len(missed)} measures were not taken, the programs they are measured with are missing:")
    for name, problem in missed.items():
        say(f"  {name}: {problem.program} (Debian package {problem.package})")
    say("!" * 78)


def _process() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(max_workers=1, mp_context=get_context("spawn"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
