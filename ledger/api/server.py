"""Running the service: one process, one event loop, one storing thread."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from typing import Final

import uvicorn

from ledger.api.intake.protocol import IntakeProtocol
from ledger.api.intake.service import Service, make_service
from ledger.api.ports import Commands
from ledger.db.connections import Engine
from ledger.settings import Settings

SWITCH_SECONDS: Final = 0.001
"""How long the storing thread may keep the interpreter from the event loop; Python's own 5 ms is half of p99."""
GARBAGE_AFTER: Final = 50_000
STOP_SECONDS: Final = 30
BACKLOG: Final = 1_024
CONNECTIONS_MAX: Final = 1_000


def run(
    settings: Settings,
    host: str,
    port: int,
    commands: Callable[[Settings, Engine], Commands] | None = None,
) -> None:
    """Serve until a signal; then what was received is stored and answered. Raises Unavailable `db.*` before it starts."""
    service = make_service(settings, commands)
    sys.setswitchinterval(SWITCH_SECONDS)
    # Requests make no cycles to speak of; what the start made stays, and need not be looked through again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)
    uvicorn.Server(configuration(service, host, port)).run()


def configuration(service: Service, host: str, port: int) -> uvicorn.Config:
    """How uvicorn is to serve a service."""
    return uvicorn.Config(
        service,
        host=host,
        port=port,
        http=IntakeProtocol,
        interface="asgi3",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # nobody asks where a request comes from; its key says who it is
        lifespan="on",
        backlog=BACKLOG,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
