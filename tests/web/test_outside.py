"""Coming in by a provider of identities: only as whom two administrators enrolled, and only by its word of this very try."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pyotp
import pytest

from ledger.access.proposals import confirm, propose_identity, revoke_identities
from ledger.api.intake.service import make_service
from ledger.cli.remote import Remote
from ledger.core.dates import machine_seconds
from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError
from ledger.simulation.people import PASSWORD
from ledger.web.application import make_pages
from tests.scenes.provider import LyingProvider, lying_provider
from tests.scenes.served import served
from tests.web.conftest import TODAY, Browser
from tests.web.test_acts import do, done, refused
from tests.web.test_passkeys import challenge_at, enrolled

CLIENT, USERS = "fundledger", "/desk/users?region=420100"


@pytest.fixture
def provider() -> Iterator[LyingProvider]:
    with lying_provider() as made:
        yield made


@contextmanager
def desk_of(month: Any, issuer: str, folder: Path) -> Iterator[Any]:
    """The service with a provider, whose secret lies in a file of our own."""
    secret = folder / "secret"
    secret.touch(mode=0o600)
    secret.write_text("geheim-und-lang-genug\n")
    settings = month.database.settings.model_copy(
        update={"today": TODAY, "oidc_issuer": issuer, "oidc_client": CLIENT, "oidc_secret_file": secret}
    )
    with served(make_service(settings, Remote, make_pages)) as made:
        made.month = month
        yield made
        while Browser.opened:
            Browser.opened.pop().close()


@pytest.fixture
def desk(kept_desk: str, month: Any, provider: LyingProvider, tmp_path: Path) -> Iterator[Any]:
    with desk_of(month, provider.address, tmp_path) as made:
        yield made


def enrol(month: Any, issuer: str, subject: str, user: str = "qian") -> None:
    with month.tx("guan") as tx:
        asked = propose_identity(tx, user, issuer, subject, TODAY)
    with month.tx("shen") as tx:
        confirm(tx, asked.n, asked.digest, TODAY)


def begin(browser: Browser, to: str = "") -> str:
    """Where the provider is asked."""
    answer = browser.get(f"/desk/outside?to={to}")
    assert answer.status_code == 303, answer.text[-500:]
    return answer.headers["location"]


def whole(browser: Browser, provider: LyingProvider) -> httpx.Response:
    return browser.http.get(provider.consent(begin(browser)))


def inside(browser: Browser) -> bool:
    return browser.get("/desk/today").status_code == 200


def test_who_is_enrolled_comes_in_and_nobody_else(desk: Any, provider: LyingProvider) -> None:
    browser = Browser(desk.address)
    answer = whole(browser, provider)
    assert answer.status_code == 401
    assert "此身份没有登记" in answer.text
    assert not inside(browser)
    assert desk.month.asked("SELECT count(*) FROM access.app_user WHERE user_name LIKE 'sub%%'") == [(0,)]
    enrol(desk.month, provider.address, "sub-qian")
    assert "以统一身份认证登录" in browser.get("/desk/login").text
    answer = browser.http.get(provider.consent(begin(browser, "/desk/me")))
    assert answer.status_code == 200
    assert re.search(r'href="/desk/me" id="onward"', answer.text)
    cookies = answer.headers.get_list("set-cookie")
    assert any("SameSite=strict" in one and "HttpOnly" in one for one in cookies)
    assert "钱复核" in browser.get("/desk/me").text
    assert ("login", "done", "统一身份认证") in desk.month.asked(
        "SELECT action, outcome, detail FROM access.operator_log WHERE user_name = 'qian'"
    )
    # stopped at once, by one administrator
    with desk.month.tx("shen") as tx:
        assert revoke_identities(tx, "qian") == 1
    assert whole(Browser(desk.address), provider).status_code == 401


@pytest.mark.posts("user identity", "user confirm")
def test_an_identity_is_enrolled_at_the_pages(
    desk: Any, provider: LyingProvider, sat: Callable[[str], Browser]
) -> None:
    typed = {"v.user": "qian", "v.subject": "sub-qian"}
    done(do(sat("guan"), USERS, "user identity", typed))
    refused(
        do(sat("guan"), USERS, "user identity", typed | {"v.user": "guan"}), "access.own_grant", "sub-qian"
    )
    assert whole(Browser(desk.address), provider).status_code == 401
    done(do(sat("shen"), USERS, "user confirm"))
    assert whole(Browser(desk.address), provider).status_code == 200


def test_an_identity_is_enrolled_by_two_and_belongs_to_one(desk: Any, provider: LyingProvider) -> None:
    issuer = provider.address
    with pytest.raises(Forbidden) as alone, desk.month.tx("zhao") as tx:
        propose_identity(tx, "qian", issuer, "s", TODAY)
    assert alone.value.code == "access.role_missing"
    with pytest.raises(Forbidden) as own, desk.month.tx("guan") as tx:
        propose_identity(tx, "guan", issuer, "s", TODAY)
    assert own.value.code == "access.own_grant"
    with desk.month.tx("guan") as tx:
        asked = propose_identity(tx, "qian", issuer, "sub-qian", TODAY)
    assert whole(Browser(desk.address), provider).status_code == 401
    with pytest.raises(Forbidden), desk.month.tx("guan") as tx:
        confirm(tx, asked.n, asked.digest, TODAY)
    with desk.month.tx("shen") as tx:
        confirm(tx, asked.n, asked.digest, TODAY)
    assert whole(Browser(desk.address), provider).status_code == 200
    with pytest.raises(Conflict) as taken, desk.month.tx("guan") as tx:
        propose_identity(tx, "zhao", issuer, "sub-qian", TODAY)
    assert taken.value.code == "user.identity_taken"
    for wrong in ("", " x", "x" * 256, "a\u202eb"):
        with pytest.raises(InvalidInput), desk.month.tx("guan") as tx:
            propose_identity(tx, "zhao", issuer, wrong, TODAY)
    # another subject shown than is meant, past the program
    with pytest.raises(LedgerError), desk.month.tx("guan") as tx:
        tx.run(
            "SELECT access.propose(420100, 'identity', 'zhao', '', '', '', 0::smallint, sha256('other'), %(label)s, NULL, %(on)s)",
            label=f"{issuer} shown",
            on=TODAY,
        )


def test_state_code_and_browser_belong_together_and_are_used_once(desk: Any, provider: LyingProvider) -> None:
    enrol(desk.month, provider.address, "sub-qian")
    victim, other = Browser(desk.address), Browser(desk.address)
    back = provider.consent(begin(victim))
    # another browser, which did not ask; the own one with another state, none, or an earlier try's
    begin(other)
    assert other.http.get(back).status_code == 401
    assert victim.http.get(re.sub(r"state=[^&]+", "state=x", back)).status_code == 401
    good = Browser(desk.address)
    door = begin(good)
    back = provider.consent(door)
    kept = good.http.cookies.get("fundledger-try", path="/desk/outside")
    assert good.http.get(back).status_code == 200
    # a replayed answer: the try is over in this browser; and with its cookie kept the provider's code was used
    assert good.http.get(back).status_code == 401
    replay = Browser(desk.address)
    replay.http.cookies.set("fundledger-try", kept or "", path="/desk/outside", domain="127.0.0.1")
    answer = replay.http.get(back)
    assert answer.status_code == 401
    assert "授权码" in answer.text
    assert not inside(replay)
    asked = dict(parse_qsl(urlsplit(door).query))
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert Browser(desk.address).get("/desk/outside?to=https://evil.example").status_code == 303


def test_a_provider_that_does_not_answer_shuts_out_nobody(month: Any, kept_desk: str, tmp_path: Path) -> None:
    with desk_of(month, "http://127.0.0.1:1", tmp_path) as desk:
        browser = Browser(desk.address)
        answer = browser.get("/desk/outside")
        assert answer.status_code == 503
        assert "身份提供方不能访问" in answer.text
        assert browser.enter("qian").status_code == 303
        (tmp_path / "secret").chmod(0o644)
        assert Browser(desk.address).get("/desk/outside").status_code == 403


def code_set(desk: Any) -> pyotp.TOTP:
    """The checker turns on the telephone's code."""
    browser = Browser(desk.address)
    browser.enter("qian")
    form = browser.form("/desk/me", "/desk/me/factor")
    told = browser.post("/desk/me/factor", form | {"otp": pyotp.TOTP(form["secret"]).now(), "old": PASSWORD})
    assert "已启用" in told.text
    return pyotp.TOTP(form["secret"])


def fields_of(answer: httpx.Response, action: str) -> dict[str, str]:
    found = re.search(rf'<form[^>]*action="{action}".*?</form>', answer.text, re.S)
    assert found, answer.text[-900:]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found[0]))


def log_of(desk: Any) -> list[tuple[str, str]]:
    """How the last log-in of the checker went."""
    found: list[tuple[str, str]] = desk.month.asked(
        "SELECT outcome, detail FROM access.operator_log WHERE user_name = 'qian' AND action = 'login' ORDER BY id DESC LIMIT 1"
    )
    return found


@pytest.mark.posts("/desk/outside/code")
def test_who_has_a_code_is_asked_for_it_unless_the_provider_says_it_asked_several(
    desk: Any, provider: LyingProvider
) -> None:
    enrol(desk.month, provider.address, "sub-qian")
    telephone = code_set(desk)
    for claims in ({}, {"amr": ["pwd"]}, {"acr": "mfa-not"}):
        provider.claims = claims
        browser = Browser(desk.address)
        answer = browser.http.get(provider.consent(begin(browser, "/desk/orders")))
        form = fields_of(answer, "/desk/outside/code")
        assert not inside(browser)  # no session yet
        assert "fundledger=" not in answer.headers.get("set-cookie", "")
    wrong = browser.post("/desk/outside/code", form | {"otp": "000000"})
    assert (wrong.status_code, inside(browser)) == (401, False)
    assert log_of(desk) == [("refused", "login.refused")]
    code = telephone.at(int(machine_seconds()) + 30)  # this half minute's opened the page of the code
    other = Browser(desk.address).post("/desk/outside/code", form | {"otp": code, "question": "another"})
    assert other.status_code == 401
    right = browser.post("/desk/outside/code", form | {"otp": code})
    assert (right.status_code, right.headers.get("location")) == (303, "/desk/orders")
    assert inside(browser)
    assert log_of(desk) == [("done", "统一身份认证、动态口令")]
    thief = Browser(desk.address)
    assert thief.post("/desk/outside/code", form | {"otp": code}).status_code == 401
    assert not inside(thief)
    for claims in ({"amr": ["pwd", "mfa"]}, {"acr": "mfa"}):
        provider.claims = claims
        browser = Browser(desk.address)
        assert whole(browser, provider).status_code == 200
        assert inside(browser)
        assert log_of(desk) == [("done", "统一身份认证（多因素）")]


@pytest.mark.unsigned
@pytest.mark.posts("/desk/login/passkey")
def test_who_has_a_passkey_touches_it(
    desk: Any, provider: LyingProvider, sat: Callable[[str], Browser]
) -> None:
    enrol(desk.month, provider.address, "sub-qian")
    key = enrolled(desk, sat, "qian")
    browser = Browser(desk.address)
    answer = browser.http.get(provider.consent(begin(browser, "/desk/orders")))
    assert not inside(browser)
    assert "/desk/outside/code" not in answer.text
    form = fields_of(answer, "/desk/login/passkey") | {"touch": key.answer(challenge_at(answer.text))}
    assert browser.post("/desk/login/passkey", form).status_code == 303
    assert inside(browser)
    assert Browser(desk.address).post("/desk/login/passkey", form).status_code == 401


def demand(desk: Any) -> None:
    """The region asks a second factor of everybody."""
    with desk.month.admin.begin() as admin:
        admin.exec_driver_sql(
            "INSERT INTO fund.region_policy VALUES (420100, 'second_factor', '2026-01-01', 'yes', '等级保护', 'zhao', 'qian')"
        )


def test_where_a_region_asks_a_second_factor_nobody_comes_in_without(
    desk: Any, provider: LyingProvider
) -> None:
    enrol(desk.month, provider.address, "sub-qian")
    browser = Browser(desk.address)
    assert whole(browser, provider).status_code == 200  # no region asks for one
    demand(desk)
    browser = Browser(desk.address)
    answer = whole(browser, provider)
    assert answer.status_code == 401
    assert "统筹区要求经统一身份认证登录有第二因素" in answer.text
    assert not inside(browser)
    assert log_of(desk) == [("refused", "login.factor_needed")]
    provider.claims = {"amr": ["mfa"]}
    assert whole(browser, provider).status_code == 200
    assert inside(browser)


@pytest.mark.filterwarnings("ignore")
def test_with_a_provider_that_others_wrote(month: Any, kept_desk: str, tmp_path: Path) -> None:
    from oidc_provider_mock import run_server_in_thread

    with run_server_in_thread() as server:
        issuer = f"http://localhost:{server.server_port}"
        enrol(month, issuer, "qian@agency")
        with desk_of(month, issuer, tmp_path) as desk:
            browser = Browser(desk.address)
            door = begin(browser)
            consent = httpx.post(door, data={"sub": "qian@agency"})
            assert consent.status_code == 302, consent.text
            back = consent.headers["location"]
            assert browser.http.get(back).status_code == 200
            assert "钱复核" in browser.get("/desk/me").text
            assert browser.http.get(back).status_code == 401
            stranger = Browser(desk.address)
            back = httpx.post(begin(stranger), data={"sub": "somebody"}).headers["location"]
            assert stranger.http.get(back).status_code == 401
            # a region asks a second factor: only where this provider says that it asked several
            demand(desk)
            for claims, status in (({}, 401), ({"amr": ["pwd"]}, 401), ({"amr": ["pwd", "mfa"]}, 200)):
                assert httpx.put(f"{issuer}/users/qian@agency", json=claims).status_code == 204
                guest = Browser(desk.address)
                back = httpx.post(begin(guest), data={"sub": "qian@agency"}).headers["location"]
                assert guest.http.get(back).status_code == status, claims
                assert inside(guest) == (status == 200)
