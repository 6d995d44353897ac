"""Two regions, two books, one end-to-end id: each side its own transaction, retried, and equal at the end."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress
from datetime import date
from typing import Any

import pytest

from adapters.banks.simulator.faults import Fault
from ledger.control.verify import verify
from ledger.core.errors import Conflict, InvalidInput, LedgerError
from ledger.db.connections import Direct
from ledger.fund.outregion.bills import draft_bill_orders, make_bill
from ledger.fund.outregion.care import recognise_outregion
from ledger.fund.outregion.link import End, OutboxMessage, accept, deliver, differences, ends
from ledger.fund.outregion.monthly import confirm, pull
from ledger.fund.outregion.quota import set_quota, usage
from ledger.fund.outregion.report import report_paid
from ledger.fund.outregion.requests import request_move
from ledger.fund.outregion.transfers import draft_transfer_orders

HERE, THERE = 420100, 430100
OCT, NOV, LATER = date(2026, 10, 12), date(2026, 11, 5), date(2026, 11, 12)


@pytest.fixture
def billed(two: Any, guest: Any) -> Any:
    """A bill of 105,000 fen in 420100's outbox for 430100."""
    two.take(guest("G1", fund=100_000, acct=5_000, cash=20_000))
    with two.tx() as tx:
        recognise_outregion(tx, 310, OCT, OCT)
        confirm(tx, 310, [row.setl_sn for row in pull(tx, 310, 2026, 10)], NOV)
        return make_bill(tx, 310, THERE, 202610, NOV)


@pytest.mark.fault(73)
def test_a_bill_is_owed_paid_told_and_received(two: Any, billed: Any) -> None:
    assert [one.outcome for one in deliver(two.end(HERE), two.end(THERE), NOV)] == ["delivered"]
    assert deliver(two.end(HERE), two.end(THERE), NOV) == []
    assert two.balance(9003, THERE, counterparty=HERE) == 105_000 == -two.balance(9103, THERE)
    assert two.balance(5001, THERE) == 0
    with two.tx("zhao", THERE) as tx:
        made = draft_bill_orders(tx, 310, NOV)
        assert made.bills == [billed.bill_id]
        assert draft_bill_orders(tx, 310, NOV).batch is None
    two.pay(made.batch, THERE, NOV)
    assert two.balance(50010101, THERE, counterparty=HERE) == 100_000
    assert two.balance(50010201, THERE, counterparty=HERE) == 5_000
    with two.tx("xitong", THERE) as tx:
        assert report_paid(tx, NOV) == 1
        assert report_paid(tx, NOV) == 0
    [told] = deliver(two.end(THERE), two.end(HERE), NOV)
    assert told.outcome == "delivered"
    with two.tx() as tx:
        [open_end] = differences(tx, LATER)
        assert (open_end.told_fen, open_end.settled_fen, open_end.age) == (105_000, 0, 7)
    two.come_in("received", 105_000, billed.bill_id, LATER)
    with pytest.raises(Conflict, match=r"outregion\.over_bill"), two.tx() as tx:
        request_move(tx, 310, "received", THERE, 1, billed.bill_id, date(2026, 11, 13))
    with two.tx() as tx, two.tx("zhao", THERE) as other:
        assert differences(tx, LATER) == differences(other, LATER) == []
        [ours], [theirs] = ends(tx, LATER), ends(other, LATER)
    assert ours[:1] + ours[3:5] == theirs[:1] + theirs[3:5] == (billed.bill_id, 105_000, 105_000)
    assert -two.balance(200103, counterparty=THERE) == 105_000
    two.agrees()
    two.agrees(THERE)
    two.verified()


@pytest.mark.fault(70, 73)
def test_while_the_other_side_is_down_the_message_waits_and_is_tried_again(two: Any, billed: Any) -> None:
    with two.month.admin.begin() as admin:
        admin.exec_driver_sql("UPDATE access.app_user SET active = false WHERE user_name = 'xitong'")
    down = two.end(THERE)
    for _ in range(2):
        [tried] = deliver(two.end(HERE, "zhao"), down, NOV)
        assert tried.outcome == "waiting"
        assert tried.error
    with two.tx() as tx:
        [waiting] = differences(tx, LATER)
        assert (waiting.delivered, waiting.difference_fen, waiting.age) == (False, 105_000, 7)
    assert two.month.asked("SELECT attempts, state FROM fund.outregion_outbox") == [(2, "waiting")]
    assert two.month.asked("SELECT count(*) FROM fund.outregion_inbox") == [(0,)]
    with two.month.admin.begin() as admin:
        admin.exec_driver_sql("UPDATE access.app_user SET active = true WHERE user_name = 'xitong'")
    assert [one.outcome for one in deliver(two.end(HERE), two.end(THERE), LATER)] == ["delivered"]
    told = verify(two.month.database.auditor_engine, two.home)
    assert {(one.code, one.entry) for one in told} == {("trace.login", "access.app_user xitong")}


@pytest.mark.fault(70, 73)
@pytest.mark.parametrize("trouble", ["nobody listens", "hangs up"])
def test_while_the_other_cell_is_down_our_side_stands_and_both_end_equal(
    two: Any, billed: Any, trouble: str
) -> None:
    """A server that refuses the line, and one that takes it and ends it: ours is booked, theirs waits, and once."""
    ours = two.balance(200103, counterparty=THERE)
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
        stop = threading.Event()

        def hang_up() -> None:
            gone.settimeout(0.05)
            while not stop.is_set():
                with suppress(TimeoutError):
                    gone.accept()[0].close()

        if trouble == "nobody listens":
            gone.close()
        ending = threading.Thread(target=hang_up if trouble == "hangs up" else stop.wait)
        ending.start()
        there = Direct({"host": "127.0.0.1", "port": port, "dbname": "x", "user": "x", "connect_timeout": 3})
        try:
            for _ in range(2):
                [tried] = deliver(two.end(HERE), End(there, "xitong", THERE), NOV)
                assert (tried.outcome, tried.error) == ("waiting", "db.unreachable")
        finally:
            stop.set()
            ending.join()
    assert two.balance(200103, counterparty=THERE) == ours
    with two.tx() as tx:
        [waiting] = differences(tx, LATER)
    assert (waiting.delivered, waiting.difference_fen, waiting.age) == (False, 105_000, 7)
    assert [one.outcome for one in deliver(two.end(HERE), two.end(THERE), LATER)] == ["delivered"]
    assert deliver(two.end(HERE), two.end(THERE), LATER) == []
    assert two.balance(9003, THERE, counterparty=HERE) == 105_000
    assert two.month.asked("SELECT count(*) FROM fund.outregion_bill WHERE side = 'insured'") == [(1,)]
    two.verified()


@pytest.mark.fault(45)
def test_a_message_is_taken_in_once_and_never_with_another_content(two: Any, billed: Any) -> None:
    [(body, digest)] = two.month.asked("SELECT body, digest FROM fund.outregion_outbox")
    message = OutboxMessage(billed.bill_id, "bill", 310, 105_000, body, bytes(digest))
    with two.tx("xitong", THERE) as tx:
        assert accept(tx, message, HERE, NOV)
        assert not accept(tx, message, HERE, NOV)
    with pytest.raises(InvalidInput, match=r"outregion\.message"), two.tx("xitong", THERE) as tx:
        accept(tx, message._replace(amount_fen=1), HERE, NOV)
    two.month.pretend("UPDATE fund.outregion_inbox SET digest = decode(repeat('00', 32), 'hex')")
    with pytest.raises(Conflict, match=r"outregion\.other_content"), two.tx("xitong", THERE) as tx:
        accept(tx, message, HERE, NOV)
    # Delivered after all though the first answer was lost: our side only learns it, the other side does nothing twice.
    two.month.pretend(f"UPDATE fund.outregion_inbox SET digest = decode('{bytes(digest).hex()}', 'hex')")
    assert [one.outcome for one in deliver(two.end(HERE), two.end(THERE), NOV)] == ["delivered"]
    assert two.month.asked("SELECT count(*) FROM fund.outregion_bill WHERE side = 'insured'") == [(1,)]


def test_a_prepayment_is_linked_too(two: Any) -> None:
    with two.tx("li", THERE) as tx:
        set_quota(tx, 310, HERE, "paid", OCT, 5_000, "文件")
    with two.tx("li") as tx:
        set_quota(tx, 310, THERE, "received", OCT, 5_000, "文件")
    out = two.goes_out("prepaid", 5_000, "预付通知", OCT, THERE, HERE)
    with two.tx("zhao", THERE) as tx:
        made = draft_transfer_orders(tx, 310, OCT)
    assert made.moves == [out]
    two.pay(made.batch, THERE, OCT, 1003)
    assert two.balance(110101, THERE, counterparty=HERE) == 5_000
    with two.tx("xitong", THERE) as tx:
        assert report_paid(tx, OCT) == 1
    deliver(two.end(THERE), two.end(HERE), OCT)
    with two.tx() as tx:
        [open_end] = differences(tx, NOV)
        assert (open_end.link_id, open_end.side, open_end.difference_fen) == (out, "prepaid", 5_000)
    two.come_in("prepaid_in", 5_000, out, OCT)
    with two.tx() as tx:
        assert differences(tx, NOV) == []
    two.come_in("prepaid_back", 2_000, "收回通知", NOV, THERE, HERE)
    assert two.balance(110101, THERE) == 3_000
    two.agrees()
    two.agrees(THERE)
    two.verified()


def test_our_own_patient_elsewhere_uses_up_our_prepayment_and_books_nothing(two: Any, bill: Any) -> None:
    away = bill("A1", fund=700, cash=0, institution="H43010000001", pay_loc="4", insu_admdvs="430102")
    away["setlinfo"] |= {
        "out_flag": "1",
        "poolarea_no": "430100",
        "clr_optins": "430100",
        "fix_blng_admdvs": "420106",
    }
    two.take(away)
    with two.tx("zhao", THERE) as tx:
        done = recognise_outregion(tx, 310, OCT, OCT)
        assert (done.insured, done.entries, done.refused) == (1, 0, [])
        [paid] = [one for one in usage(tx, 310, OCT) if one.direction == "paid"]
    assert (paid.used_fen, paid.level) == (700, "red")
    assert two.balance(5001, THERE) == two.balance(9001, THERE) == two.balance(9501, THERE) == 0


def test_a_payment_that_came_back_is_told_and_told_again_when_paid(two: Any, billed: Any) -> None:
    """退汇 of a bill's payment: the place of care hears that it is owed again, and never counts a payment twice."""

    def told(day: date) -> tuple[int, int]:
        with two.tx("xitong", THERE) as tx:
            count = report_paid(tx, day)
            assert report_paid(tx, day) == 0
        deliver(two.end(THERE), two.end(HERE), day)
        with two.tx() as tx:
            [ours] = ends(tx, day)
        return count, ours.told_fen

    deliver(two.end(HERE), two.end(THERE), NOV)
    with two.tx("zhao", THERE) as tx:
        first = draft_bill_orders(tx, 310, NOV).batch
    two.teller(THERE).faults[first.order_nos[0]] = frozenset({Fault.RETURN})
    two.send(first, THERE, NOV)
    two.days(THERE, NOV, 2)
    assert told(NOV) == (1, 105_000)
    two.days(THERE, date(2026, 11, 7), 2)
    assert two.states(first.order_nos, THERE) == ["returned"]
    with two.tx("zhao", THERE) as tx:
        again = draft_bill_orders(tx, 310, date(2026, 11, 9))
    assert again.bills == [billed.bill_id]
    assert told(date(2026, 11, 9)) == (1, 0)
    two.pay(again.batch, THERE, date(2026, 11, 9))
    assert told(LATER) == (1, 105_000)
    assert (two.balance(5001, THERE), two.balance(200104, THERE)) == (105_000, 0)
    two.agrees(THERE)
    two.verified()


def test_a_prepayment_that_came_back_is_expected_by_its_new_order(two: Any) -> None:
    for region, party, direction in ((HERE, THERE, "received"), (THERE, HERE, "paid")):
        with two.tx("li", region) as tx:
            set_quota(tx, 310, party, direction, OCT, 5_000, "文件")
    move = two.goes_out("prepaid", 5_000, "预付通知", OCT, THERE, HERE)

    def ordered(day: date) -> Any:
        with two.tx("zhao", THERE) as tx:
            return draft_transfer_orders(tx, 310, day).batch

    def expected(day: date) -> list[str]:
        with two.tx("xitong", THERE) as tx:
            report_paid(tx, day)
        deliver(two.end(THERE), two.end(HERE), day)
        with two.tx() as tx:
            return [one.link_id for one in differences(tx, day)]

    first = ordered(OCT)
    two.teller(THERE, 1003).faults[first.order_nos[0]] = frozenset({Fault.RETURN})
    two.send(first, THERE, OCT, 1003)
    two.days(THERE, OCT, 2, 1003)
    assert expected(OCT) == [move]
    two.days(THERE, date(2026, 10, 14), 2, 1003)
    assert two.states(first.order_nos, THERE) == ["returned"]
    assert expected(date(2026, 10, 16)) == []
    again = ordered(date(2026, 10, 19))
    two.pay(again, THERE, date(2026, 10, 19), 1003)
    assert expected(date(2026, 10, 20)) == list(again.order_nos)
    two.come_in("prepaid_in", 5_000, again.order_nos[0], date(2026, 10, 20))
    assert expected(NOV) == []
    two.agrees()
    two.agrees(THERE)
    two.verified()


@pytest.mark.fault(65)
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ("order_no = 'FL420100-310-20261012-00099'", "outregion.not_in_order"),
        ("confirmed_on = confirmed_on + 1", "outregion.state"),
        ("bill_id = 'other'", "outregion.state"),
    ],
)
def test_a_record_says_of_itself_only_what_its_papers_say(
    two: Any, billed: Any, change: str, code: str
) -> None:
    """By raw SQL, whoever asks: nothing of a guest's record is moved by itself to where it is not looked for."""
    for user in ("zhao", "li", "qian", "xitong"):
        with pytest.raises(LedgerError) as refused, two.tx(user) as tx:
            tx.run(f"UPDATE fund.outregion_record SET {change}")
        assert refused.value.code == code
