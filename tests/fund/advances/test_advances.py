"""Prepayment, pre-allocation, suppliers: conditions, quota, orders, offsets, what is left over at year end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

import pytest
from sqlalchemy.exc import DBAPIError

from adapters.banks.ports import BankAccount
from ledger.control.verify import verify
from ledger.core.entries import Dimensions
from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError
from ledger.core.money import yuan
from ledger.fund.advances.advance import (
    Advance,
    AdvanceRequest,
    Offset,
    approve_advance,
    due_offsets,
    read_advances,
    refuse_advance,
    request_advance,
    take_offsets,
)
from ledger.fund.advances.year_end import reconcile
from ledger.fund.cash.orders import order_advances
from ledger.fund.clearing.confirm import confirm_letter, sign_institution
from ledger.fund.clearing.letter import approve_letter, draft_letter, send_letter
from ledger.fund.clearing.orders import draft_clearing_orders
from ledger.fund.clearing.store import read_paper
from ledger.fund.daily.run import run_daily
from ledger.fund.institutions.terms import set_agreement
from ledger.fund.refunds.refund import RefundRequest, approve_refund, request_refund
from ledger.payments.orders.approve import approve
from ledger.payments.orders.draft import create_batch
from ledger.payments.orders.values import BatchDraft, ItemDraft, OrderDraft
from ledger.payments.out.files import cancel
from ledger.simulation.people import DEMO_REGION
from tests.fund.ordering.test_agreed_payee import by_hand, found

H = "H42010000001"
OTHER = "H42010000002"
SUPPLIER = BankAccount("国药控股湖北有限公司", "6222000000099", "模拟银行", "102421000009")
NOV = date(2026, 11, 3)
DEC = date(2026, 12, 1)
ASKED = AdvanceRequest(310, H, "prepayment", 40_000, "预付〔2026〕1号", DEC, year=2027)


@pytest.fixture
def rich(town: Any, bill: Any) -> Any:
    """October: 600.00 paid daily to each of two hospitals, and income for more than a year of that."""
    town.begin("P2", income_fen=3_000_000)
    town.month.take(bill("a1"), bill("b1", institution=OTHER))
    town.pay_daily(date(2026, 10, 13))
    return town


def refused(act: Callable[[], object], kind: type[LedgerError]) -> str:
    with pytest.raises(kind) as refusal:
        act()
    return refusal.value.code


def ask(town: Any, asked: AdvanceRequest, day: date = NOV, user: str = "zhao") -> Advance:
    with town.tx(user) as tx:
        return request_advance(tx, asked, day)


def agree(town: Any, key: str, day: date = NOV, user: str = "qian") -> Advance:
    with town.tx(user) as tx:
        return approve_advance(tx, key, day)


def paid(town: Any, asked: AdvanceRequest, day: date = NOV) -> Advance:
    """Asked for, approved, ordered, received."""
    advance = agree(town, ask(town, asked, day).advance_id, day)
    with town.tx() as tx:
        done = order_advances(tx, asked.fund, day)
    assert not done.skipped
    for batch in done.batches:
        town.pay(batch, day)
    with town.tx() as tx:
        return read_advances(tx, key=advance.advance_id)[0]


def test_a_prepayment_from_application_to_the_advance_account(rich: Any) -> None:
    first = ask(rich, ASKED)
    assert (first.state, first.quota_fen, first.term, first.recovery) == (
        "requested",
        60_000,
        202711,
        "offset",
    )
    assert "累计结余可支付月数≥12：24.0" in first.conditions
    assert ask(rich, ASKED) == first
    assert agree(rich, first.advance_id).state == "approved"
    assert agree(rich, first.advance_id).approved_by == "qian"
    with rich.tx() as tx:
        done = order_advances(tx, 310, NOV)
        assert order_advances(tx, 310, NOV).batches == []
    [batch] = done.batches
    before = rich.value("SELECT payments.available(420100, 310::smallint, '4200000000001004')")
    [order] = rich.send(batch, NOV)
    assert (order.kind, order.purpose, order.amount_fen) == ("advance", f"2027年预付金职工医保{H}", 40_000)
    # On its way it is no longer available, stands in no memorandum account and has no entry.
    assert (
        before - rich.value("SELECT payments.available(420100, 310::smallint, '4200000000001004')") == 40_000
    )
    assert rich.balance(9104) == 0
    assert rich.balance(110102) == 0
    rich.verified()
    rich.receipt(order, NOV)
    assert rich.balance(110102, counterparty=H) == 40_000
    assert rich.month.asked(
        "SELECT rule, series FROM books.entry WHERE event = 'RCV' ORDER BY seq DESC LIMIT 1"
    ) == [("PAY-ADV@1", "记")]
    with rich.tx() as tx:
        assert due_offsets(tx, 310, H, 202710) == []
        assert due_offsets(tx, 310, H, 202711) == [Offset(first.advance_id, "prepayment", 40_000)]
        [line] = reconcile(tx, 310, 2027)
    assert (line.paid_fen, line.booked_fen, line.overdue_fen, line.agrees) == (40_000, 40_000, 40_000, True)
    rich.verified()


def test_bad_prepayments_are_refused(rich: Any, second_name: str) -> None:
    cases: list[tuple[str, type[LedgerError], AdvanceRequest]] = [
        ("advance.above_quota", Conflict, replace(ASKED, amount_fen=60_001)),
        ("request.amount", InvalidInput, replace(ASKED, amount_fen=0)),
        ("request.text", InvalidInput, replace(ASKED, document=" ")),
        ("advance.kind", InvalidInput, replace(ASKED, kind="gift")),
        ("advance.term", InvalidInput, replace(ASKED, term=202701)),
        ("advance.term", InvalidInput, replace(ASKED, kind="preallocation")),
        ("advance.supplier", InvalidInput, replace(ASKED, supplier=SUPPLIER)),
        ("advance.agreement", Conflict, replace(ASKED, institution="H42019999999")),
        ("advance.condition", Conflict, replace(ASKED, fund=390)),
    ]
    for code, kind, asked in cases:
        assert refused(partial(ask, rich, asked), kind) == code
    assert refused(lambda: ask(rich, ASKED, user="qian"), Forbidden) == "access.role_missing"
    first = ask(rich, ASKED)
    assert refused(lambda: ask(rich, replace(ASKED, amount_fen=1)), Conflict) == "request.document_used"
    assert refused(lambda: ask(rich, replace(ASKED, document="预付〔2026〕2号")), Conflict) == "db.duplicate"
    assert refused(lambda: agree(rich, first.advance_id, user="zhao"), Forbidden) == "access.role_missing"
    assert (
        refused(lambda: agree(rich, first.advance_id, user=second_name), Forbidden) == "request.same_person"
    )
    with rich.tx("qian") as tx:
        assert refuse_advance(tx, first.advance_id, NOV, "材料不全").state == "refused"
    assert refused(lambda: agree(rich, first.advance_id), Conflict) == "request.decided"
    assert ask(rich, replace(ASKED, document="预付〔2026〕2号")).state == "requested"


def test_the_books_say_no_to_a_fund_without_means(town: Any, bill: Any) -> None:
    town.begin("P2", income_fen=100_000)
    town.month.take(bill("a1"))
    town.pay_daily(date(2026, 10, 13))
    with pytest.raises(Conflict) as poor:
        ask(town, ASKED)
    assert poor.value.code == "advance.condition"
    assert poor.value.details["conditions"] == ["累计结余可支付月数≥12：0.6"]
    town.choose("prepayment_balance_310", "0", date(2026, 11, 1))
    assert ask(town, ASKED).state == "requested"
    assert refused(lambda: ask(town, replace(ASKED, institution=OTHER)), Conflict) == "advance.no_history"
    with pytest.raises(InvalidInput, match=r"policy\.value"):
        town.choose("prepayment_months", "many", date(2026, 11, 1))


def test_no_order_without_an_approved_request_of_that_amount(rich: Any) -> None:
    advance = ask(rich, ASKED)
    with rich.tx() as tx:
        assert order_advances(tx, 310, NOV).batches == []
    with pytest.raises(Conflict, match=r"request\.not_approved"), rich.tx() as tx:
        tx.run("UPDATE fund.advance SET order_no = 'FL420100-310-20261103-00001'")
    # An order drawn up by hand, with nothing behind it, is stopped at its approval.
    payee = BankAccount("第1医院", "620000000001", "模拟银行", "102421000009")
    with rich.tx() as tx:
        item = ItemDraft(110102, Dimensions(H), 40_000)
        order = OrderDraft(H, [item], [], payee, "预付金", "4200000000001004")
        batch = create_batch(tx, BatchDraft(DEMO_REGION, 310, "advance", "A-BY-HAND", NOV, NOV, [order]))
    assert refused(lambda: rich.send(batch, NOV), Conflict) == "order.no_request"
    for column, value in (("offset_fen", 1), ("returned_fen", 1), ("amount_fen", 1)):
        with pytest.raises(Forbidden), rich.tx() as tx:
            tx.run(f"UPDATE fund.advance SET {column} = {value}")
    assert advance.paid_fen == 0


def sheet(rich: Any, sheet_id: str, advance_id: str) -> None:
    """An approved sheet that lists an offset of 1,000.00 from the advance, put there without its month."""
    number = int(sheet_id[-1])
    rich.month.pretend(
        "INSERT INTO fund.sheet (region, fund, sheet_id, institution, term, version, month_ratio, cutoff, due_on, records,"
        " records_digest, result_fen, prepared_by, prepared_on, digest, state, approved_by, approved_on)"
        f" VALUES (420100, 310, '{sheet_id}', '{H}', 202001, {number + 1}, 9500, '2026-11-09', '2026-12-09', 0, sha256(''), 0, 'zhao',"
        " '2026-11-25', sha256(''), 'approved', 'qian', '2026-11-25')"
    )
    rich.month.pretend(
        f"INSERT INTO fund.sheet_taking VALUES (420100, 310, '{sheet_id}', 'prepayment', '{advance_id}', 1, 100000)"
    )


def test_an_offset_needs_a_settlement_that_lists_it(rich: Any) -> None:
    advance = paid(rich, ASKED)
    take = Offset(advance.advance_id, "prepayment", 1)
    for paper in ("YJ-0000000", "S1"):
        with pytest.raises(Conflict) as no_sheet, rich.tx("qian") as tx:
            take_offsets(tx, paper, [take])
        assert no_sheet.value.code == "advance.no_settlement"
    sheet(rich, "YJ-0000001", "ADV-another")
    with pytest.raises(Conflict) as not_listed, rich.tx("qian") as tx:
        take_offsets(tx, "YJ-0000001", [take])
    assert not_listed.value.code == "advance.no_settlement"


def test_offset_and_return_never_exceed_what_was_paid(rich: Any) -> None:
    waiting = agree(rich, ask(rich, ASKED).advance_id)
    take = Offset(waiting.advance_id, "prepayment", 1)
    for number in range(3):
        sheet(rich, f"YJ-000000{number}", waiting.advance_id)

    def offset(sheet: str, *offsets: Offset) -> None:
        with rich.tx() as tx:
            take_offsets(tx, sheet, offsets)

    assert refused(lambda: offset("YJ-0000000", take), Conflict) == "advance.not_paid"
    with rich.tx() as tx:
        [batch] = order_advances(tx, 310, NOV).batches
    rich.pay(batch, NOV)
    assert (
        refused(lambda: offset("YJ-0000000", take._replace(amount_fen=0)), InvalidInput) == "advance.amount"
    )
    assert (
        refused(lambda: offset("YJ-0000000", take._replace(amount_fen=40_001)), Conflict)
        == "advance.over_paid"
    )
    offset("YJ-0000001", take._replace(amount_fen=30_000))
    assert refused(lambda: offset("YJ-0000001", take), Conflict) == "db.duplicate"
    assert (
        refused(lambda: offset("YJ-0000002", take._replace(amount_fen=10_001)), Conflict)
        == "advance.over_paid"
    )
    with pytest.raises(Forbidden), rich.tx() as tx:
        tx.run("DELETE FROM fund.advance_offset")
    back = RefundRequest(
        310,
        H,
        "prepaid",
        "institution",
        "4200000000001003",
        DEC,
        10_001,
        "退〔2026〕1号",
        "JK1",
        (),
        waiting.advance_id,
    )
    with pytest.raises(Conflict, match=r"advance\.over_paid"), rich.tx() as tx:
        request_refund(tx, back, DEC)


def test_a_returned_prepayment_leaves_1101_and_one_not_returned_bars_the_next_year(rich: Any) -> None:
    rich.choose("prepayment_recovery", "cash", date(2026, 10, 1))
    advance = paid(rich, replace(ASKED, year=2026, amount_fen=30_000))
    assert advance.recovery == "cash"
    with rich.tx() as tx:
        assert due_offsets(tx, 310, H, 202612) == []
        assert [o.amount_fen for o in due_offsets(tx, 310, H, 202701)] == [30_000]
    back = RefundRequest(
        310,
        H,
        "prepaid",
        "institution",
        "4200000000001003",
        DEC,
        20_000,
        "退〔2026〕1号",
        "JK1",
        (),
        advance.advance_id,
    )
    rich.open(DEC)
    with rich.tx() as tx:
        key = request_refund(tx, back, DEC).refund_id
    with rich.tx("qian") as tx:
        approve_refund(tx, key, DEC)
        approve_refund(tx, key, DEC)
    assert rich.balance(110102, counterparty=H) == 10_000
    with rich.tx() as tx:
        [line] = reconcile(tx, 310, 2026)
    assert (line.returned_fen, line.overdue_fen, line.agrees) == (20_000, 10_000, True)
    with pytest.raises(Conflict) as barred:
        ask(rich, replace(ASKED, document="预付〔2027〕1号"), DEC)
    assert barred.value.details["conditions"] == ["以前年度预付金未收回=0：100.00"]
    rich.verified()


def test_a_cancelled_and_a_bank_returned_advance_are_ordered_again(rich: Any) -> None:
    key = agree(rich, ask(rich, ASKED).advance_id).advance_id

    def drafted() -> Any:
        with rich.tx() as tx:
            [batch] = order_advances(tx, 310, NOV).batches
        return batch

    [first] = rich.send(drafted(), NOV)
    rich.receipt(first, NOV)
    rich.receipt(first, NOV, back=True)
    assert rich.balance(110102) == 0
    [second] = rich.pay(drafted(), NOV)
    assert (second.replaces, rich.balance(110102)) == (first.order_no, 40_000)
    with rich.tx() as tx:
        assert read_advances(tx, key=key)[0].order_no == second.order_no
    rich.verified()


def test_a_suspended_institution_gets_nothing_in_advance_but_its_supplier_does(rich: Any) -> None:
    agree(rich, ask(rich, ASKED).advance_id)
    goods = AdvanceRequest(310, H, "supplier", 30_000, "发票001", NOV, term=202611, supplier=SUPPLIER)
    agree(rich, ask(rich, goods).advance_id)
    more = replace(goods, amount_fen=30_001, document="发票002")
    assert refused(lambda: ask(rich, more), Conflict) == "advance.above_quota"
    with rich.tx() as tx:
        set_agreement(tx, H, "suspended", NOV)
        done = order_advances(tx, 310, NOV)
    assert [(s.institution, s.reason) for s in done.skipped] == [(H, "suspended")]
    [batch] = done.batches
    [order] = rich.pay(batch, NOV)
    assert (order.kind, order.payee.name, order.institution) == ("supplier", SUPPLIER.name, H)
    assert rich.balance(110104, counterparty=H) == 30_000
    rich.verified()


def test_a_supplier_s_goods_are_not_paid_elsewhere(rich: Any) -> None:
    """Its maker draws the order up to an account of his own: stopped at its approval, and found."""
    goods = AdvanceRequest(310, H, "supplier", 30_000, "发票001", NOV, term=202611, supplier=SUPPLIER)
    agree(rich, ask(rich, goods).advance_id)
    away = by_hand(rich, "supplier", H, 110104, Dimensions(H), 30_000, NOV)
    with rich.tx() as tx:
        tx.run("UPDATE fund.advance SET order_no = %(o)s", o=away.order_nos[0])
    assert refused(lambda: rich.send(away, NOV), Conflict) == "order.other_payee"
    assert found(rich) == [f"order {away.order_nos[0]}"]
    rich.month.pretend("UPDATE fund.advance SET order_no = ''")
    with rich.tx() as tx:
        [batch] = order_advances(tx, 310, NOV).batches
    [order] = rich.pay(batch, NOV)
    assert (order.payee, found(rich)) == (SUPPLIER, [])


def test_a_supplier_s_limit_is_not_split_over_hospitals_and_accounts(rich: Any) -> None:
    """Two hospitals' goods of one supplier, to two of its accounts, come to more than a day may bring one payee."""
    rich.choose("payee_day_limit", "500", date(2026, 11, 1))
    other = replace(SUPPLIER, number=SUPPLIER.number[:-1] + "8")
    for code, account in ((H, SUPPLIER), (OTHER, other)):
        goods = AdvanceRequest(
            310, code, "supplier", 30_000, f"发票{code}", NOV, term=202611, supplier=account
        )
        agree(rich, ask(rich, goods).advance_id)
    with rich.tx() as tx:
        done = order_advances(tx, 310, NOV)
    assert [one.reason for one in done.skipped] == ["payee_limit"]
    rich.pay(done.batches[0], NOV)
    with rich.tx() as tx:
        again = order_advances(tx, 310, NOV)
    assert (again.batches, [one.reason for one in again.skipped]) == ([], ["payee_limit"])


@pytest.mark.parametrize("policy", ["P1", "P2"])
def test_pre_allocation_and_supplier_are_trued_up_by_the_month(town: Any, bill: Any, policy: str) -> None:
    town.begin(policy)
    town.month.take(bill("a1", fund=1_000_000))
    town.pay_daily(date(2026, 10, 13))
    ahead = AdvanceRequest(310, H, "preallocation", 200_000, "预拨〔2026〕11号", NOV, term=202611)
    goods = AdvanceRequest(310, H, "supplier", 50_000, "发票001", NOV, term=202611, supplier=SUPPLIER)
    paid(town, ahead)
    paid(town, goods)
    assert refused(lambda: ask(town, replace(ahead, document="预拨〔2026〕12号")), Conflict) == "db.duplicate"
    town.month.take(bill("a2", fund=1_000_000, day="2026-11-10"))
    town.pay_daily(date(2026, 11, 11))
    sheet = town.settle(H, 202611, date(2026, 12, 8), date(2026, 12, 25))
    # 9,500.00 − 6,000.00 paid daily − 2,000.00 pre-allocated − 500.00 to the supplier
    assert sheet.result_fen == 100_000
    assert (town.balance(110103), town.balance(110104)) == (0, 0)
    assert (town.balance(920402), town.balance(920403)) == (-200_000, -50_000)
    with town.tx() as tx:
        assert due_offsets(tx, 310, H, 202612) == []
        assert all(line.agrees and line.overdue_fen == 0 for line in reconcile(tx, 310, 2026))
    late = replace(ahead, document="预拨〔2026〕13号")
    assert refused(lambda: ask(town, late, date(2026, 12, 26)), Conflict) == "advance.term_settled"
    town.verified()


def test_what_a_month_cannot_bear_stays_due(town: Any, bill: Any) -> None:
    town.begin("P1")
    town.month.take(bill("a1", fund=1_000_000))
    town.pay_daily(date(2026, 10, 13))
    paid(town, AdvanceRequest(310, H, "preallocation", 400_000, "预拨〔2026〕11号", NOV, term=202611))
    town.month.take(bill("a2", fund=1_000_000, day="2026-11-10"))
    town.pay_daily(date(2026, 11, 11))
    sheet = town.settle(H, 202611, date(2026, 12, 8), date(2026, 12, 25))
    with town.tx() as tx:
        left = sum(offset.amount_fen for offset in due_offsets(tx, 310, H, 202612))
    assert left == town.balance(110103) == 400_000 + town.balance(920402)
    assert sheet.result_fen >= 0
    town.verified()


@pytest.mark.parametrize(
    ("cycle", "days"),
    [("daily", [13, 14, 15, 16, 19]), ("second_day", [13, 15, 19]), ("weekly", [15])],
)
def test_the_cycle_is_as_the_institution_chose(town: Any, bill: Any, cycle: str, days: list[int]) -> None:
    """Enrolled from 1 October: every second day is an odd day, a week later is the 8th, 15th, 22nd."""
    town.begin("P1")
    with town.month.admin.begin() as admin:
        admin.exec_driver_sql(f"UPDATE fund.enrolment SET cycle = '{cycle}' WHERE institution = '{H}'")
    ordered = []
    for day in (13, 14, 15, 16, 19):
        town.month.take(bill(f"r{day}", day=f"2026-10-{day - 1}"))
        done = run_daily(town.engine, "zhao", DEMO_REGION, date(2026, 10, day))
        if done.batches:
            ordered.append(day)
        else:
            assert {blocked.reason for blocked in done.blocked} == {"not_due"}
    assert ordered == days


def test_an_approved_advance_that_is_cancelled_before_sending_is_free_again(rich: Any) -> None:
    agree(rich, ask(rich, ASKED).advance_id)
    with rich.tx() as tx:
        [batch] = order_advances(tx, 310, NOV).batches
    rich.open(NOV)
    approve(rich.engine, "qian", DEMO_REGION, batch.batch_id, batch.digest, NOV)
    cancel(rich.engine, "zhao", DEMO_REGION, batch.order_nos[0], "机构撤回", NOV)
    assert (
        rich.value(
            "SELECT count(*) FROM books.entry WHERE event IN ('ORD', 'CAN') AND business_date = '2026-11-03'"
        )
        == 0
    )
    with rich.tx() as tx:
        [again] = order_advances(tx, 310, NOV).batches
    assert again.order_nos != batch.order_nos
    rich.verified()


def test_an_advance_that_was_offset_does_not_come_back_by_the_bank_as_well(rich: Any) -> None:
    """1101 would fall below nothing: the paper waits for a person, the database refuses, `verify` finds it."""
    advance = paid(rich, ASKED)
    sheet(rich, "YJ-0000001", advance.advance_id)
    with rich.tx() as tx:
        take_offsets(tx, "YJ-0000001", [Offset(advance.advance_id, "prepayment", 30_000)])
    [order] = rich.orders([advance.order_no])
    rich.receipt(order, NOV, back=True)
    assert rich.month.asked(
        "SELECT outcome, outcome_code, matched_order FROM payments.evidence ORDER BY receipt_no DESC LIMIT 1"
    ) == [("suspense", "advance_used", order.order_no)]
    assert rich.orders([order.order_no])[0].state == "paid"
    assert rich.balance(110102) == 40_000
    with pytest.raises(DBAPIError, match=r"advance\.used"), rich.month.admin.begin() as admin:
        admin.exec_driver_sql(
            f"UPDATE payments.pay_order SET state = 'returned' WHERE order_no = '{order.order_no}'"
        )


def test_verify_finds_an_advance_that_is_less_than_nothing(rich: Any) -> None:
    advance = paid(rich, ASKED)
    rich.verified()
    rich.month.pretend(
        f"INSERT INTO fund.advance_offset VALUES (420100, '{advance.advance_id}', 'S1', 50000)"
    )
    found = verify(rich.month.database.auditor_engine, rich.home)
    assert [(f.promise, f.entry) for f in found if f.promise == "T9"] == [
        ("T9", f"110102 {H}"),
        ("T9", f"advance {advance.advance_id}"),
    ]


@pytest.mark.parametrize(
    ("advanced", "row7", "row9", "left"), [(30_000, 90_000, 10_000, 0), (50_000, 100_000, 0, 10_000)]
)
def test_the_letter_recovers_what_is_left_of_the_prepayment(
    rich: Any, advanced: int, row7: int, row9: int, left: int
) -> None:
    """1,000.00 claimed, 600.00 paid daily, October's 350.00 not ordered, 50.00 retained: 400.00 are to be paid."""
    advance = paid(rich, replace(ASKED, year=2026, amount_fen=advanced))
    assert rich.settle(H, 202610, date(2026, 11, 9), date(2026, 11, 25)).result_fen == 35_000
    day = date(2027, 3, 22)
    rich.open(day)
    with rich.tx() as tx:
        letter = draft_letter(tx, 310, H, 2026, day)
        text = read_paper(tx, letter.letter_id, "letter").decode()
    assert (letter.rows[6], letter.rows[7], letter.rows[9]) == (100_000, row7, row9)
    assert f"其中清算时以预付款项抵扣{yuan(advanced - left)}元" in text
    rich.verified()
    with rich.tx("qian") as tx:
        approve_letter(tx, letter.letter_id, letter.digest, day)
    with rich.tx() as tx:
        send_letter(tx, letter.letter_id, day)
        sign_institution(tx, letter.letter_id, letter.digest, b"signed", "第1医院", day)
    with rich.tx("qian") as tx:
        confirm_letter(tx, letter.letter_id, b"signed by both", "示例市医保中心", day)
    assert (rich.balance(110102), rich.balance(920401)) == (left, -(advanced - left))
    assert rich.balance(5001, counterparty=H) == 60_000 + advanced - left
    rich.verified()
    with rich.tx() as tx:
        assert read_advances(tx, key=advance.advance_id)[0].left_fen == left
        batch = draft_clearing_orders(tx, 310, 2026, day).batch
    if row9:
        assert batch is not None
        rich.pay(batch, day)
        assert rich.balance(5001, counterparty=H) == 100_000
    else:
        assert batch is None
        with pytest.raises(Conflict) as barred:
            ask(rich, replace(ASKED, document="预付〔2027〕1号"), day)
        assert barred.value.details["conditions"] == [f"以前年度预付金未收回=0：{yuan(left)}"]
    rich.verified()


def test_a_letter_offsets_what_it_lists_and_nothing_else(rich: Any) -> None:
    """A confirmed letter is no cover for an advance it does not name."""
    other = paid(rich, ASKED)
    rich.settle(H, 202610, date(2026, 11, 9), date(2026, 11, 25))
    day = date(2027, 3, 22)
    rich.open(day)
    with rich.tx() as tx:
        letter = draft_letter(tx, 310, H, 2026, day)
    with rich.tx("qian") as tx:
        approve_letter(tx, letter.letter_id, letter.digest, day)
    with rich.tx() as tx:
        send_letter(tx, letter.letter_id, day)
        sign_institution(tx, letter.letter_id, letter.digest, b"signed", "第1医院", day)
    with rich.tx("qian") as tx:
        confirm_letter(tx, letter.letter_id, b"signed by both", "示例市医保中心", day)
    with pytest.raises(Conflict, match=r"advance\.no_settlement"), rich.tx() as tx:
        tx.run(
            "INSERT INTO fund.advance_offset VALUES (420100, %(a)s, %(l)s, 1)",
            a=other.advance_id,
            l=letter.letter_id,
        )
    rich.verified()


def test_a_letter_is_made_anew_when_a_month_took_its_advance_first(rich: Any) -> None:
    advance = paid(rich, replace(ASKED, year=2026))
    rich.settle(H, 202610, date(2026, 11, 9), date(2026, 11, 25))
    day = date(2027, 3, 22)
    rich.open(day)
    with rich.tx() as tx:
        letter = draft_letter(tx, 310, H, 2026, day)
    sheet(rich, "YJ-0000001", advance.advance_id)
    with rich.tx() as tx:
        take_offsets(tx, "YJ-0000001", [Offset(advance.advance_id, "prepayment", 1)])
    with pytest.raises(Conflict) as stale, rich.tx("qian") as tx:
        approve_letter(tx, letter.letter_id, letter.digest, day)
    assert stale.value.code == "letter.stale"
    with pytest.raises(DBAPIError, match=r"business\.frozen"), rich.month.admin.begin() as admin:
        admin.exec_driver_sql("DELETE FROM fund.letter_offset")
    rich.month.pretend("UPDATE fund.letter_offset SET amount_fen = amount_fen - 1")
    found = verify(rich.month.database.auditor_engine, rich.home)
    assert ("INV-12", f"paper {letter.letter_id}") in [(f.promise, f.entry) for f in found]


def test_the_statement_shows_every_advance_that_is_out(rich: Any) -> None:
    """20,000.55 paid ahead and not settled stood nowhere on the institution's page."""
    from reports.institution_statement import institution_statement
    from reports.render.statement_json import statement_document
    from reports.render.statement_table import statement_tables

    advance = paid(rich, replace(ASKED, amount_fen=20_055))
    with rich.tx() as tx:
        page = institution_statement(tx, 310, H, 2026)
        later = institution_statement(tx, 310, H, 2027)
        other = institution_statement(tx, 310, OTHER, 2026)
    [row] = page.advances.rows
    assert (row.advance_id, row.opening_fen, row.paid_fen, row.taken_fen, row.out_fen, row.due_on) == (
        advance.advance_id, 0, 20_055, 0, 20_055, date(2027, 12, 31),
    )  # fmt: skip
    [row] = later.advances.rows
    assert (row.opening_fen, row.paid_fen, row.taken_fen, row.out_fen) == (20_055, 0, 0, 20_055)
    assert (list(other.advances.rows), page.advances.agree, page.conserved) == ([], True, True)
    said = statement_document(page)
    assert (said["advances"][0]["out_fen"], said["advances_agree"]) == ("20055", True)  # type: ignore[index]
    table = next(t for t in statement_tables(page) if "暂付款" in str(t.title))
    cells = [str(next(iter(column.cells))) for column in table.columns]
    assert cells[1:] == ["预付金", "月结抵扣", "0.00", "200.55", "0.00", "200.55", "2027-12-31"]
    rich.month.pretend("UPDATE books.balance SET debit = debit + 1 WHERE account = 110102")
    with rich.tx() as tx:
        assert not institution_statement(tx, 310, H, 2026).advances.agree
