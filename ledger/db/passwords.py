"""The passwords of the database logins: random, one file each, readable by their owner only."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import Literal

from ledger.core.private import write_private

Login = Literal["admin", "service", "auditor", "intake", "books", "payments", "read"]
Working = Literal["service", "auditor", "intake", "books", "payments", "read"]
"""Those that are not the administrator's."""


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
