"""The place of care: other regions' patients are owed to our hospitals in 95xx, paid from 2001, never a benefit of ours."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ledger.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from ledger.fund.outregion import Counterparty, add_counterparty, recognise_outregion, totals
from ledger.fund.outregion_bills import make_bill
from ledger.fund.outregion_clearing import confirm, pull, roll_back
from ledger.fund.outregion_moves import (
    approve_move,
    cancel_move,
    confirm_move,
    refuse_move,
    request_hospital,
    request_move,
)
from ledger.fund.outregion_quota import set_quota, usage

H, HERE, THERE = "H42010000001", 420100, 430100
OCT, NOV = date(2026, 10, 12), date(2026, 11, 5)


def recognise(two: Any, day: date = OCT) -> Any:
    with two.tx() as tx:
        return recognise_outregion(tx, 310, day, day)


def test_a_guest_is_owed_to_the_hospital_and_paid_from_2001(two: Any, guest: Any) -> None:
    two.take(guest("G1", fund=100_000, acct=5_000, cash=20_000), guest("G2", fund=1, cash=0))
    done = recognise(two)
    assert (done.care, done.insured, done.refused) == (2, 0, [])
    assert recognise(two).care == 0
    assert two.balance(9501, category=THERE, counterparty=H) == 105_001 == -two.balance(9502, category=THERE)
    assert two.balance(9001) == two.balance(5001) == 0
    with two.tx() as tx:
        assert totals(tx, 310) == [("care", THERE, 202610, 2, 105_001)]
        move = request_hospital(tx, 310, H, 202610, OCT)
    with pytest.raises(Conflict, match=r"outregion\.nothing_owed"), two.tx() as tx:
        request_hospital(tx, 310, H, 202610, OCT)
    with pytest.raises(Forbidden), two.tx() as tx:
        approve_move(tx, move.move_id, OCT)
    with two.tx("qian") as tx:
        approve_move(tx, move.move_id, OCT)
    assert -two.balance(9503) == 105_001
    for _ in range(2):
        with two.tx("li") as tx:
            confirm_move(tx, move.move_id, "R-1", OCT, OCT)
    assert (-two.balance(9504), two.balance(9503), two.balance(9502)) == (105_001, 0, 0)
    assert two.balance(200103, counterparty=THERE) == 105_001
    assert two.balance(1004) == 10**9 - 105_001
    assert two.balance(5001) == 0
    with pytest.raises(Conflict, match=r"outregion\.receipt_differs"), two.tx("li") as tx:
        confirm_move(tx, move.move_id, "R-2", OCT, OCT)
    two.verified()


def test_a_reversal_is_red_and_a_withdrawn_payment_opens_its_records(two: Any, guest: Any) -> None:
    two.take(guest("G1", fund=1_000, cash=0), guest("G2", fund=300, cash=0))
    two.take(guest("G2R", fund=-300, cash=0, init="G2", time="12:00:00"))
    assert recognise(two).care == 3
    assert two.balance(9501) == 1_000
    with two.tx() as tx:
        move = request_hospital(tx, 310, H, 202610, OCT)
    assert move.amount_fen == 1_000
    with two.tx("qian") as tx:
        refuse_move(tx, move.move_id, OCT)
    with two.tx() as tx:
        again = request_hospital(tx, 310, H, 202610, OCT)
    with two.tx("qian") as tx:
        approve_move(tx, again.move_id, OCT)
    with two.tx("li") as tx:
        cancel_move(tx, again.move_id, OCT)
    assert -two.balance(9502) == 1_000
    assert two.balance(9503) == 0
    with two.tx() as tx:
        assert request_hospital(tx, 310, H, 202610, OCT).amount_fen == 1_000
    two.verified()


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
    with two.tx("qian") as tx:
        approve_move(tx, move.move_id, OCT)
    with two.tx("li") as tx:
        confirm_move(tx, move.move_id, "F-1", OCT, OCT)
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
        back = request_move(tx, 310, "prepaid_out", THERE, 400, "退还", OCT)
    with pytest.raises(Conflict, match=r"outregion\.over_prepaid"), two.tx() as tx:
        request_move(tx, 310, "prepaid_out", THERE, 601, "再退", OCT)
    with two.tx("qian") as tx:
        approve_move(tx, back.move_id, OCT)
    with two.tx("li") as tx:
        confirm_move(tx, back.move_id, "F-2", OCT, OCT)
    assert -two.balance(200103) == 600
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
