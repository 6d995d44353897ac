"""One SSH connection with one SFTP session: login within a deadline, whole files in and out.

A session serves one thread only: two threads on one paramiko session hang.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import suppress
from hashlib import sha256
from threading import Timer
from typing import TYPE_CHECKING, Final, NamedTuple

from paramiko import AuthenticationException, Ed25519Key, SSHException
from paramiko.pkey import PKey
from paramiko.sftp import CMD_CLOSE, CMD_OPENDIR, CMD_READDIR
from paramiko.sftp_attr import SFTPAttributes
from paramiko.sftp_client import SFTPClient
from paramiko.transport import Transport

from adapters.banks.wire.sftp.config import SftpConfig
from adapters.banks.wire.sftp.errors import BREAKS, FAILURES, not_stored, unreachable
from adapters.banks.wire.sftp.hostkeys import check_host_key, prefer_pinned
from ledger.core.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from paramiko.message import Message

KEEPALIVE_SECONDS: Final = 15
FILE_BYTES_MAX: Final = 64 * 1024 * 1024
"""No bank file is near this; a larger one is refused before it fills the memory."""
_CHUNK: Final = 32 * 1024
"""One SFTP request. One at a time: a prefetch thread cannot be stopped when the line dies."""
_NAMES_MAX: Final = 200_000


class Entry(NamedTuple):
    """One name in a folder; `written` is in seconds, 0 where the server does not tell."""

    raw: bytes
    size: int
    written: int


class _Session(SFTPClient):
    """An SFTP session that can list a folder in bytes.

    paramiko decodes every name as UTF-8, so one name in GBK makes the whole folder unreadable.
    """

    if TYPE_CHECKING:

        def _request(self, command: int, *args: object) -> tuple[int, Message]: ...

    def names(self, folder: str) -> list[Entry]:
        """Every entry of `folder`, in the server's order: its times come with its name and cost no question of their own."""
        handle = self._request(CMD_OPENDIR, folder)[1].get_binary()
        found: list[Entry] = []
        while True:
            try:
                answer = self._request(CMD_READDIR, handle)[1]
            except EOFError:  # the server's way to say "that was all"; a broken line is an SSHException here
                break
            for _ in range(answer.get_int()):
                raw = answer.get_binary()
                answer.get_binary()  # the `ls -l` line, in any encoding
                found.append(Entry(raw, *_size_and_time(answer)))
            if len(found) > _NAMES_MAX:
                raise SSHException(f"more than {_NAMES_MAX} names")
        self._request(CMD_CLOSE, handle)
        return found


def _size_and_time(answer: Message) -> tuple[int, int]:
    """Read one attribute block of the protocol (version 3) and keep size and time of writing; 0 for what is not given."""
    flags = answer.get_int()
    size = answer.get_int64() if flags & SFTPAttributes.FLAG_SIZE else 0
    for flag, words in ((SFTPAttributes.FLAG_UIDGID, 2), (SFTPAttributes.FLAG_PERMISSIONS, 1)):
        if flags & flag:
            answer.get_bytes(4 * words)
    written = 0
    if flags & SFTPAttributes.FLAG_AMTIME:
        answer.get_int()  # when it was last read
        written = answer.get_int()
    if flags & SFTPAttributes.FLAG_EXTENDED:
        for _ in range(2 * answer.get_int()):
            answer.get_binary()
    return size, written


class SftpLine:
    """A logged-in session. Methods let paramiko's failures through; `channel` says what they mean."""

    def __init__(self, config: SftpConfig, transport: Transport, session: _Session) -> None:
        self._config = config
        self._transport = transport
        self._session = session

    @classmethod
    def open(cls, config: SftpConfig, pinned: Sequence[PKey]) -> SftpLine:
        """Connect, prove the bank's key, log in, open SFTP, all within `login_seconds`.

        Raises Unavailable `bank.host_key`, `bank.login` or `bank.unreachable`; InvalidInput `bank.client_key`.
        """
        key = _client_key(config)
        try:
            wire = socket.create_connection((config.host, config.port), config.login_seconds)
        except OSError as error:
            raise unreachable(config.host, error) from error
        # every write waits for its answer: with Nagle's delay each 32 KiB would cost 40 ms
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        transport = Transport(wire)
        # paramiko waits for the answer to "subsystem sftp" without any limit: hanging up is the limit
        deadline = Timer(config.login_seconds, transport.close)
        deadline.daemon = True
        deadline.start()
        try:
            session = _log_in(transport, config, pinned, key)
        except BaseException as error:
            transport.close()
            wire.close()
            if isinstance(error, AuthenticationException):
                raise Unavailable(
                    "bank.login",
                    f"银行服务器“{config.host}”不接受用户“{config.username}”的密钥",
                    host=config.host,
                ) from error
            if isinstance(error, FAILURES):
                raise unreachable(config.host, error) from error
            raise
        finally:
            deadline.cancel()
        return cls(config, transport, session)

    def alive(self) -> bool:
        """Whether the line still looks whole from here."""
        channel = self._session.get_channel()
        return self._transport.is_active() and channel is not None and not channel.closed

    def broken_by(self, error: BaseException) -> bool:
        """Whether `error` is the end of this line rather than an answer over it."""
        return isinstance(error, BREAKS) or not self.alive()

    def names(self, folder: str) -> list[Entry]:
        """Every entry of `folder`."""
        return self._session.names(folder)

    def read(self, path: str) -> bytes:
        """A whole file; raises Unavailable `bank.too_big` beyond 64 MiB."""
        content = bytearray()
        with self._session.open(path, "rb") as remote:
            while chunk := remote.read(_CHUNK):
                content += chunk
                if len(content) > FILE_BYTES_MAX:
                    raise Unavailable(
                        "bank.too_big",
                        f"银行文件“{path}”超过{FILE_BYTES_MAX // 1024 // 1024}兆字节，未读取",
                        file=path,
                    )
        return bytes(content)

    def read_if_there(self, path: str) -> bytes | None:
        """A whole file, or None if there is none."""
        try:
            return self.read(path)
        except FileNotFoundError:
            return None

    def write(self, path: str, content: bytes) -> None:
        """Write `content` to `path` from scratch and prove by reading back that it lies there.

        Closing may hide an error and a full disk may be reported late or not at all; only the bytes count.
        Raises Unavailable `bank.disk_full`.
        """
        try:
            with self._session.open(path, "wb") as remote:
                remote.write(content)
        except (PermissionError, FileNotFoundError):
            raise
        except OSError as error:
            if self.broken_by(error):
                raise
            self.remove(path)
            raise not_stored(self._config.host, path, repr(error)) from error
        stored = self.read(path)
        if len(stored) != len(content) or sha256(stored).digest() != sha256(content).digest():
            self.remove(path)
            raise not_stored(self._config.host, path, f"{len(stored)} of {len(content)} bytes")

    def rename(self, old: str, new: str) -> None:
        """Rename where `new` must not exist; never the overwriting `posix_rename`."""
        self._session.rename(old, new)

    def remove(self, path: str) -> None:
        """Remove a leftover if the server lets us; a leftover that stays harms nobody."""
        with suppress(OSError):
            self._session.remove(path)

    def close(self) -> None:
        """Hang up."""
        self._transport.close()


def _client_key(config: SftpConfig) -> Ed25519Key:
    try:
        return Ed25519Key.from_private_key_file(config.client_key_path)
    except (OSError, SSHException, ValueError) as error:
        raise InvalidInput(
            "bank.client_key",
            f"读不出我方私钥文件“{config.client_key_path}”：应为OpenSSH格式的ed25519私钥",
            path=str(config.client_key_path),
        ) from error


def _log_in(transport: Transport, config: SftpConfig, pinned: Sequence[PKey], key: Ed25519Key) -> _Session:
    transport.banner_timeout = transport.auth_timeout = config.login_seconds
    transport.channel_timeout = config.login_seconds
    prefer_pinned(transport, pinned)
    transport.start_client(timeout=config.login_seconds)
    check_host_key(transport, pinned, config.host)
    transport.auth_publickey(config.username, key)
    transport.set_keepalive(KEEPALIVE_SECONDS)
    channel = transport.open_session(timeout=config.login_seconds)
    channel.settimeout(config.answer_seconds)
    channel.invoke_subsystem("sftp")
    return _Session(channel)
