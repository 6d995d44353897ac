"""A partner's web address on a real socket: keeps what is posted to it, answers as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

SECRET = "a secret of both sides"


@dataclass
class Receiver:
    """What came, in order; `status` is what the next one is answered."""

    status: int = 204
    posts: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0


@contextmanager
def receiver() -> Iterator[Receiver]:
    """One that listens until the block ends."""
    made = Receiver()

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            made.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(made.status)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    hook = HTTPServer(("127.0.0.1", 0), Taker)
    made.port = hook.server_port
    thread = threading.Thread(target=hook.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        hook.shutdown()
        thread.join()
        hook.server_close()


def tell_here(home: Path, made: Receiver, *more: str) -> None:
    """The home's notices.toml with this address and the secret, and more lines of its table."""
    secret = home / "secrets" / "webhook.secret"
    secret.parent.mkdir(exist_ok=True)
    secret.write_text(SECRET)
    secret.chmod(0o600)
    lines = [f'url = "http://127.0.0.1:{made.port}/in"', 'secret_file = "webhook.secret"', *more]
    (home / "notices.toml").write_text("\n".join(["[webhook]", *lines, ""]))
