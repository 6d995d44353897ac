"""One record a request over HTTP, load from wrk, against pgbench's tpcb-like on the same cluster, in turns."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

import psycopg

from benchmarks.measured import Measured, PeerMissing, measured, say
from benchmarks.world import DAY, World, take_institutions
from ledger.db.cluster import ADMIN, PORT, Cluster
from ledger.founding import give_key
from ledger.simulation.people import DEMO_REGION
from ledger.simulation.platform.day import day_lines, generate
from ledger.simulation.platform.institutions import make_institutions

CONNECTIONS: Final = 16
SCALE: Final = 16
SECONDS: Final = 6
PAIRS: Final = 5
INSTITUTIONS: Final = 300
TEMPLATES: Final = 2_000
_DATABASE: Final = "bench_tpcb"
_SETL_ID: Final = re.compile(rb'("setl_id":\s*")([^"]*)(")')

_LUA: Final = """
local heads, tails = {}, {}
for line in io.lines(os.getenv("FLB_RECORDS")) do
  local cut = line:find("\\1", 1, true)
  heads[#heads + 1] = line:sub(1, cut - 1)
  tails[#tails + 1] = line:sub(cut + 1)
end
local run, sent, bad = os.getenv("FLB_RUN"), 0, 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer " .. os.getenv("FLB_KEY")
function request()
  sent = sent + 1
  local n = sent % #heads + 1
  return wrk.format(nil, nil, nil, heads[n] .. run .. string.format("%09d", sent) .. tails[n])
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('{"requests": %d, "us": %d, "p99_us": %d, "bad": %d}\\n', summary.requests, summary.duration,
    latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
"""


class _Load(NamedTuple):
    requests: int
    per_second: float
    p99_ms: float


def measure(world: World) -> list[Measured]:
    """`intake.http.vs_tpcb`, `intake.http.p99_ms` and the two rates. Raises PeerMissing where wrk is not installed."""
    started = time.perf_counter()
    wrk = shutil.which("wrk")
    if wrk is None:
        raise PeerMissing("wrk", "wrk")
    _make_tpcb(world)
    ratios, rates, bare_rates, late = [], [], [], []
    sent = 0
    with tempfile.TemporaryDirectory(prefix="flb-http-") as folder:
        key = _prepare(world, Path(folder))
        with served(world) as address:
            for pair in range(PAIRS + 1):
                bare = _pgbench(world)
                load = _wrk(wrk, address, Path(folder), key, pair)
                sent += load.requests
                if pair == 0:
                    continue  # connections, plans and pages of both sides are warm now
                ratios.append(load.per_second / bare)
                rates.append(load.per_second)
                bare_rates.append(bare)
                late.append(load.p99_ms)
                say(
                    f"  http {pair}/{PAIRS}: {load.per_second:,.0f}/s, p99 {load.p99_ms:.1f} ms, tpcb {bare:,.0f}/s, {ratios[-1]:.2f}"
                )
    _require_stored(world, sent)
    return [
        measured("intake.http.vs_tpcb", "ratio", ratios, started),
        measured("intake.http.p99_ms", "ms", late, started),
        measured("intake.http.records_per_s", "1/s", rates, started),
        measured("tpcb.per_s", "1/s", bare_rates, started),
    ]


def _prepare(world: World, folder: Path) -> str:
    """Institutions, record templates with their id cut out, the load script; returns an API key."""
    made = generate(1, INSTITUTIONS, DAY, 3, folder / "master")
    take_institutions(world, made.institutions)
    templates = []
    for line in day_lines(TEMPLATES, make_institutions(INSTITUTIONS, DEMO_REGION), DAY, 3, 0):
        if line.bill is not None and not line.bill.init_setl_id:
            templates.append(_SETL_ID.sub(rb"\g<1>" + b"\x01" + rb"\g<3>", line.content, count=1))
    (folder / "records").write_bytes(b"\n".join(templates) + b"\n")
    (folder / "load.lua").write_text(_LUA, encoding="utf-8")
    return give_key(world.service, ("guan", "shen"), DEMO_REGION, "jieru", date(2099, 1, 1), DAY)


def _require_stored(world: World, sent: int) -> None:
    """A 2xx is worth nothing unless the record is there; wrk does not count what was under way at the end."""
    with world.connect() as connection:
        row = connection.execute("SELECT count(*) FROM fund.record").fetchone()
    stored = int(str(row[0])) if row else 0
    if stored < sent:
        raise RuntimeError(f"{sent} records sent, {stored} stored")


@contextmanager
def served(world: World, under: list[str] | None = None) -> Iterator[str]:
    """The service as its operator starts it, or by another command that takes `--port`; yields its address."""
    with serving(world, under) as (address, _process):
        yield address


@contextmanager
def serving(
    world: World, under: list[str] | None = None, today: date | None = None
) -> Iterator[tuple[str, int]]:
    """The same on a business date; yields the address and the process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "FUNDLEDGER_HOME": str(world.home),
        "DATABASE_URL": str(world.settings.database_url),
        **({} if today is None else {"FUNDLEDGER_TODAY": today.isoformat()}),
    }
    command = [*(under or [sys.executable, "-m", "ledger.cli", "serve"]), "--port", str(port)]
    process = subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the service did not start")
            time.sleep(0.1)
        yield f"http://127.0.0.1:{port}", process.pid
    finally:
        process.terminate()
        process.wait()


def _wrk(wrk: str, address: str, folder: Path, key: str, run: int) -> _Load:
    """One run; every request is a record never sent before, and every answer must be a 2xx."""
    environment = {
        **os.environ,
        "FLB_RECORDS": str(folder / "records"),
        "FLB_KEY": key,
        "FLB_RUN": f"W{run}-",
    }
    command = [
        wrk,
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{SECONDS}s",
        "--timeout",
        "10s",
        "-s",
        str(folder / "load.lua"),
        f"{address}/api/v1/settlements",
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    said = json.loads(done.stdout.splitlines()[-1])
    if said["bad"]:
        raise RuntimeError(f"{said['bad']} of {said['requests']} requests failed")
    return _Load(said["requests"], said["requests"] / said["us"] * 1e6, said["p99_us"] / 1_000)


def _run_pgbench(world: World, *args: str) -> str:
    cluster = Cluster(world.home)
    environment = {**os.environ, "PGPASSWORD": cluster.passwords.read("admin") or ""}
    command = [
        str(cluster.bindir / "pgbench"),
        "-h",
        str(cluster.socket_dir),
        "-p",
        str(PORT),
        "-U",
        ADMIN,
        *args,
        _DATABASE,
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"pgbench: {done.stderr.strip()[-500:]}")
    return done.stdout


def _make_tpcb(world: World) -> None:
    with psycopg.connect(Cluster(world.home).admin_url("postgres"), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {_DATABASE}")
    _run_pgbench(world, "-i", "-q", "-s", str(SCALE))


def _pgbench(world: World) -> float:
    said = _run_pgbench(world, "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2", "-T", str(SECONDS))
    found = re.search(r"tps = ([0-9.]+)", said)
    if found is None:
        raise RuntimeError("pgbench said no tps")
    return float(found.group(1))
