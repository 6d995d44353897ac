"""Forms of what two persons keep: sub-accounts, parties, recurring vouchers, templates, agreements, samples, periods, other regions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ledger.books.reading import parse_book
from ledger.books.templates.own import propose_template
from ledger.books.templates.own_file import read_own
from ledger.simulation.people import give_logins
from tests.fund.outregion.conftest import THERE, guest, kept_two_regions, two
from tests.web.conftest import TODAY, bill_line, opened_desk
from tests.web.forms.conftest import Press

__all__ = ["guest", "kept_two_regions", "two"]
BOOK = "420100-310"


@pytest.mark.posts(
    "account add", "account confirm", "account refuse", "account close", "party add", "party confirm"
)
def test_accounts_and_parties_by_two(desk: Any, press: Press) -> None:
    page, changes = (
        f"/desk/accounts?book={BOOK}",
        "SELECT account, act, state, decided_by FROM books.account_change ORDER BY n",
    )
    typed = {"v.account": "510101", "v.name": "定期存款"}
    press("li", page, "account add", typed, effect=changes)
    press("qian", page, "account refuse", {"v.reason": "不必"}, effect=changes)
    press("li", page, "account add", typed | {"v.name": "三年定期"}, effect=changes)
    assert press("qian", page, "account confirm", effect=changes)[-1] == (510101, "add", "confirmed", "qian")
    press("li", page, "account close", {"v.account": "510101"}, effect=changes)
    parties = "SELECT party, state, confirmed_by FROM fund.party"
    typed = {"v.party": "CBC01", "v.name": "承办公司", "v.kind": "insurer"}
    press("zhao", "/desk/parties", "party add", typed, effect=parties)
    assert press("qian", "/desk/parties", "party confirm", effect=parties) == [("CBC01", "confirmed", "qian")]


@pytest.mark.posts(
    "book voucher recurring propose", "book voucher recurring confirm", "book voucher recurring refuse",
    "book voucher recurring stop", "book voucher due", "book voucher templates confirm", "book voucher templates refuse",
    "book voucher templates retire",
)  # fmt: skip
def test_recurring_vouchers_and_templates_by_two(desk: Any, press: Press) -> None:
    page, states = (
        f"/desk/recurring?book={BOOK}",
        "SELECT evidence, state, decided_by FROM books.recurrence ORDER BY 1",
    )
    name = "book voucher recurring"
    typed = {
        "v.template": "A1",
        "v.rhythm": "monthly",
        "v.first": str(TODAY),
        "l.amount": "open=100.00",
        "v.subfund": "",
        "v.category": "",
    }
    press("li", page, f"{name} propose", typed | {"v.evidence": "合同1号"}, effect=states)
    press("qian", page, f"{name} refuse", {"v.reason": "无合同"}, effect=states)
    press("li", page, f"{name} propose", typed | {"v.evidence": "合同2号"}, effect=states)
    assert press("qian", page, f"{name} confirm", effect=states)[-1] == ("合同2号", "confirmed", "qian")
    press("li", page, "book voucher due", effect="SELECT count(*) FROM books.voucher")
    press("qian", page, f"{name} stop", {"v.reason": "合同到期"}, effect=states, tab=False)
    forms = "SELECT version, state FROM books.voucher_template ORDER BY 1"
    book, form = parse_book(BOOK), read_own(310, Path("docs/formats/voucher-template.toml").read_bytes())
    for word, typed in (("refuse", {"v.reason": "科目有误"}), ("confirm", {})):
        with desk.month.tx("li") as tx:
            made = propose_template(tx, book, form, TODAY, TODAY)
        press("qian", page, f"book voucher templates {word}", typed, effect=forms)
    typed = {"v.code": made.form.code, "v.from_day": "2026-11-01", "v.article": "文2号"}
    press("li", page, "book voucher templates retire", typed, effect=forms)


@pytest.mark.posts(
    "institution agreement", "institution callback", "audit sample", "audit appeal-days", "book open"
)
def test_agreements_samples_and_periods(desk: Any, press: Press) -> None:
    page = "/desk/institutions/H42010000001"
    state = "SELECT agreement_state FROM fund.institution WHERE institution = 'H42010000001'"
    assert press("zhao", page, "institution agreement", {"v.state": "suspended"}, effect=state) == [
        ("suspended",)
    ]
    calls = "SELECT number_called, spoke_with FROM fund.payee_callback"
    typed = {
        "v.number": "027-80000001",
        "v.spoke_with": "出纳王某",
        "v.called_on": str(TODAY),
        "v.called_at": "10:30",
    }
    press("li", page, "institution callback", typed, effect=calls, stranger="zhou")
    desk.month.take(bill_line("S1"))
    typed = {
        "v.sample_id": "CY1", "v.fund": "310", "v.institution": "H42010000001", "v.term": "202610", "v.clr_type": "21", "v.seed": "开奖123",
        "v.size": "1",
    }  # fmt: skip
    press("zhao", "/desk/findings", "audit sample", typed, effect="SELECT sample_id FROM fund.sample")
    days = "SELECT value FROM fund.audit_policy ORDER BY 1"
    press("zhao", "/desk/findings", "audit appeal-days", {"v.days": "7", "v.source": "文1号"}, effect=days)
    periods = "SELECT count(*) FROM books.period WHERE fund = 310"
    press("li", f"/desk/close?book={BOOK}", "book open", {"v.period": "202611"}, effect=periods)


@pytest.mark.posts("outregion confirm", "outregion deliver")
def test_clearing_with_another_region(two: Any, guest: Any) -> None:
    two.take(guest("G1", fund=100_000, cash=20_000))
    give_logins(two.month.database.settings, TODAY)
    with opened_desk(two.month, TODAY) as desk:
        desk.month = two.month
        press, page = Press(desk), "/desk/outregion"
        records = "SELECT setl_id, state FROM fund.outregion_record WHERE region = 420100"
        press("zhao", page, "outregion recognise", effect=records)
        press("zhao", page, "outregion confirm", {"l.setl_id": "G1"}, effect=records)
        press("zhao", page, "outregion confirm", {"l.setl_id": "G1"}, effect=records, back=True)
        press("zhao", page, "outregion confirm", {"l.setl_id": "G1"}, effect=records)
        press(
            "zhao",
            page,
            "outregion bill",
            {"v.party": str(THERE), "v.term": "202610"},
            effect="SELECT count(*) FROM fund.outregion_bill",
        )
        sent = "SELECT state FROM fund.outregion_outbox WHERE region = 420100"
        press("li", page, "outregion deliver", {"v.party": str(THERE)}, effect=sent)
