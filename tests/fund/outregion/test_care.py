"""The place of care: other regions' patients are owed to our hospitals in 95xx, paid from 2001, never a benefit of ours."""

from __future__ import annotations

from datetime import date, datetime, time
from typing import Any

import pytest

from adapters.banks.simulator.faults import Fault
from ledger.core.dates import SHANGHAI
from ledger.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from ledger.fund.institutions.proposals import confirm_waiting, read_waiting
from ledger.fund.outregion.bills import make_bill
from ledger.fund.outregion.care import recognise_outregion, totals
from ledger.fund.outregion.hospitals import draft_hospital_orders
from ledger.fund.outregion.monthly import confirm, pull, roll_back
from ledger.fund.outregion.parties import Counterparty, add_counterparty
from ledger.fund.outregion.quota import set_quota, usage
from ledger.fund.outregion.requests import request_move
from ledger.payments.orders.approve import approve, discard
from ledger.payments.orders.listing import order_view
from ledger.payments.out.files import cancel, file

H, HERE, THERE = "H42010000001", 420100, 430100
OCT, NOV = date(2026, 10, 12), date(2026, 11, 5)


def recognise(two: Any, day: date = OCT) -> Any:
    with two.tx() as tx:
        return recognise_outregion(tx, 310, day, day)


def draft(two: Any, day: date = OCT, term: int = 202610) -> Any:
    with two.tx() as tx:
        return draft_hospital_orders(tx, 310, term, day)


def care(two: Any) -> tuple[int, int, int, int]:
    """9501 to 9504, each on its own side."""
    return two.balance(9501), -two.balance(9502), -two.balance(9503), -two.balance(9504)


def test_a_guest_is_owed_to_the_hospital_and_paid_from_2001(two: Any, guest: Any) -> None:
    two.take(guest("G1", fund=100_000, acct=5_000, cash=20_000), guest("G2", fund=1, cash=0))
    done = recognise(two)
    assert (done.care, done.insured, done.refused) == (2, 0, [])
    assert recognise(two).care == 0
    assert two.balance(9501, category=THERE, counterparty=H) == 105_001 == -two.balance(9502, category=THERE)
    assert two.balance(9001) == two.balance(5001) == 0
    with two.tx() as tx:
        assert totals(tx, 310) == [("care", THERE, 202610, 2, 105_001)]
    made = draft(two)
    assert (made.institutions, made.blocked, made.batch.total_fen) == ([H], [], 105_001)
    assert draft(two).batch is None
    assert care(two) == (105_001, 105_001, 0, 0)
    two.verified()
    for user, digest, error in (
        ("zhao", made.batch.digest, Forbidden),
        ("qian", b"0" * 32, Conflict),
    ):
        with pytest.raises(error):
            approve(two.month.engine, user, HERE, made.batch.batch_id, digest, OCT)
    [order] = two.send(made.batch, HERE, OCT)
    assert care(two) == (105_001, 0, 105_001, 0)
    two.verified()
    two.days(HERE, OCT, 2)
    assert two.states([order]) == ["paid"]
    assert care(two) == (105_001, 0, 0, 105_001)
    assert two.balance(200103, counterparty=THERE) == 105_001
    assert two.balance(1004) == 10**9 - 105_001
    assert two.balance(5001) == two.balance(9104) == 0
    two.agrees()
    two.verified()


def test_a_reversal_is_red_and_is_netted_with_what_is_owed(two: Any, guest: Any) -> None:
    two.take(guest("G1", fund=1_000, cash=0), guest("G2", fund=300, cash=0))
    recognise(two)
    two.pay(draft(two).batch, HERE, OCT)
    two.take(guest("G2R", fund=-300, cash=0, init="G2", day="2026-10-13", time="12:00:00"))
    assert recognise(two, date(2026, 10, 13)).care == 1
    assert care(two) == (1_000, -300, 0, 1_300)
    [left] = draft(two).blocked
    assert (left.institution, left.reason, left.amount_fen) == (H, "negative", -300)
    two.verified()
    two.take(guest("G3", fund=500, cash=0, day="2026-10-13"))
    recognise(two, date(2026, 10, 13))
    made = draft(two, date(2026, 10, 14))
    assert made.batch.total_fen == 200
    two.pay(made.batch, HERE, date(2026, 10, 14))
    assert care(two) == (1_500, 0, 0, 1_500)
    two.agrees()
    two.verified()


def test_a_reversal_of_a_later_month_is_taken_off_at_once(two: Any, guest: Any) -> None:
    """October's draft in November: what is reversed by then is owed no more, and approval asks what is owed in all."""
    two.take(guest("G1", fund=1_000, cash=0), guest("G2", fund=300, cash=0))
    recognise(two)
    two.take(guest("G2R", fund=-300, cash=0, init="G2", day="2026-11-03", time="12:00:00"))
    assert recognise(two, date(2026, 11, 3)).care == 1
    assert -two.balance(9502) == 1_000
    made = draft(two, NOV)
    assert (made.batch.total_fen, made.blocked) == (1_000, [])
    two.pay(made.batch, HERE, NOV)
    assert care(two) == (1_000, 0, 0, 1_000)
    two.agrees()
    two.verified()


def test_a_draft_given_up_and_an_order_cancelled_open_their_records(two: Any, guest: Any) -> None:
    two.take(guest("G1", fund=1_000, cash=0))
    recognise(two)
    first = draft(two).batch
    assert discard(two.month.engine, "zhao", HERE, first.batch_id, "重制", OCT) == 1
    two.verified()
    second = draft(two).batch
    approve(two.month.engine, "qian", HERE, second.batch_id, second.digest, OCT)
    assert care(two) == (1_000, 0, 1_000, 0)
    with pytest.raises(Conflict, match=r"outregion\.in_order"), two.tx() as tx:
        tx.run("UPDATE fund.outregion_record SET order_no = ''")
    cancel(two.month.engine, "zhao", HERE, second.order_nos[0], "不付", OCT)
    assert care(two) == (1_000, 1_000, 0, 0)
    two.verified()
    assert draft(two).batch.total_fen == 1_000


def test_an_account_changed_on_the_way_stops_the_payment_and_opens_its_records(two: Any, guest: Any) -> None:
    two.take(guest("G1", fund=1_000, cash=0), guest("G2", fund=5, cash=0))
    recognise(two)
    made = draft(two).batch
    approve(two.month.engine, "qian", HERE, made.batch_id, made.digest, OCT)
    assert order_view(two.month.engine, "zhou", HERE, made.order_nos[0]).records == 2
    new_account(two)
    moment = datetime.combine(OCT, time(9), SHANGHAI)
    filed = file(two.month.engine, "zhao", HERE, made.batch_id, lambda _: two.teller(), moment)
    assert (filed.files, filed.cancelled) == ([], [(made.order_nos[0], "payee_changed")])
    assert care(two) == (1_005, 1_005, 0, 0)
    two.verified()
    two.pay(draft(two).batch, HERE, OCT)
    assert care(two) == (1_005, 0, 0, 1_005)
    two.verified()


def test_a_rejected_payment_goes_out_again_to_a_new_account(two: Any, guest: Any) -> None:
    two.take(guest("G1", fund=1_000, cash=0))
    recognise(two)
    made = draft(two).batch
    two.teller().faults[made.order_nos[0]] = frozenset({Fault.REJECT_NAME})
    [order] = two.send(made, HERE, OCT)
    two.days(HERE, OCT, 2)
    assert two.states([order]) == ["rejected"]
    assert care(two) == (1_000, 1_000, 0, 0)
    assert two.balance(1004) == 10**9
    two.verified()
    assert [one.reason for one in draft(two).blocked] == ["payee_failed"]
    new_account(two)
    again = draft(two, date(2026, 10, 14)).batch
    two.pay(again, HERE, date(2026, 10, 14))
    assert two.month.asked(
        f"SELECT replaces FROM payments.pay_order WHERE order_no = '{again.order_nos[0]}'"
    ) == [(order,)]
    assert care(two) == (1_000, 0, 0, 1_000)
    assert two.balance(200103, counterparty=THERE) == 1_000
    two.agrees()
    two.verified()


def test_a_hospital_s_name_from_before_that_no_file_can_bear_blocks_it_alone(two: Any, guest: Any) -> None:
    two.take(guest("G1", fund=1_000, cash=0))
    recognise(two)
    two.month.pretend("UPDATE fund.payee_account SET name = name || chr(12644)")
    made = draft(two)
    assert (made.batch, [one.reason for one in made.blocked]) == (None, ["unbearable"])
    two.month.pretend("UPDATE fund.payee_account SET name = rtrim(name, chr(12644))")
    two.pay(draft(two).batch, HERE, OCT)
    two.verified()


def test_a_returned_payment_gives_the_money_back_to_its_region_and_goes_out_again(
    two: Any, guest: Any
) -> None:
    """退汇: Dr 9504 Cr 9502; Dr 1004 Cr 2001-异地就医资金; no expense, no 2001-退汇待付."""
    with two.tx("li") as tx:
        set_quota(tx, 310, THERE, "received", OCT, 5_000, "文件")
    two.come_in("prepaid_in", 5_000, "预付通知", OCT)
    two.take(guest("G1", fund=1_000, cash=0))
    recognise(two)
    made = draft(two).batch
    two.teller().faults[made.order_nos[0]] = frozenset({Fault.RETURN})
    [order] = two.send(made, HERE, OCT)
    two.days(HERE, OCT, 2)
    assert two.states([order]) == ["paid"]
    assert (care(two), -two.balance(200103, counterparty=THERE)) == ((1_000, 0, 0, 1_000), 4_000)
    two.verified()
    two.days(HERE, date(2026, 10, 14), 2)
    assert two.states([order]) == ["returned"]
    assert (care(two), -two.balance(200103, counterparty=THERE)) == ((1_000, 1_000, 0, 0), 5_000)
    assert two.balance(200104) == two.balance(5001) == two.balance(4501) == 0
    two.agrees()
    two.verified()
    new_account(two)
    two.pay(draft(two, date(2026, 10, 19)).batch, HERE, date(2026, 10, 19))
    assert (care(two), -two.balance(200103, counterparty=THERE)) == ((1_000, 0, 0, 1_000), 4_000)
    two.agrees()
    two.verified()


def new_account(two: Any) -> None:
    """The hospital proposes another account, and a second person confirms it."""
    with two.tx() as tx:
        tx.run(
            """INSERT INTO fund.payee_account (region, institution, version, name, number, bank_name, cnaps, state, proposed_by)
               VALUES (420100, 'H42010000001', 2, '第1医院', '620000000099', '模拟银行', '102421000009', 'proposed', 'zhao')"""
        )
    with two.tx("qian") as tx:
        confirm_waiting(tx, read_waiting(tx).digest, date(2026, 10, 19))


def test_a_patient_of_our_own_is_nobody_elses(two: Any, guest: Any) -> None:
    two.take(guest("G1", insured="420102"), guest("G2", insured="110101"), guest("G3", fund=10, cash=0))
    done = recognise(two)
    assert done.care == 1
    assert {one.setl_id: one.code for one in done.refused} == {
        "G1": "outregion.own_region",
        "G2": "outregion.counterparty_unknown",
    }
    assert "420102" in done.refused[0].message
    insert = (
        "INSERT INTO fund.outregion_record (region, fund, setl_id, side, counterparty, institution, service_year, term,"
        " category, amount_fen, account_fen, recognised_by)"
        " VALUES (420100, 310, 'G1', 'care', 430100, 'H42010000001', 2026, 202610, 'inpatient', 100000, 0, 'X')"
    )
    with pytest.raises(InvalidInput, match=r"outregion\.own_region"), two.tx() as tx:
        tx.run(insert)
    own = Counterparty(420106, "本市某区", "户", "12345", "行", "102421000001", "", "")
    with pytest.raises(InvalidInput, match=r"outregion\.own_region"), two.tx() as tx:
        add_counterparty(tx, own)


def test_prepayments_stay_within_the_quota_and_warn_at_70_and_90(two: Any, guest: Any) -> None:
    with two.tx("li") as tx:
        set_quota(tx, 310, THERE, "received", date(2026, 10, 1), 1_000, "鄂医保〔2026〕9号")
        set_quota(tx, 310, THERE, "received", date(2026, 11, 1), 1_500, "鄂医保〔2026〕10号")
    with two.tx() as tx:
        move = request_move(tx, 310, "prepaid_in", THERE, 1_000, "通知1", OCT)
        assert request_move(tx, 310, "prepaid_in", THERE, 1_000, "通知1", OCT) == move
    with pytest.raises(Conflict, match=r"outregion\.over_quota"), two.tx() as tx:
        request_move(tx, 310, "prepaid_in", THERE, 1, "通知2", OCT)
    with pytest.raises(Conflict, match=r"outregion\.over_quota"), two.tx() as tx:
        request_move(tx, 310, "prepaid", THERE, 1, "无额度", OCT)
    assert two.come_in("prepaid_in", 1_000, "通知1", OCT).state == "done"
    assert -two.balance(200103, counterparty=THERE) == 1_000
    for setl_id, fen, level, percent in (
        ("G1", 690, "none", 69),
        ("G2", 10, "yellow", 70),
        ("G3", 200, "red", 90),
    ):
        two.take(guest(setl_id, fund=fen, cash=0))
        recognise(two)
        with two.tx() as tx:
            [received] = [one for one in usage(tx, 310, OCT) if one.direction == "received"]
        assert (received.level, received.percent, received.quota_fen) == (level, percent, 1_000)
    with two.tx() as tx:
        assert request_move(tx, 310, "prepaid_in", THERE, 500, "通知3", NOV).state == "requested"
        request_move(tx, 310, "prepaid_out", THERE, 400, "退还", OCT)
    with pytest.raises(Conflict, match=r"outregion\.over_prepaid"), two.tx() as tx:
        request_move(tx, 310, "prepaid_out", THERE, 601, "再退", OCT)
    two.verified()


def test_pull_confirm_and_roll_back_by_hundreds(two: Any, guest: Any) -> None:
    two.take(*(guest(f"G{n:03d}", fund=100 + n, cash=0) for n in range(130)))
    recognise(two)
    with two.tx() as tx:
        first = pull(tx, 310, 2026, 10)
        second = pull(tx, 310, 2026, 10, first[-1].seqno)
        assert (len(first), len(second), pull(tx, 310, 2026, 10, second[-1].seqno)) == (100, 30, [])
        assert len({row.setl_sn for row in (*first, *second)}) == 130
        assert (first[0].mdtrtarea, first[0].medins_no, first[0].fulamt_advpay_flag) == (str(THERE), H, "0")
        assert confirm(tx, 310, [row.setl_sn for row in first], NOV) == 100
    ids = [row.setl_sn for row in first]
    with pytest.raises(Conflict, match=r"outregion\.confirmed_already"), two.tx() as tx:
        confirm(tx, 310, [second[0].setl_sn, ids[0]], NOV)
    with pytest.raises(InvalidInput, match=r"outregion\.batch"), two.tx() as tx:
        confirm(tx, 310, [*ids, second[0].setl_sn], NOV)
    with pytest.raises(Conflict, match=r"outregion\.not_confirmed"), two.tx() as tx:
        roll_back(tx, 310, [second[0].setl_sn])
    with pytest.raises(NotFound, match=r"outregion\.unknown_record"), two.tx() as tx:
        confirm(tx, 310, ["NOBODY"], NOV)
    with two.tx() as tx:
        assert roll_back(tx, 310, ids[:1]) == 1
        made = make_bill(tx, 310, THERE, 202610, NOV)
    assert (made.records, made.side) == (99, "care")
    with pytest.raises(Conflict, match=r"outregion\.not_confirmed"), two.tx() as tx:
        roll_back(tx, 310, ids[1:2])
    with pytest.raises(Conflict, match=r"outregion\.nothing_to_bill"), two.tx() as tx:
        make_bill(tx, 310, THERE, 202610, NOV)


def test_two_records_money_exchanged_past_the_guards_is_named(two: Any, guest: Any) -> None:
    """Their sum is what it was, by every key: only the records tell."""
    two.take(guest("G1", fund=100_000, acct=5_000, cash=20_000), guest("G2", fund=1, cash=0))
    recognise(two)
    two.verified()
    two.month.pretend(
        "UPDATE fund.outregion_record SET account_fen = CASE setl_id WHEN 'G1' THEN 0 ELSE 5000 END"
    )
    assert {(promise, entry) for promise, entry, _ in two.found()} == {
        ("INV-09", "record G1"),
        ("INV-09", "record G2"),
        ("INV-12", "fund.outregion_record 310/G1"),
        ("INV-12", "fund.outregion_record 310/G2"),
    }


def test_the_days_of_two_confirmations_exchanged_past_the_guards_are_named(two: Any, guest: Any) -> None:
    """Each was confirmed on its day; nothing adds these days up, so the chain of traces tells."""
    two.take(guest("G1", fund=100, cash=0), guest("G2", fund=200, cash=0))
    recognise(two)
    with two.tx() as tx:
        confirm(tx, 310, ["G1"], OCT)
    with two.tx() as tx:
        confirm(tx, 310, ["G2"], NOV)
    two.verified()
    two.month.pretend(
        "UPDATE fund.outregion_record r SET confirmed_on = o.confirmed_on FROM fund.outregion_record o"
        " WHERE (r.setl_id, o.setl_id) IN (('G1', 'G2'), ('G2', 'G1'))"
    )
    assert {entry for _, entry, _ in two.found()} == {
        "fund.outregion_record 310/G1",
        "fund.outregion_record 310/G2",
    }


def test_billing_confirms_nothing_anew(two: Any, guest: Any) -> None:
    two.take(guest("G1", fund=100, cash=0))
    recognise(two)
    with two.tx() as tx:
        confirm(tx, 310, ["G1"], OCT)
    with pytest.raises(Forbidden, match=r"business\.frozen"), two.tx() as tx:
        tx.run(
            "UPDATE fund.outregion_record SET state = 'billed', bill_id = 'B', confirmed_on = '2026-11-02'"
        )
