"""Requests as bytes: what RFC 9112 lets be read in two ways is refused, and nothing after it is taken for a request.

The server, its parser and the guard are the service's own; behind them stands an application that tells what reached it.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, BinaryIO

import pytest
import uvicorn

from ledger.api.wire import guard
from ledger.api.wire.door import Door
from ledger.api.wire.guard import GuardedProtocol
from ledger.api.wire.lobby import Lobby
from ledger.api.wire.proxies import Proxies
from ledger.api.wire.toll import Toll

HEAD = b"POST /a HTTP/1.1\r\nhost: x\r\n"
GET = b"GET /next HTTP/1.1\r\nhost: x\r\n\r\n"
LAST = b"GET /next HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Answers with what it was asked; waits before `/slow` is answered, knows whoever asks for `/known`."""
    if scope["type"] != "http":
        return
    if scope["path"] == "/early":
        body = b""
    else:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body, more = body + message.get("body", b""), message.get("more_body", False)
    if scope["path"] == "/slow":
        await asyncio.sleep(0.3)
    if scope["path"] == "/known":
        scope["extensions"]["fundledger.known"]["prove"]()
    said = {
        "path": scope["path"],
        "body": body.decode("latin-1"),
        "headers": [name.decode() for name, _ in scope["headers"]],
    }
    content = b"x" * 8_000_000 if scope["path"] == "/large" else json.dumps(said).encode()
    await send(
        {
            "type": "http.response.start",
            "status": 200,
            "headers": [(b"content-length", b"%d" % len(content))],
        }
    )
    await send({"type": "http.response.body", "body": content})


@contextmanager
def served(door: Door) -> Iterator[int]:
    config = uvicorn.Config(
        echo,
        port=0,
        http=partial(GuardedProtocol, door=door, toll=Toll(100_000, Proxies()), lobby=Lobby()),  # type: ignore[arg-type]
        ws="none",
        interface="asgi3",
        lifespan="off",
        log_level="error",
        backlog=2_048,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with served(Door(1_000, 500)) as found:
        yield found


def told(port: int, *parts: bytes, wait: float = 0.0) -> list[tuple[int, Any]]:
    """Every answer to these bytes, until the server ends the connection."""
    with socket.create_connection(("127.0.0.1", port), 10) as raw:
        for part in parts:
            raw.sendall(part)
            time.sleep(wait)
        return answers(raw)


def asked(raw: socket.socket, request: bytes) -> int:
    """One request and its whole answer; returns the status."""
    raw.sendall(request)
    got = b""
    while not got.endswith(b"}"):
        part = raw.recv(65_536)
        assert part, got
        got += part
    return int(got.split()[1])


def next_line(file: BinaryIO) -> bytes:
    """The first line of the next answer; nothing where the server let go, also of what it had not read any more."""
    try:
        return file.readline()
    except ConnectionResetError:
        return b""


def answers(raw: socket.socket) -> list[tuple[int, Any]]:
    found = []
    with raw.makefile("rb") as file:
        while line := next_line(file):
            status, length = int(line.split()[1]), 0
            while (line := file.readline()) not in (b"\r\n", b""):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            body = file.read(length)
            found.append((status, json.loads(body) if body.startswith(b"{") else body))
    return found


REFUSED = [
    (
        "a length beside chunks",
        HEAD + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    (
        "chunks beside a length",
        HEAD + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n0\r\n\r\n",
        400,
    ),
    ("two lengths", HEAD + b"content-length: 5\r\ncontent-length: 6\r\n\r\nhello!", 400),
    ("two equal lengths", HEAD + b"content-length: 5\r\ncontent-length: 5\r\n\r\nhello", 400),
    ("a list of lengths", HEAD + b"content-length: 5, 5\r\n\r\nhello", 400),
    ("a signed length", HEAD + b"content-length: +5\r\n\r\nhello", 400),
    ("a negative length", HEAD + b"content-length: -5\r\n\r\nhello", 400),
    ("a length in hexadecimal", HEAD + b"content-length: 0x5\r\n\r\nhello", 400),
    ("an empty length", HEAD + b"content-length: \r\n\r\nhello", 400),
    ("a length beyond all numbers", HEAD + b"content-length: 99999999999999999999999\r\n\r\n", 400),
    ("a length of twenty digits", HEAD + b"content-length: 00000000000000000005\r\n\r\nhello", 400),
    ("a chunk of no size", HEAD + b"transfer-encoding: chunked\r\n\r\nx\r\nhello\r\n0\r\n\r\n", 400),
    ("a chunk of negative size", HEAD + b"transfer-encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n", 400),
    (
        "a chunk in C's hexadecimal",
        HEAD + b"transfer-encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n",
        400,
    ),
    ("a chunk beyond all numbers", HEAD + b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff1\r\nh", 400),
    (
        "a chunk longer than its size",
        HEAD + b"transfer-encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
        400,
    ),
    ("a chunk size ended by LF", HEAD + b"transfer-encoding: chunked\r\n\r\n5\nhello\r\n0\r\n\r\n", 400),
    ("a space after a chunk size", HEAD + b"transfer-encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n", 400),
    ("endless chunk extensions", HEAD + b"transfer-encoding: chunked\r\n\r\n5;" + b"a" * 40_000, 400),
    ("gzip and chunked", HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    (
        "chunked twice",
        HEAD + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    ("chunked, then identity", HEAD + b"transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n", 400),
    ("an encoding alone", HEAD + b"transfer-encoding: gzip\r\n\r\n", 501),
    ("an encoding hidden by a tab", HEAD + b"transfer-encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    (
        "chunks in HTTP/1.0",
        b"POST /a HTTP/1.0\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    ("a header ended by LF", b"GET /a HTTP/1.1\r\nhost: x\nx: y\r\n\r\n", 400),
    ("a bare CR in a value", b"GET /a HTTP/1.1\r\nhost: x\r\nx: a\rb: c\r\n\r\n", 400),
    ("a NUL in a value", b"GET /a HTTP/1.1\r\nhost: x\r\nx: a\x00b\r\n\r\n", 400),
    ("a folded line", b"GET /a HTTP/1.1\r\nhost: x\r\nx: a\r\n b\r\n\r\n", 400),
    ("a folded first line", b"GET /a HTTP/1.1\r\n host: x\r\n\r\n", 400),
    ("a space before the colon", b"GET /a HTTP/1.1\r\nhost : x\r\n\r\n", 400),
    ("a header without colon", b"GET /a HTTP/1.1\r\nhost: x\r\nfoo\r\n\r\n", 400),
    ("a header without name", b"GET /a HTTP/1.1\r\nhost: x\r\n: foo\r\n\r\n", 400),
    ("no host", b"GET /a HTTP/1.1\r\nx: y\r\n\r\n", 400),
    ("two hosts", b"GET /a HTTP/1.1\r\nhost: x\r\nhost: x\r\n\r\n", 400),
    ("an empty host", b"GET /a HTTP/1.1\r\nhost: \r\n\r\n", 400),
    ("two hosts in one", b"GET /a HTTP/1.1\r\nhost: x, y\r\n\r\n", 400),
    ("a host with a path", b"GET /a HTTP/1.1\r\nhost: x/y\r\n\r\n", 400),
    ("two hosts in HTTP/1.0", b"GET /a HTTP/1.0\r\nhost: x\r\nhost: y\r\n\r\n", 400),
    ("an encoded slash", b"GET /a%2Fb HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("an encoded backslash", b"GET /a%5cb HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a slash encoded twice", b"GET /a%252fb HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a dot segment", b"GET /a/../b HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a dot segment encoded", b"GET /a/%2e%2E/b HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a segment of one dot", b"GET /./b HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("an empty segment", b"GET //a HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a backslash", b"GET /a\\b HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("half a percent", b"GET /a%2 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("an encoded NUL", b"GET /a%00 HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a path that is no UTF-8", b"GET /a%ff HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("another's address", b"GET http://other/a HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a fragment", b"GET /a#b HTTP/1.1\r\nhost: x\r\n\r\n", 400),
    ("a long target", b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nhost: x\r\n\r\n", 414),
    ("a long header", b"GET /a HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 17_000 + b"\r\n\r\n", 431),
    ("many headers", b"GET /a HTTP/1.1\r\nhost: x\r\n" + b"x: y\r\n" * 70 + b"\r\n", 431),
    ("an endless first line", b"GET /" + b"a" * 40_000, 431),
    ("an endless header", b"GET /a HTTP/1.1\r\nhost: x\r\nx: " + b"a" * 40_000, 431),
    ("a tunnel", b"CONNECT x:443 HTTP/1.1\r\nhost: x\r\n\r\n", 501),
    ("a websocket", b"GET /a HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n", 501),
    ("HTTP/2 offered", b"GET /a HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", 501),
    ("HTTP/2 at once", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    ("HTTP/0.9", b"GET /a\r\n\r\n", 505),
    ("HTTP/1.2", b"GET /a HTTP/1.2\r\nhost: x\r\n\r\n", 400),
    ("a TLS greeting", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 60, 400),
    ("no method", b" /a HTTP/1.1\r\nhost: x\r\n\r\n", 400),
]


@pytest.mark.parametrize(("what", "raw", "status"), REFUSED, ids=[what for what, _, _ in REFUSED])
def test_what_can_be_read_in_two_ways_is_refused_and_ends_the_connection(
    port: int, what: str, raw: bytes, status: int
) -> None:
    """One answer, of this status, as a problem; the request behind it is never answered."""
    found = told(port, raw, GET)
    assert [code for code, _ in found] == [status], what
    assert found[0][1]["code"].startswith("http.")


ANSWERED = [
    ("a body by its length", HEAD + b"content-length: 5\r\n\r\nhello", "hello"),
    ("chunks", HEAD + b"transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n", "hello"),
    ("Chunked", HEAD + b"Transfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "hello"),
    ("a chunk extension", HEAD + b"transfer-encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\n\r\n", "hello"),
    ("no body", HEAD + b"content-length: 0\r\n\r\n", ""),
    ("empty lines before", b"\r\n\r\n" + HEAD + b"content-length: 0\r\n\r\n", ""),
    ("a name in Chinese", b"GET /%E5%8C%BB HTTP/1.1\r\nhost: x:80\r\n\r\n", ""),
    ("a query with a slash", b"GET /a?b=%2F..%2F HTTP/1.1\r\nhost: [::1]:80\r\n\r\n", ""),
]


@pytest.mark.parametrize(("what", "raw", "body"), ANSWERED, ids=[what for what, _, _ in ANSWERED])
def test_what_is_right_is_answered_and_the_next_too(port: int, what: str, raw: bytes, body: str) -> None:
    found = told(port, raw, LAST)
    assert [(code, said["body"]) for code, said in found] == [(200, body), (200, "")], what
    assert found[1][1]["path"] == "/next"


def test_nothing_after_the_body_is_a_header(port: int) -> None:
    """A trailer carries no credential."""
    trailer = b"authorization: Bearer stolen\r\nx: y\r\n\r\n"
    found = told(port, HEAD + b"transfer-encoding: chunked\r\n\r\n0\r\n" + trailer, LAST)
    assert [code for code, _ in found] == [200, 200]
    assert found[0][1]["headers"] == ["host", "transfer-encoding"]


def test_an_old_caller_is_answered_and_let_go(port: int) -> None:
    for head in (b"GET /a HTTP/1.0\r\n\r\n", b"GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"):
        assert [code for code, _ in told(port, head, GET)] == [200]


def test_what_came_before_a_broken_request_is_answered_in_order(port: int) -> None:
    """In one packet: a slow one, a good one, then bytes that are no request. No answer overtakes another."""
    slow = b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n"
    found = told(port, slow + GET + b"NONSENSE\r\n\r\n" + GET)
    assert [(code, said["path"]) for code, said in found] == [(200, "/slow"), (200, "/next")]
    broken = HEAD + b"transfer-encoding: chunked\r\n\r\nzz\r\n"
    found = told(port, slow + broken + GET)
    assert [(code, said["path"]) for code, said in found] == [(200, "/slow")]


@pytest.mark.fault(69)
@pytest.mark.parametrize(
    ("first", "most"), [("/next", guard.STRANGERS_AHEAD_MAX), ("/known", guard.AHEAD_MAX)]
)
def test_so_many_requests_ahead_and_no_more(port: int, first: str, most: int) -> None:
    """Each costs the service some of its time, and one packet brings hundreds: a stranger's few, a caller's more."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(f"GET {first} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        assert line.recv(65_536).startswith(b"HTTP/1.1 200")
        line.sendall(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n" + GET * (guard.AHEAD_MAX + 20))
        said = b""
        while part := line.recv(65_536):
            said += part
    assert said.count(b"HTTP/1.1 200") == most + 1


@pytest.mark.fault(69)
def test_who_is_slow_is_let_go(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Saying nothing, half a head, empty lines, half a body, a body after its answer; each sends on, byte by byte."""
    monkeypatch.setattr(guard, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(guard, "BODY_SECONDS", 0.5)
    cases = {
        b"": (b"", []),
        b"GET /a HTTP/1.1\r\nhost: x\r\n": (b"a", [408]),
        b"\r\n": (b"\r\n", []),
        HEAD + b"content-length: 5000\r\n\r\n": (b"a", []),
        HEAD + b"transfer-encoding: chunked\r\n\r\n5;": (b"a", []),
        b"POST /early HTTP/1.1\r\nhost: x\r\ncontent-length: 5000\r\n\r\n": (b"a", [200]),
    }

    def one(first: bytes, drop: bytes) -> tuple[float, list[int]]:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), 10) as raw:
            raw.sendall(first)
            raw.settimeout(0.05)
            got = b""
            while time.monotonic() - began < 9:
                try:
                    part = raw.recv(65_536)
                    if not part:
                        break
                    got += part
                except TimeoutError:
                    raw.sendall(drop)
                except OSError:
                    break
        return time.monotonic() - began, [
            int(line.split()[1]) for line in got.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")
        ]

    for first, (drop, codes) in cases.items():
        took, found = one(first, drop)
        assert (found, took < 5) == (codes, True), first


def test_who_does_not_read_is_let_go(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "SEND_SECONDS", 0.3)
    with socket.create_connection(("127.0.0.1", port), 10) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 262_144)
        raw.sendall(b"GET /large HTTP/1.1\r\nhost: x\r\n\r\n")
        time.sleep(1.5)
        raw.settimeout(
            1
        )  # what is still on its way in the kernel comes; a server that writes on would never pause
        got = 0
        try:
            while part := raw.recv(1_000_000):
                got += len(part)
        except OSError:
            pass
        assert got < 8_000_000


def test_strangers_make_room_and_callers_stay() -> None:
    """Known callers keep their connections; half-open ones take places only from each other; nobody waits for a place."""
    door = Door(60, 50)
    with served(door) as port:
        known = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(5)]
        for raw in known:
            assert asked(raw, b"GET /known HTTP/1.1\r\nhost: x\r\n\r\n") == 200
        half = []
        for number in range(200):
            raw = socket.create_connection(("127.0.0.1", port), 10)
            raw.sendall(b"POST /api HTTP/1.1\r\nhost: x\r\nx-n: ")
            half.append(raw)
            if number % 40 == 0:
                assert [code for code, _ in told(port, LAST)] == [200]
        for raw in known:
            assert asked(raw, GET) == 200
        assert door.sent_away >= 150
        assert len(door) <= 50
        for raw in known + half:
            raw.close()


def test_where_everybody_is_known_the_newcomer_is_told() -> None:
    with served(Door(60, 3)) as port:
        known = [socket.create_connection(("127.0.0.1", port), 10) for _ in range(3)]
        for raw in known:
            assert asked(raw, b"GET /known HTTP/1.1\r\nhost: x\r\n\r\n") == 200
        with socket.create_connection(("127.0.0.1", port), 10) as raw:
            [(code, said)] = answers(raw)
        assert (code, said["code"]) == (503, "service.connections")
        known[0].close()
        time.sleep(0.2)
        assert [code for code, _ in told(port, LAST)] == [200]
        for raw in known:
            raw.close()
