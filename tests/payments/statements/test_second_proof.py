"""A refusal of a bank whose status is not final frees nothing before the account's statement shows that nothing was debited."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ledger.cli.remote import Remote
from ledger.control.checks.payments.bank_words import _UNPROVEN
from ledger.core.errors import Conflict
from ledger.payments.incoming.proven import read_refusals, release
from ledger.payments.orders.own_accounts import confirm_channel
from ledger.payments.out.files import file
from ledger.payments.out.send import send
from tests.payments.conftest import MOMENT, OWN, PAY_DATE, REGION, TestBank, World
from tests.payments.statements.conftest import Bank, line
from tests.scenes.line import typed

BEFORE = PAY_DATE - timedelta(days=1)
AFTER = PAY_DATE + timedelta(days=1)


@pytest.fixture
def refused(world: World, database: Any, tmp_path: Path) -> Any:
    """An order sent on the payout day and refused the same day by a bank of whose status nobody said that it is final."""
    where = ("--host", "127.0.0.1", "--port", "22", "--username", "fund", "--host-key", "ssh-ed25519 A")
    words = ("bank", "channel", "--region", str(REGION), "--account", OWN, *where, "--as", "maker")
    assert typed(*words, env=database.env | {"FUNDLEDGER_TODAY": str(BEFORE)}).code == 0
    with world.tx("checker") as tx:
        confirm_channel(tx, OWN, BEFORE)
    wire = TestBank(tmp_path)
    world.allot(100)
    batch = world.approved(100)
    file(world.engine, "maker", REGION, batch.batch_id, wire.of, MOMENT)
    send(world.engine, "cashier", REGION, wire.of, PAY_DATE)
    [order] = world.orders(batch.order_nos)
    wire.put(wire.status(order.file_id, {order.order_no: ("RJCT", "AC04")}))
    done = world.receive(wire)
    assert [problem.code for problem in done.problems] == ["status.await_statement"]
    return order


def free(world: World) -> Any:
    return world.value("SELECT order_no FROM fund.payable WHERE setl_id LIKE 'S%%'") == ""


def released(world: World, order_no: str) -> str:
    """The code of the refusal to let an order be paid again."""
    with pytest.raises(Conflict) as said, world.tx("acc") as tx:
        release(tx, order_no, PAY_DATE)
    return said.value.code


def unproven(world: World) -> list[Any]:
    with psycopg.connect(world.admin_url) as admin:
        return [row[2] for row in admin.execute(_UNPROVEN).fetchall()]


def test_the_word_alone_frees_nothing(world: World, bank: Bank, refused: Any) -> None:
    """The statement before, and one that ends before the refusal, prove nothing; the day's own does."""
    assert (world.state(refused.order_no), free(world)) == ("sent", False)
    for user in ("acc", "sys"):
        with pytest.raises(Conflict) as said, world.tx(user) as tx:
            tx.run("UPDATE payments.pay_order SET state = 'rejected'")
        assert said.value.code == "order.no_second_proof"
    bank.load(bank.statement(BEFORE, BEFORE))
    assert world.state(refused.order_no) == "sent"
    with world.tx("acc") as tx:
        [waits] = read_refusals(tx)
        assert (waits.order, waits.final, waits.days_missing, waits.statements) == (
            refused.order_no,
            False,
            [PAY_DATE],
            [],
        )
        assert (waits.said_on, bool(waits.file), "AC04" in waits.reasons) == (PAY_DATE, True, True)
    assert released(world, refused.order_no) == "order.no_second_proof"
    assert released(world, world.batch(50).order_nos[0]) == "order.no_refusal"
    bank.load(bank.statement(PAY_DATE, PAY_DATE, line("X1", 700, PAY_DATE)))
    with world.tx("acc") as tx:
        assert read_refusals(tx) == []
        [done] = read_refusals(tx, refused.order_no)
        assert (done.state, done.missing, [one.split()[0] for one in done.statements]) == (
            "rejected",
            [],
            ["2"],
        )
        assert release(tx, refused.order_no, AFTER).state == "rejected"
    assert (world.state(refused.order_no), free(world)) == ("rejected", True)
    assert unproven(world) == []
    with psycopg.connect(world.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE payments.bank_statement SET n = -n WHERE last_day = %s", [PAY_DATE])
    assert unproven(world) == [refused.order_no]


def test_both_proofs_on_the_command_line_and_as_an_act_over_http(
    world: World, bank: Bank, refused: Any, database: Any
) -> None:
    """What is missing is said in words; with the day's statement nothing is, and letting it go once more changes nothing."""

    def command(*words: str) -> Any:
        env = database.env | {"FUNDLEDGER_TODAY": str(AFTER)}
        return typed("payments", *words, "--region", str(REGION), "--as", "acc", env=env)

    shown = command("refusals").out
    assert f"尚缺：涵盖{PAY_DATE}的账户{OWN}对账单" in shown
    assert "银行状态非终局" in shown
    no = refused.order_no
    assert command("release", no, "--json").last["error"] == "order.no_second_proof"
    acts = Remote(database.settings, world.engine)
    with pytest.raises(Conflict) as said:
        acts.run("acc", "payments release", {"order": no, "region": REGION}, "", b"")
    assert said.value.code == "order.no_second_proof"
    bank.load(bank.statement(BEFORE, BEFORE))
    bank.load(bank.statement(PAY_DATE, PAY_DATE, line("X1", 700, PAY_DATE)))
    assert command("refusals").out.strip() == "没有待证实的银行拒绝"
    for _ in range(2):
        done = command("release", no, "--json")
        assert (done.code, done.last["state"], done.last["missing"]) == (0, "rejected", [])
    body = json.loads(acts.run("acc", "payments release", {"order": no, "region": REGION}, "", b"").body)
    assert (body["order"], body["state"]) == (no, "rejected")
    assert (world.state(no), free(world)) == ("rejected", True)


@pytest.mark.parametrize("days", [[AFTER], [BEFORE, AFTER]])
def test_without_the_day_s_own_statement_nothing_is_proven(
    world: World, bank: Bank, refused: Any, days: list[date]
) -> None:
    """Not by one that begins after the sending, nor by those on both sides of the day with equal balances."""
    for day in days:
        bank.load(bank.statement(day, day))
    assert (world.state(refused.order_no), free(world)) == ("sent", False)


@pytest.mark.parametrize("named", [True, False])
def test_a_statement_with_the_debit_keeps_the_order(
    world: World, bank: Bank, refused: Any, named: bool
) -> None:
    """Under the order's number, or by sum and payee where the bank names none: a person asks the bank."""
    more = {"order_no": refused.order_no} if named else {"other_account": refused.payee.number}
    bank.load(bank.statement(PAY_DATE, PAY_DATE, line("X1", -100, PAY_DATE, **more)))
    assert (world.state(refused.order_no), free(world)) == ("sent", False)
    with world.tx("acc") as tx:
        [found] = read_refusals(tx)
        assert (found.days_missing, len(found.debits), "已扣款" in found.missing[0]) == ([], 1, True)
    assert released(world, refused.order_no) == "order.no_second_proof"
    with pytest.raises(Conflict) as said, world.tx() as tx:
        tx.run("UPDATE payments.pay_order SET state = 'rejected'")
    assert said.value.code == "order.no_second_proof"
