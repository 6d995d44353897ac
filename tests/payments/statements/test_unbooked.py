"""`verify` holds the bank's statements against the papers taken in: what moved for an order of ours and no paper told is named."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ledger.control.breach import Breach
from ledger.control.checks.payments.unbooked import check_unbooked
from ledger.control.snapshot import open_snapshot
from ledger.payments.out.files import file
from ledger.payments.out.send import send
from ledger.payments.statements.sheet import make, review
from tests.payments.conftest import MOMENT, OWN, PAY_DATE, REGION, TestBank, World, moved
from tests.payments.statements.conftest import AFTER, Bank, Books, line


def d(day: int) -> date:
    return date(2026, 10, day)


@pytest.fixture
def wire(tmp_path: Path) -> TestBank:
    return TestBank(tmp_path)


def found(database: Any) -> tuple[list[Breach], dict[str, int]]:
    with open_snapshot(database.auditor_engine, database.settings.home, []) as snapshot:
        return list(check_unbooked(snapshot)), snapshot.waiting


def test_what_the_bank_shows_of_an_order_and_no_paper_told_is_named(
    world: World, bank: Bank, books: Books, wire: TestBank, database: Any
) -> None:
    """A return whose paper never came in; once the statements have passed it by five days, until two persons know or it is booked."""
    world.allot(300)
    batch = world.approved(100, 200)
    file(world.engine, "maker", REGION, batch.batch_id, wire.of, MOMENT)
    send(world.engine, "cashier", REGION, wire.of, PAY_DATE)
    first, second = world.orders(batch.order_nos)
    bank.load(
        bank.statement(
            d(13),
            d(19),
            line("A1", 300, d(13)),
            line("X1", -100, d(13), order_no=first.order_no),
            line("X3", -200, d(13), order_no=second.order_no),  # which its own paper numbers otherwise
            line("X2", 100, d(15), order_no=first.order_no),
        )
    )
    assert [(one.entry, one.code) for one in found(database)[0]] == [
        (f"order {no}", "order.unbooked") for no in batch.order_nos
    ]
    wire.put(wire.note(moved("X1", first), moved("Q3", second)))
    assert world.receive(wire).events["pay"] == 2
    assert found(database) == ([], {})
    bank.load(bank.statement(d(20), d(20)))
    [one] = found(database)[0]
    assert (one.promise, one.book, one.entry) == ("INV-09", "420100-310", f"order {first.order_no}")
    assert "第1:4行显示银行已于2026-10-15退回1.00元" in one.message
    bank.load(bank.statement(d(21), d(31)))
    books.match()
    with world.tx() as tx:
        sheet = make(tx, OWN, 202610, AFTER)
    assert len(found(database)[0]) == 1  # nobody has looked at it yet
    with world.tx("checker") as tx:
        review(tx, OWN, 202610, sheet.digest, AFTER)
    breaches, waiting = found(database)
    assert (breaches, list(waiting.values())) == ([], [1])
    wire.put(wire.note(moved("X2", first, credit_=True, day=d(15))))
    assert world.receive(wire, AFTER).events["return"] == 1
    assert (world.state(first.order_no), found(database)) == ("returned", ([], {}))


def test_the_second_debit_of_an_order_is_named_though_the_first_is_booked(
    world: World, bank: Bank, wire: TestBank, database: Any
) -> None:
    world.allot(300)
    batch = world.approved(100)
    file(world.engine, "maker", REGION, batch.batch_id, wire.of, MOMENT)
    send(world.engine, "cashier", REGION, wire.of, PAY_DATE)
    [order] = world.orders(batch.order_nos)
    wire.put(wire.note(moved("X1", order)))
    assert world.receive(wire).events["pay"] == 1
    twice = [line(serial, -100, d(13), order_no=order.order_no) for serial in ("X1", "X9")]
    bank.load(bank.statement(d(13), d(31), line("A1", 300, d(13)), *twice))
    [one] = found(database)[0]
    assert "第1:3行" in one.message
    wire.put(wire.note(moved("X9", order)))
    assert world.receive(wire).outcomes == {"suspense": 1}  # told: it hangs there with an alarm of its own
    assert found(database)[0] == []
