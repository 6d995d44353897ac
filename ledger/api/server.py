"""Running the service: one process, one event loop, one storing thread."""

from __future__ import annotations

import gc
import resource
import sys
from collections.abc import Callable
from functools import partial
from ssl import SSLContext
from typing import Final

import uvicorn

from ledger.api.intake.service import MakePages, Service, make_service
from ledger.api.ports import Commands
from ledger.api.wire.guard import GuardedProtocol
from ledger.api.wire.kept import STRANGER_SECONDS
from ledger.api.wire.tls import context_of
from ledger.db.connections import Engine
from ledger.settings import Settings

SWITCH_SECONDS: Final = 0.001
"""How long the storing thread may keep the interpreter from the event loop; Python's own 5 ms is half of p99."""
GARBAGE_AFTER: Final = 50_000
STOP_SECONDS: Final = 30
BACKLOG: Final = 4_096
SPARE_FILES: Final = 200
"""Descriptors for the database, files and logs beside the connections."""


def run(
    settings: Settings,
    host: str,
    port: int,
    commands: Callable[[Settings, Engine], Commands] | None = None,
    pages: MakePages | None = None,
) -> None:
    """Serve until a signal; then what was received is stored and answered. Raises Unavailable `db.*` before it starts."""
    tls = context_of(settings)
    service = make_service(settings, commands, pages)
    tune()
    _allow_files(settings.connections + SPARE_FILES)
    uvicorn.Server(configuration(service, host, port, tls)).run()


def _allow_files(count: int) -> None:
    """Raise the soft limit of open files where it is lower; the hard one is the operator's."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def tune() -> None:
    """Set the interpreter for a service: short turns of its threads, and no garbage looked for among what stays."""
    sys.setswitchinterval(SWITCH_SECONDS)
    # Requests make no cycles to speak of; what the start made stays, and need not be looked through again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)


def configuration(service: Service, host: str, port: int, tls: SSLContext | None = None) -> uvicorn.Config:
    """How uvicorn is to serve a service."""
    made = uvicorn.Config(
        service,
        host=host,
        port=port,
        http=partial(GuardedProtocol, door=service.door, toll=service.toll, lobby=service.lobby),  # type: ignore[arg-type]
        ws="none",
        interface="asgi3",
        loop="ledger.api.wire.gate:Loop",
        log_level="error",  # a line for every stranger who cannot speak HTTP is no use to anybody
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody asks where a request comes from; its key says who it is
        lifespan="on",
        backlog=BACKLOG,
        timeout_keep_alive=STRANGER_SECONDS,
        limit_concurrency=None,  # it would count strangers with callers: ledger.api.wire.door tells them apart
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    if tls is not None:
        made.ssl_context_factory = lambda _config, _default: tls
    return made
