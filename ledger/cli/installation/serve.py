"""`fundledger serve`: the HTTP service, the API and the pages."""

from __future__ import annotations

import signal
import sys
from threading import Thread
from typing import Annotated

import typer

from ledger.access.users import require_known
from ledger.api.server import run
from ledger.bootstrap import App
from ledger.settings import Settings, get_settings


def serve(
    host: Annotated[str, typer.Option(help="监听地址")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="监听端口")] = 8080,
    with_worker: Annotated[
        str,
        typer.Option(
            help="同一进程兼作worker，以此用户（如xitong）办理定时任务；业务量大的另开fundledger worker"
        ),
    ] = "",
) -> None:
    """启动HTTP服务：网页在/desk，接口POST /api/v1/settlements等。"""
    settings = get_settings()
    if not with_worker:
        start(settings, host, port)
        return
    from scheduler.worker import beside  # the clock is for who runs one

    worker = App(settings, with_worker)
    try:
        require_known(worker.engine, with_worker)
        clock = beside(worker)
        # the server says the signal again when it has ended: then the jobs under way come to their end
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
        try:
            start(settings, host, port)
        finally:
            clock.shutdown()
    finally:
        worker.close()


def start(settings: Settings, host: str = "127.0.0.1", port: int = 8080) -> None:
    """Serve an installation, which a demo does on its own day, until a signal."""
    typer.echo(f"网页 http://{host}:{port}/desk/today  接口说明 http://{host}:{port}/docs", err=True)
    from ledger.cli.remote import Remote, acts  # it imports every command, which only the service needs
    from ledger.web.application import make_pages

    Thread(target=acts, name="acts", daemon=True).start()  # read before somebody waits for them
    run(settings, host, port, Remote, make_pages)
