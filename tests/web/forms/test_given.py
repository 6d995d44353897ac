"""Files given in at the page, each the example that is shipped or one made of the scene: taken by its act, and by nobody else."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
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
    assert len(UPLOADS) == 16


@pytest.mark.posts("/desk/records/one")
def test_one_record_is_typed_in(desk: Any, press: Press) -> None:
    jieru, to = press.by("jieru"), "/desk/records/one?region=420100"
    bill = bill_line("S1", day="2026-10-01")
    typed = {name: str(value) for name, value in bill["setlinfo"].items() if value is not None}
    typed |= {
        "type0": bill["setldetail"][0]["fund_pay_type"],
        "amount0": bill["setldetail"][0]["fund_payamt"],
    }
    form = jieru.form("/desk/records/new", to) | typed
    records = "SELECT setl_id FROM fund.record"
    for wrong, word in (
        ({"csrf": "0" * 64}, "login.form"), ({"medfee_sumamt": "1.00", "key": "a"}, "已隔离"), ({"setl_time": "昨天", "key": "b"}, "已隔离"),
        ({"psn_no": "\u202e1", "key": "c"}, "看不见的字符"), ({"type0": "", "key": "d"}, "已隔离"),
    ):  # fmt: skip
        answer = jieru.post(to, form | wrong)
        assert 400 <= answer.status_code < 500, wrong
        assert word in answer.text, said(answer)
        if word != "login.form":
            assert 'value="S1"' in answer.text  # and the rest is still typed
        assert press.asked(records) == []
    sun = press.by("sun")
    theirs = form | {"csrf": sun.form("/desk/me", "/desk/logout")["csrf"], "key": "other"}
    assert sun.post(to, theirs).status_code == 403
    assert jieru.post(to.replace("420100", "440100"), form).status_code == 404
    assert "接受1笔" in jieru.post(to, form).text
    assert "此前已经办理" in jieru.post(to, form).text
    assert press.asked(records) == [("S1",)]


def test_what_is_exported_is_no_formula(desk: Any, press: Press) -> None:
    """A source that begins as a formula, in a list as CSV and as a workbook: text in both."""
    zhao, strange = press.by("zhao"), ("=1+1", "+1", "-1+2", "@SUM(1)", "＝1+1")
    for n, source in enumerate(strange):
        form = zhao.filled("/desk/policy", "/desk/act/policy/propose")
        form |= {
            "v.key": "float_limit",
            "v.value": "2000",
            "v.since": f"2026-12-{n + 1:02d}",
            "v.source": source,
        }
        assert 'class="good"' in zhao.post("/desk/act/policy/propose", form).text
    text = zhao.get("/desk/policy?format=csv").text
    cells = [cell for row in csv.reader(io.StringIO(text)) for cell in row]
    assert {f"'{source}" for source in strange} <= set(cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "＝")) or re.match(r"-\D", cell)]
    book = zipfile.ZipFile(io.BytesIO(zhao.get("/desk/policy?format=xlsx").content))
    sheets = "".join(
        book.read(name).decode() for name in book.namelist() if name.startswith("xl/worksheets/")
    )
    assert "<f>" not in sheets
    assert all(source in sheets for source in strange)  # as text in the cell itself


def test_a_table_is_read_by_the_profile_given_with_it(november: Any) -> None:
    press = Press(november)
    li, rows = press.by("li"), (EXAMPLES / "bank-statement.csv").read_bytes()
    page = li.get("/desk/uploads").text
    assert 'name="beside"' in page
    form = li.form("/desk/uploads", "/desk/uploads/statement?region=420100") | {"account": OWN}
    profile = (EXAMPLES / "bank-statement-profile.toml").read_bytes()
    for beside, status in ((b"date_format = 1", 422), (profile, 200)):
        answer = li.http.post(
            "/desk/uploads/statement?region=420100", data=form, headers={"origin": li.address},
            files={"file": ("s.csv", rows), "beside": ("bank.toml", beside)},
        )  # fmt: skip
        assert (answer.status_code, said(answer)[:300] * (answer.status_code != status)) == (status, "")
    assert press.asked("SELECT form, profile <> '' FROM payments.statement_file") == [("csv", True)]
