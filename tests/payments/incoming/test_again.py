"""A file set aside for an error nobody foresaw is read again once the program is mended: by a person, once, its bytes as they were."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from ledger.control.verify import verify
from ledger.core.errors import Conflict, Forbidden, LedgerError, NotFound
from ledger.payments.incoming import receive as receiving
from ledger.payments.incoming.again import ReadAgain, kept_files, read_again
from ledger.payments.incoming.by_hand import Brought, hand_in
from tests.scenes.line import typed

REGION, OWN = 420100, "4200000000001"
DAY, LATER = date(2026, 10, 13), date(2026, 10, 14)


@pytest.fixture
def aside(
    world: Any, bank: Any, sent: Any, movement: Any, monkeypatch: pytest.MonkeyPatch
) -> tuple[Any, bytes]:
    """An order whose receipt the program stumbled over, and the receipt's bytes."""
    [order] = sent(10000)
    content = bank.note(movement("S1", order))
    bank.put(content, "0-bad.xml")
    with monkeypatch.context() as broken:
        broken.setattr(receiving, "book_papers", stumble)
        assert world.receive(bank).quarantined == 1
    assert world.state(order.order_no) == "sent"
    return order, content


def stumble(_round: object, _waiting: object, papers: Any, _references: object) -> None:
    if papers:
        raise RuntimeError("nobody foresaw this")


def again(world: Any, bank: Any, content: bytes, user: str = "acc") -> ReadAgain:
    with world.tx(user) as tx:
        return read_again(tx, OWN, bank.format, sha256(content).digest(), LATER)


def test_read_again_it_posts_once_and_the_original_stays(
    world: Any, bank: Any, aside: tuple[Any, bytes], database: Any
) -> None:
    order, content = aside
    assert world.receive(bank).files == 0  # it does not come back by itself
    done = again(world, bank, content)
    assert (done.outcome, done.n, done.read_by, done.read_on) == ("read", 1, "acc", LATER)
    assert (done.result["papers"], done.result["orders"]) == ({"posted": 1}, {"pay": 1})
    assert world.state(order.order_no) == "paid"
    [(outcome, code, kept)] = world.rows("SELECT outcome, code, content FROM payments.inbound_file")
    assert (outcome, code, world.opened(kept)) == ("quarantined", "file.unforeseen", content)
    entries = world.value("SELECT count(*) FROM books.entry")
    assert again(world, bank, content) == done
    assert world.value("SELECT count(*) FROM books.entry") == entries
    with world.tx() as tx:
        [listed] = kept_files(tx)
    assert (listed.outcome, listed.attempts, listed.read_by, listed.code) == ("read", 1, "acc", "")
    found = verify(database.auditor_engine, database.settings.home)
    assert not any("0-bad.xml" in breach.message + breach.entry for breach in found)


def test_not_mended_yet_it_stays_aside_with_every_attempt_kept(
    world: Any, bank: Any, aside: tuple[Any, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    order, content = aside
    with monkeypatch.context() as broken:
        broken.setattr(receiving, "book_papers", stumble)
        first = again(world, bank, content)
    assert (first.outcome, first.code) == ("quarantined", "file.unforeseen")
    assert "RuntimeError" in first.message
    assert (world.state(order.order_no), world.value("SELECT count(*) FROM payments.evidence")) == ("sent", 0)
    assert again(world, bank, content).n == 2
    assert world.state(order.order_no) == "paid"


def test_what_the_books_refuse_changes_nothing(
    world: Any, bank: Any, aside: tuple[Any, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> None:
        raise Conflict("period.not_open", "期间未开")

    with monkeypatch.context() as broken:
        broken.setattr(receiving, "book_papers", closed)
        with pytest.raises(Conflict, match="期间未开"):
            again(world, bank, aside[1])
    assert world.value("SELECT count(*) FROM payments.read_again") == 0
    assert again(world, bank, aside[1]).outcome == "read"


def test_only_what_was_set_aside_and_by_who_keeps_books(
    world: Any, bank: Any, aside: tuple[Any, bytes]
) -> None:
    order, content = aside
    for user in ("maker", "cashier", "checker", "sys"):
        with pytest.raises(Forbidden):
            again(world, bank, content, user)
    with pytest.raises(NotFound) as unknown:
        again(world, bank, b"never came")
    assert unknown.value.code == "file.not_kept"
    good = bank.status(order.file_id, {order.order_no: ("ACSP", "")})
    bank.put(good)
    world.receive(bank)
    with pytest.raises(Conflict) as known:
        again(world, bank, good)
    assert known.value.code == "file.not_quarantined"
    assert world.value("SELECT count(*) FROM payments.read_again") == 0


def test_what_was_brought_by_hand_is_no_single_person_s_to_believe(world: Any, bank: Any) -> None:
    with world.tx() as tx:
        made = hand_in(tx, OWN, bank.format, Brought("x.xml", b"<x", "银行", "函1号"), DAY)
    assert made is not None
    assert made.state == "quarantined"
    with pytest.raises(Conflict) as refused:
        again(world, bank, b"<x")
    assert refused.value.code == "file.by_hand"


INSERT = (
    "INSERT INTO payments.read_again (region, account, sha256, n, kind, outcome, code, message, result, read_by, read_on)"
    " VALUES (420100, '4200000000001', %(d)s, 1, '', 'read', '', '', '{}', %(by)s, '2026-10-14')"
)


def test_the_database_holds_it_too(world: Any, bank: Any, aside: tuple[Any, bytes]) -> None:
    order, content = aside
    digest = sha256(content).digest()
    for user, by, code in (("maker", "maker", "access.role_missing"), ("acc", "sys", "file.not_own_name")):
        with pytest.raises(LedgerError) as refused, world.tx(user) as tx:
            tx.run(INSERT, d=digest, by=by)
        assert refused.value.code == code
    again(world, bank, content)
    with pytest.raises(Exception, match=r"duplicate|重复"), world.tx() as tx:
        tx.run(INSERT.replace("%(d)s, 1", "%(d)s, 2"), d=digest, by="acc")
    with pytest.raises(Exception, match=r"permission|不允许"), world.tx() as tx:
        tx.run("UPDATE payments.read_again SET outcome = 'quarantined', code = 'x'")
    assert world.state(order.order_no) == "paid"


def test_believing_a_file_set_aside_is_named(
    world: Any, bank: Any, aside: tuple[Any, bytes], database: Any
) -> None:
    again(world, bank, aside[1])
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("DELETE FROM payments.read_again")
    found = verify(database.auditor_engine, database.settings.home)
    assert any(b.promise == "INV-11" and "已隔离且没有重读" in b.message for b in found)


def test_a_problem_told_later_of_the_same_file_has_its_own_number(
    world: Any, bank: Any, aside: tuple[Any, bytes]
) -> None:
    """The name had come with other bytes: problem 1 of the file was told when it was set aside."""
    _, content = aside
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute(
            "INSERT INTO payments.inbound_problem VALUES (420100, %s, %s, 1, 'x', 'file.name_reused', 'x')",
            (OWN, sha256(content).digest()),
        )
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE payments.pay_order SET amount_fen = 10001")
    assert again(world, bank, content).outcome == "read"


def test_on_the_command_line(world: Any, bank: Any, aside: tuple[Any, bytes], database: Any) -> None:
    order, content = aside
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE payments.bank_account SET bank = 'iso20022'")

    def command(user: str, *words: str, json: bool = True) -> Any:
        env = database.env | {"FUNDLEDGER_TODAY": "2026-10-14"}
        options = ("--region", str(REGION), *(("--json",) if json else ()), "--as", user)
        return typed("bank", *words, *options, env=env)

    [listed] = command("acc", "files", "--outcome", "quarantined").last["files"]
    assert (listed["name"], listed["outcome"], listed["code"]) == (
        "0-bad.xml",
        "quarantined",
        "file.unforeseen",
    )
    assert "已隔离：读取文件时遇到未预见的错误" in command("acc", "files", json=False).out
    assert command("acc", "files", "--outcome", "x").last["error"] == "file.outcome"
    words = ("read-again", listed["sha256"], "--account", OWN, "--date", "2026-10-14")
    assert command("cashier", *words).last["error"] == "access.role_missing"
    done = command("acc", *words).last
    assert (done["outcome"], done["papers"], done["orders"]) == ("read", {"posted": 1}, {"pay": 1})
    assert command("acc", *words).last == done
    assert command("acc", "files", "--outcome", "quarantined").last == {"files": []}
    assert "重读成功：回单1张" in command("acc", *words, json=False).out
    assert world.state(order.order_no) == "paid"
    logged = world.rows("SELECT user_name, outcome FROM access.operator_log WHERE action = 'bank.read_again'")
    assert set(logged) == {("cashier", "refused"), ("acc", "done")}
    assert sha256(content).hexdigest() == listed["sha256"]
