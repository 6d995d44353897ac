"""A receipt that came by hand is a receipt to verify too; one that nobody confirmed, or that was altered, is found."""

from __future__ import annotations

from contextlib import suppress
from datetime import date, datetime, time
from hashlib import sha256
from typing import Any

import pytest

from adapters.banks.ports import Direction
from adapters.banks.simulator.messages.notification import Notification, NotifiedMovement, write_camt054
from ledger.books.anchors import write_anchors
from ledger.control.verify import verify
from ledger.core.dates import SHANGHAI
from ledger.fund.daily.run import run_daily
from ledger.payments.incoming.by_hand import Brought, confirm_handed, hand_in
from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT

OWN = EXPENDITURE_ACCOUNT.number
SENT, LATER = date(2026, 10, 13), date(2026, 10, 20)


@pytest.fixture
def brought(town: Any, bill: Any) -> Any:
    """A day's order paid by a file that came by hand."""
    town.begin()
    town.month.take(bill("a1"))
    [batch] = run_daily(town.engine, "zhao", DEMO_REGION, SENT).batches
    [order] = town.send(batch, SENT)
    moved = NotifiedMovement(
        "BK1", Direction.DEBIT, order.amount_fen, SENT, order.payee.number, order.payee.name, order.order_no
    )
    told = datetime.combine(LATER, time(9), SHANGHAI)
    content = write_camt054(Notification("NT1", told, OWN, "支出户", [moved]))
    with town.tx("li") as tx:
        hand_in(tx, OWN, town.bank.format, Brought("补发.xml", content, "银行", "函1号"), LATER)
    with town.tx("qian") as tx:
        confirm_handed(tx, OWN, town.bank.format, sha256(content).digest(), LATER)
    assert {one.state for one in town.orders(batch.order_nos)} == {"paid"}
    return town


def test_it_verifies(brought: Any) -> None:
    brought.verified()


@pytest.mark.parametrize(
    ("attack", "promise", "word"),
    [
        ("UPDATE payments.handed_file SET content = 'x', sha256 = sha256('x')", "INV-11", "送达记录"),
        ("DELETE FROM payments.handed_file", "INV-11", "送达记录"),
        (
            "UPDATE payments.handed_file SET state = 'requested', approved_by = '', approved_on = NULL",
            "INV-11",
            "送达记录",
        ),
        ("UPDATE payments.handed_file SET approved_by = 'nobody'", "INV-11", "两个不同的人"),
        ("DELETE FROM payments.inbound_file", "INV-11", "却没有收入"),
    ],
)
def test_what_is_not_two_persons_word_is_found(brought: Any, attack: str, promise: str, word: str) -> None:
    brought.month.pretend(attack)
    with suppress(FileNotFoundError):
        write_anchors(brought.month.database.auditor_engine, brought.home)
    found = verify(brought.month.database.auditor_engine, brought.home)
    assert any(one.promise == promise and word in one.message for one in found), found
