"""Every act of the command line over HTTP: `POST /api/v1/acts/month/approve` does what `fundledger month approve` does.

The values are the command's options by name, a file as its name and content. The act itself is one and the same.
"""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import Response as Plain
from pydantic import BaseModel, ConfigDict
from starlette.concurrency import run_in_threadpool

from ledger.api.calling import Calling, as_json
from ledger.api.description import described
from ledger.api.ports import Commands, Done
from ledger.core.errors import NotFound

router = APIRouter(prefix="/api/v1/acts", tags=["办理"])


class Values(BaseModel):
    """The options of a command by name; money as text."""

    model_config = ConfigDict(extra="allow")


@router.get("", summary="全部可办的事项及其各项内容", responses=described("Acts"), response_class=Plain)
def acts(call: Calling, request: Request) -> Response:  # noqa: ARG001 a key is asked for
    """Which acts there are, each with the JSON Schema of its values."""
    commands = _commands(request)
    return as_json(
        {"acts": [{"name": a.name, "summary": a.summary, "schema": a.schema} for a in commands.described()]}
    )


@router.post("/{name:path}", summary="办理一个事项", responses=described("Done"), response_class=Plain)
async def act(name: str, values: Values, call: Calling, request: Request) -> Response:
    """Do one act; under an Idempotency-Key it is done once and answered the same way again."""
    given: dict[str, Any] = dict(values.model_extra or {})
    done: Done = await run_in_threadpool(
        _commands(request).run,
        call.caller.user,
        name.replace("/", " "),
        given,
        call.key,
        call.digest,
        call.signatures,
    )
    response = Plain(done.body, media_type="application/json")
    if done.again:
        response.headers["idempotency-replayed"] = "true"
    return response


def _commands(request: Request) -> Commands:
    commands: Commands | None = request.app.state.commands
    if commands is None:
        raise NotFound("route.no_act", "本服务没有接上命令")
    return commands
