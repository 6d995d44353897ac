"""Forms of a month and of a year: declarations, findings, sheets, orders, letters; each once, by its post."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import pytest

from ledger.control.alarms.deadlines import open_terms
from ledger.fund.audit.findings import FindingDraft, enter_finding, target_of
from ledger.fund.clearing.store import read_letter
from ledger.fund.declare.lists import UploadedList, record_lists
from ledger.fund.reconcile.details import DetailFile, compare_details, our_details
from ledger.fund.reconcile.file import write_detail
from ledger.fund.reconcile.scope import ReconcileScope
from ledger.fund.reconcile.totals import SideTotals, TotalsRequest, compare_totals
from ledger.simulation.people import give_logins
from tests.fund.clearing.conftest import kept_three_years, live_worked_year, year
from tests.scenes.town import Town
from tests.web.conftest import TODAY, bill_line, opened_desk
from tests.web.forms.conftest import NOVEMBER, Press, said

__all__ = ["kept_three_years", "year"]
H, OTHER = "H42010000001", "H42010000002"
TERM = "fund=310&term=202610"


def compared(town: Town, institution: str, day: date) -> None:
    """The month's details agree and the lists are uploaded."""
    scope = ReconcileScope(310, institution, 202610, "21")
    with town.tx() as tx:
        rows = our_details(tx, scope)
        compare_details(tx, scope, DetailFile("d.zip", write_detail(rows, "d.txt")), day)
        record_lists(tx, [UploadedList(row.setl_id, f"L{row.setl_id}", day) for row in rows])


@pytest.mark.posts(
    "declare apply:every", "declare advance", "declare withdraw", "month prepare:every", "month prepare", "month approve:every",
    "month approve", "month orders",
)  # fmt: skip
def test_a_month_from_its_declaration_to_its_orders(november: Any) -> None:
    press, town = Press(november), november.town
    town.begin("P2", fen=0)
    town.month.take(bill_line("a1"), bill_line("b1", institution=OTHER))
    town.pay_daily(TODAY)
    for institution in (H, OTHER):
        compared(town, institution, NOVEMBER)
    declared = "SELECT institution, state FROM fund.declaration ORDER BY 1, 2"
    withdrawn = "SELECT count(*) FROM fund.declaration_event WHERE event = 'withdraw'"
    page = f"/desk/declarations?{TERM}"
    assert press("zhao", page, "declare apply", effect=declared) == [(H, "10"), (OTHER, "10")]
    zhao, early = press.by("zhao"), f"/desk/month?{TERM}"
    none = zhao.post("/desk/act/month/prepare", zhao.form(early, "/desk/act/month/prepare"))
    assert "有未能办成的，见下" in said(none), "not one sheet is no 已办理"
    press(
        "zhao",
        press.led("zhao", page, "/desk/declarations/"),
        "declare withdraw",
        {"v.reason": "漏报"},
        effect=withdrawn,
    )
    press("zhao", page, "declare apply", effect="SELECT count(*) FROM fund.declaration")
    for event, before in (("accept", "10"), ("audit", "20"), ("audited", "30")):
        for (key,) in press.asked(
            f"SELECT declaration_id FROM fund.declaration d WHERE state = '{before}' AND NOT EXISTS"
            " (SELECT 1 FROM fund.declaration_event e WHERE e.declaration_id = d.declaration_id AND e.event = 'withdraw')"
        ):
            press("qian", f"/desk/declarations/{key}", "declare advance", effect=declared, event=event)
    sheets = "SELECT institution, state, approved_by FROM fund.sheet ORDER BY 1"
    typed = {"v.institution": H}
    press("zhao", f"/desk/deductions?{TERM}", "month prepare", typed, effect=sheets, stranger="sun")
    press("zhao", f"/desk/month?{TERM}", "month prepare", effect=sheets, every=True)
    [(sheet,)] = press.asked(f"SELECT sheet_id FROM fund.sheet WHERE institution = '{H}'")
    press("qian", f"/desk/sheets/{sheet}", "month approve", effect=sheets)
    approved = press("qian", f"/desk/month?{TERM}", "month approve", effect=sheets, every=True)
    assert approved == [(H, "approved", "qian"), (OTHER, "approved", "qian")]
    orders = "SELECT count(*) FROM payments.pay_order WHERE state = 'draft'"
    assert press("zhao", f"/desk/deductions?{TERM}", "month orders", {"v.fund": "310"}, effect=orders) == [
        (2,)
    ]


@pytest.mark.posts("audit act")
def test_a_finding_from_its_appeal_to_its_decision(desk: Any, press: Press) -> None:
    desk.month.take(bill_line("S1"))
    with desk.month.tx() as tx:
        draft = FindingDraft("F1", target_of(tx, "S1"), 10_000, "middle", "R01", "超限定频次", "同日重复收费")
        assert enter_finding(tx, draft, TODAY)
    page, states = "/desk/findings/F1", "SELECT state, amount_fen FROM fund.finding"
    for user, event, typed in (
        ("zhao", "appeal", {}), ("zhao", "review", {"v.amount": "90.00"}), ("zhao", "panel", {"l.member": "赵制单，qian, 李会计"}),
        ("qian", "decide", {"v.amount": "80.00"}),
    ):  # fmt: skip
        done = press(user, page, "audit act", {"v.reason": "经查"} | typed, effect=states, event=event)
    assert done == [("final", 8_000)]
    assert "/desk/act/audit/act" not in press.by("qian").get(page).text  # final, and no more to be taken back
    desk.month.take(bill_line("R1", fund=-100_000, cash=-20_000, init="S1", time="20:00:00"))
    assert 'value="cancel"' in press.by("qian").get(page).text  # but of a record that was reversed


@pytest.mark.posts(
    "clear letter:every", "clear approve:every", "clear approve", "clear send", "clear void", "clear orders"
)
def test_a_year_s_letters_are_made_approved_sent_and_paid(year: Any) -> None:
    worked, day = live_worked_year(year), date(2027, 3, 22)
    give_logins(worked.month.database.settings, day)
    with opened_desk(worked.month, day) as desk:
        desk.month = worked.month
        press, page = Press(desk), "/desk/clearing?fund=310&year=2026"
        letters = "SELECT letter_id, state, approved_by, sent_by FROM fund.letter ORDER BY 1"
        press("zhao", page, "clear letter", effect=letters)
        one = press.led("zhao", page, "/desk/letters/")
        press("qian", one, "clear approve", effect=letters)
        press("zhao", one, "clear void", {"v.reason": "考核等级有误"}, effect=letters)
        press("zhao", page, "clear letter", effect=letters)
        press("qian", page, "clear approve", effect=letters, every=True)
        [(key,)] = press.asked("SELECT letter_id FROM fund.letter WHERE state = 'approved'")
        press("zhao", f"/desk/letters/{key}", "clear send", effect=letters)
        letter = worked.sign(letter_of(worked, key), day)
        worked.confirm(letter, day)
        orders = "SELECT count(*) FROM payments.pay_order WHERE state = 'draft'"
        press("zhao", page, "clear orders", effect=orders)


def letter_of(worked: Any, key: str) -> Any:
    with worked.tx() as tx:
        return read_letter(tx, key)


def test_who_owes_a_declaration_is_listed_before_anything_comes(november: Any) -> None:
    """As many as the alarm says; a file of totals says of what it spoke, for what is declared is of every kind of insurance."""
    press, town = Press(november), november.town
    town.begin("P2", fen=0)
    town.month.take(
        bill_line("a1", fund=100_000), bill_line("m1", fund=30_000, insutype="510", med_type="52"), bill_line("b1", institution=OTHER),
    )  # fmt: skip
    with town.tx() as tx:
        told = [one.detail for one in open_terms(tx, NOVEMBER) if one.kind == "declaration"]
    assert told == ["2家未申报"]
    october = {
        ("declaration", "310/202610", date(2026, 11, 10), "2家未申报"),
        ("handback", "310/202610", date(2026, 11, 3), ""),
    }
    for later in (date(2026, 12, 1), date(2027, 2, 15)):
        with town.tx() as tx:
            assert october <= {tuple(one) for one in open_terms(tx, later)}, "over is over until it is met"
    zhao = press.by("zhao")
    today = zhao.get("/desk/today").text
    assert "<td>月度申报 职工医保 202610</td>" in today
    page = zhao.get(f"/desk/declarations?{TERM}").text
    assert "未申报2家" in page
    rows = re.findall(r"<tr><td><a href=[^>]*>(H\d+)</a></td>.*?</tr>", page)
    assert rows == [H, OTHER]
    assert re.findall(
        r"<tr><td><a href=[^>]*>(H\d+)</a></td>.*?未对.*?</tr>", zhao.get(f"/desk/reconcile?{TERM}").text
    ) == [H, OTHER]
    ours = SideTotals(1, 120_000, 100_000, 0)
    first, last = date(2026, 10, 1), date(2026, 10, 31)
    with town.tx() as tx:
        compare_totals(tx, H, TotalsRequest("310", "21", "", first, last, True, ours), NOVEMBER)
    page = zhao.get(f"/desk/reconcile?{TERM}").text
    assert "险种310，含退费，2026-11-10所对" in page
    assert "未一致2家次" in page
    compared(town, H, NOVEMBER)
    press(
        "zhao", f"/desk/declarations?{TERM}", "declare apply", effect="SELECT count(*) FROM fund.declaration"
    )
    page = zhao.get(f"/desk/declarations?{TERM}").text
    assert "未申报1家" in page
    assert "1,300.00" in page, "both kinds of insurance are declared"
