"""Institutions for machines: the same documents at the command line and over HTTP."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from ledger.core.money import ratio_text
from ledger.db.unit_of_work import Transaction
from ledger.fund.institutions.proposals import Waiting, read_waiting
from ledger.fund.institutions.read import (
    PayeeAccount,
    Standing,
    TermsVersion,
    read_accounts,
    read_standing,
    read_terms,
    require_standing,
)

_RATIOS: Final = ("ratio", "month_ratio")


class Listing(NamedTuple):
    """Institutions with everything that waits in the region."""

    rows: Sequence[Standing]
    waiting: Waiting

    def as_json(self) -> dict[str, object]:
        """For machines: ratios as decimal text, days as ISO text."""
        return {"institutions": [plain(row._asdict()) for row in self.rows], **_open(self.waiting)}


class Shown(NamedTuple):
    """One institution with what waits of it and every account it ever had."""

    standing: Standing
    accounts: Sequence[PayeeAccount]
    terms: Sequence[TermsVersion]
    waiting: Waiting

    def as_json(self) -> dict[str, object]:
        """As `Listing.as_json`."""
        return {
            **plain(self.standing._asdict()),
            "accounts": [plain(one._asdict()) for one in self.accounts],
            "terms": [plain(one._asdict()) for one in self.terms],
            **_open(self.waiting),
        }


def list_institutions(tx: Transaction, day: date, *, waiting_only: bool = False) -> Listing:
    """The region's institutions as they stand on `day`; `waiting_only`: those of which something waits."""
    rows = read_standing(tx, day)
    return Listing([row for row in rows if row.waiting or not waiting_only], read_waiting(tx))


def show_institution(tx: Transaction, day: date, institution: str) -> Shown:
    """One institution; raises NotFound `institution.unknown`."""
    standing = require_standing(tx, day, institution)
    accounts, terms = read_accounts(tx, institution), read_terms(tx, institution)
    return Shown(standing, accounts, terms, read_waiting(tx, institution))


def plain(row: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON has them."""
    return {
        name: ratio_text(value)
        if name in _RATIOS and value is not None
        else (value.isoformat() if isinstance(value, date) else value)
        for name, value in row.items()
    }


def _open(waiting: Waiting) -> dict[str, object]:
    proposals = [plain(one._asdict()) for one in waiting.proposals]
    for one in proposals:
        for side in ("in_force", "proposed"):
            if one[side] is not None:
                one[side] = plain(one[side])
    return {"open": proposals, "digest": waiting.digest}
