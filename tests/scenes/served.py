"""The service on a real socket, in a thread of this process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from ledger.api.server import configuration


@contextmanager
def served(made: Any) -> Iterator[Any]:
    """`made` answering; its address is in `made.address`, `made.stop()` ends it."""
    server = uvicorn.Server(configuration(made, "127.0.0.1", 0))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    made.address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    made.stop = lambda: setattr(server, "should_exit", True)
    try:
        yield made
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
