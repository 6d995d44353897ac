"""An honest bank: pays once, answers, keeps books."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from adapters.banks.ports import BankAccount, BankState, Direction
from adapters.banks.simulator.bank import Terms
from adapters.banks.simulator.papers import ReceiptForm
from ledger.core.errors import Conflict, NotFound

PAYER = "42010000000000000010"
OPENING_FEN = 1_000_000_00


def test_pays_reports_and_proves(world: Callable[..., Any], make_order: Callable[..., Any]) -> None:
    bank = world()
    bank.drop([make_order(1), make_order(2)])
    first = bank.step()
    assert (first.debited, first.returned, len(first.sent)) == (2, 0, 1)
    assert [(s.order_no, s.state, bool(s.bank_reference)) for s in bank.statuses()] == [
        ("", BankState.SETTLED, False),
        ("FL20261102-000001", BankState.SETTLED, True),
        ("FL20261102-000002", BankState.SETTLED, True),
    ]
    assert bank.evidence() == []

    second = bank.step(1)
    assert [name.endswith(".ofd") for name in second.sent] == [True, True]
    assert all(bank.whole(name) for name in bank.files)
    papers = bank.evidence()
    assert [(p.order_no, p.amount_fen, p.direction, p.own_account, p.booking_date) for p in papers] == [
        ("FL20261102-000001", 1_000_00, Direction.DEBIT, PAYER, date(2026, 11, 2)),
        ("FL20261102-000002", 2_000_00, Direction.DEBIT, PAYER, date(2026, 11, 2)),
    ]
    assert [p.other_name for p in papers] == ["第1人民医院", "第2人民医院"]
    assert bank.bank.books.balance(PAYER) == OPENING_FEN - 3_000_00
    assert {p.bank_reference for p in papers} == {
        o.serial for o in bank.bank.books.paid_orders(PAYER).values()
    }
    assert bank.step(2).sent == []


def test_all_forms_carry_the_same_serial(world: Callable[..., Any], make_order: Callable[..., Any]) -> None:
    bank = world(terms=Terms(forms=tuple(ReceiptForm), receipt_days=0))
    bank.drop([make_order(1), make_order(2)])
    sent = bank.step().sent
    assert sorted(name.split("-", 2)[2].split("_")[0] for name in sent) == ["bker"] * 4 + [
        "camt054",
        "pain002",
    ]
    papers = bank.evidence()
    assert sorted(p.kind for p in papers) == ["bker"] * 4 + ["camt.054"] * 2
    assert len({p.bank_reference for p in papers}) == 2
    assert {p.order_no for p in papers} == {"FL20261102-000001", "FL20261102-000002"}


def test_same_file_again_pays_once(world: Callable[..., Any], make_order: Callable[..., Any]) -> None:
    bank = world()
    bank.drop([make_order(1)])
    bank.step()
    before = bank.bank.books.statement(PAYER)
    bank.drop([make_order(1)])
    again = bank.step()
    assert (again.debited, len(again.sent)) == (0, 1)
    bank.drop([make_order(1)], name="renamed.xml")
    bank.step()
    assert bank.bank.books.statement(PAYER) == before
    references = {s.bank_reference for s in bank.statuses() if s.order_no}
    assert len(bank.statuses()) == 6
    assert references == {before[-1].movement.serial}
    assert list((bank.folder / "inbox").iterdir()) == []


def test_same_message_id_with_other_content(
    world: Callable[..., Any], make_order: Callable[..., Any]
) -> None:
    bank = world()
    bank.drop([make_order(1)])
    bank.step()
    bank.drop([make_order(2)], name="other.xml")
    report = bank.step()
    assert (report.taken, report.debited, report.sent) == ([], 0, [])
    assert bank.bank.refusals() == [("other.xml", "DU01")]
    assert set(bank.bank.books.paid_orders(PAYER)) == {"FL20261102-000001"}


@pytest.mark.fault(40)
def test_same_order_in_another_message(world: Callable[..., Any], make_order: Callable[..., Any]) -> None:
    bank = world()
    bank.drop([make_order(1), make_order(2)])
    bank.step()
    bank.drop([make_order(1), make_order(2, 5_00), make_order(3)], "FLM20261102-0002")
    assert bank.step().debited == 1
    last = [s for s in bank.statuses() if s.message_id == "FLM20261102-0002" and s.order_no]
    assert [(s.order_no[-1], s.state, s.reason_code) for s in last] == [
        ("1", BankState.SETTLED, ""),
        ("2", BankState.REJECTED, "DU04"),
        ("3", BankState.SETTLED, ""),
    ]
    assert bank.bank.books.balance(PAYER) == OPENING_FEN - 6_000_00


def test_not_enough_balance(world: Callable[..., Any], make_order: Callable[..., Any]) -> None:
    bank = world()
    bank.drop([make_order(1, OPENING_FEN - 5), make_order(2, 6), make_order(3, 5)])
    assert bank.step().debited == 2
    assert [(s.state, s.reason_code) for s in bank.statuses() if s.order_no] == [
        (BankState.SETTLED, ""),
        (BankState.REJECTED, "AM04"),
        (BankState.SETTLED, ""),
    ]
    assert bank.bank.books.balance(PAYER) == 0


@pytest.mark.parametrize(
    ("control", "code"), [({"count": 3}, "AM18"), ({"total_fen": 3_000_01}, "AM10")], ids=["count", "total"]
)
def test_wrong_control_totals(
    world: Callable[..., Any], make_order: Callable[..., Any], control: dict[str, int], code: str
) -> None:
    bank = world()
    bank.drop([make_order(1), make_order(2)], **control)
    assert bank.step().debited == 0
    assert [(s.order_no, s.state, s.reason_code) for s in bank.statuses()] == [("", BankState.REJECTED, code)]
    assert bank.bank.books.balance(PAYER) == OPENING_FEN


def test_unknown_paying_account(world: Callable[..., Any], make_order: Callable[..., Any]) -> None:
    bank = world()
    stranger = BankAccount("某单位", "42010000000000000099", "江城银行营业部", "103100000026")
    bank.drop([make_order(1)], payer=stranger)
    bank.step()
    assert [s.reason_code for s in bank.statuses()] == ["AC02"]


@pytest.mark.parametrize("damage", ["cut", "changed", "no_xml", "bad_control"])
def test_damaged_file_leaves_the_name_free(
    world: Callable[..., Any], make_order: Callable[..., Any], damage: str
) -> None:
    bank = world()
    file = bank.drop([make_order(1)])
    target = bank.folder / "inbox" / file.name
    match damage:
        case "cut":
            target.write_bytes(file.content[:-20])
        case "changed":
            target.write_bytes(file.content.replace(b"1000.00", b"9000.00"))
        case "no_xml":
            target.write_bytes(b"?" * len(file.content))
        case "bad_control":
            (bank.folder / "inbox" / (file.name + ".ctl")).write_bytes(b"name=x\n")
    assert bank.step().taken == []
    assert [name for name, _ in bank.bank.refusals()] == [file.name]
    assert not target.exists()
    assert not (bank.folder / "archive" / file.name).exists()
    bank.drop([make_order(1)])
    assert bank.step().debited == 1


def test_file_without_control_file_waits(world: Callable[..., Any], make_order: Callable[..., Any]) -> None:
    bank = world()
    file = bank.drop([make_order(1)])
    control = bank.folder / "inbox" / (file.name + ".ctl")
    content = control.read_bytes()
    control.unlink()
    assert bank.step().taken == []
    control.write_bytes(content)
    assert bank.step().taken == [file.name]
    assert sorted(path.name for path in (bank.folder / "archive").iterdir()) == [
        file.name,
        file.name + ".ctl",
    ]


def test_future_execution_date(world: Callable[..., Any], make_order: Callable[..., Any]) -> None:
    bank = world()
    bank.drop([make_order(1)], day=date(2026, 11, 4))
    assert bank.step().debited == 0
    assert {s.state for s in bank.statuses()} == {BankState.ACCEPTED}
    assert bank.step(1).debited == 0
    assert bank.step(2).debited == 1
    assert bank.statuses()[-1].state is BankState.SETTLED
    assert bank.bank.books.paid_orders(PAYER)["FL20261102-000001"].day == date(2026, 11, 4)


def test_books_refuse_a_second_debit_and_a_second_return(
    world: Callable[..., Any], make_order: Callable[..., Any]
) -> None:
    books = world().bank.books
    with books.transaction():
        serial = books.pay(PAYER, make_order(1), date(2026, 11, 2))
        returned = books.give_back(serial, date(2026, 11, 4))
    with pytest.raises(Conflict) as refusal, books.transaction():
        books.pay(PAYER, make_order(1), date(2026, 11, 3))
    assert refusal.value.code == "simbank.already_debited"
    with pytest.raises(Conflict) as refusal, books.transaction():
        books.give_back(serial, date(2026, 11, 5))
    assert refusal.value.code == "simbank.already_returned"
    assert books.paid_orders(PAYER)["FL20261102-000001"].returned_by == returned
    assert [line.balance_fen for line in books.statement(PAYER)] == [
        OPENING_FEN,
        OPENING_FEN - 1_000_00,
        OPENING_FEN,
    ]
    with pytest.raises(NotFound):
        books.movement("nothing")


def test_check_sees_unbalanced_books(world: Callable[..., Any]) -> None:
    books = world().bank.books
    books.connection.execute("INSERT INTO posting VALUES (99, ?, 5)", (PAYER,))
    with pytest.raises(Conflict) as refusal:
        books.check()
    assert refusal.value.code == "simbank.books"
    assert refusal.value.details["where"] == [99, PAYER]
    books.connection.execute("DROP TRIGGER posting_stays")
    books.connection.execute("DELETE FROM posting WHERE movement = 99")


def test_booked_postings_cannot_be_changed(world: Callable[..., Any]) -> None:
    books = world().bank.books
    for statement in ("UPDATE posting SET amount_fen = 1", "DELETE FROM posting"):
        with pytest.raises(Exception, match="booked is booked"):
            books.connection.execute(statement)
