"""Files that banks send, and what must come of them: a folder a case, with its orders, its polls and what is expected.

In the files `{{O1}}` is an order's number, `{{A1}}` its yuan, `{{P1}}` and `{{N1}}` its payee's account and name, `{{M}}` our
message, `{{OWN}}` our account, `{{REP:x:n}}` a letter n times.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.control.verify import verify

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
