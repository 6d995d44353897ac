"""How every act is done: by a named user in one region, once under its Idempotency-Key, and written into the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ledger.access.operator_log import write_log
from ledger.api.calling import Call
from ledger.api.idempotency import once
from ledger.api.problems import Answer, encode
from ledger.api.scope import in_region
from ledger.bootstrap import App
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import Transaction

REGION_MIN: Final = 100_000
REGION_MAX: Final = 999_999
Region = Annotated[int, Field(strict=True, ge=REGION_MIN, le=REGION_MAX, description="统筹区")]
Digest = Annotated[str, Field(strict=True, pattern="^[0-9a-f]{64}$", description="所看内容的摘要")]


class Body(BaseModel):
    """The body of an act: nothing it does not know."""

    model_config = ConfigDict(extra="forbid")


class RegionBody(Body):
    """Where."""

    region: Region


def act(
    call: Call,
    request: Request,
    region: int,
    action: str,
    subject: str,
    effect: Callable[[Transaction, App], dict[str, object]],
) -> Response:
    """Do, log and answer; a refusal is logged too, a repetition under the same key is not.

    `effect` gets the transaction of the key, for what shall be done with it or not at all, and the app of the user, for
    what commits by itself.
    """
    user, region = call.caller.user, in_region(call.caller, region)
    app = App(request.app.state.settings, user)

    def answered(tx: Transaction) -> Answer:
        return Answer(200, encode(effect(tx, app)))

    route = f"POST {request.url.path}"
    try:
        answer = once(call.engine, user, region, route, call.key, call.digest, answered)
    except LedgerError as error:
        write_log(call.engine, user, region, action, subject, "refused", f"{error.code}：{error.message}")
        raise
    finally:
        app.close()
    if not answer.headers:
        write_log(call.engine, user, region, action, subject, "done", "")
    response = Response(answer.body, answer.status, media_type="application/json")
    for name, value in answer.headers:
        response.headers[name.decode()] = value.decode()
    return response
