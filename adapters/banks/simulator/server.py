"""A small SFTP server over one folder, for the demonstration: loopback, public keys only, its own host key.

What counts towards fidelity is kept: names are bytes, `rename` never overwrites, paths cannot leave the folder.
"""

from __future__ import annotations

import errno
import os
import socket
from base64 import b64decode
from contextlib import suppress
from hmac import compare_digest
from pathlib import Path, PurePosixPath
from threading import Event, Lock, Thread
from typing import Final

from paramiko import Ed25519Key, SSHException
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)
from paramiko.pkey import PKey
from paramiko.server import ServerInterface
from paramiko.sftp import SFTP_FAILURE, SFTP_OK
from paramiko.sftp_attr import SFTPAttributes
from paramiko.sftp_handle import SFTPHandle
from paramiko.sftp_server import SFTPServer
from paramiko.sftp_si import SFTPServerInterface
from paramiko.transport import Transport

from adapters.banks.wire.sftp.keys import ensure_ed25519_key

HOST_KEY_FILE: Final = "ssh_host_ed25519_key"
_FILE_MODE: Final = 0o640


class _Door(ServerInterface):
    """Lets in one user by public key, to SFTP and nothing else."""

    def __init__(self, username: str, client_key: bytes) -> None:
        self._username = username
        self._client_key = client_key

    def get_allowed_auths(self, _username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: PKey) -> int:
        known = username == self._username and compare_digest(key.asbytes(), self._client_key)
        return AUTH_SUCCESSFUL if known else AUTH_FAILED

    def check_channel_request(self, kind: str, _chanid: int) -> int:
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED


class _Open(SFTPHandle):
    """An open file. paramiko's handle looks for `readfile` and `writefile`."""

    def __init__(self, descriptor: int, flags: int) -> None:
        super().__init__(flags)
        writing = flags & (os.O_WRONLY | os.O_RDWR)
        self.readfile = self.writefile = os.fdopen(descriptor, "r+b" if writing else "rb")

    def stat(self) -> SFTPAttributes:
        return SFTPAttributes.from_stat(os.fstat(self.readfile.fileno()))


class Folder(SFTPServerInterface):
    """SFTP requests on the files below one folder; `/` is that folder."""

    def __init__(self, server: ServerInterface, root: Path) -> None:
        super().__init__(server)
        self._root = root.resolve()

    def open(self, path: str, flags: int, _attr: SFTPAttributes) -> SFTPHandle | int:
        """Open a file; modes asked for by the client are ignored."""
        try:
            return _Open(os.open(self._inside(path), flags | os.O_NOFOLLOW, _FILE_MODE), flags)
        except OSError as error:
            return _code(error)

    def list_folder(self, path: str) -> list[SFTPAttributes] | int:
        """Every entry under its raw name, also where that is no UTF-8."""
        try:
            return [
                _entry(entry.name, entry.stat(follow_symlinks=False))
                for entry in os.scandir(os.fsencode(self._inside(path)))
            ]
        except OSError as error:
            return _code(error)

    def stat(self, path: str) -> SFTPAttributes | int:
        """Attributes of a file."""
        try:
            return SFTPAttributes.from_stat(self._inside(path).lstat())
        except OSError as error:
            return _code(error)

    def lstat(self, path: str) -> SFTPAttributes | int:
        """The same: links are never followed."""
        return self.stat(path)

    def remove(self, path: str) -> int:
        """Remove a file."""
        try:
            self._inside(path).unlink()
        except OSError as error:
            return _code(error)
        return SFTP_OK

    def rename(self, oldpath: str, newpath: str) -> int:
        """Rename; refuses an existing target, as SFTP version 3 says and OpenSSH does."""
        try:
            old, new = self._inside(oldpath), self._inside(newpath)
            new.hardlink_to(old)
            old.unlink()
        except OSError as error:
            return _code(error)
        return SFTP_OK

    def _inside(self, path: str) -> Path:
        """The file a client means. `..` stops at the root; a folder that is a link leads nowhere."""
        steps: list[str] = []
        for step in PurePosixPath("/" + path).parts[1:]:
            if step != "..":
                steps.append(step)
            elif steps:
                steps.pop()
        inside = self._root.joinpath(*steps)
        if not inside.parent.resolve().is_relative_to(self._root) and inside != self._root:
            raise PermissionError(errno.EACCES, "outside")
        return inside


def _code(error: OSError) -> int:
    return SFTP_FAILURE if error.errno is None else SFTPServer.convert_errno(error.errno)


def _entry(raw: bytes, stat: os.stat_result) -> SFTPAttributes:
    # paramiko sends `filename` through a function that takes text as UTF-8 or bytes as they are
    attributes = SFTPAttributes.from_stat(stat, raw.decode("utf-8", "replace"))
    vars(attributes)["filename"] = raw
    return attributes


class DemoServer:
    """The bank's SFTP front on 127.0.0.1 at a free port, serving `root` to one user.

    `client_key` is the user's public key, `type base64`. The host key is kept in `keys` and made at first use.
    `with DemoServer(...) as server:` starts it; `server.port` and `server.host_key` go into `SftpConfig`.
    """

    folder: type[Folder] = Folder

    def __init__(self, root: Path, keys: Path, username: str, client_key: str, *, port: int = 0) -> None:
        self._root = root
        self.host_key = ensure_ed25519_key(keys / HOST_KEY_FILE)
        self._host_private = Ed25519Key.from_private_key_file(keys / HOST_KEY_FILE)
        kind, encoded = client_key.split()[:2]
        self._username = username
        self._client_key = PKey.from_type_string(kind, b64decode(encoded, validate=True)).asbytes()
        self._closing = Event()
        self._lock = Lock()
        self._transports: list[Transport] = []
        self._listener = socket.create_server(("127.0.0.1", port))
        self._listener.settimeout(0.2)
        self._thread = Thread(target=self._serve, name="demo-bank-sftp", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> DemoServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening, hang up every client, wait for the threads."""
        self._closing.set()
        with suppress(OSError):  # wakes the waiting thread at once where the system allows it
            self._listener.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join()
        self._listener.close()
        self.hang_up()

    def hang_up(self) -> None:
        """Cut every client's connection; they may come again."""
        with self._lock:
            transports, self._transports = self._transports, []
        for transport in transports:
            transport.close()
            transport.join(5)

    def door(self) -> ServerInterface:
        """Who is let in, for one connection."""
        return _Door(self._username, self._client_key)

    def _serve(self) -> None:
        while not self._closing.is_set():
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            self._welcome(client)

    def _welcome(self, client: socket.socket) -> None:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = Transport(client)
        transport.add_server_key(self._host_private)
        transport.set_subsystem_handler("sftp", SFTPServer, self.folder, self._root)
        with self._lock:
            gone = [old for old in self._transports if not old.is_active()]
            self._transports = [old for old in self._transports if old.is_active()]
            self._transports.append(transport)
        for old in gone:
            old.join(5)
        with suppress(SSHException, EOFError, OSError):
            # an event makes this return at once: one silent client must not keep the others out
            transport.start_server(event=Event(), server=self.door())
