"""A notice posted to a web address, signed: HMAC-SHA256 over its id, its moment and its bytes (docs/operations.md)."""

from __future__ import annotations

import hashlib
import hmac
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from ledger.core.dates import machine_seconds

SECONDS: Final = 10
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Hook:
    """An address, https unless it is this machine, and the secret both sides know. Raises ValueError for another address."""

    url: str
    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError("webhook.url must be https")


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A notice goes where the settings say, nowhere else."""

    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        """None: a redirection is an answer like any other that is not 2xx."""
        return


def signature(secret: bytes, notice: str, moment: int, body: bytes) -> str:
    """What the header `Fundledger-Signature` holds after `v1=`: of `id.seconds.body`."""
    return hmac.new(secret, f"{notice}.{moment}.".encode() + body, hashlib.sha256).hexdigest()


def post(hook: Hook, notice: str, body: bytes) -> str:
    """Send it; returns why it was not taken, empty for an answer 2xx."""
    moment = int(machine_seconds())
    request = urllib.request.Request(  # noqa: S310 the address is https, or this machine
        hook.url,
        body,
        {
            "Content-Type": "application/json",
            "Fundledger-Notice": notice,
            "Fundledger-Signature": f"t={moment},v1={signature(hook.secret, notice, moment, body)}",
        },
    )
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=SECONDS) as answer:
            return "" if 200 <= answer.status < 300 else f"HTTP {answer.status}"
    except urllib.error.HTTPError as error:
        error.close()
        return f"HTTP {error.code}"
    except (
        urllib.error.URLError
    ) as error:  # what is wrong with the line lies inside: a certificate, a name, a refusal
        return type(error.reason if isinstance(error.reason, OSError) else error).__name__
    except (OSError, ValueError) as error:
        return type(error).__name__
