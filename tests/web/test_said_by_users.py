"""What somebody who had not seen the program met at its pages: days to come, letters nobody sees in addresses."""

from __future__ import annotations

import re
from typing import Any

from ledger.cli.remote import acts
from tests.web.conftest import TODAY, Browser


def test_nothing_is_decided_under_a_day_to_come(desk: Any) -> None:
    """A hidden field is what the sender makes of it: a paper dated ahead kept every other from being booked until then. Asked of
    every act that takes a region, a business date and one name."""
    browser = Browser(desk.address)
    browser.enter("qian")
    form = browser.form("/desk/me", "/desk/logout")
    wrong, tried = [], 0
    for name, command in acts().items():
        asked = {one.name or "" for one in command.params if one.required}
        if len(asked) != 3 or not {"region", "date"} < asked or asked & {"file", "party"}:
            continue
        tried += 1
        [key] = asked - {"region", "date"}
        fields = {"csrf": form["csrf"], "v.region": "420100", f"v.{key}": "310" if key == "fund" else "X-1"}
        address = f"/desk/act/{name.partition(' ')[0]}/{name.partition(' ')[2].replace(' ', '+')}"
        ahead = browser.post(address, fields | {"v.date": "2026-10-14"})
        today = browser.post(address, fields | {"v.date": str(TODAY)})
        if (ahead.status_code, "day.future" in ahead.text, "day.future" in today.text) != (422, True, False):
            wrong.append(f"{name}: {ahead.status_code} {re.findall(r'代码 ([a-z._]+)', ahead.text)}")
    assert wrong == []
    assert tried > 6


def test_an_address_with_what_no_text_may_hold_is_refused_as_such(desk: Any) -> None:
    browser = Browser(desk.address)
    browser.enter("zhao")
    for path in ("drafts?after=%00x", "files?after=%00", "orders?after=x%00", "follow?subject=%00"):
        told = browser.get(f"/desk/{path}")
        assert (told.status_code, "usage.value" in told.text) == (422, True), path


def test_a_page_that_is_not_there_says_so_to_who_is_in_and_who_is_not(desk: Any) -> None:
    stranger, inside = Browser(desk.address), Browser(desk.address)
    inside.enter("zhao")
    for browser, way in ((stranger, "/desk/login"), (inside, "/desk/today")):
        told = browser.get("/desk/nothing-here")
        assert (told.status_code, "没有这个页面" in told.text) == (404, True)
        assert f'<a href="{way}">' in told.text.partition("<main")[2]
