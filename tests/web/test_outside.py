"""Coming in by a provider of identities: only as whom two administrators enrolled, and only by its word of this very try."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from ledger.access.proposals import confirm, propose_identity, revoke_identities
from ledger.api.intake.service import make_service
from ledger.cli.remote import Remote
from ledger.core.errors import Conflict, Forbidden, InvalidInput, LedgerError
from ledger.web.application import make_pages
from tests.scenes.provider import LyingProvider, lying_provider
from tests.scenes.served import served
from tests.web.conftest import TODAY, Browser
from tests.web.test_acts import do, done, refused

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
