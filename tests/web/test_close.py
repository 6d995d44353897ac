"""A month closed at its page in a real Chromium: by the accountant and by the chief, twice pressed is once done."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from ledger.api.intake.service import make_service
from ledger.cli.remote import Remote
from ledger.simulation.people import PASSWORD, give_logins
from ledger.web.application import make_pages
from tests.closing.conftest import Agency, agency, kept_october
from tests.judges import program_of
from tests.scenes.passwords import lend
from tests.scenes.served import served
from tests.web.conftest import Browser

__all__ = ["agency", "kept_october"]
TODAY = date(2025, 11, 4)
PAGE = "/desk/close?book=420100-310&period=202510"
CLOSINGS = "SELECT n, state, begun_by, closed_by FROM books.closing WHERE fund = 310 ORDER BY n"


@pytest.fixture
def closing_desk(agency: Agency, tmp_path: Path) -> Iterator[Any]:
    """The service with its pages at a region whose October can close."""
    lend(agency.settings.home, tmp_path)
    give_logins(agency.settings, TODAY)
    settings = agency.settings.model_copy(update={"home": tmp_path, "today": TODAY})
    with served(make_service(settings, Remote, make_pages)) as made:
        made.agency = agency
        yield made
    while Browser.opened:
        Browser.opened.pop().close()


def come(chromium: Any, address: str, user: str) -> Page:
    page = chromium.new_context(viewport={"width": 1366, "height": 768}, base_url=address).new_page()
    page.goto("/desk/login")
    page.fill("[name=user]", user)
    page.fill("[name=password]", PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/desk/today")
    page.goto(PAGE)
    return page  # type: ignore[no-any-return]


@pytest.mark.judge("chromium")
def test_a_month_is_closed_by_two_at_the_page_each_once(closing_desk: Any) -> None:
    agency = closing_desk.agency
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program_of("chromium"), args=["--no-sandbox"])
        li, wu = (come(chromium, closing_desk.address, user) for user in ("li", "wu"))
        assert "确认结账" not in wu.inner_text("main")
        li.dblclick("text=结账，提交会计主管")
        li.wait_for_selector(".good", timeout=60_000)
        [[_, state, begun, closed]] = agency.rows(CLOSINGS)
        assert (state, begun, closed) == ("closing", "li", "")
        li.go_back()
        assert "结账，提交会计主管" not in li.inner_text("main")
        wu.reload()
        wu.dblclick("text=确认结账 >> visible=true")
        wu.wait_for_selector(".good", timeout=60_000)
        wu.go_back()
        assert "确认结账" not in wu.inner_text("main")
        chromium.close()
    assert [tuple(row) for row in agency.rows(CLOSINGS)] == [(1, "closed", "li", "wu")]
    done = "SELECT action, count(*) FROM access.operator_log WHERE action LIKE 'period.%' AND outcome = 'done' GROUP BY 1 ORDER BY 1"
    assert [tuple(row) for row in agency.rows(done)] == [("period.close", 1), ("period.confirm", 1)]
    assert agency.verify() == []


@pytest.mark.posts("period waive", "period close", "period withdraw", "period confirm", "period reopen")
def test_what_hinders_is_waived_by_two_and_a_close_given_up_and_reopened(closing_desk: Any) -> None:
    agency = closing_desk.agency
    agency.refuse_line(1)
    browsers = {}
    for user in ("li", "wu", "qian"):
        browsers[user] = Browser(closing_desk.address)
        assert browsers[user].enter(user).status_code == 303
    li, wu = browsers["li"], browsers["wu"]

    def act(user: str, word: str, **typed: str) -> Any:
        browser, to = browsers[user], f"/desk/act/period/{word}"
        form = browser.form(PAGE, to, *(f"v.{name}" for name in typed))
        return browser.post(to, form | {f"v.{name}": value for name, value in typed.items()})

    assert "disabled" in li.get(PAGE).text
    assert act("li", "waive", reason="已退回机构重传").status_code == 200
    assert "放行检查、重新开启待同意" in wu.get("/desk/today").text
    assert act("wu", "waive").status_code == 200
    assert act("li", "close").status_code == 200
    assert act("li", "withdraw", reason="漏记一笔").status_code == 200
    handed = act("li", "close")
    assert "已提交，待会计主管凭摘要确认" in handed.text
    assert "period confirm" not in handed.text
    form = wu.form(PAGE, "/desk/act/period/confirm")
    stale = wu.post("/desk/act/period/confirm", form | {"v.digest": "0" * 64})
    assert (stale.status_code, "period.changed" in stale.text) == (409, True), stale.text
    by_qian = form | {"csrf": browsers["qian"].form("/desk/me", "/desk/logout")["csrf"]}
    assert browsers["qian"].post("/desk/act/period/confirm", by_qian).status_code == 403
    assert wu.post("/desk/act/period/confirm", form | {"key": "again"}).status_code == 200
    assert "李会计结账，吴主管于" in li.get(PAGE).text
    assert act("li", "reopen", reason="补记保费").status_code == 200
    assert "李会计已提出重新开启：补记保费，待会计主管同意" in li.get(PAGE).text
    assert act("wu", "reopen").status_code == 200
    assert agency.state() == "open"
