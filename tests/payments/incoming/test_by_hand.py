"""A lost status or receipt comes by hand: two persons, the same matching, once, whichever way the same bytes came first."""

from __future__ import annotations

from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.core.errors import Conflict, Forbidden, InvalidInput, NotFound
from ledger.payments.incoming.by_hand import (
    Brought,
    HandedFile,
    confirm_handed,
    hand_in,
    handed_files,
    refuse_handed,
)
from ledger.payments.incoming.receive import Received
from ledger.payments.out.ask import ask
from tests.scenes.line import typed

REGION, OWN = 420100, "4200000000001"
PAID, LATER = date(2026, 10, 13), date(2026, 10, 20)


def given(content: bytes, by: str = "工商银行钱经理", name: str = "补发.xml") -> Brought:
    return Brought(name, content, by, "查询查复书2026-12")


def handed(world: Any, bank: Any, content: bytes, user: str = "acc", **said: str) -> HandedFile | None:
    with world.tx(user) as tx:
        return hand_in(tx, OWN, bank.format, given(content, **said), LATER)


def confirmed(world: Any, bank: Any, content: bytes, user: str = "checker") -> Received:
    with world.tx(user) as tx:
        return confirm_handed(tx, OWN, bank.format, sha256(content).digest(), LATER)[1]


def unknown(world: Any, sent: Any, fen: int = 300) -> Any:
    """An order sent and never heard of: unknown after three days."""
    [order] = sent(fen)
    ask(world.engine, "acc", REGION, LATER)
    assert world.state(order.order_no) == "unknown"
    return order


def entries(world: Any) -> int:
    return int(world.value("SELECT count(*) FROM books.entry"))


def test_a_rejected_order_whose_status_was_lost_is_open_again(world: Any, bank: Any, sent: Any) -> None:
    order = unknown(world, sent)
    content = bank.status(order.file_id, {order.order_no: ("RJCT", "BE01")})
    before = entries(world)
    found = handed(world, bank, content)
    assert found is not None
    assert handed(world, bank, content) == found
    assert (found.state, found.brought_by, found.prepared_by) == ("requested", "工商银行钱经理", "acc")
    assert (world.state(order.order_no), entries(world)) == ("unknown", before)  # nothing is believed yet
    done = confirmed(world, bank, content)
    assert (done.files, done.events["reject"], done.problems) == (1, 1, [])
    assert (world.state(order.order_no), entries(world)) == ("rejected", before + 1)
    assert world.value("SELECT count(*) FROM fund.payable WHERE order_no <> ''") == 0
    assert world.value("SELECT state FROM fund.payee_account") == "failed"
    assert confirmed(world, bank, content).repeated == 1
    assert entries(world) == before + 1
    # The channel delivers it after all: known bytes, nothing happens twice.
    bank.put(content, "late.xml")
    late = world.receive(bank, LATER)
    assert (late.files, late.repeated, late.problems, entries(world)) == (0, 1, [], before + 1)


def test_a_paid_order_whose_receipt_was_lost_is_paid_once_either_way(
    world: Any, bank: Any, sent: Any, movement: Any
) -> None:
    order, second = sent(300, 500)
    ask(world.engine, "acc", REGION, LATER)
    content = bank.note(movement("B1", order))
    handed(world, bank, content)
    before = entries(world)
    bank.put(content, "channel.xml")
    assert world.receive(bank, LATER).events["pay"] == 1  # between the two persons it came by the channel
    assert confirmed(world, bank, content).repeated == 1
    assert (world.state(order.order_no), entries(world)) == ("paid", before + 1)
    assert handed(world, bank, content, name="again.xml") is not None

    assert world.state(second.order_no) == "unknown"
    receipt = bank.receipt("R2", second.payee, 500, "B2", second.order_no)
    handed(world, bank, receipt, name="b.xml")
    assert confirmed(world, bank, receipt).events["pay"] == 1
    assert world.state(second.order_no) == "paid"
    # The camt of the same movement by the channel: confirmed, not paid again.
    bank.put(bank.note(movement("B2", second)), "c.xml")
    assert world.receive(bank, LATER).outcomes["confirmed"] == 1
    assert 1004 not in world.balances()


@pytest.mark.fault(35, 45)
def test_known_bytes_are_not_handed_in_again(world: Any, bank: Any, sent: Any, movement: Any) -> None:
    [order] = sent(100)
    content = bank.note(movement("B1", order))
    bank.put(content)
    world.receive(bank, LATER)
    assert handed(world, bank, content) is None
    assert world.value("SELECT count(*) FROM payments.handed_file") == 0


def test_two_persons_each_by_their_post_and_no_cashier(world: Any, bank: Any, sent: Any) -> None:
    order = unknown(world, sent)
    content = bank.status(order.file_id, {order.order_no: ("RJCT", "AC04")})
    for user in ("cashier", "maker", "checker", "sys"):
        with pytest.raises(Forbidden, match=r"access\.role_missing"):
            handed(world, bank, content, user)
    for cashier in ("cashier", "p6"):
        with pytest.raises(Forbidden, match=r"file\.cashier.*出纳"):
            handed(world, bank, content, by=cashier)
    handed(world, bank, content)
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute("INSERT INTO access.app_user VALUES ('acc.too', 'p1', '同一人')")
        admin.execute("INSERT INTO access.user_role VALUES (420100, 'acc.too', 'checker', 0)")
    with pytest.raises(Forbidden, match=r"request\.same_person"):
        confirmed(world, bank, content, "acc.too")
    for user in ("acc", "cashier", "maker"):
        with pytest.raises(Forbidden, match=r"access\.role_missing"):
            confirmed(world, bank, content, user)
    with pytest.raises(NotFound, match=r"file\.not_handed"):
        confirmed(world, bank, content + b" ")
    assert world.state(order.order_no) == "unknown"
    # Nor by raw SQL: no paper by a checker's own hand, no change of the bytes, no third opinion.
    with pytest.raises(Forbidden, match=r"access\.role_missing"), world.tx("checker") as tx:
        tx.run(
            "INSERT INTO payments.evidence SELECT 420100, %(o)s, 'bker', 'R1', '\\x01', 'debit', '2026-10-13', 300, '', '',"
            " '', 'B1', false, '', '', sha256(''), 'suspense', '', ''",
            o=OWN,
        )
    with world.tx("checker") as tx:
        assert refuse_handed(tx, OWN, sha256(content).digest(), LATER, "银行否认").state == "refused"
    with pytest.raises(Conflict, match=r"request\.decided"):
        confirmed(world, bank, content)
    again = handed(world, bank, content)
    assert again is not None
    assert (again.n, again.state) == (2, "requested")


def test_a_garbled_file_is_quarantined_with_its_reason(world: Any, bank: Any) -> None:
    found = handed(world, bank, b"<Document>")
    assert found is not None
    assert found.state == "quarantined"
    assert found.reason.startswith("bankfile.")
    [(outcome, kept)] = world.rows("SELECT outcome, content FROM payments.inbound_file")
    assert (outcome, world.opened(kept)) == ("quarantined", b"<Document>")
    with pytest.raises(Conflict, match=r"request\.decided.*隔离"):
        confirmed(world, bank, b"<Document>")
    for wrong, code in (({"name": "a/b.xml"}, r"file\.characters"), ({"by": " "}, r"file\.text")):
        with pytest.raises(InvalidInput, match=code):
            handed(world, bank, b"x", **wrong)
    with pytest.raises(InvalidInput, match=r"file\.size"):
        handed(world, bank, b"")


def test_a_name_brought_by_hand_does_not_keep_the_channels_file_away(
    world: Any, bank: Any, sent: Any, movement: Any
) -> None:
    one, two = sent(100, 100)
    forged, real = bank.note(movement("B1", one)), bank.note(movement("B2", two))
    assert len(forged) == len(real)
    handed(world, bank, forged, name="n.xml")
    confirmed(world, bank, forged)
    bank.put(real, "n.xml")
    done = world.receive(bank, LATER)
    assert (done.files, done.events["pay"]) == (1, 1)
    assert [problem.code for problem in done.problems] == ["file.name_reused"]


def test_on_the_command_line(world: Any, bank: Any, sent: Any, database: Any, tmp_path: Path) -> None:
    order = unknown(world, sent)
    path = tmp_path / "status.xml"
    path.write_bytes(bank.status(order.file_id, {order.order_no: ("RJCT", "AC04")}))
    with psycopg.connect(world.admin_url, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE payments.bank_account SET bank = 'iso20022'")

    def command(user: str, *words: str) -> tuple[int, Any]:
        env = database.env | {"FUNDLEDGER_TODAY": "2026-10-20"}
        line = ("payments", "handed", *words, "--region", str(REGION), "--json", "--as", user)
        done = typed(*line, env=env)
        return done.code, done.last

    there = ("--account", OWN, "--date", "2026-10-20")
    told = ("--file", str(path), "--brought-by", "银行", "--document", "函1号")
    code, refused = command("cashier", "in", *there, *told)
    assert (code, refused["error"]) == (1, "access.role_missing")
    code, made = command("acc", "in", *there, *told)
    assert (code, made["known"], made["file"]["state"]) == (0, False, "requested")
    code, done = command("checker", "confirm", made["file"]["sha256"], *there)
    assert (code, done["file"]["state"], done["account"]["orders"]) == (0, "approved", {"reject": 1})
    code, listed = command("acc", "list")
    assert [one["approved_by"] for one in listed["files"]] == ["checker"]
    assert world.state(order.order_no) == "rejected"
    with world.tx() as tx:
        assert len(handed_files(tx, state="approved")) == 1
    logged = world.rows(
        "SELECT action FROM access.operator_log WHERE action LIKE 'payments.hand%' ORDER BY 1"
    )
    assert {name for (name,) in logged} == {"payments.hand_in", "payments.hand_confirm"}
