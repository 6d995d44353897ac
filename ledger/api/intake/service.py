"""The ASGI service: bodies read under a limit, intake queued and stored in groups, everything else by FastAPI."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from contextlib import suppress
from functools import partial
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final, TypeAlias

from sqlalchemy.engine import Engine

from ledger.access.idempotency import check_key
from ledger.access.refused import keep_refused
from ledger.access.sessions import SESSION_COOKIE, user_of_session
from ledger.api.application import THREADS, create_application
from ledger.api.auth import Caller, KeyRing
from ledger.api.intake.batcher import Batcher
from ledger.api.intake.records import cut
from ledger.api.intake.storing import Request, Worker
from ledger.api.limits import BODY_MAX
from ledger.api.ports import Commands
from ledger.api.problems import Answer, NotSupported, TooLarge, of_error
from ledger.api.refused import Refusals
from ledger.api.wire.door import Door
from ledger.api.wire.lobby import Lobby
from ledger.api.wire.places import Places
from ledger.api.wire.proxies import Proxies
from ledger.api.wire.toll import Toll
from ledger.core.errors import BadRequest, Unauthenticated
from ledger.db.connections import Engine as Shared
from ledger.db.connections import driver_of
from ledger.db.engine import Posts, intake_engine, let_go, service_engine
from ledger.db.identity import require_current
from ledger.db.liveness import Liveness
from ledger.db.server import require_safe
from ledger.settings import Settings

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]
MakePages: TypeAlias = Callable[[Settings, Shared, Commands, Refusals], App]

INTAKE_PATH: Final = "/api/v1/settlements"
ACTS_PATH: Final = "/api/v1/acts/"
"""Their values may hold a file."""
FORM_PATHS: Final = ("/desk/drafts/", "/desk/uploads/")
"""Pages whose forms are long or bring a file: from somebody who is in; what a stranger sends there stays small."""
ENTRANCE: Final = frozenset(
    {
        "GET /desk/login", "POST /desk/login", "POST /desk/login/passkey", "GET /desk/first", "POST /desk/first",
        "GET /desk/outside", "GET /desk/outside/back",
    }
)  # fmt: skip
"""What strangers come in by. It is slowed and waits its turn (ledger.web.pages.coming, ledger.api.wire.turns) in a thread of its own,
and takes no place from who works."""
REFUSED: Final = "fundledger.refused"
"""Where in a page's scope stands why its request was not let in."""
OPEN_PATH: Final = "/api/v1/codes/"
SMALL_BODY_MAX: Final = 64 * 1024
BODY_SECONDS: Final = 30.0
"""A body that trickles longer than this is given up."""


class Service:
    """One running API over one installation."""

    def __init__(
        self,
        settings: Settings,
        commands: Callable[[Settings, Shared], Commands] | None = None,
        pages: MakePages | None = None,
    ) -> None:
        self.engine: Engine = service_engine(settings)
        require_current(self.engine)
        with self.engine.connect() as lent:
            require_safe(driver_of(lent))
        clock = settings.clock()
        self.refusals = Refusals(partial(keep_refused, self.engine))
        self.keys = KeyRing(self.engine, clock.today, self.refusals, settings.requests_per_second)
        self._proxies = Proxies(settings.trusted_proxies)
        self.door = Door(settings.connections, settings.connections_per_address, self._proxies.trusted)
        self.toll = Toll(settings.strangers_per_second, self._proxies, self.keys.met)
        self.lobby = Lobby()
        self._places = Places(THREADS)
        self._storing: Engine = intake_engine(settings)
        self._posts = Posts(settings, self.engine)
        self.liveness = Liveness(
            service_engine(settings, ping=False), (*self._posts.engines(), self._storing)
        )
        self.batcher = Batcher(Worker(self._storing, clock.today))
        acts = commands and commands(settings, self._posts)
        self._rest = create_application(settings, self._posts, self.keys, self.liveness, self.close, acts)
        self._pages = pages(settings, self._posts, acts, self.refusals) if pages and acts else None

    async def close(self) -> None:
        """Store what waits, then give the connections back."""
        await self.batcher.close()
        await self.refusals.close()
        await asyncio.to_thread(self.liveness.close)
        let_go(self._storing, for_good=True)
        for engine in self._posts.engines():
            let_go(engine, for_good=True)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One connection's event, as ASGI has it."""
        if self._pages is not None and scope["type"] == "http" and is_page(scope["path"]):
            await self._page(self._pages, scope, receive, send)
            return
        if scope["type"] != "http" or not needs_key(scope["path"]):
            await self._rest(scope, receive, send)
            return
        try:
            headers = _headers(scope["headers"])
            caller = await self._caller(scope, headers)
            if is_intake(scope["method"], scope["path"]):
                answer = await self._take(caller, headers, receive)
            else:
                limit = BODY_MAX if scope["path"].startswith(ACTS_PATH) else SMALL_BODY_MAX
                await self._act(scope, headers, receive, send, limit)
                return
        except Exception as error:  # noqa: BLE001 every request gets an answer, and never a trace
            answer = of_error(error)
        await respond(send, answer)

    async def _page(self, pages: App, scope: Scope, receive: Receive, send: Send) -> None:
        """A page: who sits there is told by a cookie, which is looked up where the page is made."""
        scope["fundledger.address"] = self._address(scope)
        peer = (scope.get("client") or ("",))[0]
        proto = [value for name, value in scope["headers"] if name == b"x-forwarded-proto"]
        scope["fundledger.secure"] = self._proxies.trusted(peer) and proto == [b"https"]
        try:
            self.liveness.require()
            headers = dict(scope["headers"])
            limit = await self._form_max(headers) if scope["path"].startswith(FORM_PATHS) else SMALL_BODY_MAX
            await self._act(scope, headers, receive, send, limit, pages)
        except Exception as error:  # noqa: BLE001 every request gets an answer, and never a trace
            scope[REFUSED] = error  # in words, on a page: the body was not read, nothing is looked up
            await pages(scope, receive, send)

    async def _form_max(self, headers: dict[bytes, bytes]) -> int:
        """What a long form may bring: asked before any of it is read."""
        cookies: SimpleCookie = SimpleCookie()
        with suppress(CookieError, Unauthenticated):
            cookies.load(headers.get(b"cookie", b"").decode("latin-1"))
            token = cookies[SESSION_COOKIE].value if SESSION_COOKIE in cookies else ""
            await asyncio.to_thread(user_of_session, self.engine, token)
            return BODY_MAX
        return SMALL_BODY_MAX

    def _address(self, scope: Scope) -> str:
        """Whence a request comes, past the proxies of ours."""
        forwarded = [value for name, value in scope["headers"] if name == b"x-forwarded-for"]
        return self._proxies.caller((scope.get("client") or ("",))[0], forwarded)

    async def _caller(self, scope: Scope, headers: dict[bytes, bytes]) -> Caller:
        """Who calls, before anything is read or done for him; what a stranger brings costs nothing but its head."""
        self.liveness.require()
        caller = await self.keys.caller(headers.get(b"authorization"), self._address(scope))
        known = scope.get("extensions", {}).get("fundledger.known")
        if known is not None:
            known["prove"]()
        self.keys.admit(caller)
        return caller

    async def _act(
        self,
        scope: Scope,
        headers: dict[bytes, bytes],
        receive: Receive,
        send: Send,
        limit: int,
        app: App | None = None,
    ) -> None:
        """Everything but intake: its body whole, then a place among those that work, which strangers at the entrance do not take."""
        if scope["method"] in ("POST", "PUT", "PATCH", "DELETE"):
            receive = _again(await read_body(headers, receive, limit), receive)
        if app is not None and f"{scope['method']} {scope['path']}" in ENTRANCE:
            await app(scope, receive, send)
            return
        async with self._places.one() as place:

            async def told(message: Message) -> None:
                if message["type"] == "http.response.start":
                    place.leave()  # who reads its answer slowly keeps nobody from working
                await send(message)

            await (app or self._rest)(scope, receive, told)

    async def _take(self, caller: Caller, headers: dict[bytes, bytes], receive: Receive) -> Answer:
        key = _intake_key(headers)
        return await self.batcher.submit(_request(caller, key, await read_body(headers, receive, BODY_MAX)))


def needs_key(path: str) -> bool:
    """Whether only a known caller may ask for this; what says nothing of any region is for everybody."""
    return path.startswith("/api/") and not path.startswith(OPEN_PATH)


def is_page(path: str) -> bool:
    """Whether this is one of the pages, if there are any."""
    return path in ("/", "/desk") or path.startswith("/desk/")


def is_intake(method: str, path: str) -> bool:
    """Whether this is the request that brings records."""
    return path == INTAKE_PATH and method == "POST"


def make_service(
    settings: Settings,
    commands: Callable[[Settings, Shared], Commands] | None = None,
    pages: MakePages | None = None,
) -> Service:
    """The service of an installation, with the acts of the command line if they are given; raises Unavailable `db.not_migrated`,
    `db.unreachable`, Conflict `db.unsafe`.
    """
    return Service(settings, commands, pages)


def _headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Header names are lower case already; raises BadRequest `header.repeated` where a second one would change the meaning."""
    found: dict[bytes, bytes] = {}
    for name, value in headers:
        if name in found and name in (b"authorization", b"idempotency-key", b"content-length"):
            raise BadRequest("header.repeated", f"请求头{name.decode('latin-1')}出现两次")
        found[name] = value
    return found


def _intake_key(headers: dict[bytes, bytes]) -> str:
    """The Idempotency-Key, empty without one; raises NotSupported `content.type`, `content.encoding`, BadRequest `key.format`."""
    kind = headers.get(b"content-type", b"application/json").partition(b";")[0].strip().lower()
    if kind != b"application/json":
        raise NotSupported("content.type", "内容类型应为application/json")
    if headers.get(b"content-encoding", b"identity").lower() != b"identity":
        raise NotSupported("content.encoding", "不接受压缩的请求体")
    key = headers.get(b"idempotency-key")
    return "" if key is None else check_key(key.decode("latin-1"))


def _request(caller: Caller, key: str, body: bytes) -> Request:
    raws, many = cut(body)
    return Request(
        caller.user, caller.regions, raws, many, key, hashlib.sha256(body).digest() if key else b""
    )


async def read_body(headers: dict[bytes, bytes], receive: Receive, limit: int) -> bytes:
    """The whole body; raises TooLarge `body.too_large` as soon as it is known, BadRequest `body.cut_off`, `body.too_slow`."""
    length = headers.get(b"content-length", b"")
    if length.isdigit() and int(length[:20]) > limit:
        raise TooLarge("body.too_large", f"请求体超过{limit}字节")
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _read(receive, limit)
    except TimeoutError:
        raise BadRequest("body.too_slow", f"请求体在{BODY_SECONDS:.0f}秒内没有到齐") from None


async def _read(receive: Receive, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        body: bytes = message.get("body", b"")
        if len(body) > limit:
            raise TooLarge("body.too_large", f"请求体超过{limit}字节")
        return body
    parts = bytearray()
    while True:
        if message["type"] != "http.request":
            raise BadRequest("body.cut_off", "请求体没有到齐")
        parts += message.get("body", b"")
        if len(parts) > limit:
            raise TooLarge("body.too_large", f"请求体超过{limit}字节")
        if not message.get("more_body"):
            return bytes(parts)
        message = await receive()


def _again(body: bytes, receive: Receive) -> Receive:
    """A receive that gives the body once more, then what comes after it."""
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def give() -> Message:
        return waiting.pop() if waiting else await receive()

    return give


async def respond(send: Send, answer: Answer) -> None:
    """Send a whole answer."""
    headers = [
        (b"content-type", answer.content_type),
        (b"content-length", str(len(answer.body)).encode()),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
