"""Killed at any point and run again: the same books, no order in two files at the bank, nothing lost."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.banks.simulator.messages.payment_file import read_pain001
from ledger.core.dates import SHANGHAI
from ledger.payments.orders.approve import approve
from ledger.payments.out.files import file
from ledger.payments.out.send import send

REGION = 420100
DAY = date(2026, 10, 13)
MOMENT = datetime(2026, 10, 13, 9, 30, tzinfo=SHANGHAI)

CHILD = """
import json, os, sys
from datetime import date, datetime
from pathlib import Path
import psycopg
given = json.loads(sys.argv[1])
sys.path.insert(0, given["here"])
import conftest
from ledger.db.engine import service_engine
from ledger.payments.incoming import receive as receiving
from ledger.settings import Settings

commits, commit = 0, psycopg.Connection.commit
def dying_commit(self):
    global commits
    commits += 1
    if given["point"] == f"before commit {commits}":
        os._exit(9)
    commit(self)
    if given["point"] == f"after commit {commits}":
        os._exit(9)
psycopg.Connection.commit = dying_commit
def dying_cut(self, point):
    if given["point"] == f"line {point}":
        os._exit(9)
conftest.FolderChannel._cut = dying_cut

engine = service_engine(Settings())
bank = conftest.TestBank(Path(given["root"]))
receiving.FILES_PER_TRANSACTION = 1
day, region = conftest.PAY_DATE, conftest.REGION
if given["op"] == "approve":
    conftest.approve(engine, "checker", region, given["batch"], bytes.fromhex(given["digest"]), day)
elif given["op"] == "file":
    conftest.file(engine, "maker", region, given["batch"], bank.of, conftest.MOMENT)
elif given["op"] == "send":
    conftest.send(engine, "cashier", region, bank.of, day)
else:
    conftest.receive(engine, "acc", region, conftest.OWN, bank, day)
os._exit(0)
"""


@pytest.fixture
def killed(database: Any, bank: Any) -> Any:
    """Run one step in a child that dies at `point`; fails if it did not come that far."""

    def run(op: str, point: str, batch: Any) -> None:
        given = {
            "op": op,
            "point": point,
            "batch": batch.batch_id,
            "digest": batch.digest.hex(),
            "root": str(bank.root),
            "here": str(Path(__file__).parent),
        }
        done = subprocess.run(
            [sys.executable, "-c", CHILD, json.dumps(given)],
            env=database.env,
            check=False,
            capture_output=True,
            timeout=60,
        )
        assert done.returncode == 9, done.stderr.decode()

    return run


def orders_at_the_bank(bank: Any) -> list[str]:
    """Every order the bank could pay, once per file it lies in with a control file."""
    found = []
    for path in sorted((bank.root / "inbox").glob("*.xml")):
        if path.with_name(path.name + ".ctl").exists():
            found += [i.order_no for i in read_pain001(path.read_bytes()).instructions]
    return found


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
            tx.run(
                "UPDATE fund.institution SET agreement_state = 'suspended' WHERE institution = %(i)s",
                i=first.institution,
            )
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
