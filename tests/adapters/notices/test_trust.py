"""Notices go to who they are meant for: a certificate that is not to be trusted ends it before a byte of the notice is sent."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from adapters.notices.mail import Mailbox, send_mail
from adapters.notices.webhook import Hook, post
from tests.scenes.served import certificate_in

CASES = {
    "trusted": ("localhost", "ours", 10, ""),
    "another authority": ("localhost", "theirs", 10, "SSLCertVerificationError"),
    "expired": ("localhost", "ours", -1, "SSLCertVerificationError"),
    "another name": ("127.0.0.1", "ours", 10, "SSLCertVerificationError"),
}


@contextmanager
def taking(context: ssl.SSLContext) -> Iterator[tuple[int, list[bytes]]]:
    """An HTTPS server on this machine; its port and the bodies it was sent."""
    bodies: list[bytes] = []

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    class Quiet(HTTPServer):
        def handle_error(self, *args: Any) -> None:
            pass

    server = Quiet(("127.0.0.1", 0), Taker)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_port, bodies
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def made(tmp_path: Path) -> Callable[[int], tuple[ssl.SSLContext, dict[str, Path]]]:
    """A server's context, and the authority we trust: the one that signed it, or another."""

    def make(days: int) -> tuple[ssl.SSLContext, dict[str, Path]]:
        certificate, key = certificate_in(tmp_path / "server", days=days)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        other, _ = certificate_in(tmp_path / "other")
        return context, {"ours": certificate, "theirs": other}

    return make


@pytest.mark.fault(44)
@pytest.mark.parametrize("case", CASES)
def test_a_webhook_is_told_nothing_under_a_wrong_certificate(
    made: Any, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    host, authority, days, told = CASES[case]
    context, files = made(days)
    monkeypatch.setenv("SSL_CERT_FILE", str(files[authority]))
    monkeypatch.setenv("SSL_CERT_DIR", os.devnull)
    with taking(context) as (port, bodies):
        assert post(Hook(f"https://{host}:{port}/in", b"secret"), "n1", b"{}") == told
        assert bodies == ([] if told else [b"{}"])


class Kept:
    """A mail server's handler that keeps what it was given."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.mails.append(envelope.content)
        return "250 OK"


@pytest.mark.fault(44)
@pytest.mark.parametrize("case", CASES)
def test_a_mail_does_not_leave_under_a_wrong_certificate(made: Any, case: str, tmp_path: Path) -> None:
    host, authority, days, told = CASES[case]
    context, files = made(days)
    trusted = shutil.copy(files[authority], tmp_path / "ca.pem")
    kept = Kept()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(kept, hostname="127.0.0.1", port=port, tls_context=context, require_starttls=True)
    server.start()
    try:
        box = Mailbox(
            host, port, "starttls", "ledger@example.org", ("chief@example.org",), authority=Path(trusted)
        )
        assert send_mail(box, "n1", "告警", "作业失败") == told
    finally:
        server.stop()
    assert len(kept.mails) == (0 if told else 1)
