"""The agent: a small process of a person's own that holds unlocked keys and signs statements, and nothing else, for that person.

It listens on a socket in a folder of mode 0700 and answers only processes of the same operating-system user. One request a
connection, one line of JSON each way.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from ledger.access.signing.pair import KeyPair
from ledger.access.signing.statement import read_statement
from ledger.core.errors import LedgerError, Unavailable
from ledger.core.os_errors import os_reason
from ledger.core.private import private_folder

LINE_MAX: Final = 20_000
SECONDS: Final = 10.0
"""For one request or its answer."""
_CREDENTIALS: Final = struct.Struct("3i")


@dataclass(frozen=True, slots=True)
class HeldByAgent:
    """A key the agent holds: a `Holder`."""

    path: Path
    public: str
    id: str

    def sign(self, data: bytes) -> str:
        """Ask the agent. Raises Unavailable `signing_key.agent`."""
        answer = _ask(self.path, {"do": "sign", "key": self.id, "statement": data.decode()})
        return str(answer["signature"])


def held(path: Path) -> list[HeldByAgent]:
    """The keys of the agent behind a socket. Raises Unavailable `signing_key.agent`."""
    return [
        HeldByAgent(path, one["public_key"], one["fingerprint"]) for one in _ask(path, {"do": "list"})["keys"]
    ]


def serve(path: Path, keys: Mapping[str, KeyPair], idle_seconds: float) -> None:
    """Answer until nobody has asked for `idle_seconds`; then the keys are gone. Raises Unavailable `signing_key.agent`."""
    try:
        private_folder(path.parent)
        if path.parent.stat().st_mode & 0o077 or path.parent.stat().st_uid != os.geteuid():
            raise PermissionError(13, "", str(path.parent))
        path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as door:
            door.bind(str(path))
            path.chmod(0o600)
            door.listen(8)
            door.settimeout(idle_seconds)
            _answer_all(door, keys)
    except OSError as error:
        raise Unavailable("signing_key.agent", f"密钥代理{path}不能监听：{os_reason(error)}") from error
    finally:
        path.unlink(missing_ok=True)


def _answer_all(door: socket.socket, keys: Mapping[str, KeyPair]) -> None:
    while True:
        try:
            line, _ = door.accept()
        except TimeoutError:
            return
        with line:
            line.settimeout(SECONDS)
            try:
                if _user_of(line) in (0, os.geteuid()):
                    line.sendall(json.dumps(_answered(_line(line), keys)).encode() + b"\n")
            except (OSError, ValueError):
                continue  # whoever asked went away, or asked nothing that can be read


def _answered(asked: Any, keys: Mapping[str, KeyPair]) -> dict[str, Any]:
    """A signature of a statement made for that key; anything else is not signed, whoever asks."""
    if asked.get("do") == "list":
        return {"keys": [{"fingerprint": name, "public_key": key.public} for name, key in keys.items()]}
    key = keys.get(str(asked.get("key")))
    try:
        statement = str(asked.get("statement"))
        if key is None or read_statement(statement)[1] != key.id:
            return {"error": "no such key"}
    except LedgerError:
        return {"error": "not a statement"}
    return {"signature": key.sign(statement.encode())}


def _ask(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(SECONDS)
            line.connect(str(path))
            line.sendall(json.dumps(request).encode() + b"\n")
            answer = _line(line)
    except OSError as error:
        raise Unavailable("signing_key.agent", f"密钥代理{path}没有应答：{os_reason(error)}") from error
    except ValueError:
        raise Unavailable("signing_key.agent", f"密钥代理{path}的应答不能读") from None
    if "error" in answer:
        raise Unavailable("signing_key.agent", f"密钥代理{path}没有这把密钥，或不签这一内容")
    return dict(answer)


def _line(line: socket.socket) -> Any:
    """One line of JSON; raises ValueError where it is none or too long."""
    text = b""
    while not text.endswith(b"\n"):
        part = line.recv(4_096)
        if not part or len(text) > LINE_MAX:
            raise ValueError("no line")
        text += part
    return json.loads(text)


def _user_of(line: socket.socket) -> int:
    _, user, _ = _CREDENTIALS.unpack(
        line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    )
    return int(user)
