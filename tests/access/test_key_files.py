"""Key files, the agent, the list of persons signed by two and evidence checked by it: no database anywhere."""

from __future__ import annotations

import threading
import time
from copy import deepcopy
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ledger.access.signing import agent
from ledger.access.signing.keyfile import new_key, open_key, read_public
from ledger.access.signing.pair import ED25519, SM2, KeyPair, generate, pair
from ledger.access.signing.persons import PersonKey
from ledger.access.signing.register import check_list, make_list, sign_list
from ledger.access.signing.signer import header_of, read_header, sign_with
from ledger.access.signing.statement import ToSign
from ledger.core.dates import machine_moment
from ledger.core.errors import Forbidden, InvalidInput, Unavailable
from reports.evidence.verify import check_evidence

HOME, REGION, DAY = "0" * 36, 420100, date(2026, 10, 13)
PHRASE = "correct horse battery"


def enrolled(key: KeyPair, person: str, revoked: str = "") -> PersonKey:
    span = (date(2020, 1, 1), date(2099, 12, 31))
    at = "2026-01-01T00:00:00.000000Z"
    return PersonKey(
        key.id, person, [f"user.{person}"], key.algorithm, key.public, *span, "confirmed", "a", "b", at, "", revoked, "", ""
    )  # fmt: skip


def wanted(person: str, content: str = "shown") -> ToSign:
    digest = sha256(content.encode()).hexdigest()
    return ToSign(HOME, REGION, "voucher.approve_list", "420100-310", digest, f"user.{person}", person, DAY)


def test_a_key_file_opens_for_its_owner_and_its_passphrase_only(tmp_path: Path) -> None:
    file = tmp_path / "keys" / "me.key"
    made = new_key(file, SM2, PHRASE)
    assert read_public(file) == (SM2, made.public)
    assert open_key(file, PHRASE) == made
    assert made.private.hex() not in file.read_text()
    for change, code in (
        (lambda: file.chmod(0o640), "signing_key.file_readable"),
        (lambda: file.chmod(0o604), "signing_key.file_readable"),
    ):
        change()
        with pytest.raises(Forbidden) as refused:
            open_key(file, PHRASE)
        assert refused.value.code == code
    file.chmod(0o600)
    with pytest.raises(InvalidInput) as wrong:
        open_key(file, PHRASE + "!")
    assert wrong.value.code == "signing_key.passphrase"
    with pytest.raises(InvalidInput) as there:
        new_key(file, ED25519, PHRASE)
    assert there.value.code == "signing_key.file"
    file.write_text(file.read_text().replace(made.public[:8], "00000000", 1))
    with pytest.raises(InvalidInput) as changed:
        open_key(file, PHRASE)
    assert changed.value.code == "signing_key.file"


def test_the_agent_signs_statements_of_its_keys_and_nothing_else(tmp_path: Path) -> None:
    key, socket = pair(ED25519, generate(ED25519)), tmp_path / "private" / "agent"
    running = threading.Thread(target=agent.serve, args=(socket, {key.id: key}, 2.0))
    running.start()
    while not socket.exists():
        time.sleep(0.01)
    (held,) = agent.held(socket)
    asked = wanted("p1")
    given = sign_with(held, asked)
    assert given.signature == key.sign(given.statement.encode())
    for data in (b"anything", asked.statement("0" * 64, machine_moment()).encode()):
        with pytest.raises(Unavailable):
            held.sign(data)
    running.join()
    with pytest.raises(Unavailable):
        agent.held(socket)


@pytest.mark.fault(45)
def test_a_list_signed_by_one_is_no_list_and_evidence_is_checked_by_one_signed_by_two() -> None:
    one, two = pair(ED25519, generate(ED25519)), pair(SM2, generate(SM2))
    own_other = pair(ED25519, generate(ED25519))
    people = [enrolled(one, "p1"), enrolled(own_other, "p1"), enrolled(two, "p2")]
    persons: dict[str, Any] = make_list(HOME, REGION, people, DAY)
    sign_list(persons, one, "")
    sign_list(persons, own_other, "")  # the same person with another key is still one
    with pytest.raises(InvalidInput, match="须由两人签名") as alone:
        check_list(persons)
    assert alone.value.code == "evidence.list"
    sign_list(persons, two, "")
    assert set(check_list(persons).signers) == {one.id, two.id}
    with pytest.raises(InvalidInput, match="所信任"):
        check_list(persons, (one.id[:12],))
    given = sign_with(two, wanted("p2"))
    assert read_header(header_of([given])) == [given]
    evidence: dict[str, Any] = {
        "region": REGION, "act": "voucher.approve_list", "object": "420100-310", "content": "shown", "orders": [],
        "signatures": [given._asdict()], "persons": persons,
    }  # fmt: skip
    found = check_evidence(evidence)
    assert ([p.person for p in found.proven], found.flaws, found.content) == (["p2"], [], True)
    assert "所附内容" in check_evidence(evidence | {"content": "other"}).flaws[0]
    assert "不是这一事项" in check_evidence(evidence | {"object": "420100-390"}).flaws[0]
    stolen = sign_with(one, wanted("p2"))
    assert "本人的" in check_evidence(evidence | {"signatures": [stolen._asdict()]}).flaws[0]
    grown = deepcopy(persons)
    grown["keys"][0]["valid_to"] = "2199-12-31"
    with pytest.raises(InvalidInput, match="不是对这份名册"):
        check_evidence(evidence, grown)
    moment = (machine_moment() - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    gone = make_list(
        HOME, REGION, [enrolled(one, "p1"), enrolled(own_other, "p3"), enrolled(two, "p2", moment)], DAY
    )
    sign_list(gone, one, "")
    sign_list(gone, own_other, "")
    assert "停用" in check_evidence(evidence, gone).flaws[0]
