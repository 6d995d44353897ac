"""TLS by the service itself: the files are looked at before anything listens, and nothing older than TLS 1.2 is spoken."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from ledger.api.wire.door import Door
from ledger.api.wire.lobby import Lobby
from ledger.api.wire.toll import PUT_OFF_SECONDS, Toll
from ledger.core.dates import machine_seconds
from ledger.core.errors import InvalidInput
from ledger.settings import Settings

HANDSHAKE_SECONDS: Final = 10
HANDSHAKE_COST: Final = 0.001
"""Of the event loop's time, in seconds: a signature and its messages."""
_CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"


class Behind(asyncio.Protocol):
    """What speaks once the handshake is done, and the door it goes in by."""

    door: Door
    toll: Toll
    lobby: Lobby


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


class Handshake(asyncio.Protocol):
    """A connection before the end of its handshake: a stranger at the door like any other, and for ten seconds at most."""

    def __init__(self, behind: Behind, line: socket.socket) -> None:
        """Raises OSError where the caller is gone already."""
        self._behind, self._line = behind, line
        peer = line.getpeername()
        self.address = str(peer[0]) if isinstance(peer, tuple) else ""
        self._left = asyncio.Event()

    async def shake(self, loop: asyncio.AbstractEventLoop, context: ssl.SSLContext) -> None:
        """To the end of the handshake, or of the connection; where there is no place it goes without a word."""
        try:
            if not self._behind.door.enter(self):
                self._line.close()
            elif not self._behind.toll.handshake(self.address):
                await self._put_off()
            else:
                self._behind.lobby.pay(HANDSHAKE_COST)
                await loop.connect_accepted_socket(
                    lambda: self, self._line, ssl=context, ssl_handshake_timeout=HANDSHAKE_SECONDS
                )
        except OSError:  # ssl.SSLError, the time limit and every end of a line
            self._line.close()
        finally:
            self._behind.door.gone(self)

    async def _put_off(self) -> None:
        """Too many of this address: it waits, unheard, in a place anybody may have, and gets no handshake."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PUT_OFF_SECONDS):
                await self._left.wait()
        self._line.close()

    def busy(self) -> bool:
        """Nothing of it is being answered."""
        return False

    def leave(self) -> None:
        """End it: another needs the place."""
        self._left.set()
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hands are shaken: what stands behind goes in by the door itself."""
        self._behind.door.gone(self)
        transport.set_protocol(self._behind)
        self._behind.connection_made(transport)
