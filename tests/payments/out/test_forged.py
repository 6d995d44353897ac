"""What one database login forged as an attacker did, in raw SQL: another file in the place of the honest one, an invented signature."""

from __future__ import annotations

from datetime import date, datetime
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from adapters.banks.ports import BankAccount, Instruction, PaymentBatch
from ledger.access.signing import persons
from ledger.access.signing.pair import ED25519, generate, pair
from ledger.access.signing.signer import WithKey
from ledger.access.signing.statement import ToSign
from ledger.acts.acting import acting
from ledger.acts.tracing import What
from ledger.bootstrap import App
from ledger.control.alarms.standing import Moment, standing
from ledger.core.dates import SHANGHAI, machine_moment
from ledger.core.errors import Conflict
from ledger.db.engine import build_engine, login_url
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.db.unit_of_work import unit_of_work
from ledger.payments.out.files import cancel_in, file, file_in, own_account
from ledger.payments.out.send import send

REGION, DAY = 420100, date(2026, 10, 13)
MOMENT = datetime(2026, 10, 13, 9, 30, tzinfo=SHANGHAI)
EVIL = BankAccount("某贸易有限公司", "6222020200012345678", "模拟银行营业部", "102421000001")
EVENT = (
    "INSERT INTO payments.order_event (region, order_no, n, event, from_state, to_state, user_name, business_date, reason, evidence)"
    " SELECT o.region, o.order_no, (SELECT max(n) + 1 FROM payments.order_event e WHERE e.order_no = o.order_no), %(event)s, %(was)s,"
    " o.state, access.user_name(), '2026-10-13', '', '' FROM payments.pay_order o WHERE o.batch_id = %(batch)s"
)
pytestmark = pytest.mark.unsigned


@pytest.fixture
def login(database: Any) -> Any:
    engine = build_engine(login_url(database.settings, "payments"), "payments", home=database.settings.home)
    yield engine
    engine.dispose()


@pytest.mark.parametrize("how", ["another payee", "an older file"])
def test_a_file_put_in_the_place_of_the_honest_one_never_leaves(
    world: Any, bank: Any, login: Any, how: str
) -> None:
    world.allot(100_000)
    old, batch, honest = world.approved(300), world.approved(300), world.approved(300)
    [first] = file(world.engine, "maker", REGION, old.batch_id, bank.of, MOMENT).files
    send(world.engine, "cashier", REGION, bank.of, DAY)
    [made] = file(world.engine, "maker", REGION, batch.batch_id, bank.of, MOMENT).files
    orders, forged = world.orders(batch.order_nos), f"{batch.batch_id}-2"
    with unit_of_work(login, "maker", REGION) as tx:
        evil = [Instruction(o.order_no, o.amount_fen, EVIL, o.purpose) for o in orders]
        payer = own_account(tx, made.account)
        bad = bank.format.encode(PaymentBatch(forged, MOMENT, DAY, payer, evil)).content
        content, digest = (
            fields(tx).seal_bytes(bad, place("payments.bank_file.content", REGION, forged)),
            sha256(bad).digest(),
        )
        if how == "an older file":
            content, digest = tx.row(
                "SELECT content, sha256 FROM payments.bank_file WHERE file_id = %(f)s", f=first.file_id
            )
        values = {"batch": batch.batch_id, "new": forged, "c": content, "d": digest, "old": made.file_id}
        tx.run("UPDATE payments.bank_file SET state = 'void' WHERE file_id = %(old)s", **values)
        tx.run(
            "UPDATE payments.pay_order SET state = 'approved', file_id = '' WHERE batch_id = %(batch)s",
            **values,
        )
        tx.run(EVENT, **values, event="unfile", was="filed")
        tx.run(
            "INSERT INTO payments.bank_file SELECT region, %(new)s, batch_id, account, %(new)s || '.xml', created_at, %(c)s, %(d)s,"
            " sm3, orders, total_fen, 'filed' FROM payments.bank_file WHERE file_id = %(old)s",
            **values,
        )
        tx.run(
            "UPDATE payments.pay_order SET state = 'filed', file_id = %(new)s WHERE batch_id = %(batch)s",
            **values,
        )
        tx.run(EVENT, **values, event="file", was="approved")
    [good] = file(world.engine, "maker", REGION, honest.batch_id, bank.of, MOMENT).files
    assert alarms(world) == []
    done = {
        one.file_id: (one.outcome, one.code) for one in send(world.engine, "cashier", REGION, bank.of, DAY)
    }
    assert done == {forged: ("held", "file.altered"), good.file_id: ("sent", "")}
    assert bank.channel.delivered == [first.name, good.name]
    assert world.states() == {"sent": 2, "filed": 1}
    assert alarms(world) == [("file_altered", "critical", forged)]
    with world.tx("checker") as tx:
        for order_no in batch.order_nos:
            cancel_in(tx, order_no, "查明被改动", DAY)
    assert alarms(world) == []  # void: nothing waits any more


@pytest.mark.parametrize("how", ["the order", "the approval"])
def test_what_was_approved_is_computed_anew_before_it_leaves(world: Any, bank: Any, how: str) -> None:
    """An administrator who writes both the order and its file alike, or the approval over it, past every guard."""
    world.allot(100_000)
    batch, honest = world.approved(300), world.approved(300)
    for one in (batch, honest):
        file(world.engine, "maker", REGION, one.batch_id, bank.of, MOMENT)
    [order] = world.orders(batch.order_nos)
    with psycopg.connect(world.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        if how == "the order":
            admin.execute(
                "UPDATE payments.pay_order SET payee_number = %s WHERE order_no = %s",
                [EVIL.number, order.order_no],
            )
        else:
            admin.execute(
                "UPDATE payments.approval SET digest = sha256('other') WHERE batch_id = %s", [batch.batch_id]
            )
    done = {one.outcome: one for one in send(world.engine, "cashier", REGION, bank.of, DAY)}
    assert (done["held"].file_id, done["held"].code) == (f"{batch.batch_id}-1", "approval.unproven")
    assert "所审批的摘要不符" in done["held"].message
    assert done["sent"].file_id == f"{honest.batch_id}-1"
    assert alarms(world) == [("approval_unproven", "critical", f"{batch.batch_id}-1")]


def alarms(world: Any) -> list[tuple[str, str, str]]:
    """Of the two kinds, those that stand."""
    with world.tx("checker") as tx:
        found = standing(tx, Moment(MOMENT, 0.0))
    return [
        (one.kind, one.severity, one.subject)
        for one in found
        if one.kind in ("file_altered", "approval_unproven")
    ]


def test_an_approval_under_an_invented_signature_is_neither_filed_nor_sent(
    world: Any, bank: Any, login: Any, database: Any
) -> None:
    world.allot(100_000)
    batch = world.batch(300)
    keys = {user: pair(ED25519, generate(ED25519)) for user in ("checker", "same.person")}
    for user, by in (("checker", "same.person"), ("same.person", "checker")):
        with world.tx(user) as tx:
            found = persons.enroll(
                tx, user, ED25519, keys[user].public, (date(2020, 1, 1), date(2099, 12, 31)), DAY
            )
        with world.tx(by) as tx:
            persons.confirm(tx, found.fingerprint, found.digest, DAY)
    for user in ("checker", "same.person"):
        with world.tx(user) as tx:
            tx.signer = WithKey(lambda user=user: keys[user])
            persons.demand(tx, persons.demand_of(tx).digest, DAY)
    with unit_of_work(login, "checker", REGION) as tx:
        home, person = tx.row("SELECT h.id, access.person('checker') FROM access.home h")
        at = machine_moment().replace(microsecond=0)
        wanted = ToSign(
            home, REGION, "payments.approve", batch.batch_id, batch.digest.hex(), "checker", person, DAY
        )
        tx.run(
            "INSERT INTO access.signature (region, fingerprint, act, object, digest, user_name, day, signed_at, statement, signature,"
            " content) VALUES (420100, %(k)s, 'payments.approve', %(b)s, %(d)s, 'checker', %(on)s, %(at)s, %(s)s, %(x)s, '')",
            k=keys["checker"].id, b=batch.batch_id, d=batch.digest.hex(), on=DAY, at=at,
            s=wanted.statement(keys["checker"].id, at), x="ab" * 64,
        )  # fmt: skip
        tx.run(
            "SELECT payments.approve(420100, %(b)s, %(d)s, %(on)s)", b=batch.batch_id, d=batch.digest, on=DAY
        )
        tx.run(EVENT, batch=batch.batch_id, event="approve", was="draft")
    app = App(database.settings, "maker")
    try:
        with (
            pytest.raises(Conflict) as refused,
            acting(app, What(REGION, "payments.file", batch.batch_id)) as within,
        ):
            file_in(within.tx, batch.batch_id, bank.of, MOMENT)
    finally:
        app.close()
    assert refused.value.code == "approval.unproven"
    assert alarms(world) == [("approval_unproven", "critical", batch.batch_id)]
    assert world.states() == {"approved": 1}
    assert bank.channel.delivered == []
