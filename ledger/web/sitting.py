"""Who sits there: the session of a request, the region looked at, and forms that only this session's pages can have made."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from starlette.requests import Request

from ledger.access.sessions import SESSION_COOKIE, user_of_session
from ledger.access.signing.persons import PersonKey
from ledger.access.signing.statement import SignedStatement
from ledger.acts.posts import login_of
from ledger.api.ports import Commands
from ledger.books.setup import books_of
from ledger.core.entries import Book
from ledger.core.errors import Forbidden, InvalidInput, NotFound
from ledger.db.connections import Engine, of_post
from ledger.db.unit_of_work import unit_of_work
from ledger.settings import Settings
from ledger.web.fields import joined
from ledger.web.parts import parts_of

_TAKEN_OVER: Final = "system:0.2"
"""In whose name stands what one person alone had set before release 0.3."""
FIELDS_MAX: Final = 500
"""Of one form: 200 rows a side ticked, and what goes with them."""


@dataclass(frozen=True, slots=True)
class House:
    """What all pages stand on: the installation, its database, and the acts. Who sits there is the service's to know; what is
    looked at goes by `read`."""

    settings: Settings
    engine: Engine
    commands: Commands


@dataclass(frozen=True, slots=True)
class Desk:
    """One request of somebody who came in; `roles` are those in `region`."""

    house: House
    token: str
    user: str
    name: str
    regions: tuple[int, ...]
    region: int
    roles: frozenset[str]
    books: tuple[tuple[Book, str], ...]
    today: date
    address: str
    query: Mapping[str, str]
    origin: str = ""
    """The address of the pages as the person's browser knows it."""
    passkeys: tuple[PersonKey, ...] = ()
    """Of a form: those by which the person signs at this address."""
    signatures: tuple[SignedStatement, ...] = ()
    """Of a form: what it brings signed."""

    def tx(self) -> Any:
        """A transaction of the user in the region looked at."""
        return unit_of_work(self.reading, self.user, self.region)

    def laid_out(self, action: str) -> Any:
        """The same by the login that does `action`: for what is laid out in tables of the transaction's own, which who only
        looks cannot make."""
        return unit_of_work(of_post(self.house.engine, login_of(action)), self.user, self.region)

    @property
    def reading(self) -> Engine:
        """What only looks begins here."""
        return of_post(self.house.engine, "read")

    @property
    def csrf(self) -> str:
        """What a form of this session carries; no other page can know it."""
        return csrf_of(self.token)

    @property
    def book(self) -> Book:
        """The book looked at: the one named, else the first. Raises NotFound `book.unknown`."""
        asked = self.query.get("book", "")
        for book, _ in self.books:
            if not asked or str(book) == asked:
                return book
        raise NotFound("book.unknown", f"没有账套{asked[:20]}，或不在您的权限内")

    @property
    def period(self) -> str:
        """The month looked at, yyyymm: the one named, else that of the business date."""
        asked = self.query.get("period", "")
        return asked if asked.isascii() and asked.isdigit() and len(asked) == 6 else f"{self.today:%Y%m}"

    def persons(self) -> Callable[[str], str]:
        """What the person behind a login is called; who took versions over from release 0.2, in words; a login of nobody's as it is."""
        with self.tx() as tx:
            names: dict[str, str] = dict(tx.rows("SELECT user_name, display_name FROM access.app_user"))
        names[_TAKEN_OVER] = "旧版接管"
        return lambda user: names.get(user, user)

    def login_of(self, typed: str) -> str:
        """The login of a person who is named as pages name persons; what names nobody, as it was typed."""
        with self.tx() as tx:
            found = tx.rows(
                "SELECT user_name FROM access.app_user WHERE display_name = %(name)s AND user_name <> %(name)s",
                name=typed,
            )
        return found[0][0] if len(found) == 1 else typed

    def can(self, *roles: str) -> bool:
        """Whether the user holds one of these posts here: for what is shown; what may be done the database says."""
        return not self.roles.isdisjoint(roles)


def csrf_of(token: str) -> str:
    """Made of the token, which scripts and other sites never see; nothing leads back from it."""
    return hmac.new(token.encode(), b"fundledger form", hashlib.sha256).hexdigest()


def sit(house: House, request: Request) -> Desk:
    """The desk of a request; raises Unauthenticated `login.ended`, NotFound `region.unknown`."""
    token = request.cookies.get(SESSION_COOKIE, "")
    user = user_of_session(house.engine, token)
    known = request.scope.get("extensions", {}).get("fundledger.known")
    if known is not None:
        known["prove"]()
    query = dict(request.query_params)
    if "\x00" in request.url.path + "".join(
        text for pair in query.items() for text in pair
    ):  # nothing that the database can be asked for
        raise InvalidInput("usage.value", "地址中含有看不见的字符（U+0000）")
    reading = of_post(house.engine, "read")
    with unit_of_work(reading, user) as tx:
        regions = tuple(
            found for (found,) in tx.rows("SELECT access.regions_of(%(user)s) ORDER BY 1", user=user)
        )
    region = _region(query, regions)
    with unit_of_work(reading, user, region) as tx:
        roles = frozenset(
            role
            for (role,) in tx.rows(
                "SELECT role FROM access.user_role WHERE region = %(region)s AND user_name = %(user)s",
                region=region,
                user=user,
            )
        )
        name = tx.value("SELECT display_name FROM access.app_user WHERE user_name = %(user)s", user=user)
        books = tuple(books_of(tx))
    today = house.settings.clock().today()
    return Desk(
        house, token, user, name, regions, region, roles, books, today, address_of(request), query, origin_of(house, request)
    )  # fmt: skip


def _region(query: Mapping[str, str], regions: tuple[int, ...]) -> int:
    """The region named, of itself or by its book, else the first; another's is not there at all (INV-14)."""
    if not regions:
        raise Forbidden("access.no_role", "此用户没有任何角色")
    asked = query.get("region") or query.get("book", "").partition("-")[0]
    if not asked:
        return regions[0]
    if asked not in {str(region) for region in regions}:
        raise NotFound("region.unknown", "没有这个统筹区，或不在您的权限内")
    return int(asked)


def is_secure(request: Request) -> bool:
    """Whether it came over TLS, to us or to a proxy that is trusted."""
    return request.url.scheme == "https" or bool(request.scope.get("fundledger.secure"))


def origin_of(house: House, request: Request) -> str:
    """The address of the pages: as settled for the installation, else as this request was sent to it."""
    host = request.headers.get("host", "").lower()
    return house.settings.pages_origin or f"{'https' if is_secure(request) else 'http'}://{host}"


def address_of(request: Request) -> str:
    """Whence a request comes, as the service told it."""
    return str(request.scope.get("fundledger.address", ""))


async def form_of(request: Request, fields: int = FIELDS_MAX) -> dict[str, str]:
    """A form's fields (ledger.web.fields), at most so many; a file's bytes stand base64 under its field, its name beside it. Raises Forbidden `login.form` unless the browser says it was sent from a page of this very address."""
    origin = urlsplit(request.headers.get("origin", ""))
    if not origin.netloc or origin.netloc != request.headers.get("host", ""):
        raise _foreign()
    body, kind = await request.body(), request.headers.get("content-type", "")
    try:
        if kind.startswith("multipart/form-data"):
            return parts_of(kind, body, fields)
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=fields)
    except ValueError:
        raise InvalidInput("usage.value", "表单内容不合规") from None
    return joined(pairs)


def require_form(desk: Desk, form: Mapping[str, str]) -> None:
    """Raise Forbidden `login.form` unless a page of this session made the form."""
    if not hmac.compare_digest(form.get("csrf", "").encode(), desk.csrf.encode()):
        raise _foreign()


def _foreign() -> Forbidden:
    return Forbidden("login.form", "此表单不是从本系统打开的，或已过期：请刷新后再办")
