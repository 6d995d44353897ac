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
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import pytest
import uvicorn

from ledger.api.wire import guard
from ledger.api.wire.door import Door
from ledger.api.wire.guard import GuardedProtocol
from ledger.api.wire.lobby import Lobby
from ledger.api.wire.proxies import Proxies
from ledger.api.wire.toll import Toll
from tests.api.wire.requests import ANSWERED, GET, HEAD, LAST, REFUSED, answers, told


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
    if scope["path"] == "/held":
        await asyncio.sleep(4)
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


def asked(raw: socket.socket, request: bytes) -> int:
    """One request and its whole answer; returns the status."""
    raw.sendall(request)
    got = b""
    while not got.endswith(b"}"):
        part = raw.recv(65_536)
        assert part, got
        got += part
    return int(got.split()[1])


@pytest.mark.parametrize(("what", "raw", "status"), REFUSED, ids=[what for what, _, _ in REFUSED])
def test_what_can_be_read_in_two_ways_is_refused_and_ends_the_connection(
    port: int, what: str, raw: bytes, status: int
) -> None:
    """One answer, of this status, as a problem; the request behind it is never answered."""
    found = told(port, raw, GET)
    assert [code for code, _ in found] == [status], what
    assert found[0][1]["code"].startswith("http.")


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


def test_strangers_whose_answers_are_held_back_leave_places_to_who_was_known_before() -> None:
    """As log-ins do that wait for their turn: they fill no address, and one behind it who was inside comes in anew."""
    session = b"GET /known HTTP/1.1\r\nhost: x\r\ncookie: a=b; fundledger=a-good-one\r\n\r\n"
    door = Door(100, 8)
    with served(door) as port, ExitStack() as open_:

        def newcomer() -> socket.socket:
            return open_.enter_context(socket.create_connection(("127.0.0.1", port), 10))

        with socket.create_connection(("127.0.0.1", port), 10) as raw:
            assert asked(raw, session) == 200
        time.sleep(0.2)
        held = [newcomer() for _ in range(7)]
        for raw in held:
            raw.sendall(b"GET /held HTTP/1.1\r\nhost: x\r\n\r\n")
            time.sleep(0.05)
        [(code, said)] = answers(held[6])  # two of eight places are kept
        assert (code, said["code"]) == (503, "service.connections")
        for cookie in (b"fundledger=guessed", b"other=a-good-one"):
            stranger = newcomer()
            stranger.sendall(b"GET / HTTP/1.1\r\nhost: x\r\ncookie: " + cookie + b"\r\n\r\n")
            assert [code for code, _ in answers(stranger)] == [503]
        for _ in range(2):
            assert asked(newcomer(), session) == 200
        for raw in held[:6]:
            assert int(raw.recv(65_536).split()[1]) == 200  # and whoever was being answered is


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
