"""The service on a real socket, in a thread of this process."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ssl import PROTOCOL_TLS_CLIENT, SSLContext
from typing import Any, Final

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from ledger.api.server import configuration
from ledger.api.wire.gate import Loop

NO_TLS: Final = SSLContext(PROTOCOL_TLS_CLIENT)
"""For clients that speak plainly: httpx reads a system's certificates for each client else, which takes longer than most answers."""


def certificate_in(folder: Path, *, days: int = 10) -> tuple[Path, Path]:
    """A certificate of `localhost` that signs itself, good for so many days, and its key: as files."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=20))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    folder.mkdir(exist_ok=True)
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].touch(mode=0o600)
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


@contextmanager
def served(made: Any, tls: SSLContext | None = None) -> Iterator[Any]:
    """`made` answering, over TLS where a context is given; its address is in `made.address`, `made.stop()` ends it."""
    server = uvicorn.Server(configuration(made, "127.0.0.1", 0, tls))

    def run() -> None:
        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(server.serve())

    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    made.address = f"{'https' if tls else 'http'}://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    made.stop = lambda: setattr(server, "should_exit", True)
    try:
        yield made
    finally:
        server.should_exit = True
        thread.join(20)
        assert not thread.is_alive()
