"""All strangers together beside honest callers, over TLS and in clear: nobody waits twice as long, nothing fails, nothing is lost.

FLOOD_SECONDS=300 in the environment is the long run; FLOOD_RATE another rate than the shipped one (1000000: no limit at all).
"""

from __future__ import annotations

import itertools
import os
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger.api.intake.service import make_service
from ledger.api.wire.tls import context_of
from ledger.cli.remote import Remote
from tests.scenes.served import certificate_in, served

SECONDS = float(os.environ.get("FLOOD_SECONDS", "24"))
RATE = os.environ.get("FLOOD_RATE")
TURNS = 4
"""Quiet and flood take turns, so that what else the machine does falls on both."""
HONEST = 4
URL = "/api/v1/settlements"
FLOOR_SECONDS = 0.05
"""Below this twice the usual is the machine's own scatter."""

_STRANGERS = r"""
import asyncio, os, ssl, sys
port, safe, certificate = int(sys.argv[1]), sys.argv[2] == "tls", sys.argv[3]
os.nice(10)  # a stranger's work is not done on the service's machine
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if safe else None
if safe:
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
POST = b"POST /api/v1/settlements HTTP/1.1\r\nhost: x\r\n"
async def line(plain=False):
    return await asyncio.open_connection("127.0.0.1", port, ssl=None if plain else context)
async def drip(first, next):
    reader, writer = await line()
    writer.write(first)
    for _ in range(40):
        await asyncio.sleep(0.5)
        writer.write(next)
        await writer.drain()
        if reader.at_eof():
            break
    writer.close()
async def ask(*requests):
    reader, writer = await line()
    for request in requests:
        writer.write(request)
        await writer.drain()
        if not await reader.read(65536):
            break
    writer.close()
async def half(number):
    reader, writer = await line(plain=True)
    writer.write((b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x00")[number % 3])
    await reader.read(100)
    writer.close()
async def whole(number):
    (await line())[1].close()
health = b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"
KINDS = [
    lambda n: drip(b"GET /a HTTP/1.1\r\nhost: x\r\n", b"x"),
    lambda n: drip(b"GET /a HTTP/1.1\r\nhost: x\r\n", b"x: " + b"a" * 2000 + b"\r\n"),
    lambda n: drip(POST + b"content-length: 100000\r\n\r\n", b"x"),
    lambda n: ask(*[health] * 20),
    lambda n: ask(*[b"GET /health/ready HTTP/1.1\r\nhost: x\r\n\r\n"] * 20),
    lambda n: ask(b"GET /desk/login HTTP/1.1\r\nhost: x\r\n\r\n", b"GET /nowhere HTTP/1.1\r\nhost: x\r\n\r\n"),
    lambda n: ask(b"GET /api/v1/books HTTP/1.1\r\nhost: x\r\nauthorization: Bearer fl_%d\r\n\r\n" % n),
    lambda n: ask(health * 200),
    lambda n: ask(b"GET /a HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n"),
] + ([half, whole, whole] if safe else [])
async def one(number):
    kind = KINDS[number % len(KINDS)]
    while True:
        try:
            async with asyncio.timeout(30):
                await kind(number)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            await asyncio.sleep(0.01)
async def main():
    tasks = [asyncio.create_task(one(number)) for number in range(240)]
    print("there", flush=True)
    await asyncio.gather(*tasks)
asyncio.run(main())
"""


@contextmanager
def strangers(port: int, safe: bool, certificate: Path) -> Iterator[None]:
    words = [sys.executable, "-c", _STRANGERS, str(port), "tls" if safe else "clear", str(certificate)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"there\n"
        yield
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


class Honest:
    """Callers at an address of their own that keep their connections, and what they saw."""

    def __init__(self, made: Any, world: Any, verify: Any) -> None:
        transport = httpx.HTTPTransport(local_address="127.0.0.2", verify=verify)
        self.client = httpx.Client(base_url=made.address, transport=transport, timeout=30)
        self.headers = {"content-type": "application/json", **world.auth()}
        self.bodies = world.originals(300)
        self._next = itertools.count()
        self.sent: set[int] = set()
        self.wrong: list[object] = []

    def phase(self, seconds: float) -> list[float]:
        """Everybody's waits, in seconds."""
        took: list[float] = []
        until = time.monotonic() + seconds

        def one() -> None:
            while time.monotonic() < until:
                number = next(self._next) % len(self.bodies)
                began = time.monotonic()
                try:
                    status = self.client.post(
                        URL, content=self.bodies[number], headers=self.headers
                    ).status_code
                except httpx.HTTPError as error:
                    self.wrong.append(error)
                    continue
                took.append(time.monotonic() - began)
                self.sent.add(number)
                if status not in (200, 201):
                    self.wrong.append(status)
                time.sleep(0.02)

        threads = [threading.Thread(target=one) for _ in range(HONEST)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return took


def p99(took: list[float]) -> float:
    return sorted(took)[int(len(took) * 0.99)]


@pytest.mark.slow
@pytest.mark.fault(69)
@pytest.mark.parametrize("way", ["clear", "tls"])
def test_all_strangers_together_stop_nothing(
    world: Any, tmp_path: Path, way: str, record_property: Any
) -> None:
    certificate, key = certificate_in(tmp_path / "tls")
    safe = way == "tls"
    update: dict[str, object] = {"tls_certificate": certificate, "tls_key": key} if safe else {}
    if RATE:
        update["strangers_per_second"] = int(RATE)
    settings = world.settings.model_copy(update=update)
    context = ssl.create_default_context(cafile=str(certificate))
    context.check_hostname = False
    quiet: list[float] = []
    flood: list[float] = []
    with served(make_service(settings, Remote), context_of(settings)) as made:
        port = int(made.address.rpartition(":")[2])
        honest = Honest(made, world, context)
        with honest.client:
            honest.phase(1)
            for _ in range(TURNS):
                quiet += honest.phase(SECONDS / TURNS / 2)
                with strangers(port, safe, certificate):
                    flood += honest.phase(SECONDS / TURNS)
        put_off = made.toll.put_off
    said = f"{way}: usual {p99(quiet) * 1000:.1f} ms, meanwhile {p99(flood) * 1000:.1f} ms, {len(flood)} answers, {put_off} put off"
    record_property("p99", said)
    sys.stderr.write(f"{said}\n")
    assert honest.wrong == []
    assert world.count("fund.record") == len(honest.sent)
    assert p99(flood) < max(2 * p99(quiet), FLOOR_SECONDS)
