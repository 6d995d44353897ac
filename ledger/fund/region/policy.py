"""A region's dated choices: what it chose for a key, in force from a day."""

from __future__ import annotations

from datetime import date

from ledger.db.unit_of_work import Transaction


def choice(tx: Transaction, key: str, day: date, default: str) -> str:
    """The region's dated choice `key` in force on `day`, else `default`."""
    found: str | None = tx.value(
        "SELECT value FROM fund.region_policy WHERE region = %(region)s AND key = %(key)s AND from_day <= %(day)s"
        " ORDER BY from_day DESC LIMIT 1",
        region=tx.region,
        key=key,
        day=day,
    )
    return default if found is None else found


def whole_choice(tx: Transaction, key: str, day: date, default: int) -> int:
    """The same for a whole number; the database lets no other value in."""
    return int(choice(tx, key, day, str(default)))
