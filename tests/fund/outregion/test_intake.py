"""Our people elsewhere: their hospital is registered first; until then the record waits in quarantine and says so."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

from ledger.founding import bring_in_institutions
from ledger.fund.institutions.master import Institution
from ledger.fund.intake.file import load_file
from ledger.fund.record.judge import IntakeRules

ELSEWHERE = "H43010000001"


def test_a_hospital_elsewhere_is_registered_before_its_records_are_taken(two: Any, bill: Any) -> None:
    made = bill("N1", fund=1_000, cash=5, institution=ELSEWHERE, pay_loc="4", insu_admdvs="420102")
    made["setlinfo"] |= {"out_flag": "1", "fix_blng_admdvs": "430102"}
    path = two.home / "elsewhere.jsonl"
    path.write_text(json.dumps(made) + "\n", encoding="utf-8")
    assert load_file(two.month.engine, "jieru", path, IntakeRules()).quarantined == 1
    [(code, message)] = two.month.asked("SELECT code, message FROM fund.quarantine")
    assert code == "institution.unknown"
    assert "请先登记该就医地机构" in message
    hospital = Institution(
        ELSEWHERE, "邻市医院", "1", "02", "active", date(2020, 1, 1), date(2030, 12, 31), "monthly", "daily", 0, 10_000,
        date(2026, 10, 1), "邻市医院", "630000000001", "模拟银行", "102421000009",
    )  # fmt: skip
    bring_in_institutions(two.month.engine, "zhao", "qian", 420100, date(2026, 10, 1), [hospital])
    assert load_file(two.month.engine, "jieru", path, IntakeRules()).accepted == 1
    assert two.month.asked("SELECT count(*) FROM fund.payable WHERE setl_id = 'N1'") == [(0,)]
    assert two.month.asked("SELECT basic_310, cash FROM fund.bill_layer WHERE setl_id = 'N1'") == [(1_000, 5)]
