"""TLS of the service's own, asked by real clients over a socket; and strangers who never finish their handshake."""

from __future__ import annotations

import os
import socket
import ssl
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from ledger.api.intake.service import make_service
from ledger.api.wire import tls
from ledger.api.wire.tls import context_of
from ledger.cli.remote import Remote
from tests.scenes.served import certificate_in, served

PLACES = 50
HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
"""How a handshake begins."""


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return certificate_in(tmp_path / "tls")


@pytest.fixture
def safe(world: Any, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The service over TLS, with few places and a second for a handshake."""
    monkeypatch.setattr(tls, "HANDSHAKE_SECONDS", 1.0)
    few = world.settings.model_copy(
        update={
            "tls_certificate": certificate[0], "tls_key": certificate[1], "connections": PLACES, "connections_per_address": PLACES,
            "strangers_per_second": 10_000,
        }
    )  # fmt: skip
    with served(make_service(few, Remote), context_of(few)) as made:
        made.port = int(made.address.rpartition(":")[2])
        yield made


def trusting(certificate: Path, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=str(certificate))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = newest
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def shaken(port: int, context: ssl.SSLContext) -> str:
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as line,
        context.wrap_socket(line, server_hostname="localhost") as safe,
    ):
        return str(safe.version())


def client_of(safe: Any, certificate: Path) -> httpx.Client:
    return httpx.Client(base_url=f"https://localhost:{safe.port}", verify=trusting(certificate), timeout=5)


def test_records_come_in_over_tls(world: Any, safe: Any, certificate: tuple[Path, Path]) -> None:
    bodies = world.originals(3)
    headers = {"content-type": "application/json", **world.auth()}
    with client_of(safe, certificate[0]) as client:
        answers = [
            client.post("/api/v1/settlements", content=body, headers=headers).status_code for body in bodies
        ]
        assert answers == [201, 201, 201]
        assert client.get("/health/ready").status_code == 200
    assert world.count("fund.record") == 3
    for newest, spoken in ((ssl.TLSVersion.TLSv1_3, "TLSv1.3"), (ssl.TLSVersion.TLSv1_2, "TLSv1.2")):
        assert shaken(safe.port, trusting(certificate[0], newest)) == spoken


def test_a_request_that_comes_with_the_last_of_the_handshake_is_answered(
    safe: Any, certificate: tuple[Path, Path]
) -> None:
    """In one packet: the client's last words of the handshake, and its first request."""
    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
    spoken = trusting(certificate[0]).wrap_bio(inward, outward, server_hostname="localhost")
    with socket.create_connection(("127.0.0.1", safe.port), timeout=5) as line:
        while True:
            try:
                spoken.do_handshake()
                break
            except ssl.SSLWantReadError:
                line.sendall(outward.read())
                inward.write(line.recv(65_536))
        spoken.write(b"GET /health/ready HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        line.sendall(outward.read())
        answer = b""
        while b"\r\n\r\n" not in answer:
            inward.write(line.recv(65_536))
            try:
                answer += spoken.read(65_536)
            except ssl.SSLWantReadError:
                continue
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_who_does_not_trust_it_or_is_too_old_or_speaks_plainly_gets_nothing(
    safe: Any, certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    another = certificate_in(tmp_path / "another")[0]
    with pytest.raises(ssl.SSLCertVerificationError):
        shaken(safe.port, trusting(another))
    with pytest.raises((ssl.SSLError, OSError)):
        shaken(safe.port, trusting(certificate[0], ssl.TLSVersion.TLSv1_1))
    with socket.create_connection(("127.0.0.1", safe.port), timeout=5) as plain:
        plain.sendall(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n")
        said = b""
        while part := plain.recv(4_096):
            said += part
    assert b"HTTP" not in said  # an alert of TLS at most
    with client_of(safe, certificate[0]) as client:
        assert client.get("/health/ready").status_code == 200


@pytest.mark.fault(69)
def test_half_handshakes_hold_no_place_of_a_caller_s(safe: Any, certificate: tuple[Path, Path]) -> None:
    """Six times as many as there are places: each newcomer takes the oldest's, and a second ends the rest."""
    with ExitStack() as open_lines:
        for number in range(6 * PLACES):
            line = open_lines.enter_context(socket.create_connection(("127.0.0.1", safe.port), timeout=5))
            line.sendall((b"", HELLO, os.urandom(1))[number % 3])
            if number % PLACES == PLACES - 1:
                with client_of(safe, certificate[0]) as client:
                    assert client.get("/health/ready").status_code == 200
                assert len(safe.door) <= PLACES
        deadline = time.monotonic() + 5
        while len(safe.door) > 0:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert safe.door.sent_away > 0
