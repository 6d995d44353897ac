"""Files given in at a page: taken once, refused with where they are wrong, bad rows listed by line and field and as a file again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

from adapters.banks.simulator.messages.statement import write_camt053
from ledger.books.templates.files import template_text
from ledger.fund.reconcile.details import our_details
from ledger.fund.reconcile.file import write_detail
from ledger.fund.reconcile.scope import ReconcileScope
from tests.api.test_statement_acts import OWN, printed
from tests.web.conftest import Browser, bill_line
from tests.web.test_browser import pages
from tests.web.test_keyboard import picture

__all__ = ["pages"]
BOOK = "420100-310"


def give(browser: Browser, what: str, name: str, content: bytes, **fields: str) -> Any:
    page = browser.get(f"/desk/uploads?book={BOOK}").text
    found = re.search(rf'action="(/desk/uploads/{what}[^"]*)".*?</form>', page, re.S)
    assert found, page[-500:]
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found[0]))
    action = found[1].replace("&amp;", "&")
    return browser.send(action, hidden | fields, (name, content))


def rows_file(*changed: str) -> bytes:
    head, example = template_text().splitlines()
    return "\r\n".join((head, example.replace("2026-10-14", "2026-10-12"), *changed, "")).encode()


def bad_row() -> str:
    example = template_text().splitlines()[1]
    return example.replace("2026-10-14", "2026-13-40").replace("342016261000000001", "甲<script>\u202e2", 1)


@pytest.mark.posts("/desk/uploads/vouchers")
def test_rows_that_are_wrong_are_listed_and_given_back(desk: Any, sat: Callable[[str], Browser]) -> None:
    li = sat("li")
    for _ in range(2):  # the same file again is the first answer
        answer = give(li, "vouchers", "税票.csv", rows_file(bad_row()), kind="tax")
        assert answer.status_code == 303, answer.text[-800:]
        shown = li.get(answer.headers["location"])
        assert "制单1张，不合规1行" in shown.text
        assert '<td class="count">3</td>' in shown.text
        assert "<script>\u202e" not in shown.text
        assert "\u202e" not in shown.text
    assert desk.month.asked("SELECT count(*) FROM books.import_file")[0][0] == 1
    back = li.get(answer.headers["location"] + "&format=csv")
    assert "date" in back.text
    refused = give(li, "vouchers", "坏.csv", b"\xff\xfe\x00", kind="tax")
    assert 400 <= refused.status_code < 500
    assert 'role="alert"' in refused.text


@pytest.mark.posts("/desk/uploads/statement")
def test_a_statement_is_taken_whole_or_refused_with_what_was_typed(
    desk: Any, sat: Callable[[str], Browser]
) -> None:
    li = sat("li")
    good = write_camt053(printed())
    torn = good.replace(b"64.99", b"64.98")
    assert torn != good
    for content in (torn, b"", b"<x/>"):
        refused = give(li, "statement", "对账单.xml", content, account=OWN, number="甲乙")
        assert 400 <= refused.status_code < 500, refused.text[-500:]
        assert re.search(r"代码 [a-z_]+\.[a-z_]+", refused.text)
        assert 'value="甲乙"' in refused.text
    assert desk.month.asked("SELECT count(*) FROM payments.bank_statement")[0][0] == 0
    taken = give(li, "statement", "对账单.xml", good, account=OWN)
    assert taken.status_code == 200, taken.text[-500:]
    assert "已办理" in taken.text
    assert desk.month.asked("SELECT count(*) FROM payments.bank_statement")[0][0] == 1
    # whose post it is not, the act says; and nobody's file comes in without this session's form
    sun = sat("sun")
    assert 'action="/desk/uploads/' not in sun.get("/desk/uploads").text
    forged = sun.http.post(
        "/desk/uploads/statement",
        data={"account": OWN},
        files={"file": ("a", good)},
        headers={"origin": sun.address},
    )
    assert forged.status_code == 403


def test_a_details_file_that_is_none_is_refused(desk: Any, sat: Callable[[str], Browser]) -> None:
    zhao = sat("zhao")
    asked = {"institution": "H42010000001", "term": "202610", "fund": "310", "clr_type": "21"}
    refused = give(zhao, "details", "明细.zip", b"PK nothing", **asked)
    assert 400 <= refused.status_code < 500, refused.text[-500:]
    assert 'value="202610"' in refused.text
    assert "没有" in zhao.get("/desk/uploads/differences?run=none").text


@pytest.mark.posts("/desk/uploads/details")
def test_a_month_s_details_are_compared(desk: Any, sat: Callable[[str], Browser]) -> None:
    desk.month.take(bill_line("S1", day="2026-10-01"), bill_line("S2", day="2026-10-02"))
    scope = ReconcileScope(310, "H42010000001", 202610, "21")
    with desk.month.tx() as tx:
        content = write_detail([our_details(tx, scope)[0]], "d.txt")
    zhao = sat("zhao")
    asked = {"institution": "H42010000001", "term": "202610", "fund": "310", "clr_type": "21"}
    answer = give(zhao, "details", "明细.zip", content, **asked)
    assert answer.status_code == 303, answer.text[-500:]
    assert "差异 1 笔" in zhao.get(answer.headers["location"]).text


def test_a_strangers_large_form_is_not_read(desk: Any, sat: Callable[[str], Browser]) -> None:
    stranger = Browser(desk.address)
    large = {"x": "y" * 100_000}
    assert stranger.post("/desk/drafts/save", large).status_code == 413
    stranger.http.cookies.set("fundledger", "guessed")
    assert stranger.post("/desk/uploads/statement", large).status_code == 413
    assert sat("li").post("/desk/login", large).status_code == 413
    li = sat("li")
    assert li.post("/desk/drafts/save", large).status_code == 403
    headers = {"origin": li.address, "referer": f"{li.address}/desk/cash?region=420100"}
    said = li.http.post("/desk/act/cash/request", data=large, headers=headers)
    assert (said.status_code, said.headers["content-type"]) == (413, "text/html; charset=utf-8")
    assert said.headers["content-security-policy"].startswith("default-src 'self'")
    assert "请求体超过65536字节" in said.text
    assert "body.too_large" in said.text
    assert (
        'href="/desk/cash?region=420100"' in said.text
    )  # back to the form, which the browser still has as it was typed
    elsewhere = li.http.post(
        "/desk/act/cash/request", data=large, headers=headers | {"referer": "http://e.example/desk/"}
    )
    assert "e.example" not in elsewhere.text


@pytest.mark.judge("chromium")
def test_an_upload_by_mouse(desk: Any, pages: Any, tmp_path: Path) -> None:
    bad, good = tmp_path / "对账单坏.xml", tmp_path / "对账单.xml"
    good.write_bytes(write_camt053(printed()))
    bad.write_bytes(good.read_bytes().replace(b"64.99", b"64.98"))
    li: Page = pages("li")
    li.goto(f"/desk/uploads?book={BOOK}")
    form = li.locator("form[action*='uploads/statement']")
    form.locator("input[name=account]").fill(OWN)
    form.locator("input[name=file]").set_input_files(bad)
    form.locator("button").click()
    li.wait_for_selector("main > [role=alert]")
    picture(li, "upload-refused-1366")
    assert form.locator("input[name=account]").input_value() == OWN  # and the file is still chosen
    assert form.locator("input[name=file]").evaluate("field => field.files[0].name") == "对账单坏.xml"
    form.locator("input[name=file]").set_input_files(good)
    form.locator("button").click()
    li.wait_for_selector(".good")
    picture(li, "upload-done-1366")
