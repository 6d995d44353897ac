"""TLS by the service itself: the files are looked at before anything listens, and nothing older than TLS 1.2 is spoken."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import uvloop
from cryptography import x509

from ledger.core.dates import machine_seconds
from ledger.core.errors import InvalidInput
from ledger.settings import Settings

HANDSHAKE_SECONDS: Final = 10
_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"


def context_of(settings: Settings) -> ssl.SSLContext | None:
    """The server's side of TLS; None where the settings name no certificate.

    Raises InvalidInput `tls.incomplete`, `tls.file`, `tls.key_open`, `tls.pair`, `tls.expired`.
    """
    certificate, key = settings.tls_certificate, settings.tls_key
    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise InvalidInput("tls.incomplete", "TLS须同时给出FUNDLEDGER_TLS_CERTIFICATE与FUNDLEDGER_TLS_KEY")
    _require_valid(certificate)
    _read(key)
    if key.stat().st_mode & 0o077:
        raise InvalidInput("tls.key_open", f"私钥文件{key}他人可读：请chmod 600", file=str(key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, ValueError, OSError):
        raise InvalidInput(
            "tls.pair", f"证书{certificate}与私钥{key}不成对，或私钥加了口令、不是PEM", file=str(key)
        ) from None
    return context


def _no_password() -> str:
    raise ValueError("a service asks nobody for a password")


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(
            "tls.file", f"读不到TLS文件{path}：{error.strerror or '不能读取'}", file=str(path)
        ) from None


def _require_valid(path: Path) -> None:
    try:
        first = x509.load_pem_x509_certificates(_read(path))[0]
    except (ValueError, IndexError):
        raise InvalidInput("tls.file", f"{path}不是PEM证书", file=str(path)) from None
    now = datetime.fromtimestamp(machine_seconds(), UTC)
    if not first.not_valid_before_utc <= now <= first.not_valid_after_utc:
        raise InvalidInput(
            "tls.expired",
            f"证书{path}有效期{first.not_valid_before_utc:%Y-%m-%d}至{first.not_valid_after_utc:%Y-%m-%d}，现不在其内",
            file=str(path),
        )


class Loop(uvloop.Loop):  # type: ignore[misc, name-defined, unused-ignore]
    """uvloop, with a time limit for the handshake: before its end a connection is nobody's and counted nowhere."""

    async def create_server(self, *args: Any, **kwargs: Any) -> Any:
        """As the event loop has it."""
        if kwargs.get("ssl") is not None:
            kwargs.setdefault("ssl_handshake_timeout", HANDSHAKE_SECONDS)
        return await super().create_server(*args, **kwargs)
