"""The pages as one ASGI application: routes, who may ask, headers that let nothing in from outside, refusals in words."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from ledger.access.sessions import SESSION_COOKIE
from ledger.api.intake.service import REFUSED
from ledger.api.ports import Commands
from ledger.api.problems import of_error
from ledger.api.refused import Refusals
from ledger.core.errors import LedgerError, Unauthenticated
from ledger.db.connections import Engine
from ledger.settings import Settings
from ledger.web.pages import (
    acts,
    bank,
    books,
    clearing,
    closing,
    coming,
    control,
    declarations,
    exceptions,
    findings,
    follow,
    institutions,
    jobs,
    matching,
    month,
    payouts,
    people,
    region,
    today,
    uploads,
    vouchers,
)
from ledger.web.pages.funds import cash, outregion, reconcile, refunds
from ledger.web.pages.given import record
from ledger.web.pages.lists import names, recurring, statement
from ledger.web.pages.persons import outside, passkeys, sign
from ledger.web.pages.voucher_form import FIELDS_MAX as VOUCHER_FIELDS
from ledger.web.pages.watch import blocked as held_back
from ledger.web.pages.watch import flow as day_flow
from ledger.web.pages.watch import inbound, quarantine
from ledger.web.pages.watch import monitor as watched
from ledger.web.pages.watch import risk as risks
from ledger.web.pages.yearly import letter as letters
from ledger.web.show import STATIC, page
from ledger.web.sitting import FIELDS_MAX, Desk, House, form_of, require_form, sit

HEADERS: Final = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}
_KINDS: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml; charset=utf-8",
    "woff2": "font/woff2",
}
Show = Callable[[Desk, Request], Response]
PAGES: Final[dict[str, Show]] = {
    "/desk/today": today.today,
    "/desk/books/{report}": books.report,
    "/desk/books/{report}/row": books.row,
    "/desk/find": books.find_page,
    "/desk/vouchers/{number}": books.one_voucher,
    "/desk/drafts": vouchers.drafts,
    "/desk/drafts/new": vouchers.new,
    "/desk/drafts/waiting": vouchers.waiting,
    "/desk/drafts/templates": vouchers.templates,
    "/desk/drafts/{draft}": vouchers.one_draft,
    "/desk/drafts/{draft}/attached/{n}": vouchers.attached,
    "/desk/uploads": uploads.form,
    "/desk/uploads/rows": uploads.rows,
    "/desk/uploads/differences": uploads.found_differences,
    "/desk/records/new": record.form,
    "/desk/bank": bank.reconciliation,
    "/desk/matching": matching.matching,
    "/desk/matching/{account}/{match}": matching.one,
    "/desk/statements": matching.statements,
    "/desk/statements/{account}/{statement}": statement.statement,
    "/desk/close": closing.checks,
    "/desk/orders": payouts.orders,
    "/desk/orders/{order}": payouts.order,
    "/desk/orders/{order}/remittance": payouts.advice,
    "/desk/owed": day_flow.owed,
    "/desk/blocked": held_back.listing,
    "/desk/blocked/records": held_back.records,
    "/desk/files": payouts.sent_files,
    "/desk/received": payouts.received_files,
    "/desk/exceptions": exceptions.listing,
    "/desk/suspense/{paper}": exceptions.one,
    "/desk/quarantine": quarantine.listing,
    "/desk/quarantine/{load}/{line}": quarantine.one,
    "/desk/inbound": inbound.files,
    "/desk/inbound/{digest}": inbound.one_file,
    "/desk/cash": cash.listing,
    "/desk/cash/{item}": cash.one,
    "/desk/refunds": refunds.refunds,
    "/desk/refunds/{refund}": refunds.refund,
    "/desk/advances": refunds.advances,
    "/desk/advances/{advance}": refunds.advance,
    "/desk/reconcile": reconcile.lines,
    "/desk/reconcile/{run}": reconcile.run,
    "/desk/deductions": reconcile.deductions,
    "/desk/outregion": outregion.listing,
    "/desk/outregion/{move}": outregion.one,
    "/desk/follow": follow.follow,
    "/desk/declarations": declarations.listing,
    "/desk/declarations/{declaration}": declarations.one,
    "/desk/findings": findings.listing,
    "/desk/findings/{finding}": findings.one,
    "/desk/month": month.sheets,
    "/desk/sheets/{sheet}": month.one,
    "/desk/clearing": clearing.progress,
    "/desk/letters/{letter}": letters.letter,
    "/desk/institutions": institutions.listing,
    "/desk/institutions/{institution}": institutions.one,
    "/desk/institutions/{institution}/statement": institutions.statement,
    "/desk/monitor": watched.figures,
    "/desk/monitor/records": watched.records,
    "/desk/risk": risks.listing,
    "/desk/risk/{case}": risks.one,
    "/desk/control": control.ways,
    "/desk/control-report": control.report,
    "/desk/seals": control.seals,
    "/desk/accounts": names.accounts,
    "/desk/parties": names.parties,
    "/desk/recurring": recurring.recurring,
    "/desk/policy": region.policy,
    "/desk/calendar": region.calendar,
    "/desk/banks": region.banks,
    "/desk/rules": region.rules,
    "/desk/jobs": jobs.jobs,
    "/desk/users": people.users,
    "/desk/users/list": people.persons_list,
    "/desk/log": people.log,
    "/desk/me": passkeys.me,
}
"""Every page that somebody who came in may ask for, by its address."""


def make_pages(settings: Settings, engine: Engine, commands: Commands, refusals: Refusals) -> Starlette:
    """The pages of an installation."""
    house = House(settings, engine, commands)
    door = coming.Entrance(house, refusals)
    other = outside.Outside(house, refusals)
    routes = [Route(path, partial(_shown, house, show)) for path, show in PAGES.items()]
    routes += [
        Route("/", _to_today), Route("/desk", _to_today), Route("/desk/", _to_today),
        Route("/desk/static/{name:path}", _static),
        Route("/desk/login", door.login, methods=["GET", "POST"]),
        Route("/desk/login/passkey", door.passkey, methods=["POST"]),
        Route("/desk/outside", other.begin, methods=["GET"]),
        Route("/desk/outside/back", other.back, methods=["GET"]),
        Route("/desk/outside/code", other.code, methods=["POST"]),
        Route("/desk/first", door.first, methods=["GET", "POST"]),
        Route("/desk/logout", partial(_done, house, coming.leave), methods=["POST"]),
        Route("/desk/me/password", partial(_done, house, coming.change), methods=["POST"]),
        Route("/desk/me/passkey", partial(_done, house, passkeys.make), methods=["POST"]),
        Route("/desk/me/factor", partial(_done, house, coming.factor), methods=["POST"]),
        Route("/desk/drafts/save", partial(_done, house, vouchers.save, fields=VOUCHER_FIELDS), methods=["POST"]),
        Route("/desk/drafts/template", partial(_done, house, vouchers.save_template), methods=["POST"]),
        Route("/desk/drafts/{draft}/attach", partial(_done, house, vouchers.attach), methods=["POST"]),
        Route("/desk/letters/{letter}/confirm", partial(_done, house, letters.confirm), methods=["POST"]),
        Route("/desk/records/one", partial(_done, house, record.take), methods=["POST"]),
        Route("/desk/uploads/{what}", partial(_done, house, uploads.take), methods=["POST"]),
        Route("/desk/act/{word}/{command}", partial(_done, house, acts.act), methods=["POST"]),
    ]  # fmt: skip
    made = Starlette(routes=routes)
    made.add_exception_handler(HTTPException, _no_page)
    made.add_exception_handler(LedgerError, _refused)
    made.add_exception_handler(Exception, _refused)
    made.add_middleware(_Headers)
    made.add_middleware(_Packed)
    return made


class _Packed:
    """Answers go out packed to who takes them so: a list of 200 rows is mostly the same words. A page's secret cannot be guessed from
    its size: the session's cookie comes with no request that another site makes (SameSite=strict). Fonts are packed as they are."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.packed = GZipMiddleware(app, minimum_size=2048, compresslevel=4)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        plain = scope["type"] != "http" or scope["path"].endswith(".woff2")
        await (self.app if plain else self.packed)(scope, receive, send)


class _Headers:
    """Nothing from elsewhere, nothing into a frame, nothing kept by a cache; a page that breaks says a number."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        started = False

        async def with_headers(message: Any) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                there = {name for name, _ in message["headers"]}
                message["headers"] = [
                    *message["headers"],
                    *((n.encode(), v.encode()) for n, v in HEADERS.items() if n.encode() not in there),
                ]
            await send(message)

        try:
            if REFUSED in scope:
                raise scope[REFUSED]
            await self.app(scope, receive, with_headers)
        except Exception as error:
            if started:
                raise
            await (await _refused(Request(scope), error))(scope, receive, with_headers)


async def _shown(house: House, show: Show, request: Request) -> Response:
    return await run_in_threadpool(lambda: show(sit(house, request), request))


async def _done(
    house: House,
    do: Callable[[Desk, Request, dict[str, str]], Response],
    request: Request,
    fields: int = FIELDS_MAX,
) -> Response:
    """What changes something: a form of this session's own, sent from this very address."""
    form = await form_of(request, fields)

    def work() -> Response:
        desk = sit(house, request)
        require_form(desk, form)
        desk = sign.seated(desk, form)
        try:
            return do(desk, request, form)
        except LedgerError as error:
            if not sign.is_asked(desk, error):
                raise
            return sign.ask_page(desk, request.url.path, form, error)

    return await run_in_threadpool(work)


async def _to_today(_request: Request) -> Response:
    return RedirectResponse("/desk/today", 303)


async def _static(request: Request) -> Response:
    name = request.path_params["name"]
    content = STATIC.get(name)
    if content is None:
        raise HTTPException(404)
    kind = _KINDS.get(name.rpartition(".")[2], "text/plain; charset=utf-8")
    digest = hashlib.sha256(content).hexdigest()
    # asked for by what it holds, it never changes; else a browser asks whether it did
    named = request.query_params.get("v") == digest[:8]
    kept = {
        "cache-control": "public, max-age=31536000, immutable" if named else "no-cache",
        "etag": f'"{digest[:16]}"',
    }
    if request.headers.get("if-none-match") == kept["etag"]:
        return Response(status_code=304, headers=kept)
    return Response(content, headers=kept | {"content-type": kind})


async def _no_page(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 404
    words = {404: "没有这个页面", 405: "此页面不支持这个方法"}.get(status, "请求不能处理")
    return await run_in_threadpool(
        lambda: page(
            None,
            "refused.html",
            status,
            title=words,
            code="route.unknown",
            message=words,
            back="",
            inside=SESSION_COOKIE in request.cookies,
        )
    )


def _whence(request: Request) -> str:
    """The page of ours that the request came from, to go back to; empty where it came from none, or was only looked at."""
    from_ = urlsplit(request.headers.get("referer", ""))
    own = (
        request.method == "POST"
        and from_.netloc == request.headers.get("host")
        and from_.path.startswith("/desk/")
    )
    return f"{from_.path}?{from_.query}".rstrip("?") if own and "//" not in from_.path else ""


async def _refused(request: Request, error: Exception) -> Response:
    """A refusal in words. Who is not in is led to the door, and from there back to where he wanted to go."""
    if isinstance(error, Unauthenticated) and error.code == "login.ended" and request.method == "GET":
        wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(coming.door_of(wanted), 303)
    answer = of_error(error)
    if isinstance(error, LedgerError):
        code, message = error.code, error.message
    else:
        import msgspec

        found = msgspec.json.decode(answer.body)
        code, message = found["code"], found["detail"]
    if request.method == "HEAD":
        shown: Response = PlainTextResponse(status_code=answer.status)
    else:
        shown = page(
            None,
            "refused.html",
            answer.status,
            title="未能办理",
            code=code,
            message=message,
            back=_whence(request),
            inside=SESSION_COOKIE in request.cookies,
        )
    for name, value in answer.headers:
        if name in (b"retry-after", b"connection"):
            shown.headers[name.decode()] = value.decode()
    return shown
