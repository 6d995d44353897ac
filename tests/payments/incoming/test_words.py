"""Nobody speaks for the bank: what moves an order is in the bytes that came in, and verify reads them again."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from ledger.control.verify import verify
from ledger.core.errors import LedgerError
from tests.payments.incoming.test_cases import CASES, fill

REFUSED = (CASES / "L06-settled-then-rejected" / "b.xml", "rejected")
FREE = "UPDATE payments.pay_order SET state = 'rejected' WHERE order_no = %(o)s"
LOGGED = (
    "INSERT INTO payments.order_event (region, order_no, n, event, from_state, to_state, user_name, business_date, reason, evidence)"
    " SELECT 420100, %(o)s, max(n) + 1, 'reject', 'sent', 'rejected', 'acc', '2026-10-13', '', %(e)s FROM payments.order_event"
)
WORD = (
    "INSERT INTO payments.bank_word (region, order_no, n, file_sha256, message_id, state, code, reasons, effect, said_on)"
    " SELECT 420100, order_no, 9, %(f)s, file_id, %(s)s, 'RJCT', '', %(x)s, '2026-10-13' FROM payments.pay_order"
)


def broken(database: Any, *statements: str) -> None:
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        for statement in statements:
            assert admin.execute(statement).rowcount != 0, statement


def found(database: Any) -> set[tuple[str, str]]:
    """What verify says of words and papers (the scene's records are written past their intake)."""
    breaches = verify(database.auditor_engine, database.settings.home)
    return {(b.promise, b.message) for b in breaches if "银行" in b.message or "拨付单的事件" in b.message}


def test_three_orders_are_not_refused_by_whoever_runs_the_service(world: Any, sent: Any) -> None:
    orders = sent(10000, 20000, 30000)
    with pytest.raises(LedgerError) as alone, world.tx("acc") as tx:
        for order in orders:
            tx.run(FREE, o=order.order_no)
    assert alone.value.code == "order.no_word"
    with pytest.raises(LedgerError) as made_up, world.tx("acc") as tx:
        tx.run(WORD, f=b"\x01" * 32, s="rejected", x="reject")
    assert made_up.value.code == "word.no_file"
    assert [world.state(order.order_no) for order in orders] == ["sent"] * 3


def test_a_word_does_what_it_says_and_no_more(world: Any, bank: Any, sent: Any) -> None:
    [order] = sent(10000)
    bank.put(fill((CASES / "L06-settled-then-rejected" / "a.xml").read_bytes(), [order]))
    world.receive(bank)  # settled: accepted by now
    [(digest,)] = world.rows("SELECT DISTINCT sha256 FROM payments.inbound_file")
    with pytest.raises(LedgerError) as twisted, world.tx("acc") as tx:
        tx.run(WORD, f=digest, s="settled", x="reject")
    assert twisted.value.code == "word.no_file"
    for user in ("maker", "cashier"):
        with pytest.raises(LedgerError), world.tx(user) as tx:
            tx.run(WORD, f=digest, s="rejected", x="reject")


def test_a_state_without_its_event_does_not_stay(world: Any, bank: Any, sent: Any) -> None:
    [order] = sent(10000)
    with pytest.raises(LedgerError) as silent, world.tx("acc") as tx:
        tx.run("UPDATE payments.pay_order SET state = 'unknown' WHERE order_no = %(o)s", o=order.order_no)
    assert silent.value.code == "order.event"
    with pytest.raises(LedgerError) as early, world.tx("acc") as tx:
        tx.run(LOGGED, o=order.order_no, e="")
    assert early.value.code == "order.event"


@pytest.fixture
def refused(world: Any, bank: Any, sent: Any) -> Any:
    """An order the bank refused, and one it paid."""
    order, paid = sent(10000, 20000)
    text = REFUSED[0].read_bytes()
    one = text[text.index(b"<TxInfAndSts>") : text.index(b"</OrgnlPmtInfAndSts>")]
    two = one.replace(b"{{O1}}", b"{{O2}}").replace(
        b"s1", b"s2"
    )  # said of the paid one too: kept, and a problem
    bank.put(fill(text.replace(one, one + two), [order, paid]), "status.xml")
    bank.put(bank.receipt("R7", paid.payee, 20000, "S7", paid.order_no), "receipt.xml")
    world.receive(bank)
    assert (world.state(order.order_no), world.state(paid.order_no)) == ("rejected", "paid")
    return order


def test_what_the_bytes_say_is_what_is_kept(database: Any, refused: Any) -> None:
    assert found(database) == set()


@pytest.mark.parametrize(
    ("change", "promise", "message"),
    [
        ("UPDATE payments.bank_word SET code = 'ACSC'", "INV-10", "银行回报与其文件原文不符，或原文中没有"),
        ("DELETE FROM payments.bank_word", "INV-10", "拨付单的事件银行拒绝没有据以发生的银行回报或回单"),
        (
            "DELETE FROM payments.bank_word w USING payments.pay_order o WHERE o.order_no = w.order_no AND o.amount_fen = 20000",
            "INV-10",
            "银行文件中的回报没有入库，或已被删去",
        ),
        ("UPDATE payments.bank_word SET file_sha256 = sha256('x')", "INV-13", "所依据的银行文件不在库中"),
        ("DELETE FROM payments.evidence", "INV-13", "银行文件中的回单没有入库，或已被删去"),
        (
            "UPDATE payments.evidence SET amount_fen = 20001",
            "INV-13",
            "回单与其银行文件原文不符，或原文中没有",
        ),
        (
            "UPDATE payments.order_event SET evidence = 'file:00' WHERE event = 'reject'",
            "INV-10",
            "拨付单的事件银行拒绝没有据以发生的银行回报或回单",
        ),
        (
            "UPDATE payments.order_event SET evidence = '' WHERE event = 'pay'",
            "INV-10",
            "拨付单的事件付妥没有据以发生的银行回报或回单",
        ),
    ],
)
def test_a_word_or_paper_changed_behind_the_guards_is_named(
    database: Any, refused: Any, change: str, promise: str, message: str
) -> None:
    broken(database, change)
    assert (promise, message) in found(database)


def test_an_event_of_before_words_were_kept_rests_on_the_bytes(database: Any, refused: Any) -> None:
    """A home of release 0.2 named our own file and kept no words: the status file still says so."""
    broken(
        database,
        "DELETE FROM payments.bank_word",
        f"UPDATE payments.order_event SET evidence = '{refused.file_id}' WHERE event = 'reject'",
    )
    assert not any("拨付单的事件" in message for _, message in found(database))
    broken(
        database, f"UPDATE payments.order_event SET evidence = '{refused.file_id}0' WHERE event = 'reject'"
    )
    assert any("拨付单的事件" in message for _, message in found(database))
