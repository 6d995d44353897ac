"""Killed at any point and run again: the same books, no order in two files at the bank, nothing lost."""

from __future__ import annotations

import os
import traceback
from datetime import date, datetime
from typing import Any

import psycopg
import pytest

from adapters.banks.simulator.messages.payment_file import read_pain001
from ledger.core.dates import SHANGHAI
from ledger.db.connections import direct
from ledger.fund.institutions.terms import set_agreement
from ledger.payments.incoming import receive as receiving
from ledger.payments.orders.approve import approve
from ledger.payments.out.files import file
from ledger.payments.out.send import send

REGION, OWN = 420100, "4200000000001"
DAY = date(2026, 10, 13)
MOMENT = datetime(2026, 10, 13, 9, 30, tzinfo=SHANGHAI)

DIED = 9


def _live_until(database: Any, bank: Any, batch: Any, op: str, point: str) -> None:
    """One step in this process, a copy of the test's, which ends at `point` as by a power cut; it never returns."""
    commits, commit = 0, psycopg.Connection.commit

    def dying_commit(connection: psycopg.Connection) -> None:
        nonlocal commits
        commits += 1
        if point == f"before commit {commits}":
            os._exit(DIED)
        commit(connection)
        if point == f"after commit {commits}":
            os._exit(DIED)

    psycopg.Connection.commit = dying_commit  # type: ignore[method-assign] # this copy dies with it

    def dying_cut(_: object, where: str) -> None:
        if point == f"line {where}":
            os._exit(DIED)

    type(bank.channel)._cut = dying_cut
    engine = direct(database.settings)  # connections of its own: the test's are the test's
    receiving.FILES_PER_TRANSACTION = 1
    if op == "approve":
        approve(engine, "checker", REGION, batch.batch_id, batch.digest, DAY)
    elif op == "file":
        file(engine, "maker", REGION, batch.batch_id, bank.of, MOMENT)
    elif op == "send":
        send(engine, "cashier", REGION, bank.of, DAY)
    else:
        receiving.receive(engine, "acc", REGION, OWN, bank, DAY)


@pytest.fixture
def killed(database: Any, bank: Any) -> Any:
    """Run one step in a copy of this process that dies at `point`; fails if it did not come that far."""

    def run(op: str, point: str, batch: Any) -> None:
        child = os.fork()
        if child == 0:
            try:
                _live_until(database, bank, batch, op, point)
            except BaseException:  # noqa: BLE001 whatever it was, the copy must not go on as a test
                traceback.print_exc()
            finally:
                os._exit(0)  # nothing of the test's is closed or flushed by its copy
        _, status = os.waitpid(child, 0)
        assert os.waitstatus_to_exitcode(status) == DIED

    return run


def orders_at_the_bank(bank: Any) -> list[str]:
    """Every order the bank could pay, once per file it lies in with a control file."""
    found = []
    for path in sorted((bank.root / "inbox").glob("*.xml")):
        if path.with_name(path.name + ".ctl").exists():
            found += [i.order_no for i in read_pain001(path.read_bytes()).instructions]
    return found


@pytest.mark.fault(1, 2, 3)
@pytest.mark.parametrize("point", ["before commit 1", "after commit 1"])
def test_approval(world: Any, killed: Any, point: str) -> None:
    world.allot(1000)
    batch = world.batch(100, 200)
    killed("approve", point, batch)
    assert world.states() == ({"draft": 2} if "before" in point else {"approved": 2})
    done = approve(world.engine, "checker", REGION, batch.batch_id, batch.digest, DAY)
    assert (done.orders, world.states()) == (2, {"approved": 2})
    assert world.balances()[9104] == -300
    assert world.value("SELECT count(*) FROM books.entry WHERE event = 'ORD'") == 2


@pytest.mark.fault(1, 3)
@pytest.mark.parametrize("point", ["before commit 1", "after commit 1"])
def test_filing(world: Any, bank: Any, killed: Any, point: str) -> None:
    world.allot(1000)
    batch = world.approved(100, 200)
    killed("file", point, batch)
    file(world.engine, "maker", REGION, batch.batch_id, bank.of, MOMENT)
    assert world.states() == {"filed": 2}
    assert world.value("SELECT count(*) FROM payments.bank_file") == 1


POINTS = [f"{when} commit {n}" for n in (2, 3) for when in ("before", "after")]
POINTS += ["before commit 1", "line asking", "line before", "line between", "line after"]


@pytest.mark.fault(1, 3, 39, 40, 71)
@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("meanwhile", ["nothing", "suspended", "answered"])
def test_sending(world: Any, bank: Any, killed: Any, movement: Any, point: str, meanwhile: str) -> None:
    world.allot(1000)
    batch = world.approved(100, 200)
    file(world.engine, "maker", REGION, batch.batch_id, bank.of, MOMENT)
    killed("send", point, batch)
    arrived = bool(orders_at_the_bank(bank))
    first, second = world.orders(batch.order_nos)
    if meanwhile == "suspended":
        with world.tx("maker") as tx:
            set_agreement(tx, first.institution, "suspended", DAY)
        file(world.engine, "maker", REGION, batch.batch_id, bank.of, MOMENT)
    if meanwhile == "answered" and arrived:
        bank.put(bank.note(movement("S1", first)))
        world.receive(bank)
        assert world.state(first.order_no) == "paid"
    for _ in range(2):
        send(world.engine, "cashier", REGION, bank.of, DAY)
    at_bank = orders_at_the_bank(bank)
    assert len(at_bank) == len(set(at_bank)), "an order lies in two files the bank could pay"
    states = {o.order_no: o.state for o in world.orders(batch.order_nos)}
    # An order is cancelled if and only if the bank never had it.
    assert sorted(at_bank) == sorted(no for no, state in states.items() if state != "cancelled")
    assert states[second.order_no] == "sent"
    assert set(states.values()) <= {"sent", "paid", "cancelled"}
    if point in ("before commit 1", "before commit 2"):
        assert states[first.order_no] == ("cancelled" if meanwhile == "suspended" else "sent")
    else:
        assert states[first.order_no] != "cancelled"


@pytest.mark.fault(1, 2, 3)
@pytest.mark.parametrize(
    "point", [f"{when} commit {n}" for n in (1, 2, 3, 4) for when in ("before", "after")]
)
def test_receiving(world: Any, bank: Any, sent: Any, movement: Any, killed: Any, point: str) -> None:
    first, second = sent(100, 200)
    bank.put(bank.note(movement("S2", first, credit_=True)))
    bank.put(bank.note(movement("S1", first)))
    bank.put(bank.status(first.file_id, {second.order_no: ("RJCT", "AC01")}))
    killed("receive", point, type("Batch", (), {"batch_id": "", "digest": b""}))
    world.receive(bank)
    assert [o.state for o in world.orders([first.order_no, second.order_no])] == ["returned", "rejected"]
    assert world.rows("SELECT event, count(*) FROM books.entry WHERE event IN ('RCV', 'RTN', 'REJ') GROUP BY 1 ORDER BY 1") == [
        ("RCV", 1), ("REJ", 1), ("RTN", 1),
    ]  # fmt: skip
    assert world.balances()[1004] == 300
    assert world.value("SELECT count(*) FROM payments.inbound_file") == 3
