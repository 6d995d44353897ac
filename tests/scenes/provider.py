"""A small provider of identities of our own, that can be told to lie: real tokens, signed by a real key, over HTTP."""

from __future__ import annotations

import base64
import json
import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from ledger.core.dates import machine_seconds


class LyingProvider:
    """`claims`, `header` and `key` change the next tokens, `describes` its description; codes are good once."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.own = RSAKey.generate_key(2048, auto_kid=True)
        self.codes: dict[str, dict[str, str]] = {}
        self.forget()

    def forget(self) -> None:
        self.claims: dict[str, Any] = {}
        self.describes: dict[str, Any] = {}
        self.key: Any = self.own
        self.alg = "RS256"

    def described(self) -> dict[str, Any]:
        doors = {"authorization_endpoint": "/authorize", "token_endpoint": "/token", "jwks_uri": "/jwks"}
        return {"issuer": self.address, **{n: self.address + p for n, p in doors.items()}, **self.describes}

    def consent(self, door: str) -> str:
        """The person agrees at the provider: where the browser is sent back to."""
        asked = dict(parse_qsl(urlsplit(door).query))
        assert (asked["response_type"], asked["scope"], asked["code_challenge_method"]) == (
            "code",
            "openid",
            "S256",
        )
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def token(self, form: dict[str, str], basic: str) -> dict[str, Any] | None:
        asked = self.codes.pop(form.get("code", ""), None)
        challenge = sha256(form.get("code_verifier", "").encode()).digest()
        if (
            asked is None
            or base64.urlsafe_b64encode(challenge).rstrip(b"=").decode() != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
            or base64.b64decode(basic.removeprefix("Basic ")).decode()
            != f"{asked['client_id']}:geheim-und-lang-genug"
        ):
            return None
        now = int(machine_seconds())
        claims = {
            "iss": self.address, "aud": asked["client_id"], "sub": "sub-qian", "nonce": asked["nonce"], "iat": now, "exp": now + 300,
        } | self.claims  # fmt: skip
        said = {name: value for name, value in claims.items() if value is not None}
        header = {"alg": self.alg, "kid": self.own.kid}
        if self.alg == "none":
            parts = (json.dumps(one).encode() for one in (header, said))
            token = ".".join(base64.urlsafe_b64encode(one).rstrip(b"=").decode() for one in parts) + "."
        else:
            token = jwt.encode(header, said, self.key, algorithms=[self.alg])
        return {"access_token": "a", "token_type": "Bearer", "id_token": token}


@contextmanager
def lying_provider() -> Iterator[LyingProvider]:
    """On a socket of this machine."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider = self.server.provider  # type: ignore[attr-defined]
            if self.path == "/jwks":
                self._say({"keys": [provider.own.as_dict(private=False)]})
            else:
                self._say(provider.described())

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            told = self.server.provider.token(form, self.headers["authorization"])  # type: ignore[attr-defined]
            self._say(told or {"error": "invalid_grant"}, 200 if told else 400)

        def _say(self, document: Any, status: int = 200) -> None:
            content = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = LyingProvider(f"http://127.0.0.1:{server.server_port}")
        server.provider = made  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()
