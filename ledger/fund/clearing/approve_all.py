"""All letters of a year or quarter under one digest: approved in one transaction, all or none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from ledger.core.lists import list_digest, require_list
from ledger.db.unit_of_work import Transaction
from ledger.fund.clearing.letter import approve_letter
from ledger.fund.clearing.scope import period_named
from ledger.fund.clearing.store import Letter, letters

_GONE: Final = "void"


def living_letters(tx: Transaction, fund: int, year: int, period: str) -> list[Letter]:
    """The letters of a book's year or quarter that are not void, by id. Raises as `period_named`."""
    wanted = period_named(period)
    found = letters(tx, year, fund)
    return [one for one in found if one.scope.period == wanted and one.state != _GONE]


def letters_digest(tx: Transaction, fund: int, year: int, period: str, found: Sequence[Letter]) -> bytes:
    """Of the letters as `living_letters` gives them."""
    return list_digest(_head(tx, fund, year, period), _items(found))


def approve_letters(
    tx: Transaction, fund: int, year: int, period: str, digest: bytes, day: date
) -> list[Letter]:
    """Approve every drafted letter of the list shown under `digest`; again with the same digest gives the first answer.

    Raises InvalidInput `list.nothing`, Conflict `list.changed`, and what `approve_letter` raises for one of them.
    """
    found = living_letters(tx, fund, year, period)
    require_list(f"{year}年清算确认书", _head(tx, fund, year, period), _items(found), digest)
    return [
        approve_letter(tx, one.letter_id, one.digest, day) if one.state == "draft" else one for one in found
    ]


def settled_in(tx: Transaction, fund: int, year: int) -> list[str]:
    """Institutions with an approved sheet of the year: what `clear letter --all` goes through."""
    rows = tx.rows(
        "SELECT DISTINCT institution FROM fund.sheet WHERE region = %(region)s AND fund = %(fund)s"
        " AND term / 100 = %(year)s AND state = 'approved' ORDER BY institution",
        region=tx.region,
        fund=fund,
        year=year,
    )
    return [institution for (institution,) in rows]


def _head(tx: Transaction, fund: int, year: int, period: str) -> str:
    return f"clear|{tx.region}|{fund}|{year}|{period_named(period)}"


def _items(found: Sequence[Letter]) -> list[tuple[str, bytes]]:
    return [(one.letter_id, one.digest) for one in found]
