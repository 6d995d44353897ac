"""The commands `reconcile`, `declare` and `audit`, as a person runs them in the demo's home."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from ledger.cli import audit, declare, reconcile
from ledger.cli.line.acting import ACTING, close_apps
from ledger.core.errors import Conflict, InvalidInput
from ledger.fund.reconcile.file import read_detail, write_detail
from ledger.settings import get_settings

SCOPE = [
    "--region",
    "420100",
    "--fund",
    "310",
    "--institution",
    "H42010000001",
    "--term",
    "202610",
    "--clr-type",
    "21",
]


@pytest.fixture
def command(month: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("FUNDLEDGER_HOME", str(month.database.settings.home))
    monkeypatch.setenv("DATABASE_URL", month.database.admin_url)
    get_settings.cache_clear()

    def run(app: typer.Typer, user: str, *words: str) -> Any:
        ACTING.user = user
        try:
            done = CliRunner().invoke(app, [*words], catch_exceptions=False)
        finally:
            ACTING.user = ""
            close_apps()
        assert done.exit_code == 0, done.output
        return json.loads(done.output.splitlines()[-1]) if "--json" in words else done.output

    yield run
    get_settings.cache_clear()


def test_a_month_from_totals_to_declaration(command: Any, month: Any, bill: Any, tmp_path: Path) -> None:
    month.take(bill("S1"), bill("S2"))
    totals = tmp_path / "3201.json"
    totals.write_text(
        json.dumps(
            {
                "insutype": "310", "clr_type": "21", "setl_optins": "420106", "stmt_begndate": "2026-10-01",
                "stmt_enddate": "2026-10-31", "medfee_sumamt": 2400.00, "fund_pay_sumamt": "2000", "acct_pay": 0, "fixmedins_setl_cnt": 2,
            }
        )
    )  # fmt: skip
    seen = command(
        reconcile.app, "zhao", "totals", "--region", "420100", "--institution", "H42010000001", "--date", "2026-11-03", str(totals), "--json",
    )  # fmt: skip
    assert (seen["stmt_rslt"], seen["ours"]["medfee_fen"]) == ("0", "240000")
    packed, result = tmp_path / "ours.zip", tmp_path / "result.zip"
    assert command(reconcile.app, "zhao", "ours", *SCOPE, str(packed), "--json")["records"] == 2
    short = tmp_path / "short.zip"
    short.write_bytes(write_detail(read_detail(packed.read_bytes())[1:], "d.txt"))
    found = command(
        reconcile.app,
        "zhao",
        "details",
        *SCOPE,
        "--date",
        "2026-11-03",
        str(short),
        "--result",
        str(result),
        "--json",
    )
    assert (found["state"], found["center_only"], found["differences"][0]["our_fund_fen"]) == (
        "differs",
        1,
        "100000",
    )
    assert result.read_bytes()[:2] == b"PK"
    with pytest.raises(Conflict, match="差异未解决"):
        command(declare.app, "zhao", "apply", *SCOPE, "--date", "2026-11-04")
    about = ["--region", "420100", "--run", found["run"], "--setl-id", "S1", "--date", "2026-11-04"]
    assert "待另一人" in command(
        reconcile.app, "zhao", "propose", *about, "--decision", "ours", "--reason", "机构漏传"
    )
    assert "一致" in command(reconcile.app, "qian", "confirm", *about)
    lists = tmp_path / "lists.txt"
    lists.write_text("S1\tL1\t2026-11-01\nS2\tL2\t2026-11-01\n")
    assert command(declare.app, "zhao", "lists", "--region", "420100", str(lists), "--json") == {
        "lists": 2,
        "new": 2,
    }
    made = command(declare.app, "zhao", "apply", *SCOPE, "--date", "2026-11-12", "--json")
    assert (made["clr_stas"], made["late"], made["pool_fen"]) == ("10", True, "200000")
    moved = ["--region", "420100", "--id", made["declaration"], "--date", "2026-11-12"]
    assert "已受理（逾期）" in command(declare.app, "qian", "advance", *moved, "--event", "accept")
    with pytest.raises(InvalidInput):
        command(declare.app, "qian", "advance", *moved, "--event", "pay")
    with pytest.raises(Conflict):
        command(declare.app, "zhao", "withdraw", *moved, "--reason", "晚了")
    assert len(command(declare.app, "zhao", "list", *SCOPE[:8], "--json")["declarations"]) == 1
    page = command(
        reconcile.app, "zhao", "period", "--region", "420100", "--institution", "H42010000001", "--begin", "2026-10-01", "--end", "2026-10-31", "--json",
    )  # fmt: skip
    assert [row["clr_flag"] for row in page["setlinfo"]] == ["1", "1"]


def test_a_finding_from_file_to_final(command: Any, month: Any, bill: Any, tmp_path: Path) -> None:
    month.take(bill("S1"), bill("S2"))
    here = ["--region", "420100", "--date", "2026-11-02"]
    found = tmp_path / "found.jsonl"
    found.write_text(
        json.dumps(
            {"jr_id": "F1", "rule_id": "R1", "rule_name": "超量", "vola_cont": "超量开药", "setl_id": "S1", "vola_amt": 10.5, "sev_deg": 1}
        )
    )  # fmt: skip
    assert command(audit.app, "zhao", "load", *here, str(found), "--json") == {
        "new": 1,
        "known": 0,
        "held": 1,
    }
    about = [*here, "--finding", "F1"]
    assert command(audit.app, "zhao", "attach", *about, str(found), "--json")["finding"] == "F1"
    assert "已拦截" in command(audit.app, "zhao", "act", *about, "--event", "appeal", "--reason", "有医嘱")
    command(audit.app, "zhao", "act", *about, "--event", "review", "--reason", "部分成立", "--amount", "8.00")
    members = ["--member", "zhao", "--member", "qian", "--member", "li"]
    command(audit.app, "zhao", "act", *about, "--event", "panel", "--reason", "合议", *members)
    final = command(audit.app, "qian", "act", *about, "--event", "decide", "--reason", "合议决定", "--json")
    assert (final["state"], final["amount_fen"], final["held"]) == ("final", "800", False)
    with pytest.raises(InvalidInput):
        command(audit.app, "qian", "act", *about, "--event", "forget", "--reason", "x")
    told = command(audit.app, "zhao", "show", "--region", "420100", "--finding", "F1", "--json")
    assert [step["event"] for step in told["history"]] == ["find", "appeal", "review", "panel", "decide"]
    assert "终审" in command(audit.app, "zhao", "list", "--region", "420100")
    drawn = ["--id", "P1", *SCOPE, "--seed", "7", "--size", "1", "--date", "2026-11-02", "--json"]
    assert command(audit.app, "zhao", "sample", *drawn)["frame_size"] == 2
    assert "复算一致" in command(audit.app, "zhao", "sample-check", "--region", "420100", "--id", "P1")
    codes = tmp_path / "codes.txt"
    codes.write_text("S1\tA1\t药\t1\t0\nS2\tA1\t药\t1\t0\n")
    assert len(command(audit.app, "zhao", "trace", *here, str(codes), "--json")["findings"]) == 1
    assert "5个工作日" in command(audit.app, "zhao", "appeal-days", *here, "--days", "5", "--source", "文件")
