"""Two checkers at one list, a double click, the back button and two tabs, in a real Chromium: one approval, and everybody is told."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page

from tests.web.conftest import bills
from tests.web.test_browser import pages

__all__ = ["pages"]
pytestmark = pytest.mark.judge("chromium")
APPROVE = "form[action='/desk/act/day/approve'] button"
STATES = "SELECT DISTINCT state FROM payments.pay_order"


def sent(*at_once: Page) -> list[str]:
    """The lists as they stand open, all sent before one is answered; what each page answers."""
    for page in at_once:
        page.click(APPROVE, no_wait_after=True)
    for page in at_once:
        page.wait_for_selector("main .good, main .problem")
    return [page.inner_text("main") for page in at_once]


def test_two_checkers_two_tabs_a_double_click_and_back_are_one_approval(desk: Any, pages: Any) -> None:
    with bills(desk):
        zhao = pages("zhao")
    zhao.click("text=办理 2026-10-13")
    zhao.wait_for_selector(".good")
    desk.month.pretend(
        "INSERT INTO access.user_role SELECT region, 'wu', 'checker', 0 FROM access.user_role WHERE user_name = 'qian' AND role = 'checker'"
    )
    qian, wu = pages("qian"), pages("wu")
    tabs = {one: one.context.new_page() for one in (qian, wu)}
    for page in (qian, wu, *tabs.values()):
        page.goto("/desk/today")
        page.wait_for_selector(APPROVE)
    told = sent(qian, wu)
    assert sorted("已审批1批" in one for one in told) == [False, True], told
    first, second = (qian, wu) if "已审批1批" in told[0] else (wu, qian)
    [other] = [one for one in told if "已审批1批" not in one]
    # beaten while both were under way or just after, it is a refusal that says whose approval stands
    assert "审批" in other
    assert "未能办理" in other
    for_whom = "qian" if first is qian else "wu"
    beaten = "wu" if first is qian else "qian"
    # the tabs left open: the other is told again; whose approval it is, that it stands, and nothing is done once more
    assert f"此前已由{for_whom}审批" in sent(tabs[second])[0]
    tabs[first].dblclick(APPROVE)
    tabs[first].wait_for_selector("main .good, main .problem")
    assert "此次没有再审批" in tabs[first].inner_text("main")
    first.go_back()
    first.wait_for_selector("#acts")
    if first.locator(
        APPROVE
    ).count():  # the browser kept the page: sent again, under the key it was sent under
        assert "此前已经办理" in sent(first)[0]
    assert desk.month.asked(STATES) == [("filed",)]
    assert desk.month.asked("SELECT approved_by FROM payments.approval") == [(for_whom,)]
    outcomes = (
        f"SELECT outcome FROM access.operator_log WHERE action = 'day.approve' AND user_name = '{beaten}'"
    )
    assert set(desk.month.asked(outcomes)) == {
        ("refused",)
    }  # who approved nothing is not said to have done it
    assert desk.month.asked("SELECT count(*) FROM payments.bank_file") == [(1,)]
