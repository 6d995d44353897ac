"""Files that only their owner reads: whatever leaves the database for a folder holds what persons or accounts are paid.

Every file the program writes is opened here, 0600 from its first moment and never a moment later; a lint rule finds others.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO, TextIO, cast


def private(path: Path) -> Path:
    """`path`, there and mode 0600 before anything is written into it by its name; raises OSError where it cannot be."""
    os.close(_opener(str(path), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC))
    return path


def private_folder(path: Path) -> Path:
    """`path` as a folder, there afterwards; what was not there of it, parents too, is its owner's alone (0700). Raises OSError."""
    for one in reversed([path, *path.parents]):
        if not one.exists():
            one.mkdir(mode=0o700, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)  # raises where a file is there
    return path


def opened(path: Path, mode: str = "wb") -> BinaryIO:
    """`path` opened for writing, mode 0600: a new one is never another's to read, an old one no longer.

    What is no file (a terminal, a pipe) keeps its mode. Raises OSError.
    """
    return cast("BinaryIO", open(path, mode, opener=_opener))


def opened_text(path: Path, mode: str = "w", encoding: str = "utf-8", newline: str | None = None) -> TextIO:
    """The same for text."""
    return cast("TextIO", open(path, mode, encoding=encoding, newline=newline, opener=_opener))


def write_private(path: Path, content: str | bytes, owner: tuple[int, int] | None = None) -> None:
    """Replace `path` by `content` at once or not at all, mode 0600, following no link; `owner` is (uid, gid). Raises OSError.

    What is there and no file (`/dev/stdout`, a pipe) is written into.
    """
    content = content.encode() if isinstance(content, str) else content
    if path.exists() and not path.is_file():
        with opened(path) as file:
            file.write(content)
        return
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    try:
        handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(handle, "wb") as file:
            if owner is not None:
                os.fchown(file.fileno(), *owner)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def _opener(path: str, flags: int) -> int:
    handle = os.open(path, flags, 0o600)
    try:
        found = os.fstat(handle).st_mode
        if stat.S_ISREG(found) and stat.S_IMODE(found) != 0o600:
            os.fchmod(handle, 0o600)
    except BaseException:
        os.close(handle)
        raise
    return handle
