"""A year's letter with both sides' seals in a real Chromium: each side's paper uploaded, the agency's confirmed by the touch of a passkey."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright

from tests.judges import program_of
from tests.scenes.passkeys import Authenticator
from tests.web.forms.conftest import Press
from tests.web.forms.test_yearly import LETTER, PAPERS, kept_three_years, press, sent_letter, year
from tests.web.test_passkey_browser import come, knows
from tests.web.test_passkeys import enrolled_past_the_pages

__all__ = ["kept_three_years", "press", "year"]
pytestmark = [pytest.mark.judge("chromium"), pytest.mark.unsigned, pytest.mark.slow]


def upload(page: Page, letter: str, name: str, file: Path) -> None:
    page.goto(f"/desk/letters/{letter}")
    page.fill("input[name=signed_by]", name)
    page.set_input_files("input[name=file]", file)
    page.click("form[data-upload] button")


def test_a_letter_is_confirmed_by_an_upload_and_a_touch(press: Press, tmp_path: Path) -> None:
    letter, wrong = sent_letter(press), list[str]()
    address = press.desk.address.replace("127.0.0.1", "localhost")
    key = Authenticator(address)
    paper = tmp_path / "签章.pdf"
    paper.write_bytes(b"%PDF hospital")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program_of("chromium"), args=["--no-sandbox"])
        zhao, qian = (come(chromium, address, user, wrong) for user in ("zhao", "qian"))
        upload(zhao, letter, "王院长", paper)
        zhao.wait_for_selector("p.good")
        assert press.asked(LETTER) == [("confirmed_by_institution", "")]
        enrolled_past_the_pages(press.desk, key, "qian")
        knows(qian, key)
        paper.write_bytes(b"%PDF both")
        upload(qian, letter, "示例市医保中心", paper)
        qian.wait_for_selector("form[data-passkey=get] button:focus")
        assert press.asked(LETTER) == [("confirmed_by_institution", "")]
        qian.keyboard.press("Enter")
        qian.wait_for_selector("p.good, p.problem:visible")
        assert "已" in qian.inner_text("p.good")
        chromium.close()
    assert wrong == []
    assert press.asked(LETTER) == [("confirmed", "qian")]
    assert {("agency", "示例市医保中心"), ("institution", "王院长")} < set(press.asked(PAPERS))
    assert press.asked("SELECT object FROM access.signature WHERE act = 'clear.confirm'") == [(letter,)]
