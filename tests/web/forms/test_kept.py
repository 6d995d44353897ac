"""A form keeps what was typed in a real Chromium: refused, saved and come back to; saving it again is the same once."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from ledger.simulation.people import FISCAL_ACCOUNT
from tests.web.test_browser import pages
from tests.web.test_keyboard import picture

__all__ = ["pages"]
pytestmark = pytest.mark.judge("chromium")
COUNT = "SELECT count(*) FROM books.voucher"
TYPED = {
    "l0.memo": "补贴到账", "l0.account": "1003", "l0.party": FISCAL_ACCOUNT.number, "l0.debit": "1,234.50",
    "l6.memo": "补贴到账", "l6.account": "41010101", "l6.credit": "1,234.50", "attachments": "2",
}  # fmt: skip


def filled(page: Page) -> dict[str, str]:
    return {name: page.input_value(f"input[name='{name}']") for name in TYPED}


def test_a_voucher_form_keeps_what_was_typed(desk: Any, pages: Any) -> None:
    [(before,)] = desk.month.asked(COUNT)
    li: Page = pages("li")
    li.goto("/desk/drafts/new?book=420100-310")
    li.click("text=加五行")
    for name, value in TYPED.items():
        li.fill(f"input[name='{name}']", value)
    key = li.input_value("#entry input[name=key]")
    li.click("text=保存（F8）")
    li.wait_for_selector("main > [role=alert]")  # it has no paper
    assert filled(li) == TYPED
    assert li.url.endswith("/desk/drafts/new?book=420100-310"), "refused where it stands"
    picture(li, "kept-refused-1366")
    li.fill("input[name=evidence]", "鄂财社〔2026〕9号")
    li.click("text=保存（F8）")
    li.wait_for_url("**/desk/drafts/MV-*")
    draft = li.url
    li.go_back()
    li.wait_for_selector("#entry")
    assert filled(li) == TYPED
    assert li.input_value("input[name=evidence]") == "鄂财社〔2026〕9号"
    assert li.input_value("#entry input[name=key]") == key, "the form's key came back with it"
    picture(li, "kept-back-1366")
    li.click("text=保存（F8）")
    li.wait_for_url("**/desk/drafts/MV-*")
    assert li.url == draft
    assert desk.month.asked(COUNT)[0][0] == before + 1
    # another amount under the same key is another voucher: said, and done only when it is meant
    li.go_back()
    li.wait_for_selector("#entry")
    for name in ("l0.debit", "l6.credit"):
        li.fill(f"input[name='{name}']", "9.00")
    li.click("text=保存（F8）")
    li.wait_for_selector("main > [role=alert]")
    assert "key_reused" in li.inner_text("main > [role=alert]")
    assert desk.month.asked(COUNT)[0][0] == before + 1
    assert li.input_value("#entry input[name=key]") != key
    li.click("text=保存（F8）")
    li.wait_for_url("**/desk/drafts/MV-*")
    assert desk.month.asked(COUNT)[0][0] == before + 2
    # a form begun anew is empty, and so is another person's
    li.goto("/desk/drafts/new?book=420100-310")
    assert li.input_value("input[name='l0.memo']") == ""


def test_a_template_s_form_keeps_what_was_typed(desk: Any, pages: Any) -> None:
    li: Page = pages("li")
    li.goto("/desk/drafts/templates?book=420100-310")
    li.click("text=选定")
    li.wait_for_selector("form.sheet")
    key = li.input_value("form.sheet input[name=key]")
    li.fill("form.sheet input[name=evidence]", "文9")
    li.fill("form.sheet input[name=summary]", "某事")
    li.click("form.sheet button")
    li.wait_for_selector("main > [role=alert]")
    assert li.input_value("form.sheet input[name=summary]") == "某事"
    assert li.input_value("form.sheet input[name=key]") == key
    li.goto("/desk/today")
    li.go_back()
    li.wait_for_selector("form.sheet")
    assert li.input_value("form.sheet input[name=summary]") == "某事"
