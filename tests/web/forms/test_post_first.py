"""Acts that may find nothing to do: who has not the post, or is in another's region, is refused for that and is not logged as having done it."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT
from tests.web.forms.conftest import OTHER_REGION, Press, said

NOTHING = {
    "voucher.due": (
        "/desk/act/book/voucher+due", {"v.book": f"{DEMO_REGION}-310"}, {"v.book": f"{OTHER_REGION}-310"},
    ),
    "reconciliation.match": (
        "/desk/act/reconciliation/match",
        {"v.region": str(DEMO_REGION), "v.account": EXPENDITURE_ACCOUNT.number},
        {"v.region": OTHER_REGION, "v.account": EXPENDITURE_ACCOUNT.number},
    ),
}  # fmt: skip


@pytest.mark.parametrize("action", sorted(NOTHING))
def test_nothing_to_do_is_no_leave_to_do_it(desk: Any, press: Press, action: str) -> None:
    to, here, elsewhere = NOTHING[action]
    for user, fields in (("sun", here), ("li", elsewhere)):
        browser = press.by(user)
        csrf = browser.form("/desk/me", "/desk/logout")["csrf"]
        answer = browser.post(to, {**fields, "csrf": csrf, "key": f"{user}{action}"})
        assert answer.status_code == 403, said(answer)
        assert "代码 access.role_missing" in said(answer) or user == "li"
    lines = desk.month.asked(f"SELECT DISTINCT outcome FROM access.operator_log WHERE action = '{action}'")
    assert lines == [("refused",)]
    csrf = press.by("li").form("/desk/me", "/desk/logout")["csrf"]
    assert press.by("li").post(to, {**here, "csrf": csrf, "key": "own"}).status_code == 200
