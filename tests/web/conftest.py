"""The demo's region with people who have passwords, money, two hospitals and bills; the service with its pages on a socket."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from html import unescape
from typing import Any, ClassVar

import httpx
import pytest

from adapters.banks.simulator.faults import FaultPlan
from ledger.api.intake.service import make_service
from ledger.books.attachments import attach
from ledger.books.manual import ManualContent, draft_voucher
from ledger.bootstrap import App
from ledger.cli.remote import Remote
from ledger.core.entries import Book, Dimensions, credit, debit
from ledger.db.unit_of_work import unit_of_work
from ledger.founding import book_by_hand
from ledger.settings import Settings
from ledger.simulation.bank import demo_bank
from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT, FISCAL_ACCOUNT, PASSWORD, give_logins
from ledger.web.application import make_pages
from tests.scenes.month import bill, bill_line, closing_direct, kept_hospitals, month
from tests.scenes.passkeys import Authenticator, asked_of
from tests.scenes.served import NO_TLS, served

__all__ = ["bill", "kept_hospitals", "month"]
EVE, TODAY = date(2026, 10, 12), date(2026, 10, 13)
GRANTED = 10**10


@pytest.fixture(scope="session")
def kept_desk(keep: Any, kept_hospitals: str) -> str:
    """The hospitals' template with passwords and a grant in the employees' book."""
    return str(keep(f"{kept_hospitals}_desk", kept_hospitals, _fill))


def _fill(settings: Settings) -> None:
    own, fiscal = Dimensions(EXPENDITURE_ACCOUNT.number), Dimensions(FISCAL_ACCOUNT.number)
    give_logins(settings, TODAY)
    with closing_direct(settings) as engine:
        for summary, legs in (
            ("财政补贴", (debit(1003, GRANTED, fiscal), credit(41010101, GRANTED))),
            ("请款", (debit(1004, GRANTED, own), credit(1003, GRANTED, fiscal))),
        ):
            content = ManualContent(EVE, summary, "缴拨凭证", legs)
            book_by_hand(engine, "li", "qian", Book(DEMO_REGION, 310), EVE, content)


VARIANTS = ("refuse", "refusal", "cancel", "propose", "confirming", "every")
"""Fields by which a form of an act is another than the act's plain one."""


def form_named(action: str, fields: Iterable[str]) -> str:
    """What a form is called: its act, or its address where it is a page's own; then the variant, if it is one."""
    plain = re.sub(r"/[^/]*[0-9][^/]*", "/#", action.partition("?")[0].partition("&amp;")[0])
    name = plain.removeprefix("/desk/act/").replace("/", " ").replace("+", " ") if "/act/" in plain else plain
    names = {field[2:] for field in fields}
    return name + "".join(f":{one}" for one in VARIANTS if one in names)


@pytest.fixture(autouse=True)
def forms_done(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that says it posts forms (`pytest.mark.posts`) has done so: each was answered as done."""
    Browser.done.clear()
    yield
    said = {name for mark in request.node.iter_markers("posts") for name in mark.args}
    assert said - Browser.done == set(), "marked as posting what it did not get done"


class Browser:
    """A person's browser without a screen: one cookie jar, forms sent as a page of ours sends them."""

    opened: ClassVar[list[httpx.Client]] = []
    done: ClassVar[set[str]] = set()
    """The forms that were done since the test began, as `form_named` calls them."""
    keys: ClassVar[dict[str, Authenticator]] = {}
    """The passkeys that users have and touch when asked at log-in."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.http = httpx.Client(base_url=address, timeout=30, verify=NO_TLS)
        self.opened.append(self.http)

    def enter(self, user: str, password: str = PASSWORD, otp: str = "") -> httpx.Response:
        answer = self.post("/desk/login", {"user": user, "password": password, "otp": otp})
        if 'action="/desk/login/passkey"' not in answer.text or user not in self.keys:
            return answer
        form, challenge = asked_of(answer.text)
        return self.post("/desk/login/passkey", form | {"touch": self.keys[user].answer(challenge)})

    def post(self, path: str, fields: dict[str, str], origin: str | None = "") -> httpx.Response:
        headers = {} if origin is None else {"origin": origin or self.address}
        return self._told(path, fields, self.http.post(path, data=fields, headers=headers))

    def send(self, path: str, fields: dict[str, str], file: tuple[str, bytes]) -> httpx.Response:
        """A form that brings a file."""
        answer = self.http.post(path, data=fields, files={"file": file}, headers={"origin": self.address})
        return self._told(path, fields, answer)

    def _told(self, path: str, fields: dict[str, str], answer: httpx.Response) -> httpx.Response:
        if answer.status_code == 303 or 'class="good"' in answer.text:
            self.done.add(form_named(path, {name for name, value in fields.items() if value}))
        return answer

    def get(self, path: str) -> httpx.Response:
        return self.http.get(path)

    def form(self, path: str, action: str, *asked: str, **held: object) -> dict[str, str]:
        """The hidden fields of the first form on a page that goes to `action`, asks for these fields and holds these values."""
        return self._form(path, action, asked, held)[0]

    def filled(self, path: str, action: str, *asked: str, **held: object) -> dict[str, str]:
        """The same with what its visible fields hold before anybody typed."""
        fields, found = self._form(path, action, asked, held)
        shown = dict(re.findall(r'<input name="([^"]+)" type="[a-z]+" value="([^"]+)"', found))
        shown |= dict(re.findall(r'<select name="([^"]+)"[^>]*><option value="([^"]+)"', found))
        return {name: unescape(value) for name, value in shown.items()} | fields

    def _form(
        self, path: str, action: str, asked: tuple[str, ...], held: dict[str, object]
    ) -> tuple[dict[str, str], str]:
        page = self.get(path).text
        for found in re.findall(rf'<form[^>]*action="{re.escape(action)}".*?</form>', page, re.S):
            hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found)
            fields = {name: unescape(value) for name, value in hidden}
            holds = all(fields.get(f"v.{name}") == str(value) for name, value in held.items())
            if holds and all(f'name="{field}"' in found for field in asked):
                return fields, found
        raise AssertionError(f"{path}: no form to {action} {asked} {held}")


@pytest.fixture
def desk(kept_desk: str, month: Any) -> Iterator[Any]:
    """The service; `desk.month` is the scene, `desk.address` where it answers."""
    with opened_desk(month, TODAY) as made:
        yield made


@contextmanager
def opened_desk(month: Any, today: date) -> Iterator[Any]:
    """The service on a business date, with the bank behind it."""
    settings = month.database.settings.model_copy(update={"today": today})
    admin, checker = App(settings, "li"), App(settings, "qian")
    try:
        with (
            demo_bank(admin, checker, GRANTED, EVE, FaultPlan()) as bank,
            served(make_service(settings, Remote, make_pages)) as made,
        ):
            made.month, made.bank, made.settings = month, bank, settings
            yield made
    finally:
        while Browser.opened:
            Browser.opened.pop().close()
        Browser.keys.clear()
        admin.close()
        checker.close()


@pytest.fixture
def sat(desk: Any) -> Callable[[str], Browser]:
    """`sat("qian")`: a browser at which that user has come in."""

    def come(user: str) -> Browser:
        made = Browser(desk.address)
        assert made.enter(user).status_code == 303
        return made

    return come


@contextmanager
def bills(desk: Any, count: int = 3) -> Iterator[None]:
    """Settlements of yesterday, to be paid today."""
    desk.month.take(*(bill_line(f"S{n}", fund=100_000 + n) for n in range(count)))
    yield


def draft_with_paper(desk: Any) -> str:
    """A voucher of the accountant's that waits, with a paper; its id."""
    book = Book(DEMO_REGION, 310)
    legs = (debit(1003, 100, Dimensions(FISCAL_ACCOUNT.number)), credit(41010101, 100))
    with unit_of_work(desk.month.engine, "li", DEMO_REGION) as tx:
        made = draft_voucher(tx, book, ManualContent(EVE, "附单", "文", legs), EVE)
        attach(tx, book, made.voucher_id, "回单.pdf", b"paper", EVE)
    return made.voucher_id
