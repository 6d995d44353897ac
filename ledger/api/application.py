"""The FastAPI application: routes, error handlers, health, the description. Intake itself is in `service`."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

from anyio import to_thread
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from ledger.api.auth import KeyRing
from ledger.api.description import complete
from ledger.api.ports import Commands
from ledger.api.problems import Answer, of_error, of_validation, problem
from ledger.api.routes import acts as commands_routes
from ledger.api.routes import (
    alarms,
    codes,
    entered,
    health,
    institutions,
    jobs,
    orders,
    policies,
    printed,
    settlements,
    watch,
)
from ledger.api.routes import books as reports
from ledger.api.routes import payout as acts
from ledger.api.routes import vouchers as voucher_drafts
from ledger.core.errors import LedgerError
from ledger.db.connections import Engine
from ledger.db.liveness import Liveness
from ledger.settings import Settings

THREADS: Final = 6
"""Requests served at once besides intake. An act holds up to two connections of its login, which has eight (ledger.db.engine)."""

_HTTP_CODES: Final = {404: "route.unknown", 405: "route.method"}
_HTTP_WORDS: Final = {404: "没有这个地址", 405: "此地址不支持这个方法"}


def as_response(answer: Answer) -> Response:
    """An answer as Starlette sends it."""
    response = Response(answer.body, answer.status, media_type=answer.content_type.decode())
    for name, value in answer.headers:
        response.headers[name.decode()] = value.decode()
    return response


async def _ledger_error(_request: Request, error: Exception) -> Response:
    return as_response(of_error(error))


async def _validation_error(_request: Request, error: Exception) -> Response:
    found = error.errors() if isinstance(error, RequestValidationError) else []
    return as_response(of_validation(found))


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return as_response(of_error(error))
    status, headers = (
        error.status_code,
        {name.lower(): value for name, value in (error.headers or {}).items()},
    )
    if status in (404, 405) and (allowed := methods_of(request.app, request.url.path)):
        status, headers["allow"] = 405, ", ".join(allowed)
    answer = problem(status, _HTTP_CODES.get(status, "request.http"), _HTTP_WORDS.get(status, "请求不能处理"))
    response = as_response(answer)
    if "allow" in headers:
        response.headers["allow"] = headers["allow"]
    return response


def methods_of(app: FastAPI, path: str) -> list[str]:
    """What the description promises at an address; empty where there is none.

    The router does not know them all: intake goes a way of its own, and one address may be several routes.
    """
    found: set[str] = set()
    for template, operations in app.openapi()["paths"].items():
        shape = "[^/]+".join(re.escape(part) for part in re.split(r"\{[^}]+\}", template))
        if re.fullmatch(shape, path):
            found.update(method.upper() for method in operations)
    return sorted(found)


class _Guard:
    """Turns what the handlers do not know into an answer: the framework's own 500 page would log values."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def watched(message: Any) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if started:
                raise
            await as_response(of_error(error))(scope, receive, send)


def create_application(
    settings: Settings,
    engine: Engine,
    keys: KeyRing,
    liveness: Liveness,
    close: Callable[[], Awaitable[None]],
    commands: Commands | None = None,
) -> FastAPI:
    """The application; `close` runs at shutdown. `commands` are the acts of the command line, if it is there."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = THREADS
        yield
        await close()

    app = FastAPI(
        title="医保基金即时结算账本",
        version="1",
        lifespan=lifespan,
        docs_url=None,  # FastAPI's pages load from a CDN, which a fund's intranet does not reach
        redoc_url=None,
        openapi_url=None,  # ledger.api.description writes it, once
        redirect_slashes=False,
    )
    app.state.engine = engine
    app.state.keys = keys
    app.state.liveness = liveness
    app.state.clock = settings.clock()
    app.state.settings = settings
    app.state.commands = commands
    for router in (
        health.router,
        reports.router,
        printed.router,
        voucher_drafts.router,
        entered.router,
        orders.router,
        settlements.router,
        institutions.router,
        policies.router,
        alarms.router,
        jobs.router,
        watch.router,
        acts.router,
        codes.router,
        commands_routes.router,
    ):
        app.include_router(router)
    app.add_exception_handler(LedgerError, _ledger_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_middleware(_Guard)
    complete(app)
    return app
