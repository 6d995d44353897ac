"""Files that banks send, and what must come of them: a folder a case, with its orders, its polls and what is expected.

In the files `{{O1}}` is an order's number, `{{A1}}` its yuan, `{{P1}}` and `{{N1}}` its payee's account and name, `{{M}}` our
message, `{{OWN}}` our account, `{{REP:x:n}}` a letter n times.
"""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from adapters.banks.ports import Direction, Evidence
from ledger.control.verify import verify
from ledger.payments.incoming import receive as receiving
from ledger.payments.incoming.matching import Known, decide

CASES = Path(__file__).with_name("cases")
OWN = "4200000000001"


def fill(text: bytes, orders: Any) -> bytes:
    """A file of a case with these orders in it."""
    words = {"M": orders[0].file_id, "OWN": OWN}
    for number, order in enumerate(orders, 1):
        words |= {
            f"O{number}": order.order_no,
            f"A{number}": f"{order.amount_fen // 100}.{order.amount_fen % 100:02d}",
            f"P{number}": order.payee.number,
            f"N{number}": order.payee.name,
        }
    for name, value in words.items():
        text = text.replace(b"{{%s}}" % name.encode(), value.encode())
    return re.sub(rb"\{\{REP:(\w+):(\d+)\}\}", lambda found: found[1] * int(found[2]), text)


@pytest.mark.parametrize("folder", sorted(path.name for path in CASES.iterdir()))
def test_what_a_bank_sends(folder: str, world: Any, bank: Any, sent: Any) -> None:
    case = json.loads((CASES / folder / "case.json").read_text(encoding="utf-8"))
    orders = sent(*case["orders"])
    problems: list[str] = []
    failures: list[Any] = []
    for number, names in enumerate(case["steps"]):
        for item in names:
            name, as_ = (item, f"{number}-{item}") if isinstance(item, str) else item
            bank.put(fill((CASES / folder / name).read_bytes(), orders), as_)
        done = world.receive(bank)
        problems += [problem.code for problem in done.problems]
        failures += [list(failure) for failure in done.failures]
    found = {
        "states": [world.state(order.order_no) for order in orders],
        "problems": sorted(problems),
        "failures": failures,
        "evidence": [
            list(row)
            for row in world.rows(
                "SELECT outcome, outcome_code, direction, amount_fen FROM payments.evidence ORDER BY 1, 2, 3, 4"
            )
        ],
        "failed_payees": world.value("SELECT count(*) FROM fund.payee_account WHERE state = 'failed'"),
    }
    assert {name: found[name] for name in case["expect"]} == case["expect"]


def test_a_refusal_as_a_duplicate_lets_nothing_be_paid_again(world: Any, bank: Any, sent: Any) -> None:
    """One payable of 100.00 was paid twice: the bank refused the second copy of a file and had paid the first."""
    [order] = sent(10000)
    for name in ("a.xml", "b.xml"):
        bank.put(fill((CASES / "L01-duplicate-reason-is-second" / name).read_bytes(), [order]))
        world.receive(bank)
    assert world.state(order.order_no) == "accepted"
    assert world.value("SELECT count(*) FROM fund.payable WHERE order_no = %(no)s", no=order.order_no) == 1
    bank.put(bank.receipt("R1", order.payee, 10000, "S1", order.order_no))
    world.receive(bank)
    assert world.state(order.order_no) == "paid"


def test_what_a_bank_said_is_kept_word_by_word(world: Any, bank: Any, sent: Any) -> None:
    [order] = sent(10000)
    for name in ("a.xml", "b.xml"):
        bank.put(fill((CASES / "L06-settled-then-rejected" / name).read_bytes(), [order]))
        world.receive(bank)
    assert world.rows("SELECT n, state, code, reasons, effect FROM payments.bank_word ORDER BY n") == [
        (1, "settled", "ACSC", "", "accept"),
        (2, "rejected", "RJCT", "AC04", "status.reject_after_settled"),
    ]


def test_the_database_holds_what_the_bank_said(world: Any, bank: Any, sent: Any) -> None:
    """Past the program too: no refusal frees an order of which the bank said that it was debited."""
    [order] = sent(10000)
    bank.put(fill((CASES / "L06-settled-then-rejected" / "a.xml").read_bytes(), [order]))
    world.receive(bank)
    with pytest.raises(Exception, match="settled_said"), world.tx("acc") as tx:
        tx.run("UPDATE payments.pay_order SET state = 'rejected' WHERE order_no = %(no)s", no=order.order_no)
    with pytest.raises(Exception, match="permission"), world.tx("acc") as tx:
        tx.run("DELETE FROM payments.bank_word")


def test_a_release_against_the_bank_s_word_is_named(world: Any, bank: Any, sent: Any, database: Any) -> None:
    """Whoever frees such an order with the guards off, verify says so."""
    [order] = sent(10000)
    for name in ("a.xml", "b.xml"):
        bank.put(fill((CASES / "L06-settled-then-rejected" / name).read_bytes(), [order]))
        world.receive(bank)
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE payments.pay_order SET state = 'rejected'")
        admin.execute("UPDATE payments.bank_word SET effect = 'reject' WHERE n = 2")
    found = verify(database.auditor_engine, database.settings.home)
    assert any(b.promise == "INV-10" and "扣款成功" in b.message for b in found)


@pytest.mark.parametrize("refused_first", [True, False])
def test_debited_and_refused_in_one_poll_frees_nothing(
    world: Any, bank: Any, sent: Any, refused_first: bool
) -> None:
    """Two files of one poll contradict each other: whichever is read first, a person asks the bank."""
    [order] = sent(10000)
    for place, name in enumerate(("b.xml", "a.xml") if refused_first else ("a.xml", "b.xml")):
        bank.put(fill((CASES / "L06-settled-then-rejected" / name).read_bytes(), [order]), f"{place}-{name}")
    done = world.receive(bank)
    assert (world.state(order.order_no), done.failures) == ("accepted", [])
    assert [problem.code for problem in done.problems] == ["status.reject_after_settled"]


def test_debited_of_another_file_then_refused_asks_a_person(world: Any, bank: Any, sent: Any) -> None:
    """The word about a file we gave up counts too: the file is read, and nothing is freed."""
    [order] = sent(10000)
    other = fill((CASES / "L06-settled-then-rejected" / "a.xml").read_bytes(), [order])
    bank.put(other.replace(order.file_id.encode(), b"D-GIVEN-UP"), "1.xml")
    bank.put(fill((CASES / "L06-settled-then-rejected" / "b.xml").read_bytes(), [order]), "2.xml")
    done = world.receive(bank)
    assert (world.state(order.order_no), done.failures) == ("sent", [])
    assert {problem.code for problem in done.problems} == {"status.other_file", "status.reject_after_settled"}


def test_a_receipt_of_the_payout_day_posts_though_the_sending_was_told_later(
    world: Any, bank: Any, sent: Any
) -> None:
    """A sender that died is told as sent when the bank answers: the receipt is of the day before."""
    [order] = sent(10000)
    late = replace(order, sent_on=order.pay_date + timedelta(days=1))
    paper = Evidence(
        "bker",
        "R1",
        Direction.DEBIT,
        order.pay_date,
        10000,
        OWN,
        order.payee.number,
        "",
        order.order_no,
        "S1",
    )
    known = Known({order.order_no: late}, {order.order_no: "sent"}, {}, {}, {"sent"}, today=late.sent_on)
    assert decide(paper, known).outcome == "posted"
    early = replace(paper, booking_date=order.pay_date - timedelta(days=1))
    known = Known({order.order_no: late}, {order.order_no: "sent"}, {}, {}, {"sent"}, today=late.sent_on)
    assert decide(early, known).code == "booked_before_sent"


def test_the_machine_s_trouble_is_no_file_s(
    world: Any, bank: Any, sent: Any, movement: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Out of memory in the middle: nothing is set aside for good, the next poll takes it."""
    [order] = sent(10000)
    bank.put(bank.note(movement("S1", order)))
    with monkeypatch.context() as poor:
        poor.setattr("ledger.payments.incoming.receive.book_papers", _no_memory)
        with pytest.raises(MemoryError):
            world.receive(bank)
    assert world.value("SELECT count(*) FROM payments.inbound_file") == 0
    world.receive(bank)
    assert world.state(order.order_no) == "paid"


def _no_memory(*_: object) -> None:
    raise MemoryError


def test_an_error_nobody_foresaw_is_that_file_s(
    world: Any, bank: Any, sent: Any, movement: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = sent(10000, 20000)
    bank.put(bank.note(movement("S1", bad)), "0-bad.xml")
    bank.put(bank.note(movement("S2", good)), "1-good.xml")
    book = receiving.book_papers

    def stumble(round_: Any, waiting: Any, papers: Any, references: Any) -> None:
        if any(paper.evidence.bank_reference == "S1" for paper in papers):
            raise RuntimeError("nobody foresaw this")
        book(round_, waiting, papers, references)

    monkeypatch.setattr(receiving, "book_papers", stumble)
    done = world.receive(bank)
    assert (done.quarantined, [world.state(o.order_no) for o in (good, bad)]) == (1, ["paid", "sent"])
    [(code, message)] = world.rows(
        "SELECT code, message FROM payments.inbound_file WHERE outcome = 'quarantined'"
    )
    assert (code, "RuntimeError" in message) == ("file.unforeseen", True)
