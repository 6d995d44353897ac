"""The passwords of the database logins: random, one file each, readable by their owner only."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Literal

Login = Literal["admin", "service", "auditor", "intake", "books", "payments", "read"]
Working = Literal["service", "auditor", "intake", "books", "payments", "read"]
"""Those that are not the administrator's."""


def write_private(path: Path, text: str, owner: tuple[int, int] | None = None) -> None:
    """Replace `path` by `text` at once or not at all, mode 0600, following no link; `owner` is (uid, gid)."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    partial.unlink(missing_ok=True)
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        if owner is not None:
            os.fchown(file.fileno(), *owner)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


class Passwords:
    """The files `<home>/secrets/<login>.password`."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "secrets"

    def path(self, login: Login) -> Path:
        """The file of one login."""
        return self.folder / f"{login}.password"

    def read(self, login: Login) -> str | None:
        """The stored password, or None when none was ever made here."""
        try:
            return self.path(login).read_text(encoding="utf-8").strip()
        except FileNotFoundError:
            return None

    def ensure(self, login: Login) -> str:
        """The stored password, made now when missing: 192 random bits."""
        found = self.read(login)
        if found is not None:
            return found
        self.folder.mkdir(mode=0o700, exist_ok=True)
        made = secrets.token_urlsafe(24)
        write_private(self.path(login), made)
        return made
