"""Strangers of every kind against one port, as many and as fast as one processor has them: `python -m benchmarks.strangers KIND PORT ADDRESS...`.

One thread, one epoll, no library: what it costs goes into the attack. Says `there` on standard output once every connection
was tried, and goes on until it is ended.
"""

from __future__ import annotations

import random
import resource
import selectors
import socket
import struct
import sys
import time
from dataclasses import dataclass
from typing import Final

INTAKE: Final = b"POST /api/v1/settlements HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
RESET: Final = struct.pack("ii", 1, 0)
CHUNK: Final = 65_536
BIND_NO_PORT: Final = 24
"""IP_BIND_ADDRESS_NO_PORT of Linux: a port is taken when it is known whereto."""


@dataclass(frozen=True)
class Kind:
    """What one kind does: `first` once connected (`%d` is a number of its own), then `manner`.

    `trickle`: a byte of `more` a second; `spew`: `more` without end, as fast as it is taken; `again`: `first` anew after each
    answer; `wait`: nothing; `close`: ended at once. Whoever is let go comes again at once.
    """

    count: int
    first: bytes
    manner: str
    more: bytes = b"x"


KINDS: Final = {
    "slow_heads": Kind(1_050, b"GET /a HTTP/1.1\r\nhost: x\r\nx: ", "trickle"),
    "endless_heads": Kind(64, b"GET /a HTTP/1.1\r\nhost: x\r\nx: ", "spew", b"a" * CHUNK),
    "endless_lines": Kind(64, b"GET /a HTTP/1.1\r\nhost: x\r\n", "spew", b"x: y\r\n" * 10_000),
    "slow_bodies": Kind(1_050, INTAKE + b"content-length: 100000\r\n\r\n", "trickle"),
    "endless_bodies": Kind(64, INTAKE + b"content-length: 30000000\r\n\r\n", "spew", b"a" * CHUNK),
    "half_open": Kind(1_050, b"", "wait"),
    "churn": Kind(64, b"", "close"),
    "churn_asking": Kind(64, b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\n", "close"),
    "keyless": Kind(64, b"GET /api/v1/books HTTP/1.1\r\nhost: x\r\n\r\n", "again"),
    "guessed_keys": Kind(
        64, b"GET /api/v1/books HTTP/1.1\r\nhost: x\r\nauthorization: Bearer fl_guess%d\r\n\r\n", "again"
    ),
    "unknown_paths": Kind(64, b"GET /nowhere/%d HTTP/1.1\r\nhost: x\r\n\r\n", "again"),
    "pages": Kind(64, b"GET /desk/login HTTP/1.1\r\nhost: x\r\n\r\n", "again"),
    "nonsense": Kind(64, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 60, "again"),
}


class Line:
    """One connection of a stranger's, made anew whenever it ends."""

    def __init__(self, flood: Flood, kind: Kind) -> None:
        self.flood, self.kind = flood, kind
        self.raw: socket.socket | None = None
        self.greeted = False

    def open(self) -> None:
        """Begin; a refusal is met later, as for any socket that does not block."""
        raw = socket.socket()
        raw.setblocking(False)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        try:
            raw.setsockopt(socket.IPPROTO_IP, BIND_NO_PORT, 1)
            raw.bind((random.choice(self.flood.addresses), 0))  # noqa: S311 no secret
            raw.connect(("127.0.0.1", self.flood.port))
        except BlockingIOError:
            pass
        except OSError:
            raw.close()
            self.flood.later.append(self)
            return
        self.raw, self.greeted = raw, False
        self.flood.opened += 1
        self.flood.ready.register(raw, selectors.EVENT_READ | selectors.EVENT_WRITE, self)

    def _close(self) -> None:
        if self.raw is not None:
            self.flood.ready.unregister(self.raw)
            self.raw.close()
            self.raw = None
        self.flood.later.append(self)

    def _ask(self) -> None:
        assert self.raw is not None
        first = self.kind.first
        if b"%d" in first:
            first = first % random.getrandbits(60)
        if first:
            self.raw.send(first)
            self.flood.asked += 1

    def on(self, mask: int) -> None:
        """Something came, or something can be sent."""
        assert self.raw is not None
        try:
            if mask & selectors.EVENT_READ and not self._heard():
                return
            if mask & selectors.EVENT_WRITE:
                self._can_send()
        except BlockingIOError:
            pass
        except OSError:
            self._close()

    def _heard(self) -> bool:
        assert self.raw is not None
        if not self.raw.recv(CHUNK):
            self._close()
            return False
        if self.kind.manner == "again":
            self._ask()
        return True

    def _can_send(self) -> None:
        assert self.raw is not None
        if not self.greeted:
            self._ask()
            if self.kind.manner == "close":
                self._close()
                return
            self.greeted = True
            if self.kind.manner != "spew":
                self.flood.ready.modify(self.raw, selectors.EVENT_READ, self)
                return
        self.raw.send(self.kind.more)

    def drop(self) -> None:
        """One more byte."""
        if self.raw is not None and self.greeted:
            try:
                self.raw.send(self.kind.more)
            except BlockingIOError:
                pass
            except OSError:
                self._close()


class Flood:
    """All strangers of one process."""

    def __init__(self, kinds: list[str], port: int, addresses: list[str]) -> None:
        self.port, self.addresses = port, addresses
        self.ready = selectors.DefaultSelector()
        self.later: list[Line] = []
        self.lines: list[Line] = []
        self.opened = self.asked = 0
        for name in kinds:
            kind = KINDS[name]
            self.lines += [Line(self, kind) for _ in range(max(1, kind.count // len(kinds)))]

    def run(self) -> None:
        """Without end."""
        slow = [line for line in self.lines if line.kind.manner == "trickle"]
        self.later, said, dropped, told = list(self.lines), False, time.monotonic(), time.monotonic()
        while True:
            again, self.later = self.later, []
            for line in again:
                line.open()
            for key, mask in self.ready.select(0.01):
                key.data.on(mask)
            now = time.monotonic()
            if now - dropped > 1.0:
                dropped = now
                for line in slow:
                    line.drop()
            if not said:
                said = True
                print("there", flush=True)
            if now - told > 1.0:
                used = resource.getrusage(resource.RUSAGE_SELF)
                print(f"{self.opened} {self.asked} {used.ru_utime + used.ru_stime:.2f}", flush=True)
                told = now


if __name__ == "__main__":
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8_192, hard), hard))
    if len(sys.argv) < 4:
        sys.exit(f"usage: {sys.argv[0]} KIND[,KIND...] PORT ADDRESS...")
    Flood(sys.argv[1].split(","), int(sys.argv[2]), sys.argv[3:]).run()
