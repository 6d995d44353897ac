"""A record held by an open high finding is paid by no order, so no money is asked for it until it is released."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from ledger.fund.audit.appeal import Act, act
from ledger.fund.audit.findings import load_findings
from ledger.fund.ordering.forecast import Due, forecast

DAY = date(2026, 10, 13)


def test_a_held_record_and_its_reversal_are_not_due_until_released(month: Any, bill: Any) -> None:
    month.take(bill("S1", fund=100_000), bill("S2", fund=50_000))
    line = {
        "jr_id": "F1", "rule_id": "R01", "rule_name": "超限定频次", "vola_cont": "冒名住院", "setl_id": "S1", "vola_amt": "100.00",
        "sev_deg": "1",
    }  # fmt: skip
    with month.tx() as tx:
        assert forecast(tx, 310, DAY, DAY) == [Due("daily", DAY, 90_000)]
        load_findings(tx, "findings.jsonl", json.dumps(line, ensure_ascii=False).encode(), DAY)
        assert forecast(tx, 310, DAY, DAY) == [Due("daily", DAY, 30_000)]
    month.take(bill("S1R", fund=-100_000, cash=-20_000, init="S1", time="11:00:00"))
    with month.tx() as tx:
        assert forecast(tx, 310, DAY, DAY) == [Due("daily", DAY, 30_000)]
    with month.tx("qian") as tx:
        act(tx, "F1", Act("release", DAY, "不属实"))
    with month.tx() as tx:
        assert forecast(tx, 310, DAY, DAY) == [Due("daily", DAY, 30_000)]
    assert month.asked("SELECT sum(daily_fen) FROM fund.payable WHERE setl_id LIKE 'S1%%'") == [(0,)]
