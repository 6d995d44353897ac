"""A passkey in a real Chromium with a virtual authenticator: made, confirmed, and a day's batch approved by its touch."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.sync_api import Page, sync_playwright

from ledger.access.signing.passkey import site_of
from ledger.simulation.people import PASSWORD
from reports.evidence.verify import check_evidence
from tests.judges import program_of
from tests.scenes.passkeys import Authenticator
from tests.web.conftest import bills
from tests.web.test_passkeys import evidence, states

pytestmark = [pytest.mark.judge("chromium"), pytest.mark.unsigned]


def come(chromium: Any, address: str, user: str, wrong: list[str]) -> Page:
    """A window of the user's own, come in, with an authenticator that knows its person."""
    page: Page = chromium.new_context(base_url=address).new_page()
    page.on("request", lambda r: None if r.url.startswith(address) else wrong.append(r.url))
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.authenticator = _authenticator(page)  # type: ignore[attr-defined]
    page.goto("/desk/login")
    page.fill("input[name=user]", user)
    page.fill("input[name=password]", PASSWORD)
    page.click("button:text('登录')")
    page.wait_for_url("**/desk/today")
    return page


def _authenticator(page: Page) -> tuple[Any, str]:
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    made = cdp.send(
        "WebAuthn.addVirtualAuthenticator",
        {
            "options": {
                "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
                "isUserVerified": True, "automaticPresenceSimulation": True,
            }
        },
    )  # fmt: skip
    return cdp, str(made["authenticatorId"])


def knows(page: Page, key: Authenticator) -> None:
    """The authenticator of a window holds this passkey from now on, as if it had made it."""
    cdp, authenticator = page.authenticator  # type: ignore[attr-defined]
    private = key.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    cdp.send(
        "WebAuthn.addCredential",
        {
            "authenticatorId": authenticator,
            "credential": {
                "credentialId": b64encode(key.credential).decode(), "isResidentCredential": False,
                "rpId": site_of(key.origin), "privateKey": b64encode(private).decode(), "signCount": 0,
            },
        },
    )  # fmt: skip


def test_a_batch_is_approved_by_the_touch_of_a_passkey(desk: Any) -> None:
    wrong: list[str] = []
    address = desk.address.replace(
        "127.0.0.1", "localhost"
    )  # the only name without TLS that a browser makes passkeys for
    with bills(desk, 1), sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program_of("chromium"), args=["--no-sandbox"])
        zhao, qian, shen = (come(chromium, address, user, wrong) for user in ("zhao", "qian", "shen"))
        zhao.click("form[action='/desk/act/day/run'] button")
        zhao.wait_for_selector(".good")
        qian.goto("/desk/me")
        qian.fill("form[data-passkey=create] input[name=old]", PASSWORD)
        qian.click("button:text('生成通行密钥')")
        qian.wait_for_url("**done=passkey")
        assert "待确认" in qian.inner_text("main")
        shen.goto("/desk/users")
        shen.click("button:text('核对指纹后确认')")
        shen.wait_for_selector(".good")
        qian.goto("/desk/today")
        qian.click("form[action='/desk/act/day/approve'] button")
        qian.wait_for_selector("form[data-passkey=get] button:focus")
        qian.keyboard.press("Enter")
        qian.wait_for_selector("p.good, p.problem:visible")
        assert "已办理" in qian.inner_text("main")
        # and in again: who has a passkey comes in by password and its touch, no telephone needed
        qian.click("form[action='/desk/logout'] button")
        qian.wait_for_selector("input[name=user]:focus")
        qian.fill("input[name=user]", "qian")
        qian.fill("input[name=password]", PASSWORD)
        qian.click("button:text('登录')")
        qian.wait_for_selector("form[data-passkey=get] button:focus")
        qian.keyboard.press("Enter")
        qian.wait_for_url("**/desk/today")
        chromium.close()
    assert wrong == []
    assert states(desk) == {"filed"}
    [(batch,)] = desk.month.asked("SELECT object FROM access.signature WHERE act = 'payments.approve'")
    checked = check_evidence(evidence(desk, batch))
    assert (checked.flaws, len(checked.proven)) == ([], 1)
