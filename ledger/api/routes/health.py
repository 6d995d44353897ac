"""Whether the process lives, and whether it can work."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from ledger.api.calling import as_json
from ledger.api.description import described
from ledger.core.errors import Unavailable
from ledger.db.revision import require_current

router = APIRouter(prefix="/health", tags=["健康"])


@router.get("/live", summary="进程在运行", responses=described("Health"), response_class=Response)
async def live() -> Response:
    """Answers as long as the event loop turns."""
    return as_json({"status": "live"})


@router.get(
    "/ready", summary="数据库可用且结构为本版本", responses=described("Health"), response_class=Response
)
def ready(request: Request) -> Response:
    """Asks the database; 503 until it is reachable and migrated."""
    try:
        require_current(request.app.state.engine)
    except Unavailable:
        raise
    except Exception as error:
        raise Unavailable("db.unreachable", "数据库不可用，请稍后再试") from error
    return as_json({"status": "ready"})
