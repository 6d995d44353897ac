"""Limits on money: per approver and payee on a day, an account that changed lately, the first payment to one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.banks.ports import BankAccount
from ledger.control.checks.payments.limits import check_limits
from ledger.control.snapshot import Snapshot
from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError
from ledger.fund.institutions.callbacks import Callback, record_callback
from ledger.fund.institutions.payees import payees
from ledger.fund.region.choices import confirm_choices, propose_choice, read_choices
from ledger.payments.orders.approve import approve

DAY = date(2026, 10, 13)
REGION = 420100


def choose(world: Any, key: str, value: str, since: date = DAY) -> None:
    with world.tx("maker") as tx:
        propose_choice(tx, key, value, since, "鄂医保办〔2026〕9号", DAY)
    with world.tx("checker") as tx:
        confirm_choices(tx, read_choices(tx).digest, DAY)


def approving(world: Any, batch: Any, user: str = "checker", day: date = DAY) -> None:
    approve(world.engine, user, REGION, batch.batch_id, batch.digest, day)


@contextmanager
def refusal(kind: type[LedgerError], code: str) -> Iterator[None]:
    with pytest.raises(kind) as refused:
        yield
    assert refused.value.code == code


@contextmanager
def behind_the_guards(world: Any) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(world.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        yield admin


def found(world: Any) -> list[str]:
    with psycopg.connect(world.admin_url) as admin:
        return [breach.entry for breach in check_limits(Snapshot(admin, (), Path()))]


@pytest.mark.fault(63)
def test_twice_50_000_is_100_000(world: Any) -> None:
    """An approver's limit is the day's, whichever batches it is made of; who is named has his own; the next day begins anew."""
    world.allot(100_000_00)
    choose(world, "approver_day_limit", "80000,same.person=200000")
    first, second, third = world.batch(50_000_00), world.batch(50_000_00), world.batch(100)
    approving(world, first)
    with refusal(Forbidden, "batch.approver_limit"):
        approving(world, second)
    with refusal(Forbidden, "access.role_missing"), world.tx("maker2") as tx:
        tx.run(
            "SELECT payments.approve(420100, %(b)s, %(d)s, %(on)s)",
            b=second.batch_id,
            d=second.digest,
            on=DAY,
        )
    assert world.states() == {"approved": 1, "draft": 2}
    approving(world, second, day=DAY + timedelta(days=1))
    for day in (DAY, DAY + timedelta(days=400)):  # not by naming a day gone by, nor one far off
        with refusal(Conflict, "batch.approval_day"):
            approving(world, third, day=day)
    assert found(world) == []
    with behind_the_guards(world) as admin:
        admin.execute("UPDATE payments.approval SET approved_on = %s", [DAY])
    assert found(world) == [f"approver checker {DAY}"]


def test_who_is_named_in_the_choice_has_a_limit_of_his_own(world: Any) -> None:
    world.allot(100_000_00)
    choose(world, "approver_day_limit", "100,same.person=none")
    made = world.batch(100_01)
    with refusal(Forbidden, "batch.approver_limit"):
        approving(world, made)
    with refusal(Forbidden, "batch.same_person"):
        approving(world, made, "same.person")
    codes = world.institutions(1)
    other = world.draft([world.order(codes[0], world.payables(codes[0], [200_00]))], "maker2")
    approving(world, other, "same.person")
    assert found(world) == []


@pytest.mark.fault(63)
def test_a_payee_s_limit_is_not_split(world: Any) -> None:
    """Two orders below it, in two batches, come to more than a day may bring one payee, whichever account it has."""
    world.allot(1_000_00)
    choose(world, "payee_day_limit", "100")
    [code] = world.institutions(1)
    first = world.draft([world.order(code, world.payables(code, [60_00]))])
    second = world.draft([world.order(code, world.payables(code, [40_01]))])
    approving(world, first)
    with refusal(Conflict, "batch.payee_limit"):
        approving(world, second)
    approving(world, world.draft([world.order(code, world.payables(code, [40_00]))]))
    assert found(world) == []
    with behind_the_guards(world) as admin:
        admin.execute("UPDATE fund.region_policy SET value = '99' WHERE key = 'payee_day_limit'")
    assert found(world) == [f"payee {world.known[code].number} {DAY}", f"payee {code} {DAY}"]
    with behind_the_guards(world) as admin:  # whichever account it has
        admin.execute(
            "UPDATE payments.pay_order SET payee_number = '1', payee_token = '' WHERE batch_id = %s",
            [first.batch_id],
        )
    # and the order is to an account nobody agreed on
    assert sorted(found(world)) == [f"order {first.order_nos[0]}", f"payee {code} {DAY}"]


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "100,checker", "100,=5", "many", "none,checker=0"])
def test_what_is_no_limit_is_refused(world: Any, value: str) -> None:
    with refusal(InvalidInput, "policy.value"), world.tx("maker") as tx:
        propose_choice(tx, "approver_day_limit", value, DAY, "某文", DAY)


def test_a_limit_does_not_reach_back_to_what_was_approved(world: Any) -> None:
    """Lowered after an approval it begins the day after; what was approved stays approved and is no breach."""
    world.allot(1_000_00)
    approving(world, world.batch(100_00))
    for since in (DAY, DAY - timedelta(days=30)):
        with refusal(Conflict, "policy.past"), world.tx("maker") as tx:
            propose_choice(tx, "approver_day_limit", "1", since, "某文", DAY)
    choose(world, "approver_day_limit", "1", DAY + timedelta(days=1))
    approving(world, world.batch(100_00))
    with refusal(Forbidden, "batch.approver_limit"):
        approving(world, world.batch(100_00), day=DAY + timedelta(days=1))
    assert found(world) == []


def changed(world: Any) -> Any:
    """A drafted batch to an institution whose account two persons changed on the day."""
    [code] = world.institutions(1)
    world.other_payee(code)
    known = world.known[code]
    world.known[code] = BankAccount(known.name, "6222999999", known.bank_name, known.cnaps)
    return world.draft([world.order(code, world.payables(code, [100]))])


def call(world: Any, code: str, user: str = "acc", **other: Any) -> int:
    said = {"number": "027-8888 0001", "spoke_with": "财务科王会计", "called_on": DAY, "called_at": "09:30"}
    with world.tx(user) as tx:
        return record_callback(tx, code, Callback(**(said | other)), DAY)


@pytest.mark.fault(64)
def test_a_changed_account_waits_or_is_called_back(world: Any) -> None:
    world.allot(1_000)
    choose(world, "payee_hold_days", "3")
    batch = changed(world)
    [code] = world.known
    with world.tx() as tx:
        assert "2026-10-16起拨付" in payees(tx, [code], DAY)[code].held
        assert payees(tx, [code], date(2026, 10, 16))[code].held == ""
    with refusal(Conflict, "batch.payee_held"):
        approving(world, batch)
    assert call(world, code) == 2
    with refusal(Conflict, "callback.known"):
        call(world, code)
    approving(world, batch)
    assert found(world) == []
    with behind_the_guards(world) as admin:
        admin.execute("UPDATE fund.payee_callback SET called_by = 'maker'")
    assert found(world) == [f"callback {code}"]
    with behind_the_guards(world) as admin:
        admin.execute("DELETE FROM fund.payee_callback")
    assert found(world) == [f"order {batch.order_nos[0]}"]


def test_a_change_of_account_is_not_dated_back_to_shorten_its_hold(world: Any) -> None:
    """The hold counts from the day of the second person, and that day is the caller's to name: none that has gone by."""
    world.allot(1_000)
    approving(world, world.batch(100))
    choose(world, "payee_hold_days", "3", DAY + timedelta(days=1))
    approving(world, world.batch(100), day=DAY + timedelta(days=1))
    with refusal(Conflict, "payee.day"):
        changed(world)


BAD_CALLS: list[tuple[str, dict[str, Any], type[LedgerError], str]] = [
    ("maker", {}, Forbidden, "callback.same_person"),
    ("same.person", {}, Forbidden, "callback.same_person"),
    ("checker", {}, Forbidden, "callback.same_person"),
    ("sys", {}, Forbidden, "access.role_missing"),
    ("acc", {"number": "none"}, InvalidInput, "callback.number"),
    ("acc", {"spoke_with": " "}, InvalidInput, "callback.spoke_with"),
    ("acc", {"called_at": "25:00"}, InvalidInput, "callback.time"),
    ("acc", {"called_on": date(2026, 10, 14)}, InvalidInput, "callback.day"),
    ("acc", {"called_on": date(2026, 10, 12)}, InvalidInput, "callback.day"),
]


def test_a_call_that_proves_nothing_is_refused(world: Any) -> None:
    world.allot(1_000)
    changed(world)
    [code] = world.known
    for user, other, kind, expected in BAD_CALLS:
        with refusal(kind, expected):
            call(world, code, user, **other)
    with pytest.raises((psycopg.Error, LedgerError)), world.tx() as tx:
        tx.run(
            "INSERT INTO fund.payee_callback VALUES (420100, %(c)s, 2, '027888', 'x', %(d)s, '09:00', 'acc', %(d)s)",
            c=code,
            d=DAY,
        )


def test_the_first_payment_to_an_account_is_in_what_is_approved(world: Any) -> None:
    world.allot(1_000)
    batch = world.batch(100)
    assert batch.first_payments == batch.order_nos
    with pytest.raises((psycopg.Error, LedgerError)), world.tx() as tx:
        tx.run("UPDATE payments.pay_order SET first_payment = false")
    with behind_the_guards(world) as admin:
        admin.execute("UPDATE payments.pay_order SET first_payment = false")
    assert found(world) == [f"order {batch.order_nos[0]}"]
    with refusal(Conflict, "batch.changed"):
        approving(world, batch)


def test_a_paid_account_is_no_first_one_again(world: Any) -> None:
    world.allot(1_000)
    [code] = world.institutions(1)
    first = world.draft([world.order(code, world.payables(code, [100]))])
    with behind_the_guards(world) as admin:
        admin.execute("UPDATE payments.pay_order SET state = 'paid'")
        admin.execute(
            "INSERT INTO payments.order_event (region, order_no, n, event, from_state, to_state, user_name, business_date, reason,"
            " evidence) VALUES (420100, %s, 2, 'pay', 'sent', 'paid', 'acc', %s, '', '')", [first.order_nos[0], DAY],
        )  # fmt: skip
    second = world.draft([world.order(code, world.payables(code, [100]))])
    assert second.first_payments == ()
    assert found(world) == []


@pytest.mark.parametrize("kind", ["daily", "month"])
def test_a_file_with_what_must_not_leave_does_not_set_out(world: Any, kind: str) -> None:
    """Past the program too: the institution was suspended between the file and its sending. Whatever the batch calls itself."""
    world.allot(1_000)
    batch = world.approved(100)
    with behind_the_guards(world) as admin:
        admin.execute(
            "INSERT INTO payments.bank_file (region, file_id, batch_id, account, name, created_at, content, sha256, sm3, orders,"
            " total_fen, state) VALUES (420100, 'F-1', %s, '4200000000001', 'f.xml', now(), 'x', sha256('x'), 'x', 1, 100, 'filed')",
            [batch.batch_id],
        )
        admin.execute("UPDATE payments.pay_order SET state = 'filed', file_id = 'F-1'")
        admin.execute("UPDATE payments.batch SET kind = %s", [kind])
        admin.execute("UPDATE fund.institution SET agreement_state = 'suspended'")
    with refusal(Conflict, "file.stale"), world.tx("cashier") as tx:
        tx.run("UPDATE payments.bank_file SET state = 'sending' WHERE file_id = 'F-1'")
