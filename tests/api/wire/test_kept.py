"""A connection kept between requests ends in no request's way: where both ends count the same seconds, one would go unanswered."""

from __future__ import annotations

import asyncio
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from ledger.api.wire.door import Door
from ledger.api.wire.gate import Loop
from ledger.api.wire.guard import GuardedProtocol
from ledger.api.wire.kept import KNOWN_SECONDS, PROXY_SECONDS, STRANGER_SECONDS
from ledger.api.wire.lobby import Lobby
from ledger.api.wire.proxies import Proxies
from ledger.api.wire.toll import Toll
from tests.api.wire.requests import GET
from tests.api.wire.test_framing import asked, echo
from tests.scenes.served import certificate_in

KNOWN = b"GET /known HTTP/1.1\r\nhost: x\r\n\r\n"


@dataclass
class Kept:
    """A server on its loop, with what a test may look at in it."""

    port: int
    server: uvicorn.Server
    loop: asyncio.AbstractEventLoop
    lobby: Lobby

    def within(self, what: Callable[[GuardedProtocol], object]) -> object:
        """Do it in the loop, with the one connection there is, before the loop looks for bytes again."""
        done: Future[object] = Future()

        def run() -> None:
            try:
                [connection] = self.server.server_state.connections
                done.set_result(what(connection))  # type: ignore[arg-type]
            except BaseException as wrong:  # noqa: BLE001 it is the test's to see
                done.set_exception(wrong)

        self.loop.call_soon_threadsafe(run)
        return done.result(20)


@contextmanager
def kept(proxies: str = "", tls: ssl.SSLContext | None = None) -> Iterator[Kept]:
    lobby = Lobby()
    config = uvicorn.Config(
        echo, port=0, timeout_keep_alive=STRANGER_SECONDS, ws="none", interface="asgi3", lifespan="off", log_level="error",
        http=partial(GuardedProtocol, door=Door(100, 50), toll=Toll(100_000, Proxies(proxies)), lobby=lobby),  # type: ignore[arg-type]
    )  # fmt: skip
    if tls is not None:
        config.ssl_context_factory = lambda _config, _default: tls
    server = uvicorn.Server(config)
    loops: Future[asyncio.AbstractEventLoop] = Future()
    started = threading.Event()

    async def startup(sockets: Any = None) -> None:
        await uvicorn.Server.startup(server, sockets)
        loops.set_result(asyncio.get_running_loop())
        started.set()

    server.startup = startup  # type: ignore[method-assign]

    def run() -> None:
        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(server.serve())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        assert started.wait(20)
        yield Kept(server.servers[0].sockets[0].getsockname()[1], server, loops.result(20), lobby)
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()


def come_to(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 20)


@pytest.mark.parametrize("safe", [False, True], ids=["plain", "tls"])
def test_a_request_that_came_in_the_last_moment_is_answered(tmp_path: Path, safe: bool) -> None:
    """The time between requests is over while the loop was busy elsewhere, and the next one waits in the kernel already."""
    context, mine = None, ssl.create_default_context()
    if safe:
        certificate, key = certificate_in(tmp_path / "tls")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        mine.load_verify_locations(certificate)
    with kept(tls=context) as made, come_to(made.port) as bare:
        whole: socket.socket = mine.wrap_socket(bare, server_hostname="localhost") if safe else bare
        with whole as raw:
            assert asked(raw, GET) == 200

            def in_the_last_moment(connection: GuardedProtocol) -> None:
                assert connection.timeout_keep_alive_task is not None
                raw.sendall(GET)
                arrived = select.poll()
                arrived.register(connection.transport.get_extra_info("socket").fileno(), select.POLLIN)
                assert arrived.poll(20_000)
                connection.timeout_keep_alive_handler()

            made.within(in_the_last_moment)
            assert asked(raw, b"") == 200
            assert asked(raw, GET) == 200


def test_where_nothing_came_it_ends() -> None:
    with kept() as made, come_to(made.port) as raw:
        assert asked(raw, GET) == 200
        made.within(lambda connection: connection.timeout_keep_alive_handler())
        assert raw.recv(1) == b""


def test_who_waits_for_a_turn_has_asked() -> None:
    """A stranger's next request amid a flood: it waits in the lobby, and its time between requests is over."""
    with kept() as made, come_to(made.port) as raw:
        assert asked(raw, GET) == 200

        def amid_a_flood(connection: GuardedProtocol) -> object:
            made.lobby.pay(1_000.0)
            connection.data_received(GET)
            return connection.timeout_keep_alive_task

        assert made.within(amid_a_flood) is None
        assert asked(raw, b"") == 200


@pytest.mark.parametrize(
    ("proxies", "request_", "more_than", "seconds"),
    [
        ("", GET, 0, STRANGER_SECONDS),
        ("", KNOWN, STRANGER_SECONDS, KNOWN_SECONDS),
        ("127.0.0.1", GET, KNOWN_SECONDS, PROXY_SECONDS),
        ("127.0.0.1", KNOWN, KNOWN_SECONDS, PROXY_SECONDS),
    ],
    ids=["stranger", "caller", "proxy", "caller behind a proxy"],
)
def test_whose_connection_stays_how_long(proxies: str, request_: bytes, more_than: int, seconds: int) -> None:
    with kept(proxies) as made, come_to(made.port) as raw:
        assert asked(raw, request_) == 200

        def left(connection: GuardedProtocol) -> float:
            assert connection.timeout_keep_alive_task is not None
            return connection.timeout_keep_alive_task.when() - made.loop.time()

        remaining = made.within(left)
        assert isinstance(remaining, float)
        assert more_than < remaining < seconds + 1  # the clocks round


def test_a_caller_s_stays_longer_than_the_caller_keeps_it() -> None:
    """httpx takes a connection for good for so long after an answer; nginx for 60 seconds."""
    expiry = httpx.Limits().keepalive_expiry
    assert expiry is not None
    assert expiry < STRANGER_SECONDS < KNOWN_SECONDS
    assert PROXY_SECONDS > 60
