"""The bank's folders as `ports.Channel`: temporary name, read-back, rename, and the control file last."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock, Thread, current_thread
from typing import Final

from adapters.banks.ports import OutgoingFile, RemoteFile
from adapters.banks.wire.control import (
    CONTROL_SUFFIX,
    READY_SUFFIX,
    decode_control,
    describe,
    encode_control,
    is_plain_name,
)
from adapters.banks.wire.sftp.config import SftpConfig
from adapters.banks.wire.sftp.errors import FAILURES, outcome_unknown, refused, unreachable
from adapters.banks.wire.sftp.hostkeys import parse_host_key
from adapters.banks.wire.sftp.line import Entry, SftpLine
from ledger.core.errors import Conflict, InvalidInput, Unavailable

PART_SUFFIX: Final = ".part"


@dataclass(slots=True)
class _Call:
    """One operation over one line; `arriving` from the moment the bank may have our file."""

    line: SftpLine
    arriving: bool = False


class SftpChannel:
    """`ports.Channel` over SFTP. May be used from several threads: each has its own connection.

    A connection is opened when first needed and again after it broke. Raises InvalidInput
    `bank.host_key_format` if a pinned key cannot be read, or `bank.host_key_missing` if there is none.
    """

    def __init__(self, config: SftpConfig) -> None:
        if not config.host_keys:
            raise InvalidInput(
                "bank.host_key_missing", f"银行“{config.host}”没有配置主机公钥，不能连接", host=config.host
            )
        self._config = config
        self._pinned = tuple(parse_host_key(line) for line in config.host_keys)
        self._lines: dict[Thread, SftpLine] = {}
        self._lock = Lock()

    def deliver(self, file: OutgoingFile, *, count: int, total_fen: int) -> None:
        """Put `file` and then its control file into the bank's inbox; idempotent for the same bytes.

        Raises Conflict `bank.name_taken`; Unavailable `bank.unreachable`, `bank.disk_full`, `bank.denied`
        (surely not delivered) or `bank.unknown` (deliver the same bytes again); InvalidInput `bank.file_name`.
        """
        _require_plain_name(file.name)
        control = encode_control(describe(file.name, file.content, count=count, total_fen=total_fen))
        with self._call(file.name) as call:
            if self._archived(call.line, file):
                return
            self._place(call, file.name, file.content)
            self._place(call, file.name + CONTROL_SUFFIX, control)

    def holds(self, file: OutgoingFile) -> bool:
        """Whether the bank has these bytes for good: archived, or in the inbox with a control file for them.

        A data file without its control file is not held: the bank will not touch it, deliver again.
        """
        _require_plain_name(file.name)
        with self._call(file.name) as call:
            inbox = f"{self._config.inbox}/{file.name}"
            waiting = call.line.read_if_there(inbox)
            control = call.line.read_if_there(inbox + CONTROL_SUFFIX)
            # the archive last: the bank may move the file while we look
            archived = call.line.read_if_there(f"{self._config.archive}/{file.name}")
        if archived is not None:
            return archived == file.content
        if waiting != file.content or control is None:
            return False
        return _speaks_of(file.name, control, file.content)

    def waiting(self) -> Sequence[RemoteFile]:
        """Outbox files whose `.ok` lies there, by name. One whose name is not plain is among them under its name as shown,
        escaped, which `fetch` refuses: it is told of at every poll until the bank renames it.
        """
        with self._call(self._config.outbox) as call:
            there = {entry.raw: entry for entry in call.line.names(self._config.outbox)}
        ready = READY_SUFFIX.encode()
        complete = [name for name in there if name + ready in there and not name.endswith(ready)]
        return sorted(
            (
                RemoteFile(_shown(name), there[name].size, _stamp(there[name], there[name + ready]))
                for name in complete
            ),
            key=lambda file: file.name,
        )

    def stated(self, name: str) -> bytes | None:
        """The digest in the file's `.ok`, one small read; None for one that is missing or cannot be read."""
        _require_plain_name(name)
        with self._call(name) as call:
            ready = call.line.read_if_there(f"{self._config.outbox}/{name}{READY_SUFFIX}")
        try:
            return None if ready is None else bytes.fromhex(decode_control(name, ready).sha256)
        except InvalidInput:
            return None

    def fetch(self, name: str) -> bytes:
        """One outbox file, proved whole by its `.ok`.

        Raises Unavailable `bank.truncated` if size or digest differ or the `.ok` is missing or unreadable,
        `bank.file_missing` if there is no such file, `bank.too_big` beyond 64 MiB.
        """
        _require_plain_name(name)
        path = f"{self._config.outbox}/{name}"
        with self._call(name) as call:
            content = call.line.read(path)
            ready = call.line.read_if_there(path + READY_SUFFIX)
        if ready is None or not _speaks_of(name, ready, content):
            raise Unavailable(
                "bank.truncated",
                f"银行文件“{name}”与其校验文件不符或没有校验文件，未采用；请银行重发",
                file=name,
                size=len(content),
            )
        return content

    def close(self) -> None:
        """Hang up every thread's connection."""
        with self._lock:
            lines, self._lines = list(self._lines.values()), {}
        for line in lines:
            line.close()

    def _archived(self, line: SftpLine, file: OutgoingFile) -> bool:
        archived = line.read_if_there(f"{self._config.archive}/{file.name}")
        return archived is not None and self._same(file.name, archived, file.content)

    def _place(self, call: _Call, name: str, content: bytes) -> None:
        """Bring `content` under `name`, unless it is there already."""
        final = f"{self._config.inbox}/{name}"
        if self._there(call.line, name, content):
            call.arriving = True
            return
        call.line.write(final + PART_SUFFIX, content)
        call.arriving = True
        try:
            call.line.rename(final + PART_SUFFIX, final)
        except OSError as error:
            if call.line.broken_by(error):
                raise
            call.line.remove(final + PART_SUFFIX)
            # another delivery of ours may have been faster; then the name is taken by the same bytes
            if not self._there(call.line, name, content):
                raise

    def _there(self, line: SftpLine, name: str, content: bytes) -> bool:
        """Whether the name is taken by `content`; inbox first, since files move from there to the archive."""
        for folder in (self._config.inbox, self._config.archive):
            present = line.read_if_there(f"{folder}/{name}")
            if present is not None:
                return self._same(name, present, content)
        return False

    def _same(self, name: str, present: bytes, content: bytes) -> bool:
        if present == content:
            return True
        raise Conflict(
            "bank.name_taken",
            f"银行“{self._config.host}”上已有同名但内容不同的文件“{name}”，未覆盖，请人工核对",
            file=name,
            size_there=len(present),
            size_here=len(content),
        )

    @contextmanager
    def _call(self, name: str) -> Iterator[_Call]:
        call = _Call(self._line())
        host = self._config.host
        try:
            yield call
        except FAILURES as error:
            if not call.line.broken_by(error):
                raise refused(host, name, error) from error
            self._drop()
            if call.arriving:
                raise outcome_unknown(host, name, error) from error
            raise unreachable(host, error) from error

    def _line(self) -> SftpLine:
        """This thread's connection; those of threads that ended are hung up on the way."""
        me = current_thread()
        with self._lock:
            for thread in [t for t in self._lines if not t.is_alive()]:
                self._lines.pop(thread).close()
            line = self._lines.get(me)
        if line is not None and line.alive():
            return line
        self._drop()
        line = SftpLine.open(self._config, self._pinned)
        with self._lock:
            self._lines[me] = line
        return line

    def _drop(self) -> None:
        with self._lock:
            line = self._lines.pop(current_thread(), None)
        if line is not None:
            line.close()


def _stamp(file: Entry, ready: Entry) -> str:
    """Another one whenever the bank wrote the file or its `.ok` again; empty where the server tells no times."""
    return f"{file.written}-{ready.written}-{ready.size}" if file.written and ready.written else ""


def _speaks_of(name: str, control: bytes, content: bytes) -> bool:
    try:
        stated = decode_control(name, control)
    except InvalidInput:
        return False
    return stated.matches(content)


def _shown(name: bytes) -> str:
    """A name for people: a plain one as it is, any other never to be mistaken for one."""
    try:
        text = name.decode()
    except UnicodeDecodeError:  # GBK, say: its bytes are shown
        return repr(name)[2:-1]
    return "".join(c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in text)


def _require_plain_name(name: str) -> None:
    if not is_plain_name(name):
        raise InvalidInput(
            "bank.file_name",
            f"文件名“{name[:60]}”不合规：只能用ASCII字母、数字、点、横线、下划线，不超过200个字符；未取，请改名后重放",
            name=name[:60],
        )
