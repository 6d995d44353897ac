"""Files out: deterministic, stored first, rebuilt without what must not leave; sent once however often it takes."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.hashes import SM3, Hash

from adapters.banks.ports import Instruction, PaymentBatch
from adapters.banks.simulator.messages.payment_file import read_pain001
from ledger.core.dates import SHANGHAI
from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError, NotFound, Unavailable
from ledger.fund.institutions.proposals import confirm_waiting, read_waiting
from ledger.fund.institutions.terms import set_agreement
from ledger.payments.orders.approve import approve
from ledger.payments.orders.values import PayableDraft
from ledger.payments.out import files
from ledger.payments.out.files import cancel, file
from ledger.payments.out.send import send

DAY = date(2026, 10, 13)
MOMENT = datetime(2026, 10, 13, 9, 30, 15, 123456, tzinfo=SHANGHAI)
REGION = 420100


def filing(world: Any, bank: Any, batch: Any, user: str = "maker", moment: datetime = MOMENT) -> Any:
    return file(world.engine, user, REGION, batch.batch_id, bank.of, moment)


def sending(world: Any, bank: Any, user: str = "cashier", day: date = DAY) -> Any:
    return send(world.engine, user, REGION, bank.of, day)


@pytest.fixture
def batch(world: Any) -> Any:
    world.allot(100000)
    return world.approved(300, 200, 100)


def test_a_file_is_stored_whole_before_anything_is_sent_and_made_once(
    world: Any, bank: Any, batch: Any
) -> None:
    done = filing(world, bank, batch)
    [made] = done.files
    assert (made.orders, made.total_fen, done.voided, done.cancelled) == (3, 600, [], [])
    content, digest, sm3, created, state = world.rows(
        "SELECT content, sha256, sm3, created_at, state FROM payments.bank_file"
    )[0]
    assert b"pain.001" not in content  # sealed as it lies
    content = world.opened(content)
    hashed = Hash(SM3())
    hashed.update(content)
    assert (sha256(content).digest(), hashed.finalize(), state) == (digest, sm3, "filed")
    told = read_pain001(content)
    assert told.message_id == made.file_id == f"{batch.batch_id}-1"
    assert [(i.order_no, i.amount_fen) for i in told.instructions] == list(
        zip(batch.order_nos, (300, 200, 100), strict=True)
    )
    again = bank.format.encode(
        PaymentBatch(
            made.file_id,
            created,
            DAY,
            told.payer,
            [
                Instruction(o.order_no, o.amount_fen, o.payee, o.purpose)
                for o in world.orders(batch.order_nos)
            ],
        )
    )
    assert (again.content, again.name) == (content, made.name)
    assert world.states() == {"filed": 3}
    assert filing(world, bank, batch).files == []
    assert list((bank.root / "inbox").iterdir()) == []


def test_a_file_late_in_the_day_is_executed_today(world: Any, bank: Any, batch: Any) -> None:
    filing(world, bank, batch, moment=MOMENT + timedelta(days=2))
    told = read_pain001(world.opened(world.value("SELECT content FROM payments.bank_file")))
    assert told.execution_date == DAY + timedelta(days=2)


def test_the_cap_of_a_file(world: Any, bank: Any, batch: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "ORDERS_PER_FILE_MAX", 2)
    assert [made.orders for made in filing(world, bank, batch).files] == [2, 1]


@pytest.mark.parametrize(
    ("user", "code"), [("cashier", "access.role_missing"), ("acc", "access.role_missing")]
)
def test_who_makes_no_files(world: Any, bank: Any, batch: Any, user: str, code: str) -> None:
    with pytest.raises(Forbidden) as refused:
        filing(world, bank, batch, user)
    assert refused.value.code == code


def test_unapproved_and_unknown(world: Any, bank: Any) -> None:
    draft = world.batch(100)
    with pytest.raises(Conflict) as refused:
        filing(world, bank, draft)
    assert refused.value.code == "batch.not_approved"
    with pytest.raises(NotFound):
        file(world.engine, "maker", REGION, "nothing", bank.of, MOMENT)


def stop(world: Any, order: Any, why: str) -> None:
    if why == "payee_changed":
        world.other_payee(order.institution)
        return
    with world.tx("maker") as tx:
        set_agreement(tx, order.institution, why.removeprefix("institution_"), DAY)


@pytest.mark.fault(64, 71)
@pytest.mark.parametrize("why", ["institution_suspended", "institution_ended", "payee_changed"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_what_must_not_leave_is_cancelled_and_its_file_rebuilt(
    world: Any, bank: Any, batch: Any, why: str, when: str
) -> None:
    orders = world.orders(batch.order_nos)
    if when == "after":
        filing(world, bank, batch)
    stop(world, orders[1], why)
    if when == "after":
        [stale] = sending(world, bank)
        assert (stale.outcome, stale.code) == ("stale", "file.stale")
        assert orders[1].order_no in stale.message
        assert list((bank.root / "inbox").iterdir()) == []
    done = filing(world, bank, batch)
    assert done.cancelled == [(orders[1].order_no, why)]
    assert done.voided == ([f"{batch.batch_id}-1"] if when == "after" else [])
    [made] = done.files
    assert (made.file_id, made.orders) == (f"{batch.batch_id}-{2 if when == 'after' else 1}", 2)
    assert world.states() == {"filed": 2, "cancelled": 1}
    assert world.balances()[9101] == -200
    assert world.balances()[9104] == -400
    assert world.rows("SELECT daily_fen FROM fund.payable WHERE order_no = ''") == [(200,)]
    key, digest = world.rows("SELECT source_key, evidence_digest FROM books.entry WHERE event = 'CAN'")[0]
    assert key == f"CAN:{orders[1].order_no}"
    assert digest == world.value("SELECT payments.order_digest(420100, %(o)s)", o=orders[1].order_no)
    [result] = sending(world, bank)
    assert (result.outcome, result.file_id) == ("sent", made.file_id)
    told = read_pain001((bank.root / "inbox" / made.name).read_bytes())
    assert [i.order_no for i in told.instructions] == [orders[0].order_no, orders[2].order_no]


@pytest.mark.fault(71)
def test_what_was_cancelled_leaves_by_a_new_approval_only(world: Any, bank: Any, batch: Any) -> None:
    """The agreement is in force again, by two persons: the old approval covers nothing any more, a new one is asked for."""
    stopped = world.orders(batch.order_nos)[1]
    filing(world, bank, batch)
    stop(world, stopped, "institution_suspended")
    filing(world, bank, batch)
    sending(world, bank)
    with world.tx("maker") as tx:
        assert not set_agreement(tx, stopped.institution, "active", DAY)
    with world.tx("checker") as tx:
        confirm_waiting(tx, read_waiting(tx).digest, DAY)
    assert (filing(world, bank, batch).files, sending(world, bank)) == ([], [])
    assert world.state(stopped.order_no) == "cancelled"
    with pytest.raises(LedgerError) as approved, world.tx("checker") as tx:
        tx.run("UPDATE payments.pay_order SET state = 'approved' WHERE order_no = %(o)s", o=stopped.order_no)
    assert approved.value.code in (
        "order.state",
        "business.frozen",
        "order.transition",
        "access.role_missing",
    )
    [setl_id] = [s for (s,) in world.rows("SELECT setl_id FROM fund.payable WHERE order_no = ''")]
    anew = world.draft(
        [world.order(stopped.institution, [PayableDraft(setl_id, "pool", 200)], stopped.order_no)]
    )
    with pytest.raises(Conflict) as refused:
        filing(world, bank, anew)
    assert refused.value.code == "batch.not_approved"
    approve(world.engine, "checker", REGION, anew.batch_id, anew.digest, DAY)
    filing(world, bank, anew)
    assert [one.outcome for one in sending(world, bank)] == ["sent"]
    assert bank.channel.delivered.count(f"{batch.batch_id}-1") == 0


def test_all_of_a_file_stale_leaves_no_file(world: Any, bank: Any, batch: Any) -> None:
    for order in world.orders(batch.order_nos):
        stop(world, order, "institution_suspended")
    assert filing(world, bank, batch).files == []
    assert world.states() == {"cancelled": 3}


def test_cancel_by_hand(world: Any, bank: Any, batch: Any) -> None:
    first, second, third = batch.order_nos
    assert cancel(world.engine, "maker", REGION, first, "机构来函", DAY) == ""
    filing(world, bank, batch)
    assert cancel(world.engine, "maker", REGION, second, "机构来函", DAY) == f"{batch.batch_id}-1"
    assert world.states() == {"cancelled": 2, "approved": 1}
    [made] = filing(world, bank, batch).files
    assert made.file_id == f"{batch.batch_id}-2"
    sending(world, bank)
    for order_no, code in ((third, "order.state"), (first, "order.state"), ("FL-NOBODY-1", "order.unknown")):
        with pytest.raises((Conflict, NotFound)) as refused:
            cancel(world.engine, "maker", REGION, order_no, "晚了", DAY)
        assert refused.value.code == code
    with pytest.raises(InvalidInput) as unreasoned:
        cancel(world.engine, "maker", REGION, third, " ", DAY)
    assert unreasoned.value.code == "order.reason"
    with pytest.raises(Forbidden):
        cancel(world.engine, "cashier", REGION, third, "x", DAY)


@pytest.mark.fault(40)
def test_sending_delivers_the_stored_bytes_once(world: Any, bank: Any, batch: Any) -> None:
    [made] = filing(world, bank, batch).files
    for user in ("maker", "acc", "checker"):
        with pytest.raises(Forbidden) as refused:
            sending(world, bank, user)
        assert refused.value.code == "access.role_missing"
    [result] = sending(world, bank)
    assert (result.outcome, result.orders, result.total_fen) == ("sent", 3, 600)
    assert (bank.root / "inbox" / made.name).read_bytes() == world.opened(
        world.value("SELECT content FROM payments.bank_file")
    )
    assert world.states() == {"sent": 3}
    assert world.rows("SELECT DISTINCT sent_on FROM payments.pay_order") == [(DAY,)]
    assert sending(world, bank) == []
    assert bank.channel.delivered == [made.name]


LOST = Unavailable("bank.unknown", "线路中断")
AWAY = Unavailable("bank.unreachable", "银行不可达")
FULL = Unavailable("bank.disk_full", "银行磁盘已满")


@pytest.mark.fault(9, 39, 43)
@pytest.mark.parametrize(
    ("point", "error", "outcome", "state", "arrived"),
    [
        ("asking", AWAY, "filed", "filed", 0),
        ("before", AWAY, "filed", "filed", 0),
        ("before", FULL, "filed", "filed", 0),
        ("before", LOST, "unknown", "unknown", 0),
        ("between", LOST, "unknown", "unknown", 1),
        ("after", LOST, "unknown", "unknown", 2),
    ],
)
def test_a_broken_line(
    world: Any, bank: Any, batch: Any, point: str, error: Any, outcome: str, state: str, arrived: int
) -> None:
    filing(world, bank, batch)
    bank.channel.breaks[point] = error
    [result] = sending(world, bank)
    assert (result.outcome, result.code) == (outcome, error.code)
    assert world.states() == {state: 3}
    assert len(list((bank.root / "inbox").iterdir())) == arrived
    # What may have arrived can never be voided, and stays unknown while the bank is away.
    if outcome == "unknown":
        with pytest.raises(Conflict):
            cancel(world.engine, "maker", REGION, batch.order_nos[0], "停", DAY)
        bank.channel.breaks = {"asking": AWAY}
        [still] = sending(world, bank)
        assert still.outcome == "unknown"
        # Nor is it sent under a new number: no other file of the batch, no other order over its records, not in raw SQL.
        assert filing(world, bank, batch).files == []
        taken = world.orders(batch.order_nos)[0]
        records = world.rows(
            "SELECT setl_id, daily_fen FROM fund.payable WHERE order_no = %(o)s", o=taken.order_no
        )
        with pytest.raises(LedgerError) as twice:
            world.draft(
                [world.order(taken.institution, [PayableDraft(s, "pool", fen) for s, fen in records])]
            )
        assert twice.value.code.startswith("payable."), twice.value.code
        with pytest.raises(LedgerError), world.tx("maker") as tx:
            tx.run("UPDATE fund.payable SET order_no = '' WHERE order_no = %(o)s", o=taken.order_no)
    bank.channel.breaks = {}
    [again] = sending(world, bank)
    assert again.outcome == "sent"
    assert world.states() == {"sent": 3}
    assert len(bank.channel.delivered) <= 1


def test_other_bytes_under_our_name_are_left_to_a_person(world: Any, bank: Any, batch: Any) -> None:
    [made] = filing(world, bank, batch).files
    (bank.root / "inbox" / made.name).write_bytes(b"other")
    [result] = sending(world, bank)
    assert (result.outcome, result.code) == ("filed", "bank.name_taken")


@pytest.mark.slow
def test_a_city_s_day_is_filed_in_time(world: Any, bank: Any) -> None:
    world.allot(10**9)
    batch = world.approved(*range(1000, 1600))
    started = time.perf_counter()
    filing(world, bank, batch)
    took = time.perf_counter() - started
    assert world.states() == {"filed": 600}
    assert took < 5, f"{took:.2f} s for 600 orders"
