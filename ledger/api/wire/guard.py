"""One connection of the HTTP server under limits: of time, of bytes, of headers, of requests sent ahead of their answers.

uvicorn parses and answers; it waits for a head and for the rest of a body as long as anybody likes, and takes the fields
after a chunked body for headers of the request. That is mended here, and every refusal is a problem document in its turn.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from ledger.api.limits import BODY_MAX
from ledger.api.problems import Answer, problem
from ledger.api.wire.door import Door
from ledger.api.wire.heads import (
    HEAD_BYTES_MAX,
    HEADERS_MAX,
    fault_of,
    too_large,
    too_often,
    too_slow,
    unreadable,
    written,
)
from ledger.api.wire.kept import KNOWN_SECONDS, PROXY_SECONDS, KeptProtocol
from ledger.api.wire.lobby import SECONDS_PER_BYTE, Lobby
from ledger.api.wire.toll import PUT_OFF_SECONDS, Toll

HEAD_SECONDS: Final = 10.0
"""From the connection, or from a request's first byte, to the end of its head."""
BODY_SECONDS: Final = 32.0
"""From the head to the end of the body; who waits for the body gives it up, with an answer, a little sooner."""
SEND_SECONDS: Final = 30.0
"""How long a caller may leave its answer unread."""
LINGER_SECONDS: Final = 1.0
"""After a refusal, so that it is read before the connection ends."""
OVERHEAD_MAX: Final = 16 * 1024
"""Of chunk sizes, chunk extensions and trailers, beside as many bytes as the body itself has."""
AHEAD_MAX: Final = 64
"""Requests waiting on one connection for the answers before theirs."""
STRANGERS_AHEAD_MAX: Final = 2
"""The same, before a good key came over it: each costs the loop some of its time, and one packet brings hundreds."""
LINGER_BYTES: Final = 64 * 1024
"""What a stranger may still send meanwhile before nothing of it is read any more: an endless head goes on after its refusal."""
REQUEST_COST: Final = 0.001
GUESS_COST: Final = 0.002
"""Of the event loop's time, in seconds, what a stranger's request and a key never seen come to once they are passed on."""
_IDLE, _HEAD, _BODY = range(3)


class Refused(Exception):
    """Raised inside the parser, to end it."""


class GuardedProtocol(KeptProtocol):
    """uvicorn's connection under limits."""

    def __init__(self, *args: Any, door: Door, toll: Toll, lobby: Lobby, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.door = door
        self.toll = toll
        self.lobby = lobby
        self.address = ""
        self._proven = False
        self._at = _IDLE
        self._raw = self._body_bytes = self._head_bytes = self._unheard = 0
        self._kept = bytearray()
        """What came while it waits for its turn."""
        self._why: Answer | None = None
        self._deaf = self._ending = self._put_off = False
        self._due: asyncio.TimerHandle | None = None
        self._due_at = _IDLE
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let in, or told that there is no place."""
        super().connection_made(transport)
        self.address = self.client[0] if self.client else ""
        if self.toll.trusted(self.address):
            self.keep_for(PROXY_SECONDS)
        if not self.door.enter(self):
            self._refuse(problem(503, "service.connections", "连接已满，请稍后再试"))
            return
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """The place is free."""
        self.door.gone(self)
        self._stop_waiting()
        self.resume_writing()
        super().connection_lost(exc)

    def prove(self, headers: list[tuple[bytes, bytes]]) -> None:
        """A good key, or a good session, came over this connection with this head: it is no stranger's any more. From any thread."""
        if not self._proven or not self.toll.met_before(
            headers
        ):  # on one of a log-in its session comes later
            self._proven = True
            self.keep_for(KNOWN_SECONDS)
            self.loop.call_soon_threadsafe(self._greet, headers)

    def _greet(self, headers: list[tuple[bytes, bytes]]) -> None:
        """In the loop, whose door and lobby are; what came meanwhile does not wait any more."""
        self.toll.sat(headers)
        self.door.known(self)
        self.lobby.good(self.address)
        self._turn()

    def busy(self) -> bool:
        """Whether a whole request is being answered."""
        return self._at == _IDLE and self.cycle is not None and not self.cycle.response_complete

    def leave(self) -> None:
        """End it: another needs the place."""
        self._deaf = True
        self._stop_waiting()
        self.transport.abort()

    # Bytes
    def data_received(self, data: bytes) -> None:
        """Read what came: a caller's at once, a stranger's when it is its turn."""
        if self._deaf:
            self._overhear(len(data))
        elif not self._kept and (self._proven or self.toll.met_in(data)):
            self._read(data)
        elif not self._kept and self.lobby.at_once():
            self.lobby.pay(len(data) * SECONDS_PER_BYTE)
            self.lobby.do(partial(self._read, data))
        else:
            self.flow.pause_reading()
            self._unset_keepalive_if_required()  # it has asked: its time between requests is over
            if not self._kept:
                self.lobby.wait(self.address, self._turn, self.leave)
            self._kept += data

    def _turn(self) -> None:
        kept, self._kept = bytes(self._kept), bytearray()
        if not kept or self._deaf or self.transport.is_closing():
            return
        self.flow.resume_reading()
        self._read(kept)

    def _overhear(self, count: int) -> None:
        self._unheard += count
        if self._unheard > LINGER_BYTES and not self._proven:
            self.flow.pause_reading()

    def _read(self, data: bytes) -> None:
        """Parse, no more at a time than a head may have; afterwards either nothing is missing or a time runs."""
        while data and not self._deaf:
            size = len(data) if self._at == _BODY else HEAD_BYTES_MAX
            self._parse(data[:size])
            if self.transport.is_closing():
                return
            data = data[size:]
        if not self._deaf:
            self._wait()

    def _parse(self, data: bytes) -> None:
        self._raw += len(data)
        super().data_received(data)
        if self._deaf or self.transport.is_closing():
            return
        if self._at == _BODY:
            self._look_at_body()
        elif self._raw > HEAD_BYTES_MAX and not self.busy():
            self._refuse(too_large())

    def _look_at_body(self) -> None:
        if self._raw - self._body_bytes > OVERHEAD_MAX + self._body_bytes:
            self._refuse(unreadable())
        elif self._body_bytes > BODY_MAX and self.cycle.response_complete:
            self._refuse(None)

    def on_message_begin(self) -> None:
        """A request's first byte."""
        super().on_message_begin()
        self._at = _HEAD
        self._raw = self._head_bytes = self._body_bytes = 0
        most = AHEAD_MAX if self._proven else STRANGERS_AHEAD_MAX
        if len(self.pipeline) >= most:
            self._stop(problem(400, "http.ahead", f"未收到答复即发出的请求超过{most}个"))

    def on_url(self, url: bytes) -> None:
        """Part of the target."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header; what stands after the body is no header: no credential, no length comes from there."""
        if self._at != _HEAD:
            return
        self._count(len(name) + len(value) + 4)
        if len(self.headers) >= HEADERS_MAX:
            self._stop(too_large())
        super().on_header(name, value.rstrip(b" \t"))

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES_MAX:
            self._stop(too_large())

    def on_headers_complete(self) -> None:
        """The head is there: refused, or begun."""
        parser = self.parser
        answer = fault_of(parser.get_method(), self.url, parser.get_http_version(), self.headers)
        if answer is not None:
            self._stop(answer)
        if not self.toll.request(self.address, self.headers, proven=self._proven):
            self._put_off = True
            self._stop(too_often())
        if not (self._proven or self.toll.met_before(self.headers) or self.door.answers_strangers(self)):
            self._stop(problem(503, "service.connections", "连接已满，请稍后再试"))
        if not self._proven:
            self._charge()
        self._at = _BODY
        self._raw = 0
        self.scope["extensions"] = {"fundledger.known": {"prove": partial(self.prove, self.headers)}}
        super().on_headers_complete()

    def _charge(self) -> None:
        key = next((value for name, value in self.headers if name == b"authorization"), None)
        if key is None:
            self.lobby.pay(REQUEST_COST)
        elif not self.toll.met(key):
            self.lobby.pay(GUESS_COST)

    def on_body(self, body: bytes) -> None:
        """Part of the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._at = _IDLE
        self._raw = 0
        super().on_message_complete()

    # Times
    def _wait(self) -> None:
        """Have a time run for what is missing, and none where nothing is."""
        if self.busy() or self.pipeline:
            self._stop_waiting()
            return
        at = _BODY if self._at == _BODY else _HEAD
        if self._due is None or self._due_at != at:
            self._stop_waiting()
            self._due_at = at
            self._due = self.loop.call_later(BODY_SECONDS if at == _BODY else HEAD_SECONDS, self._late)

    def _stop_waiting(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None

    def _late(self) -> None:
        self._due = None
        if not self.transport.is_closing():
            self._refuse(too_slow() if self._at == _HEAD else None)

    def pause_writing(self) -> None:
        """The caller does not read: for so long and no longer."""
        super().pause_writing()
        if self._unread is None:
            self._unread = self.loop.call_later(SEND_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The caller reads."""
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None
        super().resume_writing()

    # Refusals
    def _stop(self, answer: Answer) -> None:
        self._why = answer
        raise Refused

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 uvicorn's own words
        """Called where the parser stopped, by itself or by `_stop`."""
        answer, self._why = self._why, None
        if self._put_off or not (self._proven or self.toll.fault(self.address)):
            self._refuse_later(answer or unreadable())
        else:
            self._refuse(answer or unreadable())

    def _refuse_later(self, answer: Answer) -> None:
        """Hear nothing more and let it wait for its refusal; whoever needs the place may have it."""
        self._deaf = True
        self._stop_waiting()
        self.flow.pause_reading()
        self._due = self.loop.call_later(PUT_OFF_SECONDS, self._refuse, answer)

    def _refuse(self, answer: Answer | None) -> None:
        """Answer, if it is this request's turn, and end the connection; None ends it without an answer."""
        self._deaf = True
        self._stop_waiting()
        self._unset_keepalive_if_required()
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            if self._at != _BODY:
                cycle.keep_alive = False  # what came before is answered, and then it ends
                return
            if self.pipeline and self.pipeline[0][0] is cycle:
                self.pipeline.popleft()
                self._end_after_those_before()
                return
            self._give_up(cycle)
            answer = None if cycle.response_started else answer
        elif self._at == _BODY:
            answer = None  # it has its answer
        if answer is not None:
            self.transport.write(written(answer, self.server_state.default_headers))
        self._end()

    def _end_after_those_before(self) -> None:
        """The last whole request of a connection whose next one cannot be read."""
        if self.pipeline:
            self.pipeline[0][0].keep_alive = False
        else:
            self._ending = True

    def on_response_complete(self) -> None:
        """What came before a request that cannot be read is answered: now it ends."""
        if self._ending:
            self._end()
            return
        super().on_response_complete()
        if not self._deaf and not self.transport.is_closing() and self._at != _IDLE:
            self._unset_keepalive_if_required()
            self._wait()

    def _give_up(self, cycle: RequestResponseCycle) -> None:
        """Whoever answers this request need not: its caller is as good as gone."""
        cycle.disconnected = True
        cycle.message_event.set()

    def _end(self) -> None:
        if self.transport.is_closing():
            return
        if self.transport.can_write_eof():
            self.flow.resume_reading()
            self.transport.write_eof()
            self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        else:
            self.transport.close()
