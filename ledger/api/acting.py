"""How an act is done over HTTP: `ledger.acts`, under the Idempotency-OnceKey of the request; warnings go into a header."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Final

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field

from ledger.access.signing.signer import Carried
from ledger.acts.acting import Given, OnceKey, once, once_by_steps
from ledger.acts.tracing import What
from ledger.api.calling import Call
from ledger.api.problems import encode
from ledger.api.scope import in_region
from ledger.bootstrap import App
from ledger.db.unit_of_work import Transaction

REGION_MIN: Final = 100_000
REGION_MAX: Final = 999_999
WARNINGS: Final = "fundledger-warnings"
"""Header: codes of what the caller should know of an act that is done. The body is the one that is kept."""
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
    effect: Callable[[Transaction], dict[str, object]],
) -> Response:
    """An act in one transaction: done, logged and its answer kept together, or none of it."""
    return _answered(
        call, request, What(region, action, subject),
        lambda app, what, key: once(app, what, key, lambda tx: encode(effect(tx))),
    )  # fmt: skip


def act_by_steps(
    call: Call,
    request: Request,
    region: int,
    action: str,
    subject: str,
    effect: Callable[[App], dict[str, object]],
) -> Response:
    """An act that commits by itself, under the user's app."""
    return _answered(
        call, request, What(region, action, subject),
        lambda app, what, key: once_by_steps(app, what, key, lambda: encode(effect(app))),
    )  # fmt: skip


def _answered(
    call: Call, request: Request, what: What, do: Callable[[App, What, OnceKey | None], Given]
) -> Response:
    what = what._replace(region=in_region(call.caller, what.region))
    app = App(request.app.state.settings, call.caller.user, call.engine, at_rest="read")
    app.signer = Carried(call.signatures)
    key = OnceKey(f"POST {request.url.path}", call.key, call.digest) if call.key else None
    try:
        given = do(app, what, key)
    finally:
        app.close()
    response = Response(given.body, media_type="application/json")
    if given.again:
        response.headers["idempotency-replayed"] = "true"
    if given.warnings:
        response.headers[WARNINGS] = ", ".join(warned.code for warned in given.warnings)
    return response
