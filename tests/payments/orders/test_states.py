"""The transition table: every step it allows, every step it refuses, whoever tries."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from ledger.core.errors import Conflict, Forbidden, LedgerError, NotFound
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.payments.incoming.words import said_in
from ledger.payments.orders.entries import Receipt
from ledger.payments.orders.states import OrderStep, move, transitions

DAY = date(2026, 10, 13)
STATES = [
    "draft",
    "approved",
    "filed",
    "sent",
    "unknown",
    "accepted",
    "paid",
    "rejected",
    "returned",
    "cancelled",
]


def force(world: Any, order_no: str, state: str) -> None:
    """Put an order into a state behind the guards' back, its last event with it."""
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE payments.pay_order SET state = %s WHERE order_no = %s", (state, order_no))
        admin.execute(
            "UPDATE payments.order_event e SET to_state = %s WHERE order_no = %s"
            " AND n = (SELECT max(n) FROM payments.order_event l WHERE l.order_no = e.order_no)",
            (state, order_no),
        )


def hear(tx: Any, order_no: str, state: str, effect: str) -> str:
    """A word of the bank out of a file that came in; how an event names it."""
    content = f"{order_no} {state}".encode()
    digest = sha256(content).digest()
    account = tx.value("SELECT account FROM payments.pay_order WHERE order_no = %(o)s", o=order_no)
    tx.run(
        "INSERT INTO payments.inbound_file VALUES (420100, %(a)s, %(d)s, 's.xml', %(c)s, 'pain.002', 'read', '', '', %(on)s)",
        a=account,
        d=digest,
        c=fields(tx).seal_bytes(content, place("payments.inbound_file.content", 420100, account, digest)),
        on=DAY,
    )
    tx.run(
        "INSERT INTO payments.bank_word (region, order_no, n, file_sha256, message_id, state, code, reasons, effect, said_on)"
        " VALUES (420100, %(o)s, 1, %(d)s, '', %(s)s, 'X', '', %(e)s, %(on)s)",
        o=order_no,
        d=digest,
        s=state,
        e=effect,
        on=DAY,
    )
    return said_in(digest)


def test_the_database_refuses_every_step_that_is_not_in_the_table(world: Any) -> None:
    batch = world.batch(*range(100, 110))
    for order_no, state in zip(batch.order_nos, STATES, strict=True):
        force(world, order_no, state)
    allowed = set(world.rows("SELECT from_state, to_state FROM payments.transition"))
    refused = {}
    for order_no, state in zip(batch.order_nos, STATES, strict=True):
        for target in STATES:
            if target == state:
                continue
            try:
                with world.tx() as tx:
                    tx.run(
                        "UPDATE payments.pay_order SET state = %(t)s WHERE order_no = %(o)s",
                        t=target,
                        o=order_no,
                    )
                    raise LookupError  # not kept: the next attempt starts from the same state
            except LedgerError as error:
                refused[state, target] = error.code
            except LookupError:
                pass
    assert {pair for pair, code in refused.items() if code == "order.state"} == {
        (a, b) for a in STATES for b in STATES if a != b
    } - allowed
    assert refused["draft", "approved"] == "order.not_approved"
    assert (
        refused["sent", "paid"]
        == refused["unknown", "paid"]
        == refused["paid", "returned"]
        == "order.no_evidence"
    )
    assert {refused[state, "rejected"] for state in ("sent", "unknown", "accepted")} == {"order.no_word"}
    assert {refused[state, "accepted"] for state in ("sent", "unknown")} == {"order.no_word"}
    assert refused["approved", "filed"] == "order.file_state"
    assert {refused["filed", to] for to in ("approved", "cancelled", "sent", "unknown")} == {
        "order.file_state"
    }


@pytest.mark.parametrize("start", ["sent", "unknown", "accepted"])
@pytest.mark.parametrize(
    ("event", "reached", "account"), [("accept", "accepted", 9104), ("reject", "rejected", 9101)]
)
def test_answers_from_every_waiting_state(
    world: Any, start: str, event: str, reached: str, account: int
) -> None:
    world.allot(1000)
    [order_no] = world.approved(100).order_nos
    force(world, order_no, start)
    if (start, event) == ("accepted", "accept"):
        with pytest.raises(Conflict) as refused, world.tx() as tx:
            move(tx, event, [OrderStep(order_no)], DAY)
        assert refused.value.code == "order.state"
        return
    with pytest.raises(Conflict) as silent, world.tx() as tx:
        move(tx, event, [OrderStep(order_no, "why", "ST1")], DAY)
    assert silent.value.code == "order.no_word"
    with pytest.raises(Conflict) as unnamed, world.tx() as tx:
        hear(tx, order_no, reached, event)
        move(tx, event, [OrderStep(order_no, "why", "ST1")], DAY)
    assert unnamed.value.code == "order.no_word"
    with world.tx() as tx:
        said = hear(tx, order_no, reached, event)
        move(tx, event, [OrderStep(order_no, "why", said)], DAY)
    assert world.state(order_no) == reached
    assert world.balances()[account] == -100
    last = world.rows(
        "SELECT n, event, from_state, to_state, user_name, business_date, reason, evidence FROM payments.order_event ORDER BY n DESC"
    )[0]
    assert last == (3, event, start, reached, "acc", DAY, "why", said)


@pytest.mark.parametrize("start", ["sent", "unknown", "accepted"])
def test_paid_needs_its_evidence_from_every_waiting_state(world: Any, start: str) -> None:
    world.allot(1000)
    [order_no] = world.approved(100).order_nos
    force(world, order_no, start)
    receipt = Receipt("bker", "R1", DAY, b"d" * 32)
    with pytest.raises(Conflict) as refused, world.tx() as tx:
        move(tx, "pay", [OrderStep(order_no, receipt=receipt)], DAY)
    assert refused.value.code == "order.no_evidence"
    with world.tx() as tx:
        tx.run(
            "INSERT INTO payments.evidence VALUES (420100, 'A', 'bker', 'R1', '', 'debit', '2026-10-13', 100, '', '', '', 'S',"
            " false, '', '', %(d)s, 'posted', '', %(o)s)",
            d=receipt.digest,
            o=order_no,
        )
        move(tx, "pay", [OrderStep(order_no, evidence=receipt.key, receipt=receipt)], DAY)
    assert world.state(order_no) == "paid"
    assert world.balances()[9201] == -100


def test_nothing_is_half_done(world: Any) -> None:
    world.allot(1000)
    batch = world.approved(100, 200)
    force(world, batch.order_nos[1], "paid")
    blocks = world.value("SELECT block FROM books.head")
    with pytest.raises(Conflict), world.tx() as tx:
        move(tx, "cancel", [OrderStep(order_no) for order_no in batch.order_nos], DAY)
    assert world.state(batch.order_nos[0]) == "approved"
    assert world.value("SELECT block FROM books.head") == blocks
    with pytest.raises(NotFound), world.tx() as tx:
        move(tx, "cancel", [OrderStep("FL-NOBODY-000")], DAY)
    with pytest.raises(Conflict) as twice, world.tx() as tx:
        move(tx, "cancel", [OrderStep(batch.order_nos[0])] * 2, DAY)
    assert twice.value.code == "order.twice"


def test_the_table_is_the_only_place(world: Any) -> None:
    with world.tx() as tx:
        table = transitions(tx)
    assert table.sources("pay") == {"sent", "unknown", "accepted"}
    assert table.releasing == {"cancelled", "rejected", "returned"}
    assert table.next("paid", "return") == ("returned", "RTN")
    assert table.next("paid", "reject") is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE payments.pay_order SET amount_fen = 1",
        "UPDATE payments.pay_order SET payee_number = '6222000'",
        "DELETE FROM payments.pay_order",
        "UPDATE payments.batch SET digest = sha256('')",
        "UPDATE payments.order_event SET reason = 'x'",
        "DELETE FROM payments.order_payable",
        "INSERT INTO payments.approval VALUES (420100, 'B', sha256(''), 'maker', 'checker', '2026-10-13')",
        "UPDATE fund.payable SET order_no = ''",
        "UPDATE fund.payable SET daily_fen = 1",
        "UPDATE payments.transition SET to_state = 'paid'",
    ],
)
def test_the_service_cannot_bend_what_was_drafted(world: Any, statement: Any) -> None:
    world.batch(100)
    with pytest.raises((Forbidden, Conflict)), world.tx() as tx:
        tx.run(statement)


@pytest.mark.fault(59)
def test_an_order_is_born_a_draft(world: Any) -> None:
    world.batch(100)
    with pytest.raises(Conflict) as refused, world.tx() as tx:
        tx.run(
            "INSERT INTO payments.pay_order (region, order_no, fund, batch_id, institution, amount_fen, account, payee_name,"
            " payee_number, payee_bank, payee_cnaps, purpose, state) SELECT region, 'FL420100-X-1', fund, batch_id, institution,"
            " amount_fen, account, payee_name, payee_number, payee_bank, payee_cnaps, purpose, 'paid' FROM payments.pay_order"
        )
    assert refused.value.code == "order.state"


def test_posted_evidence_keeps_its_outcome_and_its_order(
    world: Any, bank: Any, sent: Any, movement: Any
) -> None:
    one, _ = sent(100, 200)
    bank.put(bank.note(movement("S1", one)))
    world.receive(bank)
    for change in ("outcome = 'suspense'", "matched_order = ''", "amount_fen = 1", "digest = ''"):
        with pytest.raises(Forbidden), world.tx() as tx:
            tx.run("UPDATE payments.evidence SET " + change)
