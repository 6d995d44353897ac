"""The heading of an answer says what was done, not everything that the command can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ledger.cli.remote import acts
from ledger.simulation.people import FISCAL_ACCOUNT
from ledger.web.pages.acts import _done_by
from tests.web.conftest import Browser

CASES = [
    ("declare advance", {"event": "accept"}, "受理"),
    ("declare advance", {"event": "reject"}, "驳回"),
    ("declare advance", {"event": "audit"}, "开始审核"),
    ("declare advance", {"event": "audited"}, "审核完成"),
    ("audit act", {"event": "appeal"}, "申诉"),
    ("audit act", {"event": "decide"}, "终审"),
    ("institution agreement", {"state": "suspended"}, "协议改为中止"),
    ("cash approve-move", {}, "复核利息、手续费"),
    ("cash approve-move", {"refuse": "与回单不符"}, "退回：复核利息、手续费"),
    ("reconciliation review", {"refusal": "未达账项不实"}, "退回：复核余额调节表"),
    ("day run", {"region": "420100"}, "当日办理"),
]


@pytest.mark.parametrize(("name", "values", "heading"), CASES)
def test_the_heading_names_the_one_that_was_done(name: str, values: dict[str, Any], heading: str) -> None:
    assert _done_by(name, acts()[name].help or "", values) == heading


def test_the_period_of_the_address_is_the_one_that_the_selector_and_the_form_show(
    sat: Callable[[str], Browser],
) -> None:
    li, page = sat("li"), f"/desk/bank?account={FISCAL_ACCOUNT.number}&period=202611"
    assert '<option value="202611" selected>2026.11</option>' in li.get(page).text
    assert li.filled(page, "/desk/act/reconciliation/make")["v.period"] == "202611"


def test_a_day_typed_again_after_a_refusal_is_a_day_still(sat: Callable[[str], Browser]) -> None:
    li, page = sat("li"), "/desk/institutions/H42010000001"
    form = li.filled(page, "/desk/act/institution/callback")
    typed = {
        "v.number": "027-80000001",
        "v.spoke_with": "王",
        "v.called_on": "2026-10-12",
        "v.called_at": "25:99",
    }
    answer = li.post("/desk/act/institution/callback", form | typed)
    assert answer.status_code == 422
    assert '<input name="v.called_on" type="date" value="2026-10-12">' in answer.text
    assert '<input name="v.called_at" type="text" value="25:99">' in answer.text
