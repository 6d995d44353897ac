"""Forms by which money is asked for, decided and ordered: requests, persons, advances, refunds, orders, corrections."""

from __future__ import annotations

import re
from datetime import date
from html import unescape
from typing import Any

import pytest

from ledger.core.entries import Dimensions, credit, debit
from ledger.fund.daily.run import run_daily
from ledger.payments.orders.approve import approve
from ledger.payments.orders.values import Batch
from ledger.simulation.people import DEMO_REGION
from tests.scenes.town import FISCAL, OWN, Town
from tests.web.conftest import EVE, TODAY, bill_line
from tests.web.forms.conftest import NOVEMBER, Press

H = "H42010000001"
ORDERS = "SELECT state, amount_fen FROM payments.pay_order ORDER BY order_no"


@pytest.mark.posts("cash request", "cash approve:refuse", "cash request-plan")
def test_money_is_asked_for_by_what_is_due_and_by_a_plan(desk: Any, press: Press) -> None:
    town = Town(desk.month, desk.settings.home)
    town.by_hand("支出", (debit(1003, 10**10, Dimensions(FISCAL)), credit(1004, 10**10, Dimensions(OWN))))
    town.month.take(bill_line("S1"))
    asked = "SELECT basis, state, amount_fen, approved_by, reason FROM fund.fund_request ORDER BY 1, 2, 3"
    press("zhao", "/desk/cash", "cash request", {"v.fund": "310", "v.amount": ""}, effect=asked)
    one = press.led("qian", "/desk/cash", "/desk/cash/")
    refused = press("qian", one, "cash approve", {"v.refuse": "无计划"}, "v.refuse", effect=asked)
    assert refused == [("due", "refused", 60_000, "qian", "无计划")]
    town.choose("fund_request_basis", "plan", date(2026, 10, 1))
    plan = {"v.fund": "310", "v.month": "202611", "p.planned=daily": "700.00", "v.amount": ""}
    made = press("zhao", "/desk/cash", "cash request-plan", plan, effect=asked)
    assert made[-1][:3] == ("plan", "requested", 70_000)


@pytest.mark.posts(
    "cash person",
    "cash approve-person",
    "cash approve-person:refuse",
    "cash order-persons",
    "data open-payee",
)
def test_a_person_is_paid_by_two_and_an_order(desk: Any, press: Press) -> None:
    paid = {
        "v.fund": "310", "v.kind": "reimbursement", "v.psn": "42010000000001", "v.amount": "80.00", "v.document": "核〔2026〕1号",
        "v.year": "2026", "v.term": "202610", "v.category": "outpatient", "v.subfund": "pool",
        "r.payee": ["张三", "6222020200000001", "模拟银行", "102421000009"],
    }  # fmt: skip
    persons = "SELECT document, state, approved_by, order_no <> '' FROM fund.person_payment ORDER BY 1, 2, 3"
    press("zhao", "/desk/cash", "cash person", paid, effect=persons)
    one = press.led("qian", "/desk/cash", "/desk/cash/")
    press("qian", one, "cash approve-person", {"v.refuse": "未附发票"}, "v.refuse", effect=persons)
    press("zhao", "/desk/cash", "cash person", paid | {"v.document": "核〔2026〕2号"}, effect=persons)
    one = next(
        f"/desk/cash/{key}"
        for (key,) in desk.month.asked("SELECT payment_id FROM fund.person_payment WHERE state = 'requested'")
    )
    opened(press, one, "张三", "6222020200000001")
    press("qian", one, "cash approve-person", effect=persons)
    assert press("zhao", "/desk/cash", "cash order-persons", effect=ORDERS) == [("draft", 8_000)]
    assert press.asked(persons)[-1] == ("核〔2026〕2号", "approved", "qian", True)
    [(order, digest)] = desk.month.asked(
        "SELECT o.order_no, encode(b.digest, 'hex') FROM payments.pay_order o JOIN payments.batch b USING (region, batch_id)"
        " WHERE o.institution = 'PERSON'"
    )
    assert digest in opened(press, f"/desk/orders/{order}", "张三", "6222020200000001")


def opened(press: Press, page: str, *words: str) -> str:
    """What the form of a masked payee shows to the checker, once a reason is given: logged, kept nowhere, for nobody without the post."""
    lines = (
        "SELECT user_name, object, outcome FROM access.operator_log WHERE action = 'data.open' ORDER BY id"
    )
    checker, before = press.by("qian"), press.asked(lines)
    assert not [word for word in words if word in checker.get(page).text]
    to = "/desk/act/data/open-payee"
    form = checker.filled(page, to, "v.reason")
    assert not form.get("key")
    assert "data.reason" in checker.post(to, form | {"v.reason": "看"}).text
    assert "login.form" in checker.post(to, form | {"csrf": "0" * 64, "v.reason": "复核前核对"}).text
    cashier = press.by("sun")
    assert to not in cashier.get(page).text
    theirs = form | {"csrf": cashier.form("/desk/me", "/desk/logout")["csrf"], "v.reason": "想看一看"}
    assert "access.role_missing" in cashier.post(to, theirs).text
    shown = checker.post(to, form | {"v.reason": "复核前核对"})
    assert shown.headers["cache-control"] == "no-store"
    assert not [word for word in words if word not in shown.text]
    logged = [row for row in press.asked(lines) if row not in before and row[2] == "done"]
    assert [(user, said.endswith("明文 复核前核对")) for user, said, _ in logged] == [("qian", True)]
    return str(shown.text)


@pytest.mark.posts(
    "advance request", "advance approve", "advance approve:refuse", "advance order", "advance return", "refund approve",
    "refund approve:refuse",
)  # fmt: skip
def test_an_advance_is_given_and_given_back(november: Any) -> None:
    press, town = Press(november), november.town
    town.begin("P2", fen=0, income_fen=3_000_000)
    town.month.take(bill_line("a1"), bill_line("b1", institution="H42010000002"))
    town.pay_daily(TODAY)
    states = "SELECT kind, amount_fen, state, approved_by FROM fund.advance ORDER BY 1, 2, 3"
    asked = {
        "v.fund": "310",
        "v.institution": H,
        "v.year": "2027",
        "v.amount": "300.00",
        "v.document": "申请1号",
        "v.due": "2026-12-01",
    }
    page = "/desk/advances"
    press("zhao", page, "advance request", asked, effect=states, kind="prepayment")
    one = press.led("qian", page, "/desk/advances/")
    press("qian", one, "advance approve", {"v.refuse": "额度待核"}, "v.refuse", effect=states)
    press(
        "zhao", page, "advance request", asked | {"v.document": "申请2号"}, effect=states, kind="prepayment"
    )
    [(key,)] = town.month.asked("SELECT advance_id FROM fund.advance WHERE state = 'requested'")
    one = f"{page}/{key}"
    assert press("qian", one, "advance approve", effect=states) == [
        ("prepayment", 30_000, "approved", "qian"),
        ("prepayment", 30_000, "refused", "qian"),
    ]
    assert press("zhao", page, "advance order", effect=ORDERS)[-1] == ("draft", 30_000)
    [drafted] = town.month.asked(
        "SELECT b.region, b.fund, b.batch_id, b.pay_date, payments.batch_digest(b.region, b.batch_id), o.order_no, o.amount_fen"
        " FROM payments.batch b JOIN payments.pay_order o USING (region, batch_id) WHERE o.state = 'draft'"
    )
    region, fund, batch, day, digest, order, fen = drafted
    town.pay(Batch(region, fund, batch, day, bytes(digest), (order,), fen), NOVEMBER)
    refunds = "SELECT kind, amount_fen, state, approved_by FROM fund.refund ORDER BY 1, 2, 3"
    back = {
        "v.account": FISCAL,
        "v.amount": "100.00",
        "v.document": "退款函1号",
        "v.receipt": "JK1",
        "v.received": str(NOVEMBER),
    }
    press("zhao", one, "advance return", back, effect=refunds)
    [(refund,)] = town.month.asked("SELECT refund_id FROM fund.refund")
    press(
        "qian",
        f"/desk/refunds/{refund}",
        "refund approve",
        {"v.refuse": "未到账"},
        "v.refuse",
        effect=refunds,
    )
    press(
        "zhao", one, "advance return", back | {"v.receipt": "JK2", "v.document": "退款函2号"}, effect=refunds
    )
    [(refund,)] = town.month.asked("SELECT refund_id FROM fund.refund WHERE state = 'requested'")
    assert press("qian", f"/desk/refunds/{refund}", "refund approve", effect=refunds)[0][2:] == (
        "approved",
        "qian",
    )


@pytest.mark.posts("payments cancel", "payments file")
def test_an_order_is_cancelled_and_the_others_filed(desk: Any, press: Press) -> None:
    town = Town(desk.month, desk.settings.home)
    town.month.take(bill_line("S1"), bill_line("S2", institution="H42010000002"))
    [batch] = run_daily(town.engine, "zhao", DEMO_REGION, TODAY).batches
    approve(town.engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, TODAY)
    first, second = (f"/desk/orders/{one}" for one in batch.order_nos)
    cancelled = press("zhao", first, "payments cancel", {"v.reason": "机构来函"}, effect=ORDERS)
    assert [state for state, _ in cancelled] == ["cancelled", "approved"]
    press("zhao", second, "payments file", effect="SELECT count(*) FROM payments.bank_file")
    assert [state for state, _ in press.asked(ORDERS)] == ["cancelled", "filed"]


@pytest.mark.posts("correct red", "book voucher reject")
def test_a_voucher_is_reversed_in_red_or_the_wish_sent_back(desk: Any, press: Press) -> None:
    page = "/desk/vouchers/%E8%AE%B0-202610-1?book=420100-310"
    drafts = "SELECT count(*), (SELECT count(*) FROM books.voucher_decision) FROM books.voucher"
    press("li", page, "correct red", {"v.reason": "记错科目"}, effect=drafts)
    undecided = "SELECT voucher_id FROM books.voucher v WHERE NOT EXISTS (SELECT 1 FROM books.voucher_decision d WHERE d.voucher_id = v.voucher_id)"
    [(draft,)] = press.asked(undecided)
    press(
        "qian",
        f"/desk/drafts/{draft}?book=420100-310",
        "book voucher reject",
        {"v.reason": "科目无误"},
        effect=drafts,
    )


@pytest.mark.posts("/desk/drafts/save")
def test_a_voucher_is_corrected_by_a_difference_or_red_and_then_blue(desk: Any, press: Press) -> None:
    """At the voucher form, from the voucher's own page: what is refused stands as it was typed."""
    book, li, qian = "420100-310", press.by("li"), press.by("qian")
    page, save = f"/desk/vouchers/%E8%AE%B0-202610-2?book={book}", f"/desk/drafts/save?book={book}"
    drafts = "SELECT correction, corrects_seq, summary FROM books.voucher WHERE correction <> '' ORDER BY 1"
    forms = {
        kind: press.led(
            "li", page, f"/desk/drafts/new?book={book}&amp;corrects=%E8%AE%B0-202610-2&amp;kind={kind}"
        )
        for kind in ("blue", "difference")
    }
    assert "drafts/new" not in qian.get(page).text
    blue = cells(li, forms["blue"]) | li.form(forms["blue"], save)
    assert (blue["kind"], blue["l0.debit"]) == ("blue", "100000000.00")
    first = li.post(
        save, blue | {"reason": "金额有误", "l0.debit": "99999999.00", "l1.credit": "99999999.00"}
    )
    assert (first.status_code, "correct.red_first" in first.text) == (409, True), first.text[-900:]
    assert 'value="金额有误"' in first.text
    assert 'name="corrects" value="记-202610-2"' in first.text
    assert 'value="99999999.00"' in first.text
    same = li.post(save, blue | {"key": "same"})
    assert "correct.no_change" in same.text
    assert "voucher.text" in li.post(save, blue | {"key": "k", "kind": "green"}).text
    other = cells(li, forms["difference"]) | li.form(forms["difference"], save)
    assert (other["l0.account"], other["l0.debit"], "business" in other) == ("1004", "", False)
    change = {"reason": "少记", "l0.debit": "1.00", "l1.credit": "1.00"}
    made = [li.post(save, other | change) for _ in range(2)]  # a double click
    assert [answer.status_code for answer in made] == [303, 303], made[0].text[-900:]
    [(kind, _, summary)] = press.asked(drafts)
    assert (kind, summary.endswith("记-202610-2号凭证：少记")) == ("difference", True)
    draft = made[0].headers["location"]
    press(
        "qian",
        draft,
        "book voucher reject",
        {"v.reason": "应红字冲销"},
        effect="SELECT count(*) FROM books.voucher_decision",
    )
    press("li", page, "correct red", {"v.reason": "记错"}, effect="SELECT count(*) FROM books.voucher")
    [(red,)] = press.asked("SELECT voucher_id FROM books.voucher WHERE reverses_seq > 0")
    press(
        "qian",
        f"/desk/drafts/{red}?book={book}",
        "book voucher approve",
        effect="SELECT count(*) FROM books.entry",
    )
    anew = (
        cells(li, forms["blue"])
        | li.form(forms["blue"], save)
        | {"reason": "金额有误", "l0.debit": "2.00", "l1.credit": "2.00"}
    )
    done = li.post(save, anew)
    assert done.status_code == 303, done.text[-900:]
    assert "订正" in li.get(done.headers["location"]).text


def cells(browser: Any, page: str) -> dict[str, str]:
    """What the voucher form's visible fields hold."""
    found = re.findall(r'<input name="([^"]+)"[^>]*? value="([^"]*)"', browser.get(page).text)
    return {name: unescape(value) for name, value in found}


@pytest.mark.posts("cash move", "cash approve-move")
def test_a_fee_is_entered_and_booked_by_another(desk: Any, press: Press) -> None:
    moves = "SELECT kind, amount_fen, state, approved_by FROM fund.cash_move"
    typed = {
        "v.fund": "310",
        "v.kind": "fee",
        "v.amount": "5.00",
        "v.booked": str(EVE),
        "v.receipt": "SX9",
        "v.subfund": "",
    }
    press("zhao", "/desk/cash", "cash move", typed, effect=moves)
    one = press.led("qian", "/desk/cash", "/desk/cash/")
    assert press("qian", one, "cash approve-move", effect=moves) == [("fee", 500, "approved", "qian")]
