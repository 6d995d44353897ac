"""An authenticator made of software: passkeys of one person, answering as a browser passes it on. For tests."""

from __future__ import annotations

import json
import re
import secrets
from hashlib import sha256
from html import unescape
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from ledger.access.signing.passkey import (
    Made,
    Touched,
    bound_key,
    challenge_of,
    decoded,
    encoded,
    packed,
    passkey_id,
    site_of,
    ways_of,
)
from ledger.access.signing.statement import SignedStatement, ToSign
from ledger.core.dates import machine_moment

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def asked_of(page: str) -> tuple[dict[str, str], bytes]:
    """What a page that asks for a passkey holds: the hidden fields of its form, and the challenge."""
    found = re.search(r'<form[^>]*data-passkey="get"[^>]*data-challenge="([^"]+)".*?</form>', page, re.S)
    assert found, page[-900:]
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found[0])
    return {name: unescape(value) for name, value in hidden}, decoded(found[1])


class Authenticator:
    """One passkey of a site; `count` None: it does not count."""

    def __init__(self, origin: str, kind: str = "passkey-ES256", count: int | None = 0) -> None:
        self.origin, self.kind, self.count = origin, kind, count
        self.credential = secrets.token_bytes(32)
        self.key: Any = (
            ec.generate_private_key(ec.SECP256R1())
            if kind == "passkey-ES256"
            else ed25519.Ed25519PrivateKey.generate()
        )

    @property
    def cose(self) -> bytes:
        if self.kind == "passkey-ES256":
            at = self.key.public_key().public_numbers()
            return cbor2.dumps(
                {1: 2, 3: -7, -1: 1, -2: at.x.to_bytes(32, "big"), -3: at.y.to_bytes(32, "big")}
            )
        return cbor2.dumps({1: 1, 3: -8, -1: 6, -2: self.key.public_key().public_bytes_raw()})

    @property
    def made(self) -> Made:
        return bound_key(self.cose.hex(), encoded(self.credential), self.kind, self.origin)

    @property
    def id(self) -> str:
        return passkey_id(self.made.key)

    def data(self, flags: int = PRESENT | VERIFIED, site: str = "", more: bytes = b"") -> bytes:
        if self.count is not None:
            self.count += 1
        head = sha256((site or site_of(self.origin)).encode()).digest() + bytes([flags])
        return head + (self.count or 0).to_bytes(4, "big") + more

    def client(self, challenge: bytes, kind: str = "webauthn.get", **other: Any) -> bytes:
        said = {"type": kind, "challenge": encoded(challenge), "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | other, separators=(",", ":")).encode()

    def sign(self, data: bytes, client: bytes) -> Touched:
        whole = data + sha256(client).digest()
        signature = (
            self.key.sign(whole, ec.ECDSA(hashes.SHA256()))
            if self.kind == "passkey-ES256"
            else self.key.sign(whole)
        )
        return Touched(data, client, signature)

    def touch(self, challenge: bytes) -> Touched:
        return self.sign(self.data(), self.client(challenge))

    def answer(self, challenge: bytes) -> str:
        """`navigator.credentials.get()` as the page's script sends it."""
        given = self.touch(challenge)
        names = ("authenticatorData", "clientDataJSON", "signature")
        return json.dumps(
            {
                "id": encoded(self.credential),
                "response": dict(zip(names, map(encoded, given[:3]), strict=True)),
            }
        )

    def registered(self, challenge: bytes, flags: int = PRESENT | VERIFIED | ATTESTED, **other: Any) -> str:
        """`navigator.credentials.create()` likewise."""
        attested = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + self.cose
        whole = {"fmt": "none", "attStmt": {}, "authData": self.data(flags, more=attested)}
        response = {
            "clientDataJSON": encoded(self.client(challenge, "webauthn.create", **other)),
            "attestationObject": encoded(cbor2.dumps(whole)),
        }
        name = encoded(self.credential)
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": response})

    def signed(self, *wanted: ToSign) -> list[SignedStatement]:
        """Statements signed by one touch."""
        texts = [one.statement(self.id, machine_moment()) for one in wanted]
        ways = ways_of(texts)
        given = self.touch(challenge_of(texts[0], ways[0]))
        return [
            SignedStatement(text, packed(given._replace(way=way)))
            for text, way in zip(texts, ways, strict=True)
        ]
