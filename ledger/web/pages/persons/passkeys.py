"""One's own passkeys: made at the page by who sits there and knows the password, confirmed by another person."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from ledger.access.sessions import prove_password
from ledger.access.signing.passkey import ALGORITHMS, encoded, read_made, site_of
from ledger.access.signing.persons import own_keys
from ledger.core.dates import machine_seconds
from ledger.core.errors import LedgerError
from ledger.web.pages.acts import run_once
from ledger.web.pages.coming import me_page
from ledger.web.sitting import Desk

_MINUTES: Final = 10
"""How long a page may stand open before the passkey is made."""


def making(desk: Desk) -> dict[str, Any]:
    """What a browser needs to make a passkey for who sits here, and the keys the person has."""
    with desk.tx() as tx:
        person = tx.value("SELECT access.person(%(user)s)", user=desk.user)
        own = own_keys(tx)
    return {
        "own": own,
        "rp_id": site_of(desk.origin),
        "challenge": encoded(_challenge(desk, int(machine_seconds()) // 60)),
        "handle": encoded(hashlib.sha256(f"{desk.region} {person}".encode()).digest()),
        "kinds": " ".join(str(number) for number in ALGORITHMS),
        "known": " ".join(key.credential_id for key in own if key.credential_id and key.state != "revoked"),
    }


def _challenge(desk: Desk, minute: int) -> bytes:
    """Of this session and minute, so that what one page made another does not take."""
    return hmac.new(desk.token.encode(), f"fundledger passkey {minute}".encode(), hashlib.sha256).digest()


def make(desk: Desk, _request: Request, form: dict[str, str]) -> Response:
    """Propose the passkey that the browser made; another person confirms it."""
    try:
        prove_password(desk.house.engine, desk.user, form.get("old", ""), desk.address)
        now = int(machine_seconds()) // 60
        minutes = {encoded(_challenge(desk, now - back)): now - back for back in range(_MINUTES + 1)}
        minute = minutes.get(form.get("challenge", ""), 0)
        made = read_made(form.get("made", ""), _challenge(desk, minute), site_of(desk.origin), desk.origin)
        # not asked for a signature, which would send the password through a second form: who has no key signs none either
        run_once(replace(desk, passkeys=()), form, "key passkey", {
            "user": desk.user, "region": str(desk.region), "public": made.key.public, "credential": made.key.credential,
            "algorithm": made.algorithm, "origin": desk.origin,
        })  # fmt: skip
    except LedgerError as error:
        return me_page(desk, error.status, error.message, extra=making(desk))
    return RedirectResponse(f"/desk/me?region={desk.region}&done=passkey", 303)


def me(desk: Desk, request: Request) -> Response:
    """One's own password, second factor and keys."""
    done = (
        "通行密钥已提出登记：请另一人核对指纹后确认" if request.query_params.get("done") == "passkey" else ""
    )
    return me_page(desk, done=done, extra=making(desk))
