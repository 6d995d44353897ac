"""Coming in and going out: log-in by password and telephone or passkey, the first password by a one-time link, one's own password and second factor."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ledger.access.asking import PasskeyNeeded
from ledger.access.sessions import (
    SESSION_COOKIE,
    begin_second_factor,
    change_password,
    choose_password,
    log_in,
    log_in_by_passkey,
    log_out,
    set_second_factor,
)
from ledger.api.refused import Refusals
from ledger.api.wire.turns import Turns
from ledger.core.errors import LedgerError
from ledger.web.show import page
from ledger.web.sitting import Desk, House, address_of, form_of, is_secure, origin_of

TODAY: Final = "/desk/today"


def door_of(wanted: str) -> str:
    """The log-in page, from which it goes on to what was wanted."""
    return "/desk/login" + ("" if wanted in (TODAY, "/desk/logout") else f"?to={quote(wanted, safe='')}")


class Entrance:
    """What strangers may ask. Judging a password costs memory and time: one at a time in a thread of its own, the addresses by turns,
    failures of an address slowed. Who waits holds nothing that the service's callers work by."""

    def __init__(self, house: House, refusals: Refusals) -> None:
        self._house = house
        self._refusals = refusals
        self._limiter = CapacityLimiter(1)
        self._turns = Turns(1)
        self._outside = bool(house.settings.oidc_issuer)

    async def login(self, request: Request) -> Response:
        """The form, or a try."""
        wanted = inside(request.query_params.get("to", ""))
        if request.method == "GET":
            return page(None, "login.html", wanted=wanted, user="", problem="", outside=self._outside)
        form = await form_of(request)
        wanted, user = inside(form.get("to", "")), form.get("user", "").strip()
        try:
            token: str = await self._judged(
                request,
                lambda: log_in(
                    self._house.engine,
                    user,
                    form.get("password", ""),
                    form.get("otp", ""),
                    request.cookies.get(SESSION_COOKIE, ""),
                    address_of(request),
                    self._house.settings.home,
                    origin_of(self._house, request),
                ),
            )
        except LedgerError as error:
            return self._again(error, wanted, user)
        except PasskeyNeeded as needed:
            return page(None, "login_passkey.html", wanted=wanted, asked=needed.asked)
        return with_session(RedirectResponse(wanted, 303), request, token)

    async def passkey(self, request: Request) -> Response:
        """The answer of a passkey that was asked for after the password."""
        form = await form_of(request)
        wanted, user = inside(form.get("to", "")), form.get("user", "").strip()
        try:
            token: str = await self._judged(
                request,
                lambda: log_in_by_passkey(
                    self._house.engine,
                    user,
                    form.get("question", ""),
                    form.get("touch", ""),
                    request.cookies.get(SESSION_COOKIE, ""),
                    address_of(request),
                    origin_of(self._house, request),
                ),
            )
        except LedgerError as error:
            return self._again(error, wanted, user)
        return with_session(RedirectResponse(wanted, 303), request, token)

    def _again(self, error: LedgerError, wanted: str, user: str) -> Response:
        return page(
            None, "login.html", error.status, wanted=wanted, user=user[:40], problem=error.message, outside=self._outside
        )  # fmt: skip

    async def first(self, request: Request) -> Response:
        """A password chosen by a link's holder."""
        query = request.query_params
        given = dict(query) if request.method == "GET" else await form_of(request)
        user, code, second = (given.get(name, "")[:100] for name in ("user", "code", "second"))
        if request.method == "GET":
            return page(None, "first.html", user=user, code=code, problem="", done=False)
        try:
            if given.get("password") != given.get("again"):
                return page(
                    None, "first.html", 422, user=user, code=code, problem="两次输入的密码不同", done=False
                )
            await self._judged(
                request,
                lambda: choose_password(
                    self._house.engine,
                    user,
                    (code, second),
                    given.get("password", ""),
                    self._house.settings.clock().today(),
                    address_of(request),
                ),
            )
        except LedgerError as error:
            return page(
                None, "first.html", error.status, user=user, code=code, problem=error.message, done=False
            )
        return page(None, "first.html", user=user, code="", problem="", done=True)

    async def _judged(self, request: Request, work: Any) -> Any:
        address = address_of(request)
        await self._refusals.slow(address)
        async with self._turns.one(address):
            try:
                return await to_thread.run_sync(work, limiter=self._limiter)
            except LedgerError as error:
                self._refusals.note(address, error.code)
                raise


def with_session(response: Response, request: Request, token: str) -> Response:
    """The answer with the session's cookie: for this site's own pages only. Whoever begins a session is no stranger on this connection."""
    known = request.scope.get("extensions", {}).get("fundledger.known")
    if known is not None:
        known["prove"]()
    response.set_cookie(
        SESSION_COOKIE, token, path="/", httponly=True, samesite="strict", secure=is_secure(request)
    )
    return response


def leave(desk: Desk, _request: Request, _form: dict[str, str]) -> Response:
    """The session ends in the database, whatever becomes of the cookie."""
    log_out(desk.house.engine, desk.user, desk.token, desk.address)
    response = RedirectResponse("/desk/login", 303)
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response


def me_page(
    desk: Desk, status: int = 200, problem: str = "", done: str = "", extra: Mapping[str, Any] | None = None
) -> Response:
    """One's own page; `extra` is what its part of the person's keys shows."""
    secret, uri = begin_second_factor(desk.user)
    return page(
        desk, "me.html", status, title="本人", secret=secret, uri=uri, problem=problem, done=done, keys=extra
    )


def change(desk: Desk, _request: Request, form: dict[str, str]) -> Response:
    """Another password."""
    if form.get("password") != form.get("again"):
        return me_page(desk, 422, "两次输入的新密码不同")
    try:
        change_password(
            desk.house.engine,
            desk.user,
            desk.token,
            form.get("old", ""),
            form.get("password", ""),
            desk.address,
        )
    except LedgerError as error:
        return me_page(desk, error.status, error.message)
    return me_page(desk, done="密码已改，此用户名的其他登录均已退出")


def factor(desk: Desk, _request: Request, form: dict[str, str]) -> Response:
    """A second factor from now on."""
    try:
        set_second_factor(
            desk.house.engine, desk.user, desk.token, form.get("secret", ""), form.get("otp", ""), form.get("old", ""),
            desk.address,
        )  # fmt: skip
    except LedgerError as error:
        return me_page(desk, error.status, error.message)
    return me_page(desk, done="动态口令已启用，下次登录须输入")


def inside(wanted: str) -> str:
    """An address of these pages; whatever else was wanted leads to today's."""
    plain = wanted.startswith("/desk/") and "//" not in wanted and "\\" not in wanted and wanted.isprintable()
    return wanted if plain else TODAY
