"""Passkeys (WebAuthn): a person's key inside an authenticator, bound to one site; what it signs is checked like any other key's.

What is signed is the statement of `ledger.access.signing.statement`: its SHA-256 is the challenge that the authenticator answers.
Several statements of one act are signed by one touch: the challenge is then the root of the tree over their digests (a node is the
SHA-256 of 01, left, right), and each keeps its way up. A signature is one text, `authenticatorData.clientDataJSON.signature[.way]`,
each part hexadecimal, so that it stands wherever one of another key stands.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

from ledger.core.errors import InvalidInput

PREFIX: Final = "passkey-"
ALGORITHMS: Final[Mapping[int, str]] = {-7: "passkey-ES256", -8: "passkey-EdDSA"}
"""By their COSE numbers: ECDSA on P-256 with SHA-256, and Ed25519."""
_STEP: Final = 1 + 32
_COUNT: Final = slice(33, 37)
"""Where authenticatorData (W3C WebAuthn 6.1) counts: after the digest of the site and the flags."""


class Passkey(NamedTuple):
    """A public key as COSE has it (hexadecimal), with what it is bound to."""

    public: str
    credential: str
    """The authenticator's name for it, base64url."""
    rp_id: str
    """The site: a name without scheme and port."""
    origin: str
    """The address of the pages it was made at: `https://name[:port]`."""


class Touched(NamedTuple):
    """A signature in its parts."""

    authenticator: bytes
    client: bytes
    signature: bytes
    way: bytes = b""
    """From the statement up to the challenge, 33 bytes a step: 00 where the other stands left, 01 right; its digest."""


def passkey_id(key: Passkey) -> str:
    """The fingerprint: over the key and all it is bound to."""
    return sha256(
        "\n".join(("passkey", key.rp_id, key.origin, key.credential, key.public)).encode()
    ).hexdigest()


def challenge_of(statement: str, way: bytes = b"") -> bytes:
    """What the authenticator is asked to sign for a statement with its way up."""
    at = sha256(statement.encode()).digest()
    for n in range(0, len(way), _STEP):
        other = way[n + 1 : n + _STEP]
        at = _node(other, at) if way[n] == 0 else _node(at, other)
    return at


def ways_of(statements: Sequence[str]) -> list[bytes]:
    """The way of each statement up to the one challenge of them all; empty for one alone."""
    ways = [b""] * len(statements)
    row = [(sha256(text.encode()).digest(), [n]) for n, text in enumerate(statements)]
    while len(row) > 1:
        above = []
        for (left, mine), (right, others) in zip(row[::2], row[1::2], strict=False):
            for n in mine:
                ways[n] += b"\x01" + right
            for n in others:
                ways[n] += b"\x00" + left
            above.append((_node(left, right), mine + others))
        row = above + row[len(above) * 2 :]
    return ways


def _node(left: bytes, right: bytes) -> bytes:
    return sha256(b"\x01" + left + right).digest()


def packed(given: Touched) -> str:
    """As one text."""
    return ".".join(part.hex() for part in given if part)


def unpacked(text: str) -> Touched:
    """Raises ValueError for anything else."""
    parts = text.split(".")
    if not 3 <= len(parts) <= 4 or any(not part or bytes.fromhex(part).hex() != part for part in parts):
        raise ValueError("not a passkey's signature")
    given = Touched(*map(bytes.fromhex, parts))
    if len(given.way) % _STEP or any(side > 1 for side in given.way[::_STEP]):
        raise ValueError("not a way")
    return given


def sign_count(given: Touched) -> int:
    """How often the authenticator had signed; 0 where it does not count."""
    return int.from_bytes(given.authenticator[_COUNT], "big")


def holds_by(key: Passkey, statement: str, given: Touched) -> bool:
    """Whether it is that passkey's signature of the statement: challenge, origin, site, presence and verification of the person,
    and the signature itself."""
    from webauthn import verify_authentication_response
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        verify_authentication_response(
            credential={
                "id": key.credential,
                "rawId": key.credential,
                "type": "public-key",
                "response": {
                    "authenticatorData": encoded(given.authenticator),
                    "clientDataJSON": encoded(given.client),
                    "signature": encoded(given.signature),
                },
            },
            expected_challenge=challenge_of(statement, given.way),
            expected_rp_id=key.rp_id,
            expected_origin=key.origin,
            credential_public_key=bytes.fromhex(key.public),
            credential_current_sign_count=0,
            require_user_verification=True,
        )
        return json.loads(given.client).get("crossOrigin", False) is False
    except (WebAuthnException, ValueError, AttributeError):
        return False


class Made(NamedTuple):
    """A passkey just made by a browser, and its algorithm."""

    key: Passkey
    algorithm: str


def read_made(answer: str, challenge: bytes, rp_id: str, origin: str) -> Made:
    """The passkey of `navigator.credentials.create()`, its answer as JSON. Raises InvalidInput `passkey.refused`."""
    from webauthn import verify_registration_response
    from webauthn.helpers import decode_credential_public_key
    from webauthn.helpers.cose import COSEAlgorithmIdentifier
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        found = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=rp_id,
            expected_origin=origin,
            require_user_verification=True,
            supported_pub_key_algs=[COSEAlgorithmIdentifier(number) for number in ALGORITHMS],
        )
        number = decode_credential_public_key(found.credential_public_key).alg
    except (WebAuthnException, ValueError, TypeError, AttributeError, KeyError):
        raise InvalidInput(
            "passkey.refused", "通行密钥没有登记：浏览器的答复不是为此页面作出的，或没有核验本人"
        ) from None
    key = Passkey(found.credential_public_key.hex(), encoded(found.credential_id), rp_id, origin)
    return Made(key, ALGORITHMS[int(number)])


def bound_key(public: str, credential: str, algorithm: str, origin: str) -> Made:
    """A passkey from what is known of it; its site is the name in its address. Raises InvalidInput `passkey.refused`."""
    from webauthn.helpers import decode_credential_public_key
    from webauthn.helpers.exceptions import WebAuthnException

    try:
        number = int(decode_credential_public_key(bytes.fromhex(public)).alg)
        decoded(credential)
    except (WebAuthnException, ValueError, TypeError, AttributeError, KeyError):
        number = 0
    if ALGORITHMS.get(number) != algorithm or public != public.lower():
        raise InvalidInput("passkey.refused", "公钥、凭据标识与算法不相符")
    return Made(Passkey(public, credential, site_of(origin), origin), algorithm)


def site_of(origin: str) -> str:
    """The name in an address, without scheme and port."""
    return urlsplit(origin).hostname or ""


def read_answer(text: str) -> Touched:
    """The signature of `navigator.credentials.get()`, its answer as JSON. Raises InvalidInput `signature.format`."""
    try:
        told: Any = json.loads(text)["response"]
        return Touched(
            *(decoded(told[name]) for name in ("authenticatorData", "clientDataJSON", "signature"))
        )
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        raise InvalidInput("signature.format", "浏览器的答复不是通行密钥的签名") from None


def encoded(raw: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """Raises ValueError for anything else."""
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encoded(raw) != text:
        raise ValueError("not base64url")
    return raw
