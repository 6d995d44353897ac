"""An approval signed by a passkey is checked as any other: by the service, the database, `verify` and offline."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from ledger.access.signing import persons
from ledger.access.signing.pair import ED25519
from ledger.access.signing.passkey import Touched, challenge_of, packed, unpacked, ways_of
from ledger.access.signing.register import make_list, sign_list
from ledger.access.signing.signer import Carried
from ledger.access.signing.statement import SignedStatement, ToSign
from ledger.core.dates import machine_moment
from ledger.core.errors import Conflict, Forbidden, LedgerError
from ledger.payments.orders.approve import approve_in
from ledger.payments.orders.day_list import approve_day_in, day_list
from reports.evidence.export import evidence_of
from reports.evidence.verify import check_evidence
from tests.payments.orders.test_signed import DAY, LONG, REGION, Signing, demand, signing, undemanded
from tests.scenes.passkeys import PRESENT, VERIFIED, Authenticator
from tests.scenes.signed import no_byte_of_it_may_change

__all__ = ["signing", "undemanded"]
pytestmark = pytest.mark.unsigned
ORIGIN = "https://ledger.example.gov.cn"


def enrolled(
    signing: Signing, user: str = "checker", kind: str = "passkey-ES256", **made: Any
) -> Authenticator:
    """A passkey of the user's, confirmed: proposed by another of those with keys, confirmed by a third where enrolments are signed."""
    key = Authenticator(ORIGIN, kind, **made)
    with signing.act(user) as tx:
        found = persons.enroll_passkey(tx, user, key.made, LONG, DAY)
    assert found.fingerprint == key.id
    with signing.act("same.person" if user == "checker" else "checker") as tx:
        persons.confirm(tx, found.fingerprint, found.digest, DAY)
    return key


@pytest.mark.parametrize("kind", ["passkey-ES256", "passkey-EdDSA"])
def test_an_approval_by_passkey_is_proven_everywhere(signing: Signing, kind: str) -> None:
    key, batch = enrolled(signing, kind=kind), signing.batches[0]
    [given] = key.signed(signing.wanted(batch))
    signing.approve(batch, given)
    assert signing.world.states() == {"approved": 1, "draft": 1}
    assert signing.found() == []
    document = evidence(signing, "payments.approve", batch.batch_id)
    checked = check_evidence(document)
    assert (checked.flaws, [one.key for one in checked.proven], checked.content) == ([], [key.id], True)
    no_byte_of_it_may_change(document)


def evidence(signing: Signing, act: str, thing: str) -> dict[str, Any]:
    with signing.act("checker") as tx:
        listed = make_list(tx.value("SELECT id FROM access.home"), REGION, persons.keys_of(tx), DAY)
        for user in ("checker", "same.person"):
            sign_list(listed, signing.keys[user], user)
        return json.loads(json.dumps(evidence_of(tx, act, thing, listed)))  # type: ignore[no-any-return]


def test_a_day_s_batches_are_signed_by_one_touch(signing: Signing) -> None:
    key = enrolled(signing)
    with signing.world.tx("checker") as tx:
        found = day_list(tx, tx.value("SELECT max(pay_date) FROM payments.batch"))
    # asked for together, although the region would stop at the first
    with pytest.raises(Forbidden) as refused, signing.world.tx("checker") as tx:
        tx.signer = Carried([], asks=True)
        approve_day_in(tx, found, found.shown.digest, DAY)
    asked: Any = refused.value.details["to_sign"]
    assert [one["object"] for one in asked] == [one.batch_id for one in found.batches]
    before = key.count
    given = key.signed(*[signing.wanted(one) for one in signing.batches])
    assert key.count == before + 1
    with signing.world.tx("checker") as tx:
        tx.signer = Carried(given, asks=True)
        approve_day_in(tx, found, found.shown.digest, DAY)
    assert signing.world.states() == {"approved": 2}
    assert signing.found() == []
    for batch in signing.batches:
        assert check_evidence(evidence(signing, "payments.approve", batch.batch_id)).flaws == []


def test_ways_lead_up_to_one_challenge_and_no_other() -> None:
    for many in (1, 2, 3, 5, 8, 13):
        texts = [f'{{"n":{n}}}' for n in range(many)]
        ways = ways_of(texts)
        [root] = {challenge_of(text, way) for text, way in zip(texts, ways, strict=True)}
        assert challenge_of('{"n":99}', ways[0]) != root
        assert all(len(way) <= 33 * 4 for way in ways)
    for wrong in (
        "00.11",
        "00.11.22.33",
        "00.11.22." + "02" + "00" * 32,
        "00.11.",
        "0A.11.22",
        "00.11.22.33.44",
    ):
        with pytest.raises(ValueError, match=r"no[nt]"):
            unpacked(wrong)


def tampered(key: Authenticator, wanted: ToSign) -> dict[str, SignedStatement]:
    """What an authenticator, a browser or somebody between them may answer wrongly."""
    text = wanted.statement(key.id, machine_moment())
    right, client = challenge_of(text), key.client

    def of(
        data: bytes, said: bytes, change: Callable[[Touched], Touched] = lambda given: given
    ) -> SignedStatement:
        return SignedStatement(text, packed(change(key.sign(data, said))))

    def other_count(given: Touched) -> Touched:
        return given._replace(authenticator=given.authenticator[:-1] + bytes([given.authenticator[-1] ^ 1]))

    return {
        "an old challenge": of(key.data(), client(sha256(b"yesterday").digest())),
        "another origin": of(key.data(), client(right, origin="https://ledger.example.gov.cn.evil.cn")),
        "inside a frame of another": of(key.data(), client(right, crossOrigin=True)),
        "a registration's": of(key.data(), client(right, "webauthn.create")),
        "another site": of(key.data(site="evil.cn"), client(right)),
        "nobody present": of(key.data(VERIFIED), client(right)),
        "nobody verified": of(key.data(PRESENT), client(right)),
        "authenticatorData changed after": of(key.data(), client(right), other_count),
        "clientData changed after": of(
            key.data(), client(right), lambda g: g._replace(client=g.client + b" ")
        ),
        "a way that leads elsewhere": of(
            key.data(), client(right), lambda g: g._replace(way=b"\x01" + bytes(32))
        ),
    }


@pytest.mark.fault(45, 62)
def test_a_passkey_s_signature_that_does_not_hold_is_refused(signing: Signing) -> None:
    key, batch = enrolled(signing), signing.batches[0]
    wanted = signing.wanted(batch)
    for what, given in tampered(key, wanted).items():
        with pytest.raises(Forbidden) as refused:
            signing.approve(batch, given)
        assert refused.value.code == "signature.wrong", what
    stranger, foreign = Authenticator(ORIGIN), enrolled(signing, "same.person")
    for other, code in ((stranger, "signature.key_unknown"), (foreign, "signature.other_person")):
        with pytest.raises(Forbidden) as refused:
            signing.approve(batch, other.signed(wanted)[0])
        assert refused.value.code == code
    old = wanted._replace(digest=sha256(b"yesterday's").hexdigest())
    with pytest.raises(Forbidden) as refused:
        signing.approve(batch, key.signed(old)[0])
    assert refused.value.code == "signature.other_content"
    assert [one["digest"] for one in refused.value.details["to_sign"]] == [batch.digest.hex()]  # type: ignore[attr-defined]
    late = wanted.statement(key.id, machine_moment() - timedelta(minutes=6))
    with pytest.raises(Forbidden) as refused:
        signing.approve(batch, SignedStatement(late, packed(key.touch(challenge_of(late)))))
    assert refused.value.code == "signature.clock"
    [good] = key.signed(wanted)
    with signing.act("same.person") as tx:
        persons.revoke(tx, key.id[:12], "遗失", DAY)
    with pytest.raises(Forbidden) as refused:
        signing.approve(batch, good)
    assert refused.value.code == "signature.key_revoked"
    assert signing.world.states() == {"draft": 2}
    assert signing.found() == []


def test_a_copy_of_a_passkey_is_told_by_its_count(signing: Signing) -> None:
    key = enrolled(signing)
    first, other = signing.batches
    signing.approve(first, key.signed(signing.wanted(first))[0])
    key.count = 0
    with pytest.raises(Forbidden) as refused:
        signing.approve(other, key.signed(signing.wanted(other))[0])
    assert refused.value.code == "signature.counter"
    # past the database's guard it is found; one that does not count at all is none
    [copy] = key.signed(signing.wanted(other))
    with psycopg.connect(signing.database.admin_url) as admin:
        admin.execute("ALTER TABLE access.signature DISABLE TRIGGER frozen")
        admin.execute(
            "UPDATE access.signature SET statement = %s, signature = %s, act = 'month.approve' WHERE act = 'payments.approve'",
            [copy.statement, copy.signature],
        )
    assert any("INV-11" in one for one in signing.found())
    still = enrolled(signing, kind="passkey-EdDSA", count=None)
    for batch in (other,):
        signing.approve(batch, still.signed(signing.wanted(batch))[0])
    assert signing.world.states() == {"approved": 2}


def test_in_a_region_that_signs_enrolments_an_administrator_answers_for_a_newcomer_s(
    undemanded: Signing,
) -> None:
    """The newcomer has nothing to sign with: an administrator with a key proposes in the own name, a third person confirms."""
    signing = undemanded
    with psycopg.connect(signing.database.admin_url) as admin:
        admin.execute("INSERT INTO access.app_user VALUES ('guan', 'p-guan', 'guan')")
        admin.execute("INSERT INTO access.user_role VALUES (%s, 'guan', 'admin', 0)", [REGION])
    signing.keys["guan"] = signing.enroll("guan", "checker")
    for user in ("checker", "same.person"):
        demand(signing, user)
    key = Authenticator(ORIGIN)
    with signing.world.tx("maker") as tx:
        proposed = persons.enroll_passkey(tx, "maker", key.made, LONG, DAY)
    assert (proposed.proposed_by, proposed.vouched) == ("maker", False)
    with pytest.raises(Conflict) as unsigned, signing.act("checker") as tx:
        persons.confirm(tx, key.id, proposed.digest, DAY)
    assert unsigned.value.code == "signing_key.unsigned"
    with pytest.raises(Forbidden) as nobody, signing.world.tx("guan") as tx:
        persons.vouch(tx, key.id, DAY)
    assert nobody.value.code == "signature.missing"
    with pytest.raises(Forbidden) as none, signing.act("checker") as tx:
        persons.vouch(tx, key.id, DAY)
    assert none.value.code == "access.role_missing"
    with signing.act("guan") as tx:
        vouched = persons.vouch(tx, key.id, DAY)
    assert (vouched.proposed_by, vouched.digest) == ("guan", proposed.digest)
    with signing.world.tx("guan") as tx:
        assert persons.key_named(tx, key.id).vouched
    with pytest.raises(Forbidden) as same, signing.act("guan") as tx:
        persons.confirm(tx, key.id, proposed.digest, DAY)
    assert same.value.code == "signing_key.same_person"
    with signing.act("checker") as tx:
        assert persons.confirm(tx, key.id, proposed.digest, DAY).state == "confirmed"
    assert signing.found() == []


def test_what_a_passkey_is_bound_to_is_part_of_it(signing: Signing) -> None:
    """Another origin, site or credential under the fingerprint that two persons confirmed: refused by the table itself."""
    key = enrolled(signing)
    with psycopg.connect(signing.database.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        for column, value in (
            ("origin", "https://evil.cn"), ("rp_id", "evil.cn"), ("credential_id", "A" * 40), ("credential_id", None), ("algorithm", ED25519),
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.CheckViolation), admin.transaction():
                admin.execute(
                    f"UPDATE access.person_key SET {column} = %s WHERE fingerprint = %s",  # type: ignore[arg-type]
                    [value, key.id],
                )
    document = evidence_with(signing, key)
    assert check_evidence(document).flaws == []
    for listed in document["persons"]["keys"]:
        if listed["fingerprint"] == key.id:
            listed["origin"] = "https://evil.cn"
    with pytest.raises(LedgerError) as refused:
        check_evidence(document)
    assert refused.value.code == "evidence.list"


def evidence_with(signing: Signing, key: Authenticator) -> dict[str, Any]:
    batch = signing.batches[0]
    with signing.world.tx("checker") as tx:
        tx.signer = Carried(key.signed(signing.wanted(batch)))
        approve_in(tx, batch.batch_id, batch.digest, DAY)
    return evidence(signing, "payments.approve", batch.batch_id)


def test_who_has_a_passkey_at_hand_is_asked_although_nobody_demands_it(undemanded: Signing) -> None:
    batch = undemanded.batches[0]
    key = enrolled(undemanded)
    with pytest.raises(Forbidden) as refused, undemanded.world.tx("checker") as tx:
        from ledger.access.signing.signing import require_asked

        tx.signer = Carried([], asks=True)
        approve_in(tx, batch.batch_id, batch.digest, DAY)
        require_asked(tx)
    assert refused.value.code == "signature.missing"
    undemanded.approve(batch, key.signed(undemanded.wanted(batch))[0])
    assert undemanded.found() == []
