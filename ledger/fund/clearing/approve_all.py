"""All letters of a year or quarter under one digest: approved in one transaction, all or none."""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

from ledger.core.lists import ShownList
from ledger.db.unit_of_work import Transaction
from ledger.fund.clearing.letter import approve_letter
from ledger.fund.clearing.scope import period_named
from ledger.fund.clearing.store import Letter, letters


class YearScope(NamedTuple):
    """A book's service year, `period` as it is typed: year, Q1…Q4."""

    fund: int
    year: int
    period: str


def living_letters(tx: Transaction, scope: YearScope) -> tuple[list[Letter], ShownList]:
    """The letters of a year or quarter that are not void, by id, and as a list to approve. Raises as `period_named`."""
    wanted = period_named(scope.period)
    found = [
        one
        for one in letters(tx, scope.year, scope.fund)
        if one.scope.period == wanted and one.state != "void"
    ]
    items = tuple((one.letter_id, one.digest) for one in found)
    head = f"clear|{tx.region}|{scope.fund}|{scope.year}|{wanted}"
    return found, ShownList(f"{scope.year}年清算确认书", head, items)


def approve_letters(tx: Transaction, scope: YearScope, digest: bytes, day: date) -> list[Letter]:
    """Approve every drafted letter of the list shown under `digest`; again with the same digest gives the first answer.

    Raises InvalidInput `list.nothing`, Conflict `list.changed`, and what `approve_letter` raises for one of them.
    """
    found, shown = living_letters(tx, scope)
    shown.require(digest)
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
