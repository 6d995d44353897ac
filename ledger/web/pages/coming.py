"""Coming in and going out: log-in, the first password by a one-time link, one's own password and second factor."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ledger.access.sessions import (
    SESSION_COOKIE,
    begin_second_factor,
    change_password,
    choose_password,
    log_in,
    log_out,
    set_second_factor,
)
from ledger.api.refused import Refusals
from ledger.core.errors import LedgerError
from ledger.web.show import page
from ledger.web.sitting import Desk, House, address_of, form_of

TODAY: Final = "/desk/today"


def door_of(wanted: str) -> str:
    """The log-in page, from which it goes on to what was wanted."""
    return "/desk/login" + ("" if wanted in (TODAY, "/desk/logout") else f"?to={quote(wanted, safe='')}")


class Entrance:
    """What strangers may ask. Judging a password costs memory and time: one at a time, failures of an address slowed."""

    def __init__(self, house: House, refusals: Refusals, limiter: CapacityLimiter) -> None:
        self._house = house
        self._refusals = refusals
        self._limiter = limiter

    async def login(self, request: Request) -> Response:
        """The form, or a try."""
        wanted = _inside(request.query_params.get("to", ""))
        if request.method == "GET":
            return page(None, "login.html", wanted=wanted, user="", problem="")
        form = await form_of(request)
        wanted, user = _inside(form.get("to", "")), form.get("user", "").strip()
        try:
            token = await self._judged(
                request,
                lambda: log_in(
                    self._house.engine,
                    user,
                    form.get("password", ""),
                    form.get("otp", ""),
                    request.cookies.get(SESSION_COOKIE, ""),
                    address_of(request),
                    self._house.settings.home,
                ),
            )
        except LedgerError as error:
            return page(
                None, "login.html", error.status, wanted=wanted, user=user[:40], problem=error.message
            )
        response = RedirectResponse(wanted, 303)
        secure = request.url.scheme == "https" or bool(request.scope.get("fundledger.secure"))
        response.set_cookie(SESSION_COOKIE, token, path="/", httponly=True, samesite="strict", secure=secure)
        return response

    async def first(self, request: Request) -> Response:
        """A password chosen by a link's holder."""
        query = request.query_params
        given = dict(query) if request.method == "GET" else await form_of(request)
        user, code = given.get("user", "")[:40], given.get("code", "")[:100]
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
                    code,
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
        try:
            return await to_thread.run_sync(work, limiter=self._limiter)
        except LedgerError as error:
            self._refusals.note(address, error.code)
            raise


def leave(desk: Desk, _request: Request, _form: dict[str, str]) -> Response:
    """The session ends in the database, whatever becomes of the cookie."""
    log_out(desk.house.engine, desk.user, desk.token, desk.address)
    response = RedirectResponse("/desk/login", 303)
    response.delete_cookie(SESSION_COOKIE, path="/")
    return response


def me(desk: Desk, _request: Request) -> Response:
    """One's own password and second factor."""
    return _me(desk)


def _me(desk: Desk, status: int = 200, problem: str = "", done: str = "") -> Response:
    secret, uri = begin_second_factor(desk.user)
    return page(desk, "me.html", status, title="本人", secret=secret, uri=uri, problem=problem, done=done)


def change(desk: Desk, _request: Request, form: dict[str, str]) -> Response:
    """Another password."""
    if form.get("password") != form.get("again"):
        return _me(desk, 422, "两次输入的新密码不同")
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
        return _me(desk, error.status, error.message)
    return _me(desk, done="密码已改，此用户名的其他登录均已退出")


def factor(desk: Desk, _request: Request, form: dict[str, str]) -> Response:
    """A second factor from now on."""
    try:
        set_second_factor(
            desk.house.engine, desk.user, desk.token, form.get("secret", ""), form.get("otp", ""), form.get("old", ""),
            desk.address,
        )  # fmt: skip
    except LedgerError as error:
        return _me(desk, error.status, error.message)
    return _me(desk, done="动态口令已启用，下次登录须输入")


def _inside(wanted: str) -> str:
    """An address of these pages; whatever else was wanted leads to today's."""
    plain = wanted.startswith("/desk/") and "//" not in wanted and "\\" not in wanted and wanted.isprintable()
    return wanted if plain else TODAY
