"""Persons sign: an approval needs its person's signature over what was shown, checked by the service, the database and `verify`."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from ledger.access.signing import persons
from ledger.access.signing.pair import ED25519, SM2, Algorithm, KeyPair, generate, pair
from ledger.access.signing.register import make_list, sign_list
from ledger.access.signing.signer import Carried, WithKey
from ledger.access.signing.statement import SignedStatement, ToSign
from ledger.books.templates.own import confirm_template, propose_template
from ledger.books.templates.read import Template, line_of
from ledger.control.checks.signatures import check_signatures
from ledger.control.snapshot import open_snapshot
from ledger.core.dates import machine_moment
from ledger.core.entries import Book
from ledger.core.errors import Conflict, Forbidden, LedgerError
from ledger.db.unit_of_work import Transaction
from ledger.payments.orders.approve import approve_in
from ledger.payments.orders.day_list import approve_day_in, day_list
from reports.evidence.export import evidence_of
from reports.evidence.verify import check_evidence

DAY = date(2026, 10, 13)
pytestmark = pytest.mark.unsigned
REGION = 420100
LONG = (date(2020, 1, 1), date(2099, 12, 31))


@dataclass
class Signing:
    """The region of `world`, which demands signatures of `checker` (Ed25519) and `same.person` (SM2)."""

    world: Any
    database: Any
    batches: list[Any]
    keys: dict[str, KeyPair] = field(default_factory=dict)

    def enroll(
        self, user: str, by: str, algorithm: Algorithm = ED25519, valid: tuple[date, date] = LONG
    ) -> KeyPair:
        made = pair(algorithm, generate(algorithm))
        with self.act(user if user not in self.keys else by) as tx:
            found = persons.enroll(tx, user, made.algorithm, made.public, valid, DAY)
        with self.act(by) as tx:
            persons.confirm(tx, found.fingerprint, found.digest, DAY)
        return made

    def act(self, user: str) -> Any:
        return acting(self, user)

    def wanted(self, batch: Any, user: str = "checker", **other: Any) -> ToSign:
        home, person = self.world.rows("SELECT h.id, access.person(%(u)s) FROM access.home h", u=user)[0]
        made = ToSign(home, REGION, "payments.approve", batch.batch_id, batch.digest.hex(), user, person, DAY)
        return made._replace(**other)

    def approve(self, batch: Any, given: SignedStatement | None, user: str = "checker") -> None:
        with self.world.tx(user) as tx:
            tx.signer = Carried([given] if given else [])
            approve_in(tx, batch.batch_id, batch.digest, DAY)

    def found(self) -> list[str]:
        with open_snapshot(self.database.auditor_engine, self.database.settings.home, []) as snapshot:
            return [f"{one.promise} {one.entry}: {one.message}" for one in check_signatures(snapshot)]


class acting:  # noqa: N801 reads as the context it is
    """A transaction of a user who signs with the own key."""

    def __init__(self, signing: Signing, user: str) -> None:
        self._tx = signing.world.tx(user)
        self._key = signing.keys.get(user)

    def __enter__(self) -> Transaction:
        tx: Transaction = self._tx.__enter__()
        tx.signer = WithKey(lambda: self._key)
        return tx

    def __exit__(self, *error: Any) -> Any:
        return self._tx.__exit__(*error)


@pytest.fixture
def undemanded(world: Any, database: Any) -> Signing:
    world.allot(100_000)
    made = Signing(world, database, [world.batch(100), world.batch(200)])
    first = made.enroll("checker", "same.person")
    other = made.enroll("same.person", "checker", SM2)
    old = made.enroll("checker", "same.person", valid=(LONG[0], date(2020, 12, 31)))
    made.keys |= {"old": old, "checker": first, "same.person": other}
    return made


@pytest.fixture
def signing(undemanded: Signing) -> Signing:
    for user, state in (("checker", "asked"), ("same.person", "in_force")):
        assert demand(undemanded, user) == state
    return undemanded


def demand(signing: Signing, user: str) -> str:
    with signing.act(user) as tx:
        return persons.demand(tx, persons.demand_of(tx).digest, DAY)


def sign(key: KeyPair, wanted: ToSign, minutes: int = 0) -> SignedStatement:
    statement = wanted.statement(key.id, machine_moment() + timedelta(minutes=minutes))
    return SignedStatement(statement, key.sign(statement.encode()))


def test_an_approval_carries_its_person_s_signature_or_is_refused(signing: Signing) -> None:
    batch = signing.batches[0]
    with pytest.raises(Forbidden) as refused:
        signing.approve(batch, None)
    assert refused.value.code == "signature.missing"
    assert signing.world.states() == {"draft": 2}
    with signing.act("checker") as tx:
        approve_in(tx, batch.batch_id, batch.digest, DAY)
    assert signing.world.states() == {"approved": 1, "draft": 1}
    assert signing.world.rows(
        "SELECT n, act, object, digest, user_name FROM access.signature WHERE act LIKE 'payments%%'"
    ) == [(2, "payments.approve", batch.batch_id, batch.digest.hex(), "checker")]
    assert signing.found() == []


def test_a_day_approved_as_one_list_is_signed_batch_by_batch(signing: Signing) -> None:
    """Two batches under one digest: none without the person's key, both with it; another's approval stays another's."""
    with signing.world.tx("checker") as tx:
        day = tx.value("SELECT max(pay_date) FROM payments.batch")
        found = day_list(tx, day)
    assert len(found.batches) == len(signing.batches) == 2
    with pytest.raises(Forbidden) as refused, signing.world.tx("checker") as tx:
        tx.signer = Carried([])
        approve_day_in(tx, found, found.shown.digest, DAY)
    assert refused.value.code == "signature.missing"
    assert signing.world.states() == {"draft": 2}
    with signing.act("checker") as tx:
        assert len(approve_day_in(tx, day_list(tx, day), found.shown.digest, DAY)) == 2
    assert signing.world.states() == {"approved": 2}
    assert signing.world.rows(
        "SELECT object, digest FROM access.signature WHERE act = 'payments.approve' ORDER BY object"
    ) == sorted((one.batch_id, one.digest.hex()) for one in signing.batches)
    assert signing.found() == []


def test_what_another_approved_does_not_hold_up_the_list(signing: Signing) -> None:
    one, other = signing.batches
    with signing.act("checker") as tx:
        approve_in(tx, one.batch_id, one.digest, DAY)
    with signing.world.tx("checker") as tx:
        found = day_list(tx, tx.value("SELECT max(pay_date) FROM payments.batch"))
    theirs = replace(
        found,
        batches=tuple(replace(b, approved_by="somebody") if b.approved_by else b for b in found.batches),
    )
    with signing.act("checker") as tx:
        assert [done.batch_id for done in approve_day_in(tx, theirs, found.shown.digest, DAY)] == [
            other.batch_id
        ]
    assert signing.world.states() == {"approved": 2}


@pytest.mark.fault(45, 62)
def test_a_signature_that_does_not_hold_is_refused(signing: Signing) -> None:
    batch = signing.batches[0]
    own, wanted = signing.keys["checker"], signing.wanted(batch)
    foreign, stranger = signing.keys["same.person"], pair(ED25519, generate(ED25519))
    good = sign(own, wanted)
    for given, code in (
        (None, "signature.missing"),
        (sign(foreign, wanted), "signature.other_person"),
        (sign(stranger, wanted), "signature.key_unknown"),
        (sign(signing.keys["old"], wanted), "signature.key_expired"),
        (sign(own, wanted._replace(digest=sha256(b"yesterday's").hexdigest())), "signature.other_content"),
        (sign(own, wanted._replace(home="0" * 36)), "signature.other_content"),
        (sign(own, wanted._replace(region=420200)), "signature.other_content"),
        (sign(own, wanted._replace(day=DAY - timedelta(days=1))), "signature.other_content"),
        (sign(own, wanted._replace(user="same.person", person="p3")), "signature.other_content"),
        (sign(own, wanted._replace(act="month.approve")), "signature.missing"),
        (sign(own, wanted, minutes=6), "signature.clock"),
        (sign(own, wanted, minutes=-6), "signature.clock"),
        (SignedStatement(good.statement, sign(own, wanted, minutes=1).signature), "signature.wrong"),
        (SignedStatement(good.statement + " ", good.signature), "signature.format"),
        (SignedStatement(good.statement, "00" * 64), "signature.wrong"),
    ):
        with pytest.raises(LedgerError) as refused:
            signing.approve(batch, given)
        assert refused.value.code == code, given
    with signing.act("same.person") as tx:
        persons.revoke(tx, own.id[:12], "遗失", DAY)
    with pytest.raises(Forbidden) as refused:
        signing.approve(batch, sign(own, wanted))
    assert refused.value.code == "signature.key_revoked"
    assert signing.world.states() == {"draft": 2}
    assert signing.found() == []


def test_an_approval_invented_past_the_guards_is_found(signing: Signing) -> None:
    batch, other = signing.batches
    signing.approve(batch, sign(signing.keys["checker"], signing.wanted(batch)))
    later = DAY + timedelta(days=1)
    with psycopg.connect(signing.database.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "INSERT INTO payments.approval VALUES (%s, %s, %s, 'maker', 'checker', %s)",
            (REGION, other.batch_id, other.digest, later),
        )
    assert signing.found() == [
        f"INV-11 payments.approve {other.batch_id}: {later}由checker办理的payments.approve {other.batch_id}没有其本人的签名，而统筹区要求签名"
    ]
    with psycopg.connect(signing.database.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("DELETE FROM payments.approval WHERE batch_id = %s", (other.batch_id,))
        admin.execute(
            "UPDATE access.signature SET signature = repeat('0', 128) WHERE act = 'payments.approve'"
        )
    assert [one.partition(" ")[0] for one in signing.found()] == ["INV-12", "INV-11"]
    with psycopg.connect(signing.database.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("DELETE FROM access.signature WHERE act = 'signing.demand' AND user_name = 'checker'")
    said = " ".join(signing.found())
    assert "其前的签名被删去" in said
    assert "没有两人对当时密钥清单的签名" in said


def test_past_the_program_nobody_signs_for_another_nor_switches_it_off(signing: Signing) -> None:
    batch = signing.batches[0]
    good = sign(signing.keys["checker"], signing.wanted(batch))
    row = (
        "INSERT INTO access.signature (region, fingerprint, act, object, digest, user_name, day, signed_at, statement, signature)"
        " SELECT region, %(key)s, s ->> 'act', s ->> 'object', s ->> 'digest', s ->> 'user', (s ->> 'day')::date,"
        " (s ->> 'signed_at')::timestamptz, %(said)s, %(signature)s FROM (SELECT 420100 AS region, %(said)s::jsonb AS s) x"
    )
    values = {"key": signing.keys["checker"].id, "said": good.statement, "signature": good.signature}
    with pytest.raises(Forbidden) as refused, signing.world.tx("maker") as tx:
        tx.run(row, **values)
    assert refused.value.code == "signature.other_person"
    with signing.world.tx("checker") as tx:
        tx.run(row, **values)
    # signed before, not in the transaction of the approval
    with pytest.raises(Forbidden) as refused:
        signing.approve(batch, None)
    assert refused.value.code == "signature.missing"
    for statement in (
        "DELETE FROM access.signing_demand",
        "UPDATE access.signing_demand SET confirmed_at = NULL, confirmed_on = NULL",
        "UPDATE access.person_key SET person = 'p9'",
        "DELETE FROM access.signature",
        "UPDATE access.home SET id = id",
    ):
        with pytest.raises(Forbidden) as refused, signing.world.tx("checker") as tx:
            tx.run(statement)
        assert refused.value.code == "db.permission"
        with psycopg.connect(signing.database.admin_url) as admin, pytest.raises(psycopg.Error) as stopped:
            admin.execute(statement)
        assert stopped.value.sqlstate == "FL002", statement
    with pytest.raises(Conflict) as late, signing.act("checker") as tx:
        persons.demand(tx, persons.demand_of(tx).digest, DAY)
    assert late.value.code == "signing.in_force"


def test_a_key_is_enrolled_by_two_who_are_not_its_person(signing: Signing) -> None:
    made = pair(ED25519, generate(ED25519))
    # `maker` and `same.person` are two names of one person: whoever confirms is neither that person nor the proposer
    with signing.act("same.person") as tx:
        proposed = persons.enroll(tx, "maker", ED25519, made.public, LONG, DAY)
    for user, code in (("same.person", "signing_key.same_person"), ("cashier", "access.role_missing")):
        with pytest.raises(Forbidden) as refused, signing.act(user) as tx:
            persons.confirm(tx, proposed.fingerprint, proposed.digest, DAY)
        assert refused.value.code == code
    with pytest.raises(Conflict) as known, signing.act("checker") as tx:
        persons.enroll(tx, "checker", ED25519, made.public, LONG, DAY)
    assert known.value.code == "signing_key.known"
    with pytest.raises(Conflict) as changed, signing.act("checker") as tx:
        persons.confirm(tx, proposed.fingerprint, "0" * 64, DAY)
    assert changed.value.code == "signing_key.changed"
    # the service's login cannot be two people: an enrolment of its own needs their signatures
    with pytest.raises(Forbidden) as missing, signing.world.tx("checker") as tx:
        persons.confirm(tx, proposed.fingerprint, proposed.digest, DAY)
    assert missing.value.code == "signature.missing"
    with signing.act("checker") as tx:
        assert persons.confirm(tx, proposed.fingerprint[:10], proposed.digest, DAY).state == "confirmed"
    with signing.act("maker") as tx:
        gone, done = persons.revoke(tx, proposed.fingerprint, "遗失", DAY)
        assert (gone.state, done) == ("revoked", True)
        assert persons.revoke(tx, proposed.fingerprint, "遗失", DAY)[1] is False
    assert signing.found() == []


def test_a_key_proposed_before_enrolments_were_signed_is_proposed_once_more(signing: Signing) -> None:
    # as on a region's first day: proposed unsigned while nobody could sign, confirmed once two persons can
    made = pair(ED25519, generate(ED25519))
    with signing.act("same.person") as tx:
        proposed = persons.enroll(tx, "maker", ED25519, made.public, LONG, DAY)
    with psycopg.connect(signing.database.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("DELETE FROM access.signature WHERE act = 'key.enroll' AND object = %s", [made.id])
    with pytest.raises(Conflict) as unsigned, signing.act("checker") as tx:
        persons.confirm(tx, made.id, proposed.digest, DAY)
    assert unsigned.value.code == "signing_key.unsigned"
    later = DAY + timedelta(days=1)
    with signing.act("same.person") as tx:
        again = persons.enroll(tx, "maker", ED25519, made.public, LONG, later)
    assert again == proposed
    with pytest.raises(Conflict) as known, signing.act("same.person") as tx:
        persons.enroll(tx, "maker", ED25519, made.public, (LONG[0], later), later)
    assert known.value.code == "signing_key.known"
    with signing.act("checker") as tx:
        assert persons.confirm(tx, made.id, proposed.digest, later).state == "confirmed"
    assert signing.found() == []


def test_a_demand_is_not_dated_before_what_was_approved_without_one(world: Any, database: Any) -> None:
    world.allot(100_000)
    made = Signing(world, database, [world.batch(100)])
    made.keys |= {
        "checker": made.enroll("checker", "same.person"),
        "same.person": made.enroll("same.person", "checker"),
    }
    made.approve(made.batches[0], None)
    with pytest.raises(Conflict) as early, made.act("checker") as tx:
        persons.demand(tx, persons.demand_of(tx).digest, DAY - timedelta(days=1))
    assert early.value.code == "signing.earlier"
    with made.act("checker") as tx:
        assert persons.demand(tx, persons.demand_of(tx).digest, DAY) == "asked"


def test_the_moment_of_a_demand_counts_and_not_its_day(undemanded: Signing) -> None:
    """Approved without a signature, then the demand, then an approval invented under the same date or an earlier one."""
    batch, other = undemanded.batches
    undemanded.approve(batch, None)
    assert demand(undemanded, "checker") == "asked"
    assert demand(undemanded, "same.person") == "in_force"
    assert undemanded.found() == []
    assert undemanded.world.rows(
        "SELECT act, object, user_name, day FROM access.before_demand WHERE act LIKE 'payments%%'"
    ) == [("payments.approve", batch.batch_id, "checker", DAY)]
    with pytest.raises(Forbidden) as refused:
        undemanded.approve(other, None)
    assert refused.value.code == "signature.missing"
    for day in (DAY, DAY - timedelta(days=20)):
        with psycopg.connect(undemanded.database.admin_url) as admin:
            admin.execute("SET session_replication_role = replica")
            admin.execute("DELETE FROM payments.approval WHERE batch_id = %s", [other.batch_id])
            admin.execute(
                "INSERT INTO payments.approval VALUES (%s, %s, %s, 'maker', 'checker', %s)",
                (REGION, other.batch_id, other.digest, day),
            )
        [found] = undemanded.found()
        assert f"payments.approve {other.batch_id}" in found
    with psycopg.connect(undemanded.database.admin_url) as admin:
        admin.execute(
            "SET session_replication_role = replica"
        )  # and what was approved before stays what it was
        admin.execute(
            "UPDATE payments.approval SET digest = sha256(digest) WHERE batch_id = %s", [batch.batch_id]
        )
        admin.execute("DELETE FROM payments.approval WHERE batch_id = %s", [other.batch_id])
    [found] = undemanded.found()
    assert f"payments.approve {batch.batch_id}" in found
    for statement in ("DELETE FROM access.before_demand", "UPDATE access.before_demand SET day = day + 1"):
        with psycopg.connect(undemanded.database.admin_url) as admin, pytest.raises(psycopg.Error) as stopped:
            admin.execute(statement)
        assert stopped.value.sqlstate == "FL002"
    with pytest.raises(Forbidden) as raw, undemanded.act("checker") as tx:
        tx.run("INSERT INTO access.before_demand SELECT * FROM access.before_demand")
    assert raw.value.code == "db.permission"


def test_a_demand_waits_for_approvals_on_their_way(undemanded: Signing) -> None:
    """One that passed the guard unsigned and is not committed yet is on the demand's near side, never on both."""
    batch, other = undemanded.batches
    assert demand(undemanded, "checker") == "asked"
    with undemanded.world.tx("checker") as early:
        approve_in(early, batch.batch_id, batch.digest, DAY)
        with pytest.raises(LedgerError) as waiting, undemanded.act("same.person") as tx:
            tx.run("SET LOCAL lock_timeout = '200ms'")
            persons.demand(tx, persons.demand_of(tx).digest, DAY)
        assert waiting.value.code == "in_flight"
    assert demand(undemanded, "same.person") == "in_force"
    assert undemanded.found() == []
    with pytest.raises(Forbidden) as refused:
        undemanded.approve(other, None)
    assert refused.value.code == "signature.missing"


def test_a_demand_of_before_the_moment_was_kept_takes_what_there_is_once(signing: Signing) -> None:
    """As `db migrate` finds it: what was borne until then is listed, what is unsigned after the demand's day is not."""
    batch, other = signing.batches
    with psycopg.connect(signing.database.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("DELETE FROM access.trace WHERE noun = 'access.before_demand' AND op = 'mark'")
        admin.execute("DELETE FROM access.before_demand")
        for one, day in ((batch, DAY), (other, DAY + timedelta(1))):
            admin.execute(
                "INSERT INTO payments.approval VALUES (%s, %s, %s, 'maker', 'checker', %s)",
                (REGION, one.batch_id, one.digest, day),
            )
        admin.execute("SELECT access.begin_demands()")
    [found] = signing.found()
    assert f"payments.approve {other.batch_id}" in found


def test_evidence_of_a_batch_proves_its_orders_without_a_database(signing: Signing) -> None:
    batch = signing.batches[0]
    with signing.act("checker") as tx:
        approve_in(tx, batch.batch_id, batch.digest, DAY)
        assert tx.value("SELECT count(*) FROM payments.pay_order WHERE first_payment")
    with signing.act("checker") as tx:
        listed = make_list(tx.value("SELECT id FROM access.home"), REGION, persons.keys_of(tx), DAY)
        for user in ("checker", "same.person"):
            sign_list(listed, signing.keys[user], user)
        document = evidence_of(tx, "payments.approve", batch.batch_id, listed)
    found = check_evidence(document)
    assert (found.flaws, found.content, [one.user for one in found.proven]) == ([], True, ["checker"])
    changed = document | {"orders": [text.replace("first", "") for text in document["orders"]]}
    assert check_evidence(changed).flaws == ["第1个签名不成立：所附内容与所签的摘要不符"]


def test_an_own_voucher_template_is_signed_or_found(signing: Signing) -> None:
    book = Book(REGION, 310)
    form = Template(
        "WH01", 310, "调剂金", "文件", "交存", "", (line_of("借 1001 ="), line_of("贷 41010101 amount"))
    )
    with signing.world.tx("maker") as tx:
        one = propose_template(tx, book, form, DAY, DAY)
        other = propose_template(tx, book, replace(form, code="WH02"), DAY, DAY)
    with pytest.raises(Forbidden) as refused, signing.world.tx("checker") as tx:
        confirm_template(tx, book, one.template_id, one.digest, DAY)
    assert refused.value.code == "signature.missing"
    with signing.act("checker") as tx:
        assert confirm_template(tx, book, one.template_id, one.digest, DAY).state == "confirmed"
    assert signing.found() == []
    with psycopg.connect(signing.database.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE books.voucher_template SET state = 'confirmed', decided_by = 'checker', decided_on = %s WHERE code = 'WH02'",
            [DAY + timedelta(1)],
        )
    [found] = signing.found()
    assert f"420100-310 {other.template_id}" in found
