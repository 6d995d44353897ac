"""OpenID Connect, code flow with PKCE: where a browser is sent, and by the provider's signed word who came, as an outside identity.

Nothing of a try is kept here: state, nonce and verifier are made of one secret that the browser holds for its ten minutes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

from ledger.core.dates import machine_seconds
from ledger.core.errors import Unauthenticated, Unavailable

SECONDS: Final = 10
LEEWAY: Final = 60
"""Seconds two clocks may differ."""
_MOST: Final = 1_000_000
_SIGNED: Final = ("RS256", "PS256", "ES256", "ES384", "RS384", "RS512", "EdDSA", "Ed25519")
"""Algorithms of an ID token: a public key's, never a shared secret's and never none."""
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class Came(NamedTuple):
    """Who came, and by what means the provider says it knew: its `acr` and every `amr` (RFC 8176)."""

    subject: str
    means: frozenset[str]


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider by its issuer, and who we are there; `back` is our address that it sends the browser to."""

    issuer: str
    client: str
    secret: str = field(repr=False)
    back: str


def made_of(secret: str, what: str) -> str:
    """`state`, `nonce` or `verifier` of a try, 43 characters that only who holds its secret can make."""
    return _base64(hmac.new(secret.encode(), f"fundledger oidc {what}".encode(), hashlib.sha256).digest())


def way_in(provider: Provider, secret: str) -> str:
    """The provider's address that a browser is sent to. Raises Unavailable `login.provider`."""
    from authlib.oauth2.rfc7636 import create_s256_code_challenge

    asked = {
        "response_type": "code",
        "scope": "openid",
        "client_id": provider.client,
        "redirect_uri": provider.back,
        "state": made_of(secret, "state"),
        "nonce": made_of(secret, "nonce"),
        "code_challenge": create_s256_code_challenge(made_of(secret, "verifier")),
        "code_challenge_method": "S256",
    }
    door = _known(provider)["authorization_endpoint"]
    return f"{door}{'&' if '?' in door else '?'}{urlencode(asked)}"


def who_came(provider: Provider, secret: str, answer: Mapping[str, str]) -> Came:
    """The `sub` of who came back, and how, with the provider's answer to the try of `secret`.

    Raises Unauthenticated `login.identity` for another try's answer, a code the provider does not take, or a token that is not its
    word to us, now, for this try; Unavailable `login.provider`.
    """
    if not secret or not hmac.compare_digest(answer.get("state", ""), made_of(secret, "state")):
        raise _refused("不是这一浏览器刚才的登录请求，或已超过10分钟")
    if answer.get("iss", provider.issuer) != provider.issuer:
        raise _refused("答复来自另一身份提供方")
    if not answer.get("code"):
        raise _refused("身份提供方没有给出授权码")
    known = _known(provider)
    told = _posted(
        provider,
        known["token_endpoint"],
        {
            "grant_type": "authorization_code",
            "code": answer["code"],
            "redirect_uri": provider.back,
            "code_verifier": made_of(secret, "verifier"),
        },
    )
    return _told_of(provider, told, _json(known["jwks_uri"]), made_of(secret, "nonce"))


def _told_of(provider: Provider, told: Mapping[str, Any], keys: Mapping[str, Any], nonce: str) -> Came:
    from authlib.oidc.core import CodeIDToken
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import KeySet

    try:
        known: Any = dict(keys)
        token = jwt.decode(str(told["id_token"]), KeySet.import_key_set(known), algorithms=list(_SIGNED))
        claims = CodeIDToken(
            token.claims,
            token.header,
            options={
                "iss": {"essential": True, "value": provider.issuer},
                "aud": {"essential": True, "value": provider.client},
            },
            params={"nonce": nonce, "client_id": provider.client, "access_token": told.get("access_token")},
        )
        claims.validate(now=int(machine_seconds()), leeway=LEEWAY)
        subject = token.claims["sub"]
    except (JoseError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _refused(f"身份令牌不成立（{type(error).__name__}）") from error
    if not isinstance(subject, str) or not subject:
        raise _refused("身份令牌没有主体标识")
    said = [
        token.claims.get("acr"),
        *(token.claims.get("amr") or ()),
    ]  # the validator takes `amr` as a list only
    return Came(subject, frozenset(one for one in said if isinstance(one, str) and one))


def _known(provider: Provider) -> dict[str, str]:
    """The provider's own description (OpenID Connect discovery), its addresses no less safe than its name."""
    told = _json(provider.issuer.rstrip("/") + "/.well-known/openid-configuration")
    if told.get("issuer") != provider.issuer:
        raise _refused("身份提供方自称的名称与所设定的不同")
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    found = {name: str(told.get(name, "")) for name in names}
    if not all(map(_safe, found.values())):
        raise Unavailable("login.provider", "身份提供方的地址不是https")
    return found


def _safe(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


def _posted(provider: Provider, address: str, values: Mapping[str, str]) -> dict[str, Any]:
    credentials = f"{quote(provider.client, safe='')}:{quote(provider.secret, safe='')}"
    headers = {
        "Authorization": "Basic " + base64.b64encode(credentials.encode()).decode(),
        "Content-Type": "application/x-www-form-urlencoded",
        "Accept": "application/json",
    }
    return _json(address, urlencode(values).encode(), headers)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The secret and the code go where the provider said, nowhere else."""

    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        """None: a redirection is an answer like any other that is not 200."""
        return


def _json(
    address: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    request = urllib.request.Request(address, body, dict(headers or {}))  # noqa: S310 https, or this machine: see _safe
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=SECONDS) as answer:
            found = json.loads(answer.read(_MOST))
    except urllib.error.HTTPError as error:
        error.close()
        if body is not None and error.code in (
            400,
            401,
        ):  # RFC 6749 5.2: a code used before, another's, or too old
            raise _refused("身份提供方不认这一授权码：已用过、已过期或不是给我们的") from error
        raise Unavailable("login.provider", f"身份提供方答复HTTP {error.code}，请稍后再试") from error
    except (OSError, ValueError, RecursionError) as error:
        raise Unavailable(
            "login.provider", f"身份提供方不能访问（{type(error).__name__}），请稍后再试"
        ) from error
    if not isinstance(found, dict):
        raise Unavailable("login.provider", "身份提供方的答复不是约定的形状")
    return found


def _refused(why: str) -> Unauthenticated:
    return Unauthenticated("login.identity", f"统一身份认证没有成功：{why}，请重新登录")


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
