"""Forms about the bank: payments frozen, files brought or set aside, statements entered and taken back, refusals let go."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import Any

import pytest

from adapters.banks.formats.statements.read import read_written
from adapters.banks.formats.statements.table import Stated
from adapters.banks.ports import Direction
from adapters.banks.simulator.messages.notification import Notification, NotifiedMovement, write_camt054
from adapters.banks.simulator.messages.status_report import StatusReport, TransactionStatus, write_pain002
from ledger.core.dates import SHANGHAI
from ledger.core.money import yuan_grouped
from ledger.fund.daily.run import run_daily
from ledger.payments.freeze.freeze import freeze
from ledger.payments.incoming import receive as receiving
from ledger.payments.incoming.by_hand import Brought, hand_in
from ledger.payments.incoming.receive import receive
from ledger.payments.orders.own_accounts import confirm_channel, propose_channel
from ledger.payments.statements.take import StatementFile, enter
from ledger.simulation.people import DEMO_REGION
from tests.scenes.town import OWN, Town
from tests.web.conftest import TODAY, bill_line
from tests.web.forms.conftest import Press
from tests.web.test_acts import statement

MOMENT = datetime(2026, 10, 13, 9, tzinfo=SHANGHAI)
EXCEPTIONS = "/desk/exceptions"
NOTE = write_camt054(
    Notification("NT1", MOMENT, OWN, "支出户", [NotifiedMovement("S1", Direction.CREDIT, 77, TODAY, "99", "某人", "", "", "")])
)  # fmt: skip


@pytest.mark.posts("payments freeze propose", "payments freeze confirm", "payments freeze confirm:refusal")
def test_a_freeze_is_lifted_by_two_or_the_wish_sent_back(desk: Any, press: Press) -> None:
    with desk.month.tx("xitong") as tx:
        assert freeze(tx, "anchor_newer", "存证较新", TODAY)
    states = "SELECT n, state, proposed_by, lifted_by, refusal FROM payments.freezing ORDER BY n"
    typed, propose, confirm = (
        {"v.document": "对账单一号"},
        "payments freeze propose",
        "payments freeze confirm",
    )
    press("li", EXCEPTIONS, propose, typed, effect=states)
    back = press("qian", EXCEPTIONS, confirm, {"v.refusal": "尚未核对"}, "v.refusal", effect=states)
    assert back == [(1, "standing", "", "", "尚未核对")]
    press("li", EXCEPTIONS, propose, typed, effect=states)
    assert press("qian", EXCEPTIONS, confirm, effect=states)[0][1:4] == ("lifted", "li", "qian")
    assert "未冻结" in press.by("li").get(EXCEPTIONS).text


@pytest.mark.posts("payments handed confirm", "payments handed confirm:refusal")
def test_a_file_that_was_brought_is_taken_in_or_sent_back(desk: Any, press: Press) -> None:
    states = "SELECT n, state, approved_by FROM payments.handed_file ORDER BY n"
    format_ = Town(desk.month, desk.settings.home).bank.format
    for name in ("补发.xml", "补发.xml"):
        with desk.month.tx("li") as tx:
            hand_in(tx, OWN, format_, Brought(name, NOTE, "银行钱经理", "查复书1号"), TODAY)
        if desk.month.asked(states)[-1][0] == 1:
            press(
                "qian",
                EXCEPTIONS,
                "payments handed confirm",
                {"v.refusal": "未盖章"},
                "v.refusal",
                effect=states,
            )
    assert press("qian", EXCEPTIONS, "payments handed confirm", effect=states)[-1][1:] == ("approved", "qian")
    assert [tuple(row) for row in desk.month.asked("SELECT amount_fen, outcome FROM payments.evidence")] == [
        (77, "suspense")
    ]


@pytest.mark.posts("bank read-again")
def test_a_file_set_aside_is_read_again(desk: Any, press: Press, monkeypatch: pytest.MonkeyPatch) -> None:
    town = Town(desk.month, desk.settings.home)
    town.bank.channel.papers["a.xml"] = NOTE

    def stumble(_round: object, _waiting: object, papers: Any, _references: object) -> None:
        if papers:
            raise RuntimeError("nobody foresaw this")

    with monkeypatch.context() as broken:
        broken.setattr(receiving, "book_papers", stumble)
        assert receive(town.engine, "xitong", DEMO_REGION, OWN, town.bank, TODAY).quarantined == 1
    effect = "SELECT outcome, read_by, (SELECT count(*) FROM payments.evidence) FROM payments.read_again"
    assert press("li", EXCEPTIONS, "bank read-again", effect=effect) == [("read", "li", 1)]


@pytest.mark.posts("payments release")
def test_a_refusal_that_is_proven_lets_the_order_be_paid_again(desk: Any, press: Press) -> None:
    """Refused by a bank whose status is not final; it stays sent until the channel's word is agreed to be final after all."""
    town = Town(desk.month, desk.settings.home)
    channel = {"host": "127.0.0.1", "port": 22, "username": "x", "host_keys": ["ssh-ed25519 A"]}

    def agreed(final: bool) -> None:
        with desk.month.tx("li") as tx:
            propose_channel(tx, OWN, channel | {"final_status": final})
        with desk.month.tx("qian") as tx:
            confirm_channel(tx, OWN, TODAY)

    agreed(final=False)
    town.month.take(bill_line("S1"))
    [batch] = run_daily(town.engine, "zhao", DEMO_REGION, TODAY).batches
    [order] = town.send(batch, TODAY)
    row = TransactionStatus(order.order_no, "RJCT", order.amount_fen, "AC04", "账户已销")
    town.bank.channel.papers["s.xml"] = write_pain002(
        StatusReport("ST1", MOMENT, order.file_id, 1, order.amount_fen, "PART", transactions=[row])
    )
    receive(town.engine, "xitong", DEMO_REGION, OWN, town.bank, TODAY)
    page = f"/desk/orders/{order.order_no}"
    assert "/desk/act/payments/release" not in press.by("li").get(page).text
    agreed(final=True)
    effect = "SELECT state, (SELECT count(*) FROM fund.payable WHERE order_no <> '') FROM payments.pay_order"
    assert press("li", page, "payments release", effect=effect) == [("rejected", 0)]


def entered(desk: Any, number: str, closing: str = "0.77") -> None:
    """A statement of October copied from paper by the accountant, that waits."""
    head = "记账日,支出,收入,余额,流水号,回单号,指令号,对方账号,对方户名,摘要"
    content = f"{head}\n2026-10-04,,{closing},{closing},S1,R1,,,某银行,结息\n".encode()
    stated = Stated(OWN, number, date(2026, 10, 1), date(2026, 10, 31), 0, int(closing.replace(".", "")))
    given = StatementFile(
        f"{number}.csv",
        content,
        stated={
            "number": number,
            "first": "2026-10-01",
            "last": "2026-10-31",
            "opening": "0.00",
            "closing": closing,
        },
    )
    with desk.month.tx("li") as tx:
        enter(tx, OWN, given, read_written(given.name, content, stated), TODAY)


@pytest.mark.posts(
    "bank-statement confirm", "bank-statement confirm:refusal", "bank-statement withdraw",
    "bank-statement confirm-withdrawal", "bank-statement confirm-withdrawal:refusal",
)  # fmt: skip
def test_a_statement_from_paper_is_confirmed_and_taken_back_by_two(desk: Any, press: Press) -> None:
    page = f"/desk/statements?account={OWN}"
    kept = "SELECT name, state, approved_by FROM payments.statement_file ORDER BY name, n"
    back = "SELECT state, approved_by, refusal FROM payments.statement_withdrawal ORDER BY n"
    confirm, decide = "bank-statement confirm", "bank-statement confirm-withdrawal"
    entered(desk, "纸1", "0.78")
    press("qian", page, confirm, {"v.refusal": "与纸质不符"}, "v.refusal", effect=kept)
    entered(desk, "纸2")
    assert press("qian", page, confirm, effect=kept)[-1] == ("纸2.csv", "taken", "qian")
    press("li", page, "bank-statement withdraw", {"v.reason": "误收"}, effect=back)
    press("qian", page, decide, {"v.refusal": "没有误收"}, "v.refusal", effect=back)
    press("li", page, "bank-statement withdraw", {"v.reason": "确系误收"}, effect=back)
    assert press("qian", page, decide, effect=back)[-1] == ("approved", "qian", "")
    assert desk.month.asked("SELECT count(*) FROM payments.bank_statement WHERE n > 0") == [(0,)]


@pytest.mark.posts("reconciliation match", "reconciliation make", "reconciliation review:refusal")
def test_a_month_is_matched_and_its_sheet_made(november: Any) -> None:
    press, town = Press(november), november.town
    town.month.take(bill_line("S1"))
    [order] = town.pay_daily(TODAY)
    statement(november, OWN, 10**10, -order.amount_fen, order_no=order.order_no)
    page, sheets = (
        f"/desk/bank?account={OWN}&period=202610",
        "SELECT state, reviewed_by FROM payments.reconciliation",
    )
    groups = "SELECT count(*) FROM payments.statement_match"
    assert press("li", f"/desk/matching?account={OWN}", "reconciliation match", effect=groups) == [(1,)]
    made = press.led("li", f"/desk/matching?account={OWN}", f"/desk/matching/{OWN}/")
    shown = press.by("li").get(made).text
    assert re.findall(r'<td class="money[^"]*">([^<]*)</td>', shown) == [yuan_grouped(-order.amount_fen)] * 2
    lines = press.by("li").get(press.led("li", made, f"/desk/statements/{OWN}/")).text
    assert "第1号" in lines
    assert "尚未勾对" in lines
    assert press.led("li", f"/desk/statements?account={OWN}", f"/desk/statements/{OWN}/").startswith(
        f"/desk/statements/{OWN}/1?"
    )
    voucher = press.led("li", made, "/desk/vouchers/")
    assert press.by("li").get(voucher).status_code == 200
    assert press.by("li").get(f"/desk/statements/{OWN}/99").status_code == 404
    assert press("li", page, "reconciliation make", {"v.period": "202610"}, effect=sheets) == [("made", "")]
    posts = {
        user: "/desk/act/reconciliation/review" in press.by(user).get(page).text
        for user in ("li", "wu", "zhou")
    }
    assert posts == {"li": False, "wu": False, "zhou": True}, "offered to whom it is not refused"
    waits = "余额调节表待复核"
    assert waits in press.by("zhou").get("/desk/today").text.partition("待我办理")[2].partition("他人待办")[0]
    press("qian", page, "reconciliation review", {"v.refusal": "未附单据"}, "v.refusal", effect=sheets)
    shown = press.by("li").get(page).text
    assert "退回的理由：未附单据" in shown
    assert "编制 李会计（2026-11-10），退回 钱复核" in shown
    assert "减：银行已付、本单位未付" in shown
    li = press.by("li")
    wrong = li.post(
        "/desk/act/reconciliation/make",
        li.form(page, "/desk/act/reconciliation/make") | {"v.period": "2026.10"},
    )
    assert wrong.status_code == 422
    assert '<input name="v.period" type="text" value="2026.10">' in wrong.text
    assert f'<input type="hidden" name="v.account" value="{OWN}">' in wrong.text, "the page gave it"
