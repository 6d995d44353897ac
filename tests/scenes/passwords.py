"""What a home that lives on another home's server is told: the passwords of all logins, as its settings take them."""

from __future__ import annotations

from pathlib import Path

from ledger.db.logins import ROLES
from ledger.db.passwords import Passwords


def passwords_of(home: Path) -> dict[str, str | None]:
    """`service_password` and the others, as `home` keeps them."""
    known = Passwords(home)
    return {f"{login}_password": known.read(login) for login in ROLES}


def told(settings: object) -> dict[str, str]:
    """The same of a home's settings, as the environment of a process takes them."""
    return {f"FUNDLEDGER_{login.upper()}_PASSWORD": getattr(settings, f"{login}_password") for login in ROLES}
