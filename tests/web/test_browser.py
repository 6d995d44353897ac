"""A day in a real Chromium: by mouse and by keyboard, nothing asked of anybody else, and a double click is one act."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, sync_playwright

from ledger.simulation.people import PASSWORD
from tests.judges import program_of
from tests.web.conftest import bills

pytestmark = pytest.mark.judge("chromium")


@pytest.fixture
def pages(desk: Any) -> Iterator[Any]:
    """`pages(user)`: a window of his own, come in; what went elsewhere or went wrong in it fails the test."""
    wrong: list[str] = []
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program_of("chromium"), args=["--no-sandbox"])

        def come(user: str, width: int = 1366, height: int = 768) -> Page:
            context = chromium.new_context(viewport={"width": width, "height": height}, base_url=desk.address)
            page = context.new_page()
            page.on("request", lambda r: None if r.url.startswith(desk.address) else wrong.append(r.url))
            # a refused form comes with 409 or 422, which Chromium notes as an error of its own
            page.on(
                "console",
                lambda m: (
                    wrong.append(m.text)
                    if m.type == "error" and not re.search("status of (409|422)", m.text)
                    else None
                ),
            )
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.goto("/desk/today")
            page.wait_for_selector("input[name=user]:focus")  # a browser sets the focus a frame after "load"
            page.keyboard.type(user)
            page.keyboard.press("Tab")
            page.keyboard.type(PASSWORD)
            page.keyboard.press("Enter")
            page.wait_for_url("**/desk/today")
            return page

        yield come
        chromium.close()
    assert wrong == []


def test_a_day_by_mouse_and_keyboard(desk: Any, pages: Any) -> None:
    with bills(desk):
        zhao = pages("zhao")
    zhao.dblclick("text=办理 2026-10-13")
    zhao.wait_for_selector(".good")
    assert (
        desk.month.asked(
            "SELECT count(*) FROM access.operator_log WHERE action = 'daily.run' AND outcome = 'done'"
        )[0][0]
        == 1
    )
    qian = pages("qian", 1920, 1080)
    assert "拨付批次待审批" in qian.inner_text("main")
    qian.focus("text=审批待审批的 1 批")
    qian.keyboard.press("Enter")
    qian.wait_for_selector(".good")
    sun = pages("sun")
    sun.click("form[action='/desk/act/day/send'] button")
    sun.wait_for_selector(".good")
    assert [tuple(row) for row in desk.month.asked("SELECT state FROM payments.pay_order")] == [("sent",)]
    sun.go_back()
    assert "已发送" in sun.inner_text("main")


def test_from_a_statement_down_to_the_order_by_links(desk: Any, pages: Any) -> None:
    li = pages("li")
    for key in ("g", "s"):
        li.keyboard.press(key)
    li.wait_for_url("**/desk/books/balance-sheet**")
    li.click("ol.rows >> text=支出户存款")
    li.click("main table >> text=1004 >> nth=0")
    li.wait_for_url("**/desk/books/sub-ledger**")
    li.click("main table >> text=/记-202610-2/")
    li.wait_for_url("**/desk/vouchers/**")
    assert "记字第2号" in li.inner_text("article.voucher")
    money = li.locator(".voucher td.money >> nth=0")
    assert money.evaluate("cell => getComputedStyle(cell).textAlign") == "right"
    li.keyboard.press("PageUp")
    li.wait_for_url("**/desk/vouchers/1?**")
    li.keyboard.press("/")
