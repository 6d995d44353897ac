"""A form pressed by everybody who may not, and once by who may: `press`, whatever the act."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import date
from html import unescape
from typing import Any

import pytest

from tests.scenes.town import Town
from tests.web.conftest import Browser, form_named, opened_desk

__all__ = ["Press"]
OTHER_REGION = "440100"
NOVEMBER = date(2026, 11, 10)


class Press:
    """Forms of one desk, pressed. `effect` is asked of the database before and after: what an act really did."""

    def __init__(self, desk: Any) -> None:
        self.desk = desk
        self._browsers: dict[str, Browser] = {}

    def by(self, user: str) -> Browser:
        """The browser of somebody who came in."""
        if user not in self._browsers:
            made = Browser(self.desk.address)
            assert made.enter(user).status_code == 303
            self._browsers[user] = made
        return self._browsers[user]

    def asked(self, effect: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.desk.month.asked(effect)]

    def led(self, user: str, page: str, to: str) -> str:
        """The first link of a page that begins so."""
        found = re.search(rf'href="({re.escape(to)}[^"]*)"', self.by(user).get(page).text)
        assert found, f"{page}: no link to {to}"
        return unescape(found[1])

    def __call__(
        self,
        user: str,
        page: str,
        name: str,
        typed: dict[str, Any] | None = None,
        *asked: str,
        effect: str,
        stranger: str = "",
        tab: bool = True,
        early: bool = False,
        **held: object,
    ) -> list[tuple[Any, ...]]:
        """What `effect` says once `user` did `name` by its form on `page`: not one of the others changed anything, twice was once.

        `tab`: the same once more from another tab, under another key, is refused or changes nothing either.
        `early`: the wrong post is refused for another reason, before anybody asks for the post.
        """
        to = f"/desk/act/{name.partition(' ')[0]}/{name.partition(' ')[2].replace(' ', '+')}"
        browser = self.by(user)
        form: dict[str, Any] = browser.filled(page, to, *asked, **held) | (typed or {})
        before = self.asked(effect)

        def refused(who: Browser, change: dict[str, Any], *statuses: int, origin: str | None = "") -> None:
            answer = who.post(to, form | change, origin=origin)
            assert answer.status_code in statuses, (answer.status_code, said(answer)[-300:])
            assert re.search(r"代码 [a-z_]+\.[a-z_]+", answer.text), answer.text[-500:]
            assert self.asked(effect) == before, (change, "it did something")

        refused(browser, {"csrf": "0" * 64}, 403)
        refused(browser, {"csrf": ""}, 403)
        refused(browser, {}, 403, origin="http://elsewhere.example")
        other = self.by(stranger or ("zhou" if user == "sun" else "sun"))
        theirs = other.form("/desk/me", "/desk/logout")["csrf"]
        refused(other, {"csrf": theirs, "key": "other"}, *((409,) if early else (403,)))
        elsewhere = {"v.region": OTHER_REGION} if "v.region" in form else {"v.book": f"{OTHER_REGION}-310"}
        refused(browser, elsewhere | {"key": "elsewhere"}, 403, 404)
        for digest in ("v.digest",) if "v.digest" in form else ():
            refused(browser, {digest: "0" * 64, "key": "stale"}, 403, 404, 409, 422)
        Browser.done.discard(form_named(to, {key for key, value in form.items() if value}))
        done = browser.post(to, form)
        assert done.status_code == 200, said(done)
        assert 'class="good"' in done.text, said(done)
        after = self.asked(effect)
        assert after != before, "nothing was done"
        if form.get("key"):
            assert "此前已经办理" in browser.post(to, form).text
        if tab:
            assert browser.post(to, form | {"key": "tab"}).status_code < 500
        assert self.asked(effect) == after, "twice was not once"
        return after


def said(answer: Any) -> str:
    """What a page says, without what surrounds it."""
    return re.sub(r"<[^>]*>|\s+", " ", answer.text.partition("<main")[2])[:600]


@pytest.fixture
def press(desk: Any) -> Press:
    return Press(desk)


@pytest.fixture
def november(kept_desk: str, month: Any) -> Iterator[Any]:
    """The desk four weeks later: October can be settled."""
    with opened_desk(month, NOVEMBER) as made:
        made.town = Town(month, made.settings.home)
        yield made


Pressed = Callable[..., list[tuple[Any, ...]]]
