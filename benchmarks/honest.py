"""Callers with a key: a record, its reading, its reading over a new connection, in turns; `python -m benchmarks.honest PORT RECORDS SECONDS`."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

CALLERS: Final = 4
PAUSE: Final = 0.01
FIRST: Final = 40
"""Their priority before everything else of their processor (SCHED_FIFO)."""


class Heard(NamedTuple):
    """99th percentiles in ms of one run: of all requests, and of each kind."""

    late: float
    intake: float
    read: float
    fresh: float
    live: float
    """Of what asks neither database nor threads: the event loop alone."""
    count: int
    cpu: float = 0.0
    """Processor seconds of the service a second."""

    def told(self) -> str:
        """For people."""
        return f"{self.late:.1f} ({self.intake:.1f}, {self.read:.1f}, {self.fresh:.1f}, {self.live:.1f}; {self.count} answers, {self.cpu:.2f} s/s)"


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> float:
    """One request and its whole answer, in ms; raises RuntimeError unless it is a success."""
    began = time.perf_counter()
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length:")[2].split()[0])
    body = await reader.readexactly(length)
    took = (time.perf_counter() - began) * 1_000
    if head.split()[1][:1] != b"2":
        raise RuntimeError(f"{head.split()[1].decode()} {body.decode()}")
    return took


async def _call(
    number: int, port: int, heads: Sequence[bytes], until: float, took: dict[str, list[float]]
) -> None:
    key, run = os.environ["FLB_KEY"], os.environ["FLB_RUN"]
    who = f"host: x\r\nauthorization: Bearer {key}\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    sent = 0
    while time.perf_counter() < until:
        sent += 1
        setl_id = f"{run}{number}-{sent}"
        before, _, after = heads[(number + sent) % len(heads)].partition(b"\x01")
        body = before + setl_id.encode() + after
        post = f"POST /api/v1/settlements HTTP/1.1\r\n{who}content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        took["intake"].append(await _ask(reader, writer, post.encode() + b"\r\n" + body))
        await asyncio.sleep(PAUSE)
        get = f"GET /api/v1/settlements/{setl_id} HTTP/1.1\r\n{who}\r\n".encode()
        took["read"].append(await _ask(reader, writer, get))
        await asyncio.sleep(PAUSE)
        began = time.perf_counter()
        new_reader, new_writer = await asyncio.open_connection("127.0.0.1", port)
        await _ask(new_reader, new_writer, get)
        took["fresh"].append((time.perf_counter() - began) * 1_000)
        new_writer.close()
        await asyncio.sleep(PAUSE)
        took["live"].append(await _ask(reader, writer, b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n"))
        await asyncio.sleep(PAUSE)
    writer.close()


async def _callers(port: int, heads: Sequence[bytes], seconds: float) -> Heard:
    took: dict[str, list[float]] = {"intake": [], "read": [], "fresh": [], "live": []}
    until = time.perf_counter() + seconds
    await asyncio.gather(*(_call(number, port, heads, until, took) for number in range(CALLERS)))
    every = [one for times in took.values() for one in times]
    return Heard(_late(every), *map(_late, took.values()), len(every))


def _late(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


if __name__ == "__main__":
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(FIRST))
    records = Path(sys.argv[2]).read_bytes().splitlines()
    print(json.dumps(asyncio.run(_callers(int(sys.argv[1]), records, float(sys.argv[3])))))
