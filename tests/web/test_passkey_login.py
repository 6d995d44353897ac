"""Coming in by password and passkey, with or without a telephone: the own key's answer to this very question, once."""

from __future__ import annotations

import re
from typing import Any

import httpx
import psycopg
import pyotp
import pytest

from ledger.access.signing.passkey import encoded
from ledger.core.errors import LedgerError
from ledger.db.unit_of_work import unit_of_work
from ledger.simulation.people import PASSWORD
from tests.scenes.passkeys import Authenticator
from tests.web.conftest import Browser
from tests.web.forms.conftest import Press, said
from tests.web.test_acts import do, done
from tests.web.test_passkeys import USERS, challenge_at, enrolled

pytestmark = pytest.mark.unsigned
LOGIN, ANSWER = "/desk/login", "/desk/login/passkey"


@pytest.fixture
def key(desk: Any) -> Authenticator:
    """The checker's passkey; a code of the telephone is asked of her since."""
    press = Press(desk)
    made = enrolled(desk, press.by, "qian")
    qian = press.by("qian")
    form = qian.form("/desk/me", "/desk/me/factor")
    assert (
        "已启用"
        in qian.post(
            "/desk/me/factor", form | {"otp": pyotp.TOTP(form["secret"]).now(), "old": PASSWORD}
        ).text
    )
    return made


def asked(browser: Browser, password: str = PASSWORD) -> httpx.Response:
    """The log-in page sent with the code left empty."""
    return browser.post(LOGIN, {"user": "qian", "password": password, "otp": "", "to": "/desk/orders"})


def form_of(answer: httpx.Response) -> dict[str, str]:
    assert 'data-passkey="get"' in answer.text, said(answer)
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', answer.text))


@pytest.mark.posts("/desk/login/passkey")
def test_a_passkey_instead_of_the_code_opens_once(desk: Any, key: Authenticator) -> None:
    browser = Browser(desk.address)
    page = asked(browser)
    answer = form_of(page) | {"touch": key.answer(challenge_at(page.text))}
    assert browser.get("/desk/today").status_code == 303  # a password alone is nobody
    entered = browser.post(ANSWER, answer)
    assert (entered.status_code, entered.headers.get("location")) == (303, "/desk/orders")
    assert browser.get("/desk/orders").status_code == 200
    assert desk.month.asked(
        "SELECT detail FROM access.operator_log WHERE action = 'login' ORDER BY id DESC LIMIT 1"
    ) == [("通行密钥",)]
    thief = Browser(desk.address)
    assert thief.post(ANSWER, answer).status_code == 401  # replayed
    assert thief.get("/desk/today").status_code == 303
    later = asked(thief)
    assert (
        thief.post(ANSWER, form_of(later) | {"touch": answer["touch"]}).status_code == 401
    )  # the same touch to another question


def test_only_the_own_living_key_here_answers(desk: Any, key: Authenticator) -> None:
    press, browser = Press(desk), Browser(desk.address)
    assert asked(browser, "wrong-Pass-1").status_code == 401
    assert browser.post(LOGIN, {"user": "qian", "password": PASSWORD, "otp": "000000"}).status_code == 401
    other = enrolled(desk, press.by, "wu")
    elsewhere = Authenticator("http://evil.example:80")
    elsewhere.key, elsewhere.credential = key.key, key.credential

    def wrong(who: Authenticator, page: httpx.Response, **changed: str) -> None:
        given = form_of(page) | {"touch": who.answer(challenge_at(page.text))} | changed
        answer = browser.post(ANSWER, given)
        assert (answer.status_code, "用户名、密码或动态口令不对" in answer.text) == (401, True), said(answer)

    page = asked(browser)
    wrong(other, page)
    wrong(elsewhere, page)
    unlock(desk)
    wrong(key, page, user="wu")  # another's name under an answer of hers
    wrong(key, page, touch="{}")
    first, second = asked(browser), asked(browser)
    wrong(key, first)  # two tabs: the later question stands
    unlock(desk)
    with psycopg.connect(desk.month.database.admin_url) as admin:
        admin.execute(
            "UPDATE access.password SET asked_at = asked_at - interval '5 minutes' WHERE user_name = 'qian'"
        )
    wrong(key, second)  # too late
    page = asked(browser)
    done(do(press.by("zhou"), USERS, "key revoke", {"v.reason": "遗失"}, key=key.id))
    wrong(key, page)  # stopped between question and answer
    assert asked(browser).status_code == 401  # and no passkey is left to ask
    assert browser.get("/desk/today").status_code == 303


def test_an_expired_or_unconfirmed_key_is_not_asked(desk: Any, key: Authenticator) -> None:
    browser = Browser(desk.address)
    for change in (
        "valid_to = '2020-01-02', valid_from = '2020-01-01'",
        "state = 'proposed', confirmed_by = '', confirmed_on = NULL, confirmed_at = NULL",
    ):
        with psycopg.connect(desk.month.database.admin_url) as admin:
            admin.execute("SET session_replication_role = replica")
            admin.execute(f"UPDATE access.person_key SET {change} WHERE fingerprint = %s", [key.id])  # type: ignore[call-overload]
        assert asked(browser).status_code == 401


@pytest.fixture
def alone(desk: Any) -> Authenticator:
    """The checker's passkey; she has no telephone."""
    return enrolled(desk, Press(desk).by, "qian")


def test_a_passkey_is_asked_of_who_has_no_telephone(desk: Any, alone: Authenticator) -> None:
    """A password alone opens nothing once a passkey is enrolled: whatever is typed as a code, and past the program too."""
    browser = Browser(desk.address)
    page = asked(browser)
    form_of(page)
    assert browser.get("/desk/today").status_code == 303
    form_of(browser.post(LOGIN, {"user": "qian", "password": PASSWORD, "otp": "123456"}))
    assert browser.get("/desk/today").status_code == 303
    with pytest.raises(LedgerError) as refused, unit_of_work(desk.month.engine, "qian") as tx:
        tx.run("SELECT access.begin_session(sha256('a'), sha256('b'), 0, '', '')")
    assert refused.value.code == "login.refused"
    page = asked(browser)
    entered = browser.post(ANSWER, form_of(page) | {"touch": alone.answer(challenge_at(page.text))})
    assert (entered.status_code, browser.get("/desk/orders").status_code) == (303, 200)


def test_at_another_address_of_the_pages_a_passkey_is_not_passed_over(
    desk: Any, alone: Authenticator
) -> None:
    port = desk.address.rpartition(":")[2]
    browser = Browser(f"http://localhost:{port}")
    answer = asked(browser)
    assert answer.status_code == 401
    assert f"登记于{desk.address}：请在该网址登录" in said(answer)
    assert browser.get("/desk/today").status_code == 303
    assert desk.month.asked(
        "SELECT outcome, detail FROM access.operator_log WHERE action = 'login' ORDER BY id DESC LIMIT 1"
    ) == [("refused", "login.passkey_elsewhere")]


def test_with_the_last_passkey_stopped_what_is_left_opens(desk: Any, alone: Authenticator) -> None:
    """Expired or stopped, a key is asked no more: of two the other is, of none the password is enough as before."""
    browser, second = Browser(desk.address), enrolled(desk, Press(desk).by, "qian")
    with psycopg.connect(desk.month.database.admin_url) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE access.person_key SET valid_from = '2020-01-01', valid_to = '2020-01-02' WHERE fingerprint = %s",
            [alone.id],
        )
    page = asked(browser)
    assert encoded(second.credential) in page.text
    assert encoded(alone.credential) not in page.text
    done(do(Press(desk).by("zhou"), USERS, "key revoke", {"v.reason": "遗失"}, key=second.id))
    entered = browser.post(ANSWER, form_of(page) | {"touch": second.answer(challenge_at(page.text))})
    assert entered.status_code == 401  # stopped between question and answer
    assert asked(browser).status_code == 303


def test_five_wrong_answers_lock_the_name(desk: Any, key: Authenticator) -> None:
    browser = Browser(desk.address)
    page = asked(browser)
    form = form_of(page) | {"touch": "{}"}
    assert {browser.post(ANSWER, form).status_code for _ in range(4)} == {401}
    answer = browser.post(ANSWER, form | {"touch": key.answer(challenge_at(page.text))})
    assert (answer.status_code, "分钟再试" in answer.text) == (401, True)


def unlock(desk: Any) -> None:
    with psycopg.connect(desk.month.database.admin_url) as admin:
        admin.execute("UPDATE access.password SET failures = 0, locked_until = NULL")
        admin.execute("UPDATE access.login_place SET failures = 0, locked_until = NULL")
