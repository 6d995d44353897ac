"""The short way of intake through the HTTP server: a whole, plain request is queued as it is read, its answer sent at once.

uvicorn gives every request a task, two messages in and two out. For the one request that comes by the thousand that
is more work than all else the event loop does for it. So it is taken from uvicorn's parser as soon as its body is there
and its answer written in one piece. Whatever is not plain (a key not seen lately, a body still on its way, anything to
refuse, a client that reads slowly) goes uvicorn's way and is answered by the service as ASGI has it.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from ledger.api.intake.service import Receive, Scope, Send, Service, is_intake, respond
from ledger.api.problems import Answer
from ledger.api.wire.guard import GuardedProtocol


class IntakeProtocol(GuardedProtocol):
    """One connection."""

    _held: RequestResponseCycle | None = None
    """The request whose turn it is, until it is known whether its body came with it."""

    def _read(self, data: bytes) -> None:
        """Parse what came, and begin what it began."""
        super()._read(data)
        self._begin()

    def on_response_complete(self) -> None:
        """Begin what came while the answer before it was made."""
        super().on_response_complete()
        self._begin()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        if isinstance(app, Service) and is_intake(cycle.scope["method"], cycle.scope["path"]):
            self._held = cycle
        else:
            super()._start_asgi_task(cycle, app)

    def _begin(self) -> None:
        cycle, self._held = self._held, None
        if cycle is None or cycle.disconnected:
            return
        service: Any = self.app
        whole = not cycle.more_body and not cycle.waiting_for_100_continue
        answer = service.at_once(cycle.scope["headers"], bytes(cycle.body)) if whole else None
        if answer is None:
            super()._start_asgi_task(cycle, service)
        else:
            self.prove()
            answer.add_done_callback(partial(self._answer, cycle))

    def _answer(self, cycle: RequestResponseCycle, done: asyncio.Future[Answer]) -> None:
        """Write a whole answer; one with headers of its own, or to who reads slowly, goes uvicorn's way."""
        if cycle.disconnected:
            return
        answer = done.result()
        if answer.headers or self.flow.write_paused or not cycle.keep_alive:
            super()._start_asgi_task(cycle, _ready(answer))
            return
        parts = [STATUS_LINE[answer.status]]
        for name, value in cycle.default_headers:
            parts += (name, b": ", value, b"\r\n")
        parts += (b"content-type: ", answer.content_type, b"\r\ncontent-length: ")
        parts += (b"%d\r\n\r\n" % len(answer.body), answer.body)
        self.transport.write(b"".join(parts))
        cycle.response_started = cycle.response_complete = True
        cycle.on_response = _nothing  # else a connection and its last request hold each other
        self.on_response_complete()


def _nothing() -> None:
    return


def _ready(answer: Answer) -> Any:
    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await respond(send, answer)

    return app
