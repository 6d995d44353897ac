"""The heading of an answer says what was done, not everything that the command can do."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.cli.remote import acts
from ledger.web.pages.acts import _done_by

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
