"""Passkeys at the pages: made there, confirmed by another, and what is approved is signed over what was shown; void on change."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html import unescape
from typing import Any

import httpx
import psycopg
import pytest

from ledger.access.signing import persons
from ledger.access.signing.pair import ED25519, generate, pair
from ledger.access.signing.passkey import decoded
from ledger.access.signing.register import check_list, make_list, sign_list
from ledger.core.errors import Forbidden, InvalidInput
from ledger.simulation.people import DEMO_REGION, PASSWORD
from ledger.web.pages.persons.sign import differences
from reports.evidence.export import evidence_of
from reports.evidence.verify import check_evidence
from tests.scenes.passkeys import PRESENT, Authenticator
from tests.web.conftest import TODAY, Browser, bills
from tests.web.test_acts import act, do, done, refused, said

Sat = Callable[[str], Browser]
pytestmark = pytest.mark.unsigned
ME, USERS = f"/desk/me?region={DEMO_REGION}", f"/desk/users?region={DEMO_REGION}"
MAKE = f"/desk/me/passkey?region={DEMO_REGION}"


def challenge_at(page: str) -> bytes:
    found = re.search(r'data-challenge="([^"]+)"', page)
    assert found, page[-900:]
    return decoded(found[1])


def make(browser: Browser, key: Authenticator, password: str = PASSWORD, **other: Any) -> httpx.Response:
    """As the page's script does: the form with what the browser made."""
    form = browser.form(ME, MAKE)
    registered = key.registered(challenge_at(browser.get(ME).text), **other)
    return browser.post(MAKE, form | {"old": password, "made": registered})


def enrolled(
    desk: Any, sat: Sat, user: str, by: str = "shen", confirms_with: Authenticator | None = None
) -> Authenticator:
    """A passkey of the user's, made at the page and confirmed at the page by another person, who signs that where he has one."""
    key, other = Authenticator(desk.address), sat(by)
    assert make(sat(user), key).status_code == 303
    answer = do(other, USERS, "key confirm", key=key.id)
    done(answer if confirms_with is None else signed(other, act("key confirm"), answer, confirms_with))
    Browser.keys[user] = key
    return key


def signed(browser: Browser, path: str, asked: httpx.Response, key: Authenticator) -> httpx.Response:
    """The page that asks for a signature, sent on with the authenticator's answer."""
    form = signing_form(asked)
    return browser.post(path, form | {"touch": key.answer(challenge_at(asked.text))})


def signing_form(asked: httpx.Response) -> dict[str, str]:
    assert 'data-passkey="get"' in asked.text, said(asked)
    found = re.search(r'<form[^>]*data-passkey="get".*?</form>', asked.text, re.S)
    assert found
    return {
        name: unescape(value)
        for name, value in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found[0])
    }


def draft_day(desk: Any, sat: Sat, count: int = 2) -> None:
    with bills(desk, count):
        done(do(sat("zhao"), "/desk/today", "day run"))


APPROVE = act("day approve")


def approving(qian: Browser) -> httpx.Response:
    """The day's batches, approved as they are shown today."""
    return qian.post(APPROVE, qian.form("/desk/today", APPROVE))


def states(desk: Any) -> set[str]:
    return {state for (state,) in desk.month.asked("SELECT DISTINCT state FROM payments.pay_order")}


def test_a_day_is_approved_by_a_passkey_and_proven_without_a_database(desk: Any, sat: Sat) -> None:
    draft_day(desk, sat)
    key, qian = enrolled(desk, sat, "qian"), sat("qian")
    asked = approving(qian)
    assert asked.status_code == 200
    assert "请以本人的通行密钥签名" in said(asked)
    assert states(desk) == {"draft"}
    done(signed(qian, APPROVE, asked, key))
    assert states(desk) == {"filed"}
    [(batch,)] = desk.month.asked("SELECT object FROM access.signature WHERE act = 'payments.approve'")
    # being asked is no refusal: the log tells one approval
    assert desk.month.asked(
        "SELECT outcome FROM access.operator_log WHERE user_name = 'qian' AND action = 'day.approve' ORDER BY id"
    ) == [("done",)]
    checked = check_evidence(evidence(desk, batch))
    assert (checked.flaws, [one.key for one in checked.proven]) == ([], [key.id])


def evidence(desk: Any, batch: str) -> dict[str, Any]:
    """The file, with a list of persons that two sign by keys of their own."""
    keys = {user: pair(ED25519, generate(ED25519)) for user in ("shen", "guan")}
    for user, by in (("shen", "guan"), ("guan", "shen")):
        with desk.month.tx(user) as tx:
            made = persons.enroll(
                tx, user, ED25519, keys[user].public, (TODAY, TODAY.replace(year=2028)), TODAY
            )
        with desk.month.tx(by) as tx:
            persons.confirm(tx, made.fingerprint, made.digest, TODAY)
    with desk.month.tx("zhou") as tx:
        listed = make_list(tx.value("SELECT id FROM access.home"), DEMO_REGION, persons.keys_of(tx), TODAY)
        for user, key in keys.items():
            sign_list(listed, key, user)
        return json.loads(json.dumps(evidence_of(tx, "payments.approve", batch, listed)))  # type: ignore[no-any-return]


@pytest.mark.posts("/desk/me/passkey", "key vouch", "key confirm")
def test_where_signatures_are_demanded_a_checker_without_a_passkey_is_told_how_to_get_one(
    desk: Any, sat: Sat
) -> None:
    """And with one approves; the demand itself is asked for and confirmed at the pages, both by passkeys."""
    draft_day(desk, sat)
    qian, shen, zhou = sat("qian"), sat("shen"), sat("zhou")
    shens = enrolled(desk, sat, "shen", "zhou")
    zhous = enrolled(desk, sat, "zhou", confirms_with=shens)
    with desk.month.tx("shen") as tx:
        digest = persons.demand_of(tx).digest
    for browser, key in ((shen, shens), (zhou, zhous)):
        form = browser.form(ME, "/desk/logout") | {
            "v.region": str(DEMO_REGION),
            "v.digest": digest,
            "key": key.id[:20],
        }
        done(signed(browser, act("key demand"), browser.post(act("key demand"), form), key))
    answer = approving(qian)
    refused(answer, "signature.missing")
    assert "没有登记并确认的通行密钥" in said(answer)
    assert states(desk) == {"draft"}
    # the newcomer's is answered for by the security administrator, who needs a passkey too
    own = Authenticator(desk.address)
    guans = Authenticator(desk.address)
    assert make(qian, own).status_code == 303
    refused(
        sat("guan").post(act("key vouch"), sat("guan").form(USERS, act("key vouch"), key=own.id)),
        "login.form",
    )
    guan = sat("guan")
    refused(do(guan, USERS, "key vouch", key=own.id), "signature.missing")
    enrolled_past_the_pages(desk, guans, "guan")
    path = act("key vouch")
    done(signed(guan, path, guan.post(path, guan.form(USERS, path, key=own.id)), guans))
    path = act("key confirm")
    done(signed(shen, path, shen.post(path, shen.form(USERS, path, key=own.id)), shens))
    done(signed(qian, APPROVE, approving(qian), own))
    assert states(desk) == {"filed"}


def enrolled_past_the_pages(desk: Any, key: Authenticator, user: str) -> None:
    """As before the demand: nobody could have signed it then."""
    bound = key.made.key
    with psycopg.connect(desk.month.database.admin_url) as admin:
        admin.execute("INSERT INTO access.home (id) VALUES (gen_random_uuid()::text) ON CONFLICT DO NOTHING")
        admin.execute(
            "INSERT INTO access.person_key (region, fingerprint, person, algorithm, public_key, valid_from, valid_to, state, proposed_by,"
            " proposed_on, confirmed_by, confirmed_on, confirmed_at, credential_id, rp_id, origin) SELECT %s, %s, person, %s, %s,"
            " '2020-01-01', '2099-12-31', 'confirmed', user_name, '2020-01-01', 'shen', '2020-01-01', '2020-01-01 00:00:00+08', %s, %s, %s"
            " FROM access.app_user WHERE user_name = %s",
            [DEMO_REGION, key.id, key.kind, bound.public, bound.credential, bound.rp_id, bound.origin, user],
        )


def test_what_changed_since_it_was_shown_voids_the_signature_and_is_told(desk: Any, sat: Sat) -> None:
    draft_day(desk, sat)
    key, qian = enrolled(desk, sat, "qian"), sat("qian")
    asked = approving(qian)
    [(batch,)] = desk.month.asked("SELECT batch_id FROM payments.batch")
    with desk.month.tx("zhao") as tx:
        from ledger.payments.orders.approve import discard_in

        discard_in(tx, batch, "重做", TODAY)
    done(do(sat("zhao"), "/desk/today", "day run"))
    answer = signed(qian, APPROVE, asked, key)
    refused(answer, "list.changed")
    assert f"不再在内：{batch}" in said(answer)
    assert "新增：" in said(answer)
    assert "filed" not in states(desk)


def test_only_the_own_passkey_s_answer_to_this_very_question_is_taken(desk: Any, sat: Sat) -> None:
    draft_day(desk, sat)
    key, other = enrolled(desk, sat, "qian"), enrolled(desk, sat, "wu")
    qian = sat("qian")
    asked = approving(qian)
    form, challenge = signing_form(asked), challenge_at(asked.text)
    elsewhere = Authenticator("http://evil.example:80")
    elsewhere.key, elsewhere.credential = key.key, key.credential
    for touch in (
        other.answer(challenge),
        elsewhere.answer(challenge),
        key.answer(bytes(32)),
        json.dumps(
            {"response": {**json.loads(key.answer(challenge))["response"], "authenticatorData": "AAAA"}}
        ),
    ):
        refused(qian.post(APPROVE, form | {"touch": touch}), "signature.wrong")
    for wrong in ("[]", "{}", '"x"', "[1]", "no json"):
        answer = qian.post(APPROVE, form | {"touch": wrong})
        assert answer.status_code in (403, 422), wrong
    for field, wrong in (("signed", '[{"a":1}]'), ("statements", "[1]"), ("signed", "x"), ("shown", "{")):
        assert qian.post(APPROVE, form | {"touch": key.answer(challenge), field: wrong}).status_code in (
            422,
        ), field
    done(do(sat("zhou"), USERS, "key revoke", {"v.reason": "遗失"}, key=key.id))
    refused(qian.post(APPROVE, form | {"touch": key.answer(challenge)}), "signature.key_revoked")
    assert states(desk) == {"draft"}


@pytest.mark.posts("/desk/me/passkey", "key revoke")
def test_a_passkey_is_made_by_who_knows_the_password_at_this_page(desk: Any, sat: Sat) -> None:
    qian, key = sat("qian"), Authenticator(desk.address)
    refusals = (
        make(qian, key, password="wrong-Pass-1"),
        make(qian, Authenticator("https://elsewhere.example")),
        make(qian, key, flags=PRESENT | 0x40),
    )
    assert [one.status_code for one in refusals] == [401, 422, 422]
    form = qian.form(ME, MAKE)
    assert qian.post(MAKE, form | {"old": PASSWORD, "made": key.registered(bytes(32))}).status_code == 422
    assert qian.post(MAKE, form | {"old": PASSWORD, "made": "{}"}).status_code == 422
    strangers = challenge_at(sat("wu").get(ME).text)
    assert qian.post(MAKE, form | {"old": PASSWORD, "made": key.registered(strangers)}).status_code == 422
    assert make(sat("qian"), key).status_code == 303
    assert make(sat("qian"), key).status_code == 409
    # neither its person nor a stranger confirms it; another person does
    with pytest.raises(Forbidden) as own, desk.month.tx("qian") as tx:
        persons.confirm(tx, key.id, persons.key_named(tx, key.id).digest, TODAY)
    assert own.value.code == "signing_key.same_person"
    assert "核对指纹后确认" in sat("shen").get(USERS).text
    done(
        do(sat("qian"), ME, "key revoke", {"v.reason": "换了手机"}, key=key.id)
    )  # and is stopped by its person at once
    assert "核对指纹后确认" not in sat("shen").get(USERS).text


@pytest.mark.posts("key publish")
def test_the_list_of_persons_is_signed_at_the_page_by_two_and_verified_offline(desk: Any, sat: Sat) -> None:
    draft_day(desk, sat)
    key, qian, path = enrolled(desk, sat, "qian"), sat("qian"), act("key publish")
    done(signed(qian, APPROVE, approving(qian), key))
    keys = {"zhou": enrolled(desk, sat, "zhou")}
    keys["shen"] = enrolled(desk, sat, "shen", "zhou", confirms_with=keys["zhou"])
    listed = f"/desk/users/list?region={DEMO_REGION}"
    asked = sat("shen").get(listed)
    refused(asked, "evidence.list")
    assert "须由两人签名，现无人签名" in said(asked)
    assert 'href="/desk/today"' in asked.text  # who is in is not sent to the door
    assert "的名册，密钥 3 把" in said(sat("shen").get(USERS))
    shen, zhou = sat("shen"), sat("zhou")
    old = shen.form(USERS, path)
    guan = sat("guan")
    refused(guan.post(path, guan.form(USERS, path)), "signature.missing")
    for wrong, code in (
        ({"v.digest": "0" * 64}, "signing_key.list_changed"),
        ({"csrf": "0" * 64}, "login.form"),
    ):
        refused(shen.post(path, old | wrong | {"key": "w"}), code)
    done(signed(shen, path, shen.post(path, old), keys["shen"]))
    refused(zhou.get(listed), "evidence.list")  # one alone is nobody's list
    assert re.search(r"已签名：[^，。]+（shen）。", said(zhou.get(USERS)))
    assert "签名名册" not in said(shen.get(USERS))
    done(signed(zhou, path, zhou.post(path, zhou.form(USERS, path)), keys["zhou"]))
    document = json.loads(zhou.get(listed).content)
    own = {keys["shen"].id, keys["zhou"].id}
    assert set(check_list(document, [one[:8] for one in own]).signers) == own
    [(batch,)] = desk.month.asked("SELECT object FROM access.signature WHERE act = 'payments.approve'")
    with desk.month.tx("zhou") as tx:
        proof = json.loads(json.dumps(evidence_of(tx, "payments.approve", batch, document)))
    checked = check_evidence(proof)
    assert (checked.flaws, [one.key for one in checked.proven]) == ([], [key.id])
    for spoil in (
        {"made_on": "2026-10-14"},
        {"signatures": document["signatures"][:1]},
        {"keys": document["keys"][1:]},
    ):
        with pytest.raises(InvalidInput) as flawed:
            check_list({**document, **spoil})
        assert flawed.value.code == "evidence.list"
    # a key stopped since: another list, which nobody has signed
    done(do(zhou, USERS, "key revoke", {"v.reason": "遗失"}, key=key.id))
    refused(zhou.get(listed), "evidence.list")
    assert "已签名：无人" in said(zhou.get(USERS))


def test_what_changed_is_said_member_by_member_and_line_by_line() -> None:
    before = json.dumps({"act": "a", "shown": {"amount_fen": 100, "payee_name": "甲"}, "lines": [{"n": 1}]})
    now = json.dumps(
        {"act": "a", "shown": {"amount_fen": 200, "payee_name": "甲"}, "lines": [{"n": 1}, {"n": 2}]}
    )
    assert differences(before, now) == ["amount_fen：由“100”变为“200”", '第2行：由“”变为“{"n": 2}”']
    assert differences("一\n二", "一\n三") == ["第2行：由“二”变为“三”"]
    assert differences(before, before) == []
