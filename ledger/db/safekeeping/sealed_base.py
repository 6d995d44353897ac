"""A base backup sealed for a recipient: pg_basebackup's tar as it comes, nothing of it on a disk in clear until somebody recovers.

What lies in the folder is one file, `base.tar.sealed`, with the log needed to make it consistent and the server's own manifest of every
file inside; pg_verifybackup reads it when it is opened, since nobody here can before.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ledger.core.errors import InvalidInput, Unavailable
from ledger.core.os_errors import os_reason
from ledger.core.private import opened
from ledger.db.programs import RunAs, piped
from ledger.db.safekeeping.sealing import (
    Recipient,
    home_key,
    home_recipient,
    is_sealed,
    open_stream,
    read_private,
    seal_stream,
    sealed_for,
)

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

SEALED: Final = "base.tar.sealed"


def write_base(program: Path, place: str, secret: dict[str, str], folder: Path, recipient: Recipient) -> None:
    """The base of the server at `place` (a connection string without its password) into `folder`; raises Unavailable `db.backup`."""
    how = (
        "-D",
        "-",
        "-F",
        "tar",
        "-X",
        "fetch",
        "-c",
        "fast",
        "--manifest-checksums=SHA256",
        "--no-password",
    )
    try:
        with (
            piped(RunAs.myself(), program, "-d", place, *how, env=secret, feed=False) as (
                process,
                pipe,
                said,
            ),
            opened(folder / SEALED) as target,
        ):
            seal_stream(pipe, target, recipient)
            if process.wait() != 0:
                said.seek(0)
                why = said.read().decode(errors="replace").strip()[-1000:]
                raise Unavailable("db.backup", f"基础备份未完成，未留下任何结果（PostgreSQL原文）：{why}")
    except OSError as problem:
        raise Unavailable(
            "db.backup", f"不能写入{folder}：{os_reason(problem)}", path=str(folder)
        ) from problem


def key_of_base(source: Path, key: Path | None, home: Path) -> X25519PrivateKey | None:
    """What opens a base: None where it lies in clear. Without `key` the home's own is tried.

    Raises InvalidInput `db.backup_sealed` where none is given, and what `read_private` and `open_stream` raise.
    """
    sealed = source / SEALED
    if not sealed.is_file():
        return None
    if not is_sealed(sealed):
        raise InvalidInput("db.backup_damaged", f"{sealed}不是本程序加密的基础备份")
    own = home_key(home)
    if key is None and own.is_file() and sealed_for(sealed) == home_recipient(home).id:
        key = own
    if key is None:
        raise InvalidInput(
            "db.backup_sealed",
            f"基础备份{source}已为密钥{sealed_for(sealed)}加密，恢复须以--key给出其私钥文件",
        )
    private = read_private(key)
    with sealed.open("rb") as file:
        next(open_stream(file, private))
    return private


def open_base(source: Path, private: X25519PrivateKey, into: Path) -> None:
    """The base's files into the new folder `into`, folders 0700; raises InvalidInput `seal.broken`, `db.backup_damaged`."""
    into.mkdir(mode=0o700)
    with (source / SEALED).open("rb") as file:
        content = io.BufferedReader(_Opened(open_stream(file, private)))
        try:
            with tarfile.open(fileobj=content, mode="r|") as tar:
                for member in tar:
                    tar.extract(member, into, filter="data")
            while content.read(1 << 20):  # what follows the tar's end is proven too: a cut file is found
                pass
        except tarfile.TarError as problem:
            raise InvalidInput("db.backup_damaged", f"基础备份{source}不是完整的归档：{problem}") from problem
    for path in into.rglob("*"):
        if path.is_dir():
            path.chmod(0o700)


class _Opened(io.RawIOBase):
    """Chunks as a stream that can be read."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._left:
            found = next(self._chunks, None)
            if found is None:
                return 0
            self._left = found
        size = min(len(buffer), len(self._left))
        buffer[:size] = self._left[:size]
        self._left = self._left[size:]
        return size
