"""Coming in by the word of a provider of identities (OpenID Connect): never makes anybody, never gives a post."""

from __future__ import annotations

import secrets
from typing import Final
from urllib.parse import quote, unquote

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from adapters.identity.oidc import Provider, way_in, who_came
from ledger.access.identities import FactorAsked, FactorNeeded, begin_by_identity, log_in_by_code
from ledger.access.sessions import SESSION_COOKIE
from ledger.access.signing.keyfile import read_owned
from ledger.api.refused import Refusals
from ledger.api.wire.turns import Turns
from ledger.core.errors import LedgerError, NotFound
from ledger.web.pages.coming import inside, with_session
from ledger.web.show import page
from ledger.web.sitting import House, address_of, form_of, is_secure, origin_of

TRY_COOKIE: Final = "fundledger-try"
"""The secret of one try, and where it goes on to; sent back to us alone, also on the way from the provider."""
_SECONDS: Final = 600
_PATH: Final = "/desk/outside"


class Outside:
    """The two steps: to the provider, and back from it."""

    def __init__(self, house: House, refusals: Refusals) -> None:
        self._house = house
        self._refusals = refusals
        self._limiter = CapacityLimiter(4)
        self._turns = Turns(4)

    def _provider(self, request: Request) -> Provider:
        settings = self._house.settings
        if not (settings.oidc_issuer and settings.oidc_client and settings.oidc_secret_file):
            raise NotFound("login.no_provider", "没有设定统一身份认证")
        secret = read_owned(settings.oidc_secret_file, "统一身份认证的密码文件").strip()
        back = f"{origin_of(self._house, request)}{_PATH}/back"
        return Provider(settings.oidc_issuer, settings.oidc_client, secret, back)

    async def begin(self, request: Request) -> Response:
        """Send the browser to the provider, with a try of its own."""
        secret, wanted = secrets.token_urlsafe(32), inside(request.query_params.get("to", ""))
        address = address_of(request)
        await self._refusals.slow(address)
        try:
            async with self._turns.one(address):
                door = await to_thread.run_sync(
                    lambda: way_in(self._provider(request), secret), limiter=self._limiter
                )
        except LedgerError as error:
            return self._again(error)
        response = RedirectResponse(door, 303)
        response.set_cookie(
            TRY_COOKIE, f"{secret}.{quote(wanted, safe='')}", max_age=_SECONDS, path=_PATH, httponly=True,
            samesite="lax", secure=is_secure(request),
        )  # fmt: skip
        return response

    async def back(self, request: Request) -> Response:
        """Who it was by the provider's word: comes in if enrolled under it, else not. The try is over either way."""
        secret, _, wanted = request.cookies.get(TRY_COOKIE, "").partition(".")
        address = address_of(request)
        await self._refusals.slow(address)

        def work() -> str:
            provider = self._provider(request)
            came = who_came(provider, secret, dict(request.query_params))
            words = {one.strip() for one in self._house.settings.oidc_multi_factor.split(",")}
            return begin_by_identity(
                self._house.engine, provider.issuer, came.subject, request.cookies.get(SESSION_COOKIE, ""), address,
                origin_of(self._house, request), several=bool(came.means & words),
            )  # fmt: skip

        try:
            async with self._turns.one(address):
                try:
                    token = await to_thread.run_sync(work, limiter=self._limiter)
                except LedgerError as error:
                    self._refusals.note(address, error.code)
                    raise
        except LedgerError as error:
            response = self._again(error)
        except FactorNeeded as needed:
            response = _asked(needed.asked, inside(unquote(wanted)))
        else:
            # not a redirection: that would still be the provider's, and the session's cookie is for our own pages' alone
            response = with_session(
                page(None, "entered.html", title="已登录", wanted=inside(unquote(wanted))), request, token
            )
        response.delete_cookie(TRY_COOKIE, path=_PATH)
        return response

    async def code(self, request: Request) -> Response:
        """The telephone's code, asked for after the provider's word."""
        form = await form_of(request)
        wanted, user, question = inside(form.get("to", "")), form.get("user", "").strip()[:40], form.get("question", "")  # fmt: skip
        address = address_of(request)
        await self._refusals.slow(address)

        def work() -> str:
            before = request.cookies.get(SESSION_COOKIE, "")
            home = self._house.settings.home
            return log_in_by_code(
                self._house.engine, user, question, form.get("otp", ""), before, address, home
            )

        try:
            async with self._turns.one(address):
                token = await to_thread.run_sync(work, limiter=self._limiter)
        except LedgerError as error:
            self._refusals.note(address, error.code)
            again = FactorAsked(user, question, code=True, passkey=None)
            return _asked(again, wanted, error.message, error.status)
        return with_session(RedirectResponse(wanted, 303), request, token)

    @staticmethod
    def _again(error: LedgerError) -> Response:
        return page(
            None,
            "login.html",
            error.status,
            wanted="/desk/today",
            user="",
            problem=error.message,
            outside=True,
        )


def _asked(asked: FactorAsked, wanted: str, problem: str = "", status: int = 200) -> Response:
    return page(None, "login_factor.html", status, asked=asked, wanted=wanted, problem=problem)
