"""The listening sockets: connections are taken from the kernel a few at a time, and strangers' wait in the lobby before anything is made of them.

uvloop takes all that the kernel has at once and makes a transport and a protocol of each: a thousand that come together keep
every caller waiting for tens of milliseconds, and whoever is let go comes again. Here a connection is a bare socket until its turn.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

import uvloop

from ledger.api.wire.lobby import SLICE_SECONDS, Lobby, Purse, Stranger
from ledger.api.wire.shutter import Shutter
from ledger.api.wire.tls import Behind, Handshake
from ledger.api.wire.toll import KEY_WITHIN, Toll

AT_ONCE: Final = 32
"""Connections taken from the kernel before the loop sees to others."""
SHARE: Final = 0.2
"""Of the loop's time for taking them, beside what is done with them; the kernel keeps the others meanwhile."""
GLANCE_SECONDS: Final = 0.003
"""After a connection, to the look at what came with it."""
COST: Final = 0.0001
"""Of the event loop's time, in seconds, what making a connection of a socket comes to after its turn."""
REST_SECONDS: Final = 0.1
"""After the kernel has no descriptor left for us."""


class Gate:
    """What uvicorn takes for a server of the loop's: what it asks of one, and no more."""

    def __init__(
        self,
        loop: Loop,
        listening: list[socket.socket],
        factory: Callable[[], Any],
        context: ssl.SSLContext | None,
        lobby: Lobby,
        toll: Toll,
    ) -> None:
        self._loop, self._listening, self._factory, self._context = loop, listening, factory, context
        self._lobby, self._toll = lobby, toll
        self.shutter = Shutter(loop, self._listening)
        self._purse = Purse(SHARE)
        self._unseen: list[tuple[socket.socket, Stranger]] = []

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """Those that listen."""
        return tuple(self._listening)

    async def start_serving(self) -> None:
        """Hear who comes."""
        for one in self._listening:
            self._listen(one)

    def close(self) -> None:
        """Let nobody in any more."""
        listening = self._listening.copy()
        self._listening.clear()
        for one in listening:
            self._loop.remove_reader(one)
            one.close()

    async def wait_closed(self) -> None:
        """Connections are ended by who holds them."""

    def _come(self, listening: socket.socket) -> None:
        """Take in a few; where that took more than its part of the time, none for a while."""
        began = time.perf_counter()
        try:
            for _ in range(AT_ONCE):
                line, peer = listening.accept()
                address = str(peer[0]) if isinstance(peer, tuple) else ""
                if self._lobby.full(address) and not self._toll.trusted(address):
                    line.close()
                    self.shutter.turned_away(address)
                    continue
                line.setblocking(False)
                if self._lobby.at_once():
                    self._lobby.do(partial(self._let_in, line))
                else:
                    self._wait(line, address)
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            pass
        except OSError:  # no descriptor left: some will be free soon
            self._rest(listening, REST_SECONDS)
            return
        self._purse.pay(time.perf_counter() - began)
        if self._purse.left() <= 0.0:
            self._rest(listening, self._purse.until(SLICE_SECONDS))

    def _wait(self, line: socket.socket, address: str) -> None:
        """Until it is its turn, or until it is seen that a good key waits in it. Within TLS nobody sees that."""
        waiting = self._lobby.wait(address, lambda: self._let_in(line), lambda: self._push_out(line))
        if self._context is None:
            if not self._unseen:
                self._loop.call_later(GLANCE_SECONDS, self._glance)
            self._unseen.append((line, waiting))

    def _glance(self) -> None:
        """Callers who came anew amid a flood, at the flood's own address too, do not wait for its end."""
        began = time.perf_counter()
        unseen, self._unseen = self._unseen, []
        for line, waiting in unseen:
            if not waiting.gone and self._good(line):
                waiting.gone = True
                self._let_in(line)
        self._purse.pay(time.perf_counter() - began)

    def _push_out(self, line: socket.socket) -> None:
        if self._good(line):
            self._let_in(line)
        else:
            line.close()

    def _good(self, line: socket.socket) -> bool:
        if self._context is not None:
            return False
        try:
            return self._toll.met_in(line.recv(KEY_WITHIN, socket.MSG_PEEK))
        except OSError:
            return False

    def _rest(self, listening: socket.socket, seconds: float) -> None:
        self._loop.remove_reader(listening)
        self._loop.call_later(seconds, self._listen, listening)

    def _listen(self, listening: socket.socket) -> None:
        if listening in self._listening:
            self._loop.add_reader(listening, self._come, listening)

    def _let_in(self, line: socket.socket) -> None:
        if not self._listening:
            line.close()
            return
        self._lobby.pay(COST)
        if self._context is not None:
            try:
                newcomer = Handshake(self._factory(), line)
            except OSError:  # gone already
                line.close()
                return
            self._loop.keep(newcomer.shake(self._loop, self._context))
        else:
            self._loop.keep(self._connect(line))

    async def _connect(self, line: socket.socket) -> None:
        try:
            await self._loop.connect_accepted_socket(self._factory, line)
        except OSError:
            line.close()


class Loop(uvloop.Loop):  # type: ignore[misc, name-defined, unused-ignore]
    """uvloop, whose servers let nobody in but through a gate: where the protocol has a lobby of its own, strangers wait there."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: set[asyncio.Task[None]] = set()

    def keep(self, work: Any) -> None:
        """Begin a task, and hold it until it is done."""
        task = self.create_task(work)
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)

    async def create_server(self, protocol_factory: Any, *_args: Any, **kwargs: Any) -> Any:
        """As the event loop has it, by host and port or by a socket that is bound."""
        context, backlog = kwargs.pop("ssl", None), kwargs.pop("backlog", 100)
        host, port, given = kwargs.get("host"), kwargs.get("port"), kwargs.get("sock")
        listening = [given] if given is not None else await self._bound(host, port)
        for one in listening:
            one.setblocking(False)
            one.listen(backlog)
        first: Behind = protocol_factory()
        gate = Gate(self, listening, protocol_factory, context, first.lobby, first.toll)
        await gate.start_serving()
        return gate

    async def _bound(self, host: str | None, port: int | None) -> list[socket.socket]:
        found: Iterable[Any] = await self.getaddrinfo(
            host or None, port or 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        made: list[socket.socket] = []
        try:
            for family, kind, protocol, _, address in dict.fromkeys(found):
                one = socket.socket(family, kind, protocol)
                made.append(one)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                one.bind(address)
        except OSError as error:
            for one in made:
                one.close()
            raise OSError(error.errno, f"cannot listen on {host}:{port}: {error.strerror}") from None
        return made
