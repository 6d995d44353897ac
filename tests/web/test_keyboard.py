"""A voucher by keyboard alone in a real Chromium: typed by one person, checked and posted by another, and shown as books show it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from ledger.simulation.people import FISCAL_ACCOUNT
from tests.web.test_browser import pages

__all__ = ["pages"]
pytestmark = pytest.mark.judge("chromium")
PICTURES = os.environ.get("FUNDLEDGER_PICTURES", "")
"""Where to leave pictures of the pages for somebody to look at; nowhere by default."""


@pytest.fixture(autouse=True)
def _kept() -> None:
    if PICTURES:
        Path(PICTURES).mkdir(exist_ok=True)


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=f"{PICTURES}/{name}.png")


def keys(page: Page, *pressed: str) -> None:
    """Keys by name in brackets, else text: `keys(page, "补贴", "[Enter]")`."""
    for one in pressed:
        if one.startswith("["):
            page.keyboard.press(one[1:-1])
        else:
            page.keyboard.type(one)


def value(page: Page, name: str) -> str:
    return page.input_value(f"input[name='{name}']")


def test_a_voucher_by_keyboard_from_draft_to_the_books(desk: Any, pages: Any) -> None:
    li = pages("li")
    keys(li, "g", "d")
    li.wait_for_url("**/desk/drafts?**")
    keys(li, "g", "a")
    li.wait_for_url("**/desk/drafts/new**")
    li.wait_for_selector("input[name='l0.memo']:focus")
    keys(li, "财政补贴到账", "[Enter]", "[F7]", "财政专户")
    li.wait_for_selector("#found li")
    picture(li, "lookup-1366")
    keys(li, "[Enter]", "[Enter]")
    assert value(li, "l0.account") == "1003"
    keys(li, FISCAL_ACCOUNT.number, "[Enter]", "1234567.8", "[Enter]")
    assert li.inner_text("#debits") == "1,234,567.80"
    assert "相差" in li.inner_text("#balance")
    keys(li, "//")
    assert value(li, "l1.memo") == "财政补贴到账"
    keys(li, "[Enter]", "41010101", "[Enter]")
    keys(li, "=")  # on the wrong side first: red, then over to the other and turned
    assert value(li, "l1.debit") == "-1234567.80"
    keys(li, "-", " ")
    assert (value(li, "l1.debit"), value(li, "l1.credit")) == ("", "1234567.80")
    assert li.inner_text("#balance") == "借贷平衡"
    keys(li, "-")
    assert "red" in (li.get_attribute("input[name='l1.credit']", "class") or "")
    keys(li, "-", "[F8]")  # without a paper it is refused, and stays as typed
    li.wait_for_selector("[role=alert]")
    assert value(li, "l1.credit").replace(",", "") == "1234567.80"
    picture(li, "refused-1366")
    li.focus("input[name=evidence]")
    keys(li, "鄂财社〔2026〕88号", "[F8]", "[F8]")
    li.wait_for_url("**/desk/drafts/MV-*")
    assert desk.month.asked("SELECT count(*) FROM books.voucher WHERE summary = '财政补贴到账'")[0][0] == 1
    picture(li, "draft-1366")
    qian = pages("qian", 1920, 1080)
    keys(qian, "g", "d")
    qian.wait_for_url("**/desk/drafts?**")
    picture(qian, "drafts-1920")
    keys(qian, "g", "w")
    qian.wait_for_url("**/desk/drafts/waiting**")
    picture(qian, "waiting-1920")
    qian.focus("text=复核并记账以上")
    keys(qian, "[Enter]")
    qian.wait_for_selector(".good")
    qian.goto("/desk/find?book=420100-310&words=财政补贴到账")
    qian.click("main table >> text=/记-202610-/")
    qian.wait_for_selector("article.voucher")
    assert "1,234,567.80" in qian.inner_text("article.voucher")
    picture(qian, "posted-1920")


def test_red_letters_are_red_and_have_a_minus(desk: Any, pages: Any) -> None:
    li = pages("li", 1920, 1080)
    li.goto("/desk/vouchers/记-202610-1?book=420100-310")
    li.click("text=红字冲销此凭证")
    li.fill("input[name='v.reason']", "误记")
    li.click("text=制红字凭证")
    li.wait_for_selector(".good")
    li.goto("/desk/drafts?book=420100-310")
    li.click("main table >> text=/MV-/")
    li.wait_for_selector("article.voucher")
    red = li.locator("article.voucher td.money.red >> nth=0")
    assert red.inner_text().startswith("-")
    assert red.evaluate("cell => getComputedStyle(cell).color") == "rgb(179, 38, 30)"
    picture(li, "red-1920")
    li.goto("/desk/drafts/new?book=420100-310")
    for _ in range(7):
        li.focus("tbody tr:last-child input[name$='.credit']")
        keys(li, "[Enter]")
    assert li.locator("#lines tr").count() == 12
    picture(li, "form-1920")
    li.goto("/desk/drafts/templates?book=420100-310")
    li.click("text=选定")
    li.wait_for_selector("form.sheet")
    picture(li, "template-1920")
