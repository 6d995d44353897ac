"""What a home that lives on another home's server is given: the passwords of all logins, as its settings take them, and the keys
that opened what was sealed there."""

from __future__ import annotations

import shutil
from pathlib import Path

from ledger.db.logins import ROLES
from ledger.db.passwords import Passwords


def passwords_of(home: Path, given_to: Path | None = None) -> dict[str, str | None]:
    """`service_password` and the others, as `home` keeps them; a home they are `given_to` has the keys as well."""
    if given_to is not None:
        lend(home, given_to, "keys")
    known = Passwords(home)
    return {f"{login}_password": known.read(login) for login in ROLES}


def told(settings: object) -> dict[str, str]:
    """The same of a home's settings, as the environment of a process takes them."""
    return {f"FUNDLEDGER_{login.upper()}_PASSWORD": getattr(settings, f"{login}_password") for login in ROLES}


def lend(home: Path, other: Path, *kept: str) -> None:
    """Copy what of a home lies in folders beside the database, the passwords and the keys, to another home on its server."""
    for name in kept or ("secrets", "keys"):
        if (home / name).is_dir():
            shutil.copytree(home / name, other / name, dirs_exist_ok=True)
