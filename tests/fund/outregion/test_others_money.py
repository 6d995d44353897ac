"""Other regions' money pays for their patients or goes back to them, and nothing else; the 财政专户 pays out what it holds."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from adapters.banks.ports import BankAccount
from adapters.banks.simulator.faults import Fault
from ledger.books.manual import ManualContent
from ledger.core.entries import Book, Dimensions, Leg, credit, debit
from ledger.core.errors import Conflict
from ledger.founding import book_by_hand, choose
from ledger.fund.daily.run import run_daily
from ledger.fund.outregion.care import recognise_outregion
from ledger.fund.outregion.hospitals import draft_hospital_orders
from ledger.fund.outregion.money import AccountMoney
from ledger.fund.outregion.quota import set_quota
from ledger.fund.outregion.requests import cancel_move
from ledger.fund.outregion.transfers import draft_transfer_orders
from ledger.payments.orders.approve import approve, discard
from ledger.payments.orders.draft import create_batch
from ledger.payments.orders.values import BatchDraft, ItemDraft, OrderDraft

H, HERE, THERE = "H42010000001", 420100, 430100
OCT, NEXT = date(2026, 10, 12), date(2026, 10, 13)
OWN, FISCAL = Dimensions("4200000000001004"), Dimensions("4200000000001003")


def by_hand(two: Any, *legs: Leg, day: date = OCT) -> None:
    content = ManualContent(day, "测试调账", "测试单据", legs)
    book_by_hand(two.month.engine, "li", "qian", Book(HERE, 310), day, content)


def leave_own(two: Any, fen: int) -> None:
    """Take all of our own money away but `fen`, which stays in the 支出户; the 财政专户 is empty."""
    rest, there = two.balance(1004) - fen, two.balance(1003)
    by_hand(two, debit(41010101, rest + there), credit(1004, rest, OWN), credit(1003, there, FISCAL))


def available(two: Any, kind: int = 1004) -> int:
    with two.tx() as tx:
        account = (OWN if kind == 1004 else FISCAL).counterparty
        return int(tx.value("SELECT payments.available(420100, 310::smallint, %(a)s)", a=account))


def prepaid(two: Any, fen: int, direction: str = "received") -> None:
    with two.tx("li") as tx:
        set_quota(tx, 310, THERE, direction, OCT, fen, "文件")
    if direction == "received":
        two.come_in("prepaid_in", fen, "预付通知", OCT)


def guests_draft(two: Any, day: date = NEXT) -> Any:
    with two.tx() as tx:
        recognise_outregion(tx, 310, day, day)
        return draft_hospital_orders(tx, 310, 202610, day)


def test_a_daily_payment_never_takes_what_another_region_prepaid(two: Any, bill: Any, guest: Any) -> None:
    """Worked: own 1,000.00, prepaid by 430100 5,000.00, all of it moved into the 支出户: 1,000.00 are available."""
    leave_own(two, 100_000)
    prepaid(two, 500_000)
    assert (available(two), available(two, 1003)) == (100_000, 0)
    by_hand(two, debit(1004, 500_000, OWN), credit(1003, 500_000, FISCAL), day=NEXT)
    assert two.balance(1004) == 600_000
    assert (available(two), available(two, 1003)) == (100_000, -500_000)
    two.take(bill("S1", fund=166_669))  # × 0.60, half up: 100,001
    run = run_daily(two.month.engine, "zhao", HERE, NEXT)
    assert [one.reason for one in run.blocked] == ["over_available"]
    two.take(bill("S2", fund=166_665, institution="H42010000002"))  # 99,999
    [batch] = run_daily(two.month.engine, "zhao", HERE, NEXT).batches
    assert batch.total_fen == 99_999
    approve(two.month.engine, "qian", HERE, batch.batch_id, batch.digest, NEXT)
    assert available(two) == 1
    two.take(guest("G1", fund=480_000, cash=0), guest("G2", fund=20_001, cash=0, day="2026-10-13"))
    assert [one.reason for one in guests_draft(two).blocked] == ["kinds_first"]  # our last fen is the day's
    choose(
        two.month.engine, "li", "qian", 420100, "short_money_kinds", "outregion,daily,month,clearing,advance,supplier,person",
        date(2026, 10, 1), "文件",
    )  # fmt: skip
    made = guests_draft(two)
    assert made.batch.total_fen == 500_001  # all of theirs, and the last fen of ours
    two.pay(made.batch, HERE, NEXT)
    assert (available(two), two.balance(200103)) == (0, 1)
    two.verified()


def test_the_database_refuses_what_a_draft_forgot(two: Any, bill: Any) -> None:
    """The draft came before the money was another's: approval counts again, under the lock of the book's accounts."""
    two.take(bill("S1", fund=100_000))
    [batch] = run_daily(two.month.engine, "zhao", HERE, NEXT).batches
    leave_own(two, 59_999)
    prepaid(two, 500_000)
    by_hand(two, debit(1004, 500_000, OWN), credit(1003, 500_000, FISCAL), day=NEXT)
    with pytest.raises(Conflict, match=r"batch\.over_available: 账户4200000000001004可用599.99元"):
        approve(two.month.engine, "qian", HERE, batch.batch_id, batch.digest, NEXT)
    assert discard(two.month.engine, "zhao", HERE, batch.batch_id, "款不足", NEXT) == 1
    two.verified()


def test_one_regions_money_does_not_pay_for_anothers_patients(two: Any, guest: Any) -> None:
    leave_own(two, 0)
    prepaid(two, 1_000)
    by_hand(two, debit(1004, 1_000, OWN), credit(1003, 1_000, FISCAL), day=NEXT)
    party = "INSERT INTO fund.outregion_counterparty VALUES (420100, 110100, '远市', '户', '12345', '行', '102421000001', 'zhao')"
    with two.tx() as tx:
        tx.run(party)
    two.take(guest("F1", insured="110101", fund=400, cash=0))
    assert [one.reason for one in guests_draft(two).blocked] == ["over_available"]
    two.take(guest("G1", fund=600, cash=0, institution="H42010000002"))
    made = guests_draft(two)
    assert (made.institutions, made.batch.total_fen) == (["H42010000002"], 600)
    approve(two.month.engine, "qian", HERE, made.batch.batch_id, made.batch.digest, NEXT)
    assert available(two) == 0
    two.verified()


def test_a_transfer_out_of_the_fiscal_account_is_covered_by_it(two: Any) -> None:
    """X1: 财政专户 8,000.00, of it 5,000.00 another region's: 3,000.00 may be prepaid, 3,000.01 not."""
    leave_own(two, 0)
    by_hand(two, debit(1003, 300_000, FISCAL), credit(41010101, 300_000))
    prepaid(two, 500_000)
    prepaid(two, 1_000_000, "paid")
    too_much = two.goes_out("prepaid", 300_001, "通知1", NEXT)
    with two.tx() as tx:
        assert draft_transfer_orders(tx, 310, NEXT).blocked == [(too_much, "over_available")]
    with two.tx("li") as tx:
        assert cancel_move(tx, too_much).state == "cancelled"
    enough = two.goes_out("prepaid", 300_000, "通知2", NEXT)
    with two.tx() as tx:
        made = draft_transfer_orders(tx, 310, NEXT)
    assert (made.moves, made.blocked) == ([enough], [])
    by_hand(two, debit(41010101, 1), credit(1003, 1, FISCAL), day=NEXT)
    with pytest.raises(Conflict, match=r"batch\.over_available: 账户4200000000001003可用2,999.99元"):
        approve(two.month.engine, "qian", HERE, made.batch.batch_id, made.batch.digest, NEXT)
    by_hand(two, debit(1003, 1, FISCAL), credit(41010101, 1), day=NEXT)
    with pytest.raises(Conflict, match=r"request\.in_order"), two.tx("li") as tx:
        cancel_move(tx, enough)
    approve(two.month.engine, "qian", HERE, made.batch.batch_id, made.batch.digest, NEXT)
    assert available(two, 1003) == 0
    two.verified()


def test_a_prepayment_returned_by_the_bank_goes_out_again(two: Any) -> None:
    """X1: Dr 1101-异地就医预付金 Cr 1003; 退汇 the other way round; the movement is ordered anew."""
    prepaid(two, 5_000, "paid")
    move = two.goes_out("prepaid", 5_000, "通知", OCT)
    with two.tx() as tx:
        made = draft_transfer_orders(tx, 310, OCT)
        assert draft_transfer_orders(tx, 310, OCT).batch is None
    two.teller(HERE, 1003).faults[made.batch.order_nos[0]] = frozenset({Fault.RETURN})
    [order] = two.send(made.batch, HERE, OCT, 1003)
    assert two.balance(110101) == 0
    two.verified()
    two.days(HERE, OCT, 2, 1003)
    assert (two.states([order]), two.balance(110101, counterparty=THERE)) == (["paid"], 5_000)
    two.verified()
    two.days(HERE, date(2026, 10, 14), 2, 1003)
    assert (two.states([order]), two.balance(110101)) == (["returned"], 0)
    two.agrees()
    two.verified()
    with two.tx() as tx:
        again = draft_transfer_orders(tx, 310, date(2026, 10, 19))
    assert again.moves == [move]
    two.pay(again.batch, HERE, date(2026, 10, 19), 1003)
    assert two.balance(110101, counterparty=THERE) == 5_000
    two.agrees()
    two.verified()


def test_what_is_given_back_is_still_there(two: Any, guest: Any) -> None:
    """X11: of 5,000 prepaid 1,200 paid a hospital; 3,801 cannot be given back, 3,800 can, rejected once."""
    prepaid(two, 5_000)
    two.take(guest("G1", fund=1_200, cash=0))
    two.pay(guests_draft(two).batch, HERE, NEXT)
    too_much = two.goes_out("prepaid_out", 3_801, "退1", date(2026, 10, 14))
    with two.tx() as tx:
        assert draft_transfer_orders(tx, 310, date(2026, 10, 14)).blocked == [(too_much, "over_held")]
        party = BankAccount("对方专户", "4300000000001003", "模拟银行", "102421000001")
        item = ItemDraft(200103, Dimensions(str(THERE)), 3_801)
        order = OrderDraft(str(THERE), [item], (), party, "退还", FISCAL.counterparty)
        day = date(2026, 10, 14)
        forced = create_batch(tx, BatchDraft(HERE, 310, "outregion", "X9", day, day, [order]))
        tx.run(
            "UPDATE fund.outregion_move SET order_no = %(o)s WHERE region = 420100 AND kind = 'prepaid_out'",
            o=forced.order_nos[0],
        )
    with pytest.raises(Conflict, match=r"outregion\.over_held"):
        approve(two.month.engine, "qian", HERE, "X9", forced.digest, day)
    discard(two.month.engine, "zhao", HERE, "X9", "多退", day)
    with two.tx("li") as tx:
        cancel_move(tx, too_much)
    move = two.goes_out("prepaid_out", 3_800, "退2", day)
    with two.tx() as tx:
        made = draft_transfer_orders(tx, 310, day)
    two.teller(HERE, 1003).faults[made.batch.order_nos[0]] = frozenset({Fault.REJECT_ACCOUNT})
    [order_no] = two.send(made.batch, HERE, day, 1003)
    two.days(HERE, day, 2, 1003)
    assert (two.states([order_no]), -two.balance(200103)) == (["rejected"], 3_800)
    two.verified()
    with two.tx() as tx:
        again = draft_transfer_orders(tx, 310, date(2026, 10, 16))
    assert again.moves == [move]
    two.pay(again.batch, HERE, date(2026, 10, 16), 1003)
    assert two.balance(200103) == 0
    two.agrees()
    two.verified()


@pytest.mark.parametrize(
    ("kind", "source", "account", "code"),
    [
        ("month", 110101, FISCAL, "order.kind"),
        ("outregion", 110102, FISCAL, "order.kind"),
        ("outregion", 110101, OWN, "order.wrong_account"),
        ("outregion", 110101, FISCAL, "order.no_bill"),
        ("advance", 110102, FISCAL, "order.wrong_account"),
    ],
)
def test_the_database_knows_which_money_leaves_from_where(
    two: Any, kind: Any, source: int, account: Dimensions, code: str
) -> None:
    payee = BankAccount("对方专户", "4300000000001003", "模拟银行", "102421000001")
    item = ItemDraft(source, Dimensions(str(THERE)), 100)
    with two.tx() as tx:
        order = OrderDraft(str(THERE), [item], (), payee, "付款", account.counterparty)
        made = create_batch(tx, BatchDraft(HERE, 310, kind, "X1", OCT, OCT, [order]))
    with pytest.raises(Conflict, match=code.replace(".", r"\.")):
        approve(two.month.engine, "qian", HERE, "X1", made.digest, OCT)


def forge(two: Any, fen: int, *claimed: str) -> bytes:
    """A drafted order to the hospital past the program, with or without records behind it; its batch's digest."""
    order = "FL420100-310-20261013-90001"
    with two.tx() as tx:
        for sql in (
            "INSERT INTO payments.pay_order (region, order_no, fund, batch_id, institution, amount_fen, account, payee_name,"
            f" payee_number, payee_bank, payee_cnaps, purpose, state) VALUES (420100, '{order}', 310, 'X1', '{H}', {fen},"
            " '4200000000001004', '户', '620000000001', '行', '102421000009', '付款', 'draft')",
            f"INSERT INTO payments.order_item VALUES (420100, '{order}', 1, 9502, '', 2026, 202610, '430100', {fen})",
            *(
                f"INSERT INTO payments.order_outregion VALUES (420100, '{order}', 310, '{setl_id}', {fen})"
                for setl_id in claimed
            ),
            "INSERT INTO payments.batch VALUES (420100, 310, 'X1', 'outregion', '2026-10-13', '2026-10-13', 'zhao',"
            " payments.batch_digest(420100, 'X1'))",
        ):
            tx.run(sql)
        return bytes(tx.value("SELECT digest FROM payments.batch WHERE batch_id = 'X1'"))


@pytest.mark.parametrize(
    ("fen", "claimed", "code"),
    [
        (1_001, (), "batch.not_owed"),
        (1_000, (), "order.no_bill"),
        (1_000, ("G1",), "order.no_bill"),
    ],
)
def test_the_database_pays_a_hospital_for_its_own_claimed_records_only(
    two: Any, guest: Any, fen: int, claimed: tuple[str, ...], code: str
) -> None:
    """More than is owed; nothing behind it; a record that the order did not claim."""
    two.take(guest("G1", fund=1_000, cash=0))
    with two.tx() as tx:
        recognise_outregion(tx, 310, NEXT, NEXT)
    digest = forge(two, fen, *claimed)
    with pytest.raises(Conflict, match=code.replace(".", r"\.")):
        approve(two.month.engine, "qian", HERE, "X1", digest, NEXT)


def test_money_is_counted_as_the_database_counts_it() -> None:
    """支出户 100, 财政专户 30, of region A 50: 20 of it lie in the 支出户 and are not ours."""
    spent = AccountMoney("1004", False, 100, 30, {"A": 50, "B": -7})
    assert not spent.take(81)
    assert spent.take(80)
    assert not spent.take(1)
    assert spent.take(20, {"A": 20})
    assert spent.held_fen == {"A": 30, "B": -7}
    fiscal = AccountMoney("1003", True, 30, 30, {"A": 20})
    assert not fiscal.take(11)
    assert fiscal.take(20, {"A": 20})
    assert fiscal.take(10)
    assert (fiscal.free_fen, fiscal.fiscal_free_fen) == (0, 0)
