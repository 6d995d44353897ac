"""The kept HTTP servers side by side under the same service: which of them gives the bar of `intake.http`?

Every server runs the same ASGI service in one process, with the limits it has of its own; `ours` is what `fundledger serve`
starts. hypercorn and granian are no dependency: whoever wants to measure them installs them first.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.http import _make_tpcb, _pgbench, _prepare, _require_stored, _service, _wrk
from benchmarks.measured import Measured, PeerMissing, measured, say
from benchmarks.world import World

ROUNDS: Final = 4
PACKAGES: Final = {
    "ours": "uvicorn",
    "httptools": "httptools",
    "h11": "h11",
    "hypercorn": "hypercorn",
    "granian": "granian",
}


def measure(world: World) -> list[Measured]:
    """`intake.http.SERVER.vs_tpcb` for every server that can be imported. Raises PeerMissing where wrk is not installed."""
    started = time.perf_counter()
    wrk = shutil.which("wrk")
    if wrk is None:
        raise PeerMissing("wrk", "wrk")
    _make_tpcb(world)
    servers = [name for name, package in PACKAGES.items() if find_spec(package)]
    ratios: dict[str, list[float]] = {name: [] for name in servers}
    late: dict[str, list[float]] = {name: [] for name in servers}
    sent = 0
    with tempfile.TemporaryDirectory(prefix="flb-servers-") as folder:
        key = _prepare(world, Path(folder))
        for turn in range(ROUNDS + 1):
            for place, name in enumerate(servers):
                run = turn * len(servers) + place
                command = None if name == "ours" else [sys.executable, "-m", "benchmarks.servers", name]
                with _service(world, command) as address:
                    load = _wrk(wrk, address, Path(folder), key, 100_000 + run)
                    bare = _pgbench(world)
                sent += load.requests
                if turn:
                    ratios[name].append(load.per_second / bare)
                    late[name].append(load.p99_ms)
                    say(
                        f"  {name} {turn}/{ROUNDS}: {load.per_second:,.0f}/s, p99 {load.p99_ms:.1f} ms, tpcb {bare:,.0f}/s"
                    )
    _require_stored(world, sent)
    for name in servers:
        say(f"  {name}: {median(ratios[name]):.2f} of tpcb, p99 {median(late[name]):.0f} ms")
    return [
        result
        for name in servers
        for result in (
            measured(f"intake.http.{name}.vs_tpcb", "ratio", ratios[name], started),
            measured(f"intake.http.{name}.p99_ms", "ms", late[name], started),
        )
    ]


def service() -> Any:
    """The service of the environment's installation; granian asks for it by name."""
    from ledger.api.intake.service import make_service
    from ledger.api.server import tune
    from ledger.settings import get_settings

    tune()
    return make_service(get_settings())


def serve(name: str, port: int) -> None:
    """Run the service under one server, with the limits it has."""
    if name == "granian":
        from granian import Granian
        from granian.constants import Interfaces, Loops
        from granian.http import HTTP1Settings

        Granian(
            "benchmarks.servers:service",
            factory=True,
            address="127.0.0.1",
            port=port,
            interface=Interfaces.ASGI,
            loop=Loops.uvloop,
            workers=1,
            backpressure=1_000,
            log_enabled=False,
            http1_settings=HTTP1Settings(header_read_timeout=10_000, max_buffer_size=65_536),
        ).serve()
    elif name == "hypercorn":
        import uvloop
        from hypercorn.asyncio import serve as run
        from hypercorn.config import Config

        config = Config()
        config.bind = [f"127.0.0.1:{port}"]
        config.h11_max_incomplete_size = 65_536
        config.read_timeout = 10
        config.accesslog = None
        uvloop.run(run(service(), config))
    else:
        import uvicorn

        uvicorn.Server(
            uvicorn.Config(
                service(),
                port=port,
                http=name,  # type: ignore[arg-type]
                interface="asgi3",
                log_level="warning",
                access_log=False,
                lifespan="on",
                limit_concurrency=1_000,
            )
        ).run()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[3]))
