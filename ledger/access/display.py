"""What the person behind a login is called: shown wherever people read who did something."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.db.unit_of_work import Transaction


def display_names(tx: Transaction, users: Iterable[str]) -> dict[str, str]:
    """The names of these logins; one that is no login's (a rule's) is not among them."""
    return dict(
        tx.rows(
            "SELECT user_name, display_name FROM access.app_user WHERE user_name = ANY(%(users)s)",
            users=sorted({user for user in users if user}),
        )
    )
