"""The forms by which a person's account that the bank said is wrong is corrected by two, and where a desk shows that it waits."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.banks.ports import BankAccount
from ledger.fund.cash.orders import order_persons
from ledger.fund.cash.persons import PersonRequest, approve_person, request_person
from tests.scenes.town import Town
from tests.web.conftest import TODAY
from tests.web.forms.conftest import Press, said

PERSON = PersonRequest(
    310, "reimbursement", "42010000000077", "pool", 2026, 202610, "outpatient", 8_000, "核〔2026〕7号",
    BankAccount("王小明", "6217000000000123", "模拟银行", "102421000009"), TODAY,
)  # fmt: skip


@pytest.mark.posts("cash person-account", "cash approve-person-account", "cash approve-person-account:refuse")
def test_an_account_that_came_back_is_corrected_by_two(desk: Any, press: Press) -> None:
    town = Town(desk.month, desk.settings.home)
    with town.tx("zhao") as tx:
        payment = request_person(tx, PERSON, TODAY).payment_id
    with town.tx("qian") as tx:
        approve_person(tx, payment, TODAY)
    with town.tx() as tx:
        [batch] = order_persons(tx, 310, TODAY).batches
    [order] = town.pay(batch, TODAY)
    town.receipt(order, TODAY, back=True, why=("BE01", "王小明户名不符"))
    waits = said(press.by("zhao").get("/desk/exceptions"))
    assert "户名与账号不符（BE01）" in waits
    assert "王小明" not in waits
    assert "个人收款账户经银行退回，待更正" in said(press.by("zhao").get("/desk/today"))
    page = f"/desk/cash/{payment}"
    kept = "SELECT state, document, prepared_by, approved_by FROM fund.person_account"
    given = {"v.document": "本人申请", "r.payee": ["王晓明", "6217000000000999", "模拟银行", "102421000009"]}
    assert press("zhao", page, "cash person-account", given, "r.payee", effect=kept) == [
        ("requested", "本人申请", "zhao", "")
    ]
    assert "6217000000000999" not in said(press.by("qian").get(page))
    refusal = {"v.refuse": "无签名"}
    press("qian", page, "cash approve-person-account", refusal, "v.refuse", effect=kept)
    press("zhao", page, "cash person-account", given, "r.payee", effect=kept)
    assert press("qian", page, "cash approve-person-account", effect=kept) == [
        ("approved", "本人申请", "zhao", "qian")
    ]
    assert "待更正" not in said(press.by("zhao").get("/desk/today"))
