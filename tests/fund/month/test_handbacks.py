"""Hand-backs of art. 12: every receipt of a daily order stands in exactly one, late ones in the next under their own month."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from typing import Any

import pytest

from ledger.books.anchors import write_anchors
from ledger.control.verify import Verification, examine
from ledger.core.errors import Conflict, Forbidden
from ledger.fund.daily.run import run_daily
from ledger.fund.month.handback import HandBack, HandBackLine, hand_back
from ledger.payments.orders.order import Order
from ledger.simulation.people import DEMO_REGION

H = "H42010000001"
OVERDUE = "逾期未回传的日拨付回单"


def told(town: Any, month: int, day: date) -> HandBack:
    return hand_back(town.engine, "li", DEMO_REGION, 310, month, day)


def sent(town: Any, day: date) -> Order:
    """The day's one order, at the bank."""
    town.open(day)
    [batch] = run_daily(town.engine, "zhao", DEMO_REGION, day).batches
    [order] = town.send(batch, day)
    return order


@pytest.fixture
def late(town: Any, bill: Any) -> Any:
    """600.00 paid and told of in October; 300.00 debited on 31 October, whose receipt comes on 5 November."""
    town.begin()
    town.month.take(bill("a1"))
    town.pay_daily(date(2026, 10, 13))
    town.month.take(bill("a2", fund=50_000, day="2026-10-29"))
    order = sent(town, date(2026, 10, 30))
    made = told(town, 202610, date(2026, 11, 2))
    assert list(made.lines) == [HandBackLine(202610, H, 202610, 60_000, 0)]
    town.receipt(order, date(2026, 10, 31), received=date(2026, 11, 5))
    return town


def verified(town: Any) -> Verification:
    with suppress(FileNotFoundError):
        write_anchors(town.month.database.auditor_engine, town.home)
    return examine(town.month.database.auditor_engine, town.home)


def test_a_late_receipt_is_told_by_the_next_hand_back_under_its_own_month_once(late: Any, bill: Any) -> None:
    late.month.take(bill("b1", fund=20_000, day="2026-11-09"))
    late.pay_daily(date(2026, 11, 10))
    # Past the 3rd of the month after it came it would be overdue; not yet.
    assert OVERDUE not in verified(late).waiting
    made = told(late, 202611, date(2026, 12, 2))
    in_time = HandBackLine(202611, H, 202611, 12_000, 0)
    came_late = HandBackLine(202610, H, 202610, 30_000, 0)
    assert list(made.lines) == [in_time, came_late]
    assert (made.paid_fen, made.late_lines, made.late) == (42_000, [came_late], False)
    assert told(late, 202611, date(2026, 12, 9)) == made
    assert list(told(late, 202610, date(2026, 12, 9)).lines) == [HandBackLine(202610, H, 202610, 60_000, 0)]
    assert list(told(late, 202612, date(2027, 1, 4)).lines) == []
    assert late.value("SELECT count(*) FROM fund.handback_receipt") == 3
    late.verified()


def test_a_late_return_too(late: Any) -> None:
    [first] = late.orders(["FL420100-310-20261013-00001"])
    late.receipt(first, date(2026, 10, 30), back=True, received=date(2026, 11, 6))
    assert list(told(late, 202611, date(2026, 12, 2)).lines) == [
        HandBackLine(202610, H, 202610, 30_000, 60_000)
    ]
    late.verified()


def test_a_month_passed_over_keeps_its_receipts_for_its_own(town: Any, bill: Any) -> None:
    town.begin()
    town.month.take(bill("a1"))
    town.pay_daily(date(2026, 10, 13))
    town.month.take(bill("b1", fund=20_000, day="2026-11-09"))
    town.pay_daily(date(2026, 11, 10))
    assert verified(town).waiting[OVERDUE] == 1
    assert list(told(town, 202611, date(2026, 12, 2)).lines) == [HandBackLine(202611, H, 202611, 12_000, 0)]
    made = told(town, 202610, date(2026, 12, 3))
    assert (list(made.lines), made.late) == ([HandBackLine(202610, H, 202610, 60_000, 0)], True)
    town.verified()
    assert OVERDUE not in verified(town).waiting


def test_the_database_wants_a_hand_back_whole_of_its_receipts_and_once(late: Any) -> None:
    head = "INSERT INTO fund.handback VALUES (420100, 310, 202611, 'li', '2026-12-02', false, {}, 0, decode(repeat('00', 32), 'hex'))"
    receipts = "INSERT INTO fund.handback_receipt SELECT 420100, 310, 202611, account, kind, receipt_no, direction FROM fund.handback_due(420100, 310::smallint, 202611)"
    with pytest.raises(Conflict, match=r"handback\.incomplete"), late.tx("li") as tx:
        tx.run(head.format(0))
    line = (
        "INSERT INTO fund.handback_line VALUES (420100, 310, 202611, 202610, 'H42010000001', 202610, {}, 0)"
    )
    for fen, said in ((29_999, 29_999), (30_000, 1)):
        with pytest.raises(Conflict, match=r"handback\.sum"), late.tx("li") as tx:
            tx.run(receipts)
            tx.run(line.format(fen))
            tx.run(head.format(said))
    with pytest.raises(Forbidden, match=r"handback\.made_by|access\.role_missing"), late.tx("zhao") as tx:
        tx.run(head.format(0))
    told(late, 202611, date(2026, 12, 2))
    with pytest.raises(Forbidden, match=r"business\.frozen"), late.tx("li") as tx:
        tx.run(line.format(1).replace("202610, 1,", "202609, 1,"))
    # The same receipt in another month's.
    with pytest.raises(Conflict, match=r"db\.duplicate"), late.tx("li") as tx:
        tx.run(
            "INSERT INTO fund.handback_receipt SELECT region, fund, 202612, account, kind, receipt_no, direction FROM fund.handback_receipt"
        )


@pytest.mark.parametrize(
    ("attack", "promise", "word"),
    [
        (
            "UPDATE fund.handback_line SET paid_fen = paid_fen + 1 WHERE booked_month = 202611",
            "INV-12",
            "摘要不符",
        ),
        ("UPDATE fund.handback SET paid_fen = paid_fen + 1", "INV-12", "各行合计"),
        ("UPDATE fund.handback_line SET term = 202609 WHERE booked_month = 202610", "INV-13", "回单付"),
        ("DELETE FROM fund.handback_receipt WHERE month = 202611", "INV-13", "而未列入"),
    ],
)
def test_verify_finds_what_a_hand_back_lost_or_changed(
    late: Any, bill: Any, attack: str, promise: str, word: str
) -> None:
    late.month.take(bill("b1", fund=20_000, day="2026-11-09"))
    late.pay_daily(date(2026, 11, 10))
    told(late, 202611, date(2026, 12, 2))
    late.verified()
    late.month.pretend(attack)
    found = verified(late).breaches
    assert any(f.promise == promise and word in f.message for f in found), found
