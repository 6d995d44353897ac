"""Acts that were the command line's alone, each done through the form of its own page, and refused with what was typed kept."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from html import unescape
from typing import Any

import httpx
import pytest

from adapters.banks.formats.statements.read import read_statements
from adapters.banks.formats.statements.table import Stated
from adapters.banks.ports import Direction
from adapters.banks.simulator.messages.statement import PrintedLine, PrintedStatement, write_camt053
from ledger.core.dates import SHANGHAI
from ledger.db.safekeeping.fields import fields
from ledger.founding import choose
from ledger.fund.reconcile.details import DetailFile, compare_details, our_details
from ledger.fund.reconcile.file import write_detail
from ledger.fund.reconcile.scope import ReconcileScope
from ledger.payments.orders.own_accounts import propose_channel
from ledger.payments.statements.sheet import make
from ledger.payments.statements.take import StatementFile, load
from ledger.simulation.people import EXPENDITURE_ACCOUNT, FISCAL_ACCOUNT
from tests.scenes.papers import PaperSaid, keep_paper
from tests.web.conftest import EVE, GRANTED, TODAY, Browser, bill_line, bills

Sat = Callable[[str], Browser]
OWN, FISCAL = EXPENDITURE_ACCOUNT.number, FISCAL_ACCOUNT.number
AFTER = date(2026, 11, 2)


def act(name: str) -> str:
    """Where the form of an act goes."""
    word, _, rest = name.partition(" ")
    return f"/desk/act/{word}/{rest.replace(' ', '+')}"


def do(
    browser: Browser, path: str, name: str, typed: dict[str, Any] | None = None, *asked: str, **held: object
) -> httpx.Response:
    """The act of a form on a page, filled in by a person."""
    form = browser.form(path, act(name), *asked, **held)
    return browser.post(act(name), form | (typed or {}))


def said(answer: httpx.Response) -> str:
    """What the page says of an act."""
    return answer.text.partition("<main")[2]


def done(answer: httpx.Response) -> None:
    assert answer.status_code == 200, said(answer)
    assert "：已办理" in said(answer), said(answer)


def refused(answer: httpx.Response, code: str, *kept: str) -> None:
    assert answer.status_code in (403, 404, 409, 422), said(answer)
    assert f"代码 {code}" in said(answer), said(answer)
    for one in kept:
        assert f'value="{one}"' in answer.text, one


def led(browser: Browser, path: str, to: str) -> str:
    """The address of the first link of a page that begins so."""
    found = re.search(rf'href="({re.escape(to)}[^"]*)"', browser.get(path).text)
    assert found, f"{path}: no link to {to}"
    return unescape(found[1])


@pytest.mark.posts("payments suspense propose", "payments suspense confirm")
def test_a_paper_in_suspense_is_said_and_confirmed_by_another(desk: Any, sat: Sat) -> None:
    with desk.month.tx("li") as tx:
        keep_paper(
            tx, OWN, PaperSaid("LX0001", "credit", EVE, 1_234, usage="结息"), "suspense", "other_credit"
        )
    li, qian, zhao = sat("li"), sat("qian"), sat("zhao")
    assert "回单挂账待处理" in li.get("/desk/today").text
    paper = led(li, "/desk/exceptions", "/desk/suspense/")
    typed = {"v.fund": "310", "v.what": "interest", "v.document": "四季度结息单"}
    form = li.form(paper, act("payments suspense propose"))
    assert "提出，待另一人复核" not in zhao.get(paper).text
    wrong = form | typed | {"csrf": zhao.form("/desk/me", "/desk/logout")["csrf"]}
    refused(zhao.post(act("payments suspense propose"), wrong), "access.role_missing", "四季度结息单")
    done(li.post(act("payments suspense propose"), form | typed))
    assert "挂账处理待复核" in qian.get("/desk/today").text
    refused(
        do(qian, paper, "payments suspense confirm", {"v.date": "2026-13-01", "v.refusal": "不明"}), "date."
    )
    done(do(qian, paper, "payments suspense confirm"))
    assert [tuple(row) for row in desk.month.asked("SELECT state, approved_by FROM payments.resolution")] == [
        ("approved", "qian")
    ]
    assert "LX0001" not in li.get("/desk/exceptions").text


@pytest.mark.posts("day run", "day approve", "day send", "payments discard", "payments ask")
def test_an_order_is_cancelled_and_one_without_an_answer_asked_for(desk: Any, sat: Sat) -> None:
    zhao, qian, sun, li = sat("zhao"), sat("qian"), sat("sun"), sat("li")
    with bills(desk):
        done(do(zhao, "/desk/today", "day run"))
    [(order, batch)] = desk.month.asked("SELECT order_no, batch_id FROM payments.pay_order")
    page = f"/desk/orders/{order}"
    done(do(zhao, page, "payments discard", {"v.reason": "机构账号有疑"}, batch=batch))
    assert desk.month.asked("SELECT 1 FROM payments.pay_order WHERE state = 'draft'") == []
    desk.month.take(*(bill_line(f"T{n}", fund=100_000 + n) for n in range(2)))
    done(do(zhao, "/desk/today", "day run"))
    done(do(qian, "/desk/today", "day approve"))
    [(order,)] = desk.month.asked(
        "SELECT order_no FROM payments.pay_order WHERE state IN ('approved', 'filed')"
    )
    page = f"/desk/orders/{order}"
    form = zhao.form(page, act("payments cancel")) | {"v.reason": "机构来函"}
    other = form | {"csrf": sun.form("/desk/me", "/desk/logout")["csrf"]}
    refused(sun.post(act("payments cancel"), other), "access.role_missing", "机构来函")
    done(do(sun, "/desk/files", "day send"))
    # what was shown before it was sent is no more: the act says so
    refused(zhao.post(act("payments cancel"), form), "order.", "机构来函")
    done(do(li, page, "payments ask"))


def statement(desk: Any, account: str, *fen: int, order_no: str = "") -> None:
    """October of an account as its bank wrote it, under serial numbers our books do not have; what went out was for an order."""
    running, rows = 0, []
    for n, one in enumerate(fen, 1):
        running += one
        side = Direction.CREDIT if one > 0 else Direction.DEBIT
        rows.append(
            PrintedLine(f"BANK{n}", side, abs(one), EVE, running, order_no=order_no if one < 0 else "")
        )
    made = PrintedStatement(
        "ST1", 1, datetime(2026, 11, 1, 8, tzinfo=SHANGHAI), account, "账户", date(2026, 10, 1), date(2026, 10, 31), 0, rows
    )  # fmt: skip
    content = write_camt053(made)
    with desk.month.tx("li") as tx:
        load(tx, account, StatementFile("ST1.xml", content), read_statements("ST1.xml", content, Stated(account)), AFTER)  # fmt: skip


@pytest.mark.posts("reconciliation confirm", "reconciliation undo", "reconciliation review")
def test_a_statement_is_matched_by_proposal_and_by_ticked_rows(desk: Any, sat: Sat) -> None:
    statement(desk, OWN, GRANTED)
    statement(desk, FISCAL, GRANTED, -GRANTED)
    li, qian, zhao = sat("li"), sat("qian"), sat("zhao")
    page, confirm = f"/desk/matching?account={OWN}", "reconciliation confirm"
    assert 'name="v.proposal"' not in zhao.get(page).text
    done(do(li, page, confirm, {"v.reason": "同日拨入"}, "v.reason"))
    made = led(li, page, f"/desk/matching/{OWN}/")
    done(do(li, made, "reconciliation undo", {"v.reason": "再核"}))
    assert "再核" in li.get(made).text

    page = f"/desk/matching?account={FISCAL}"
    text = li.get(page).text
    banks = re.findall(r'name="r.lines" value="([^"]+)"', text)
    ours = re.findall(r'name="r.entries" value="([^"]+)"', text)
    assert (len(banks), len(ours)) == (2, 2)
    form = li.form(page, act(confirm), "r.lines")
    one_side = form | {"r.lines": banks[0], "v.reason": "只选了一边"}
    refused(li.post(act(confirm), one_side), "reconciliation.", "只选了一边", banks[0])
    done(
        li.post(
            act(confirm), form | {"key": "both", "r.lines": banks, "r.entries": ours, "v.reason": "逐笔核对"}
        )
    )  # type: ignore[dict-item]
    assert "没有建议" in li.get(page).text

    with desk.month.tx("li") as tx:
        make(tx, FISCAL, 202610, AFTER)
    page, review = f"/desk/bank?account={FISCAL}&period=202610", "reconciliation review"
    refused(do(qian, page, review, {"v.digest": "0" * 64}), "reconciliation.changed")
    refused(do(qian, page, review, {"v.digest": "0" * 64, "v.refusal": "未附单据"}, "v.refusal"), "reconciliation.changed", "未附单据")  # fmt: skip
    done(do(qian, page, review, None, digest=sheet_digest(desk)))
    [(state,)] = desk.month.asked("SELECT state FROM payments.reconciliation")
    assert state == "reviewed"
    refused(
        do(li, f"/desk/statements?account={FISCAL}", "bank-statement withdraw", {"v.reason": "误收"}),
        "statement.",
        "误收",
    )


def sheet_digest(desk: Any) -> str:
    [(digest,)] = desk.month.asked("SELECT encode(digest, 'hex') FROM payments.reconciliation")
    return str(digest)


@pytest.mark.posts(
    "cash request-float", "cash approve", "cash grant", "cash move", "cash approve-move:refuse", "cash person"
)
def test_money_is_asked_for_decided_and_booked(desk: Any, sat: Sat) -> None:
    zhao, qian, li = sat("zhao"), sat("qian"), sat("li")
    for name, value in (("fund_request_basis", "float"), ("float_limit", "2000")):
        choose(desk.month.engine, "li", "qian", 420100, name, value, date(2026, 10, 1), "测试文件1号")
    typed = {"v.fund": "310", "v.amount": "1200.00"}
    form = zhao.form("/desk/cash", act("cash request-float"))
    assert act("cash request-float") not in qian.get("/desk/cash").text
    refused(
        zhao.post(act("cash request-float"), form | typed | {"v.amount": "1,2.x"}),
        "amount.format",
        "1,2.x",
        "310",
    )
    done(zhao.post(act("cash request-float"), form | typed | {"key": "again"}))
    one = led(qian, "/desk/cash", "/desk/cash/")
    as_zhao = qian.form(one, act("cash approve")) | {"csrf": form["csrf"], "v.refuse": "无计划"}
    refused(zhao.post(act("cash approve"), as_zhao), "access.role_missing", "无计划")
    done(do(qian, one, "cash approve"))
    done(do(li, one, "cash grant", {"v.amount": "1200.00", "v.receipt": "拨字1号", "v.received": str(TODAY)}))
    assert "已到账" in li.get(one).text
    moved = {"v.fund": "310", "v.kind": "fee", "v.amount": "5.00", "v.booked": str(EVE), "v.receipt": "SX9"}
    done(do(zhao, "/desk/cash", "cash move", moved))
    [(move,)] = desk.month.asked("SELECT move_id FROM fund.cash_move")
    done(do(qian, f"/desk/cash/{move}", "cash approve-move", {"v.refuse": "银行已退"}, "v.refuse"))
    paid = {
        "v.fund": "310", "v.kind": "reimbursement", "v.psn": "42010000000001", "v.amount": "80.00", "v.document": "核〔2026〕1号",
        "v.year": "2026", "v.term": "202610", "v.category": "outpatient", "v.subfund": "pool",
        "r.payee": ["张三", "6222020200000001", "模拟银行 武汉分行", "102421000009"],
    }  # fmt: skip
    done(do(zhao, "/desk/cash", "cash person", paid))
    [(name, bank)] = desk.month.asked("SELECT payee_name, payee_bank FROM fund.person_payment")
    with desk.month.tx("zhao") as tx:
        assert (fields(tx).open(name), bank) == ("张三", "模拟银行 武汉分行")


@pytest.mark.posts("refund request", "refund approve")
def test_refunds_and_advances_by_two(desk: Any, sat: Sat) -> None:
    zhao, qian = sat("zhao"), sat("qian")
    typed = {
        "v.fund": "310", "v.institution": "H42010000001", "v.kind": "penalty", "v.by": "agreement", "v.account": FISCAL,
        "v.received": str(TODAY), "v.amount": "300.00", "v.document": "协议第九条", "v.receipt": "JK1",
    }  # fmt: skip
    lines = {"v.kind": "same_year", "j.line.1": ["9103", "pool", "2026", "202610", "inpatient", "300.00"]}
    nothing_paid = do(zhao, "/desk/refunds", "refund request", typed | lines, "j.line.1")
    refused(nothing_paid, "refund.", "协议第九条", "inpatient")
    done(do(zhao, "/desk/refunds", "refund request", typed))
    one = led(qian, "/desk/refunds", "/desk/refunds/")
    done(do(qian, one, "refund approve"))
    assert "已记账" in qian.get(one).text
    asked = {
        "v.fund": "310", "v.institution": "H42010000001", "v.year": "2026", "v.amount": "1.00", "v.document": "申请书1号",
        "v.due": str(TODAY),
    }  # fmt: skip
    answer = do(zhao, "/desk/advances", "advance request", asked, kind="prepayment")
    if answer.status_code != 200:  # the quota is that of the books, which have no year behind them here
        refused(answer, "advance.", "申请书1号")


@pytest.mark.posts(
    "reconcile propose", "reconcile confirm", "month deduct", "month deduct-approve", "month handback"
)
def test_differences_and_deductions_are_decided_by_two(desk: Any, sat: Sat) -> None:
    scope = ReconcileScope(310, "H42010000001", 202610, "21")
    desk.month.take(bill_line("S1", day="2026-10-01"), bill_line("S2", day="2026-10-02"))
    with desk.month.tx() as tx:
        rows = [our_details(tx, scope)[0]]
        compare_details(tx, scope, DetailFile("d.zip", write_detail(rows, "d.txt")), TODAY)
    zhao, qian = sat("zhao"), sat("qian")
    one = led(zhao, "/desk/reconcile?fund=310&term=202610", "/desk/reconcile/")
    typed = {"v.setl_id": "S2", "v.decision": "out", "v.reason": "机构未报"}
    other = (
        zhao.form(one, act("reconcile propose"))
        | typed
        | {"csrf": qian.form("/desk/me", "/desk/logout")["csrf"]}
    )
    refused(qian.post(act("reconcile propose"), other), "access.role_missing", "机构未报")
    done(do(zhao, one, "reconcile propose", typed))
    done(do(qian, one, "reconcile confirm", {"l.setl_id": "S2"}))
    assert "不列入申报" in zhao.get(one).text
    page = "/desk/deductions?fund=310&term=202610"
    said = {
        "v.institution": "H42010000001",
        "v.number": "KK-1",
        "v.amount": "10.00",
        "v.reason": "协议第八条",
    }
    refused(do(zhao, page, "month deduct", said | {"v.amount": "0"}), "deduction.amount", "协议第八条")
    done(do(zhao, page, "month deduct", said))
    done(do(qian, page, "month deduct-approve", number="KK-1"))
    assert [
        tuple(r) for r in desk.month.asked("SELECT deduction_id, approved_by FROM fund.other_deduction")
    ] == [("KK-1", "qian")]
    done(do(sat("li"), page, "month handback", {"v.month": "202609"}))


@pytest.mark.posts(
    "outregion counterparty",
    "outregion counterparty:confirming",
    "outregion quota",
    "outregion request",
    "outregion approve:refuse",
)
def test_other_regions_and_their_moves(desk: Any, sat: Sat) -> None:
    zhao, qian = sat("zhao"), sat("qian")
    typed = {"v.party": "310100", "v.name": "上海市", "r.none": ""}
    payee = {"b.payee": ["上海医保中心", "310000000001", "模拟银行", "102421000009"]}
    done(do(zhao, "/desk/outregion", "outregion counterparty", typed | payee, "b.payee"))
    done(do(qian, "/desk/outregion", "outregion counterparty", None, confirming=True))
    quota = {
        "v.party": "310100", "v.direction": "received", "v.since": "2026-10-01", "v.amount": "500.00", "v.document": "协议1号",
    }  # fmt: skip
    done(do(sat("li"), "/desk/outregion", "outregion quota", quota))
    moved = {"v.party": "310100", "v.kind": "prepaid_in", "v.amount": "100.00", "v.document": "函1号"}
    over = do(zhao, "/desk/outregion", "outregion request", moved | {"v.kind": "prepaid"})
    refused(over, "outregion.over_quota", "函1号")
    done(do(zhao, "/desk/outregion", "outregion request", moved))
    one = led(qian, "/desk/outregion", "/desk/outregion/")
    done(do(qian, one, "outregion approve", None, refuse=True))
    assert "已退回" in zhao.get(one).text


@pytest.mark.posts("user add", "user refuse", "user deactivate", "user activate", "user revoke", "user link")
def test_posts_are_taken_and_changes_sent_back(desk: Any, sat: Sat) -> None:
    guan, shen, wu = sat("guan"), sat("shen"), sat("wu")
    page = "/desk/users"
    assert act("user revoke") not in wu.get(page).text
    added = {"v.user": "xin", "v.person": "p-xin", "v.name": "新人"}
    done(do(guan, page, "user add", added))
    refused(do(shen, page, "user refuse", {"v.digest": "0" * 64, "v.reason": "无批文"}), "", "无批文")
    done(do(shen, page, "user refuse", {"v.reason": "无批文"}))
    assert desk.month.asked("SELECT 1 FROM access.app_user WHERE user_name = 'xin'") == []
    done(do(guan, page, "user deactivate", {"v.user": "zhou"}, "v.user"))
    done(do(guan, page, "user activate", {"v.user": "zhou"}))
    done(do(guan, page, "user revoke", {"v.user": "sun", "v.role": "cashier", "v.fund": "0"}, "v.role"))
    assert desk.month.asked("SELECT 1 FROM access.user_role WHERE user_name = 'sun'") == []
    link = do(guan, page, "user link", {"v.user": "wu"})
    assert link.status_code == 200
    assert "/desk/first" in link.text or "登录链接" in link.text


@pytest.mark.posts("bank confirm")
def test_a_channel_is_confirmed_as_it_was_shown(desk: Any, sat: Callable[[str], Browser]) -> None:
    """A host key put in place of the one that was looked at is not confirmed by the form that showed the first."""
    act = "/desk/act/bank/confirm"

    def propose(host_key: str) -> None:
        with desk.month.tx("li") as tx:
            propose_channel(
                tx,
                EXPENDITURE_ACCOUNT.number,
                {
                    "host": "bank.example",
                    "port": 2222,
                    "username": "jijin",
                    "inbox": "/in",
                    "host_keys": [host_key],
                    "final_status": host_key.endswith("SEEN"),
                },
            )

    propose("ssh-ed25519 SEEN")
    qian = sat("qian")
    page = qian.get("/desk/banks").text
    for shown in ("ssh-ed25519 SEEN", "bank.example:2222", "jijin", "/in", "状态即终局，可即重付"):
        assert shown in page
    form = qian.form("/desk/banks", act)
    propose("ssh-ed25519 OTHER")
    assert "对账单证实未扣款后可重付" in qian.get("/desk/banks").text
    refused = qian.post(act, form)
    assert (refused.status_code, "channel.changed" in refused.text) == (409, True)
    states = "SELECT state FROM payments.bank_channel ORDER BY version DESC LIMIT 1"
    assert desk.month.asked(states) == [("proposed",)]
    assert qian.post(act, qian.form("/desk/banks", act)).status_code == 200
    assert desk.month.asked(states) == [("confirmed",)]
