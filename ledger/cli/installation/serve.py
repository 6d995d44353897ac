"""`fundledger serve`: the HTTP service."""

from __future__ import annotations

from typing import Annotated

import typer

from ledger.api.server import run
from ledger.settings import get_settings


def serve(
    host: Annotated[str, typer.Option(help="监听地址")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="监听端口")] = 8080,
) -> None:
    """启动HTTP服务：POST /api/v1/settlements等，说明见/docs。"""
    typer.echo(f"服务地址 http://{host}:{port}  说明 http://{host}:{port}/docs", err=True)
    from ledger.cli.remote import Remote  # it imports every command, which only the service needs

    run(get_settings(), host, port, Remote)
