"""A connection that hangs is cut: a frozen server answers nobody, and its own time limits are frozen with it.

`Watched` connections say when they begin to wait. `cut_older` ends the waits that began before a moment by shutting the
socket under them: the waiting thread then has an error as if the server had gone. Nothing is cut by itself: who knows that
the database does not answer calls it (`ledger.db.liveness`).
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Generator
from contextlib import closing, suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final

import psycopg

_LOCK: Final = Lock()
_WAITING: Final[dict[object, tuple[float, int]]] = {}


class Watched(psycopg.Connection[Any]):
    """A connection whose waits are known."""

    born = 0.0
    """When a pool took it in, of time.monotonic."""
    home: Path | None = None
    """The data directory of the settings it was made with: where the keys of sealed fields lie."""
    fields: Any = None
    """What opens them (`ledger.db.safekeeping.fields`), once somebody asked."""

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:
        """Wait for the server, known to `cut_older` meanwhile."""
        key = object()
        _WAITING[key] = (time.monotonic(), self.pgconn.socket)
        try:
            return super().wait(gen, *args, **kwargs)
        finally:
            with _LOCK:  # never while the socket is being shut: its number may be another's afterwards
                _WAITING.pop(key, None)


def cut_older(moment: float) -> int:
    """Cut every wait that began before `moment` (of time.monotonic); returns how many."""
    count = 0
    with _LOCK:
        for key, (since, number) in list(_WAITING.items()):
            if since < moment:
                del _WAITING[key]
                count += 1
                with suppress(OSError), closing(socket.socket(fileno=os.dup(number))) as shut:
                    shut.shutdown(socket.SHUT_RDWR)
    return count
