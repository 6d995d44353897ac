"""Files given in at the page, each the example that is shipped or one made of the scene: taken by its act, and by nobody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ledger.web.pages.given.catalogue import UPLOADS
from tests.scenes.town import OWN
from tests.web.conftest import bill_line
from tests.web.forms.conftest import Press, said
from tests.web.forms.test_bank import NOTE
from tests.web.test_uploads import give

EXAMPLES = Path("docs/formats")
H = "H42010000001"


def given(
    press: Press, user: str, what: str, name: str, content: bytes, effect: str, **typed: str
) -> list[tuple[Any, ...]]:
    """What `effect` says once the file was given in; a post that may not bring it sees no form and brings nothing."""
    browser, before = press.by(user), press.asked(effect)
    other = press.by("sun")
    form = other.form("/desk/me", "/desk/logout") | typed | {"key": "other"}
    assert other.send(f"/desk/uploads/{what}", form, (name, content)).status_code == 403, what
    assert f"uploads/{what}" not in other.get("/desk/uploads").text
    assert press.asked(effect) == before
    answer = give(browser, what, name, content, **typed)
    assert answer.status_code in (200, 303), said(answer)
    after = press.asked(effect)
    assert after != before, said(answer)
    return after


@pytest.mark.posts(
    "/desk/uploads/handed", "/desk/uploads/paper-statement", "/desk/uploads/holidays", "/desk/uploads/institutions",
    "/desk/uploads/records", "/desk/uploads/lists", "/desk/uploads/totals", "/desk/uploads/findings", "/desk/uploads/evidence",
    "/desk/uploads/codes", "/desk/uploads/budget", "/desk/uploads/template",
)  # fmt: skip
def test_every_kind_of_file_is_taken(desk: Any, press: Press) -> None:
    files = "SELECT name, state FROM payments.handed_file"
    typed = {"account": OWN, "brought_by": "银行钱经理", "document": "查复书1号"}
    assert given(press, "li", "handed", "补发.xml", NOTE, files, **typed) == [("补发.xml", "requested")]
    head = "记账日,支出,收入,余额,流水号,回单号,指令号,对方账号,对方户名,摘要"
    paper = f"{head}\n2026-10-04,,0.77,0.77,S1,R1,,,某银行,结息\n".encode()
    typed = {
        "account": OWN,
        "first": "2026-10-01",
        "last": "2026-10-31",
        "opening": "0.00",
        "closing": "0.77",
    }
    statements = "SELECT name, state FROM payments.statement_file"
    assert given(press, "li", "paper-statement", "纸.csv", paper, statements, **typed) == [
        ("纸.csv", "proposed")
    ]
    holidays = (EXAMPLES / "holidays-2027.csv").read_bytes()
    given(
        press,
        "zhao",
        "holidays",
        "h.csv",
        holidays,
        "SELECT year FROM fund.calendar_proposal WHERE year = 2027",
    )
    one = (EXAMPLES / "institutions.jsonl").read_bytes()
    given(
        press, "zhao", "institutions", "i.jsonl", one, "SELECT count(*) FROM fund.open_proposals(420100, '')"
    )
    record = json.dumps(bill_line("S1", day="2026-10-01")).encode() + b"\n"
    records = "SELECT setl_id FROM fund.record ORDER BY 1"
    assert given(press, "jieru", "records", "r.jsonl", record, records) == [("S1",)]
    given(
        press, "zhao", "lists", "l.tsv", b"S1\tL1\t2026-10-12\n", "SELECT count(*) FROM fund.settlement_list"
    )
    totals = (EXAMPLES / "totals-3201.json").read_bytes()
    given(
        press, "zhao", "totals", "t.json", totals, "SELECT count(*) FROM fund.reconcile_total", institution=H
    )
    finding = {
        "jr_id": "F1", "rule_id": "R01", "rule_name": "超限定频次", "vola_cont": "同日重复收费", "setl_id": "S1", "vola_amt": "100.00", "sev_deg": "2",
    }  # fmt: skip
    given(
        press,
        "zhao",
        "findings",
        "f.jsonl",
        json.dumps(finding).encode(),
        "SELECT finding_id FROM fund.finding",
    )
    given(
        press,
        "zhao",
        "evidence",
        "病历.pdf",
        b"paper",
        "SELECT name FROM fund.finding_evidence",
        finding="F1",
    )
    head, code = (EXAMPLES / "trace-codes.tsv").read_text().splitlines()[:2]
    codes = "\n".join((head, code)).replace(code.split("\t")[0], "S1").encode() + b"\n"
    given(press, "zhao", "codes", "c.tsv", codes, "SELECT count(*) FROM fund.trace_code")
    plan = (EXAMPLES / "clearing-plan.json").read_bytes()
    given(
        press,
        "zhao",
        "budget",
        "p.json",
        plan,
        "SELECT count(*) FROM fund.clearing_plan",
        fund="310",
        year="2026",
    )
    form = (EXAMPLES / "voucher-template.toml").read_bytes()
    given(
        press,
        "li",
        "template",
        "t.toml",
        form,
        "SELECT code FROM books.voucher_template",
        from_day="2026-11-01",
    )


def test_every_kind_is_here() -> None:
    assert len(UPLOADS) == 17
