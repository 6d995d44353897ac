"""Whether the process lives, and whether it can work."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter, Request, Response

from ledger.api.calling import as_json
from ledger.api.description import described
from ledger.db.identity import carried

router = APIRouter(prefix="/health", tags=["健康"])


@router.get("/live", summary="进程在运行", responses=described("Health"), response_class=Response)
async def live() -> Response:
    """Answers as long as the event loop turns."""
    return as_json({"status": "live", "version": version("fundledger")})


@router.get(
    "/ready", summary="数据库可用且结构为本版本", responses=described("Health"), response_class=Response
)
async def ready(request: Request) -> Response:
    """Whether the database answers, asked on a connection of its own; within a second, 503 until it is reachable and migrated."""
    await request.app.state.liveness.ask()
    return as_json({"status": "ready", "version": version("fundledger"), "schema": carried().revision})
