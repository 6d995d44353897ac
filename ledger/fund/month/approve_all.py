"""All sheets of a 期号 under one digest: approved in one transaction, all or none."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from ledger.access.signing.signing import signed
from ledger.core.lists import ShownList
from ledger.db.unit_of_work import Transaction
from ledger.fund.month.approve import approve_month_in
from ledger.fund.month.store import MonthSheet, list_sheets


def list_of_sheets(tx: Transaction, term: int, fund: int, sheets: Sequence[MonthSheet]) -> ShownList:
    """The drafted and approved sheets of a 期号 (of one book, 0: of both), as `list_sheets` gives them."""
    items = tuple((sheet.sheet_id, sheet.digest) for sheet in sheets)
    return ShownList(f"{term}期月结算单", f"month|{tx.region}|{fund}|{term}", items)


def approve_sheets_in(tx: Transaction, term: int, fund: int, digest: bytes, day: date) -> list[MonthSheet]:
    """Approve every drafted sheet of the list shown under `digest`; again with the same digest gives the first answer.

    Raises InvalidInput `list.nothing`, Conflict `list.changed`, and what `approve_month` raises for one of them.
    """
    sheets = list_sheets(tx, term, fund)
    list_of_sheets(tx, term, fund, sheets).require(digest)
    for sheet in sheets:  # all are asked for before the first is done: one touch of a passkey signs them all
        if sheet.state == "draft":
            signed(tx, "month.approve", sheet.sheet_id, sheet.digest.hex(), day)
    return [
        approve_month_in(tx, sheet.sheet_id, sheet.digest, day) if sheet.state == "draft" else sheet
        for sheet in sheets
    ]


def declared_in(tx: Transaction, term: int, fund: int) -> list[str]:
    """Institutions with a declaration of the 期号 that was not withdrawn: what `month prepare --all` goes through."""
    rows = tx.rows(
        "SELECT DISTINCT institution FROM fund.declaration WHERE region = %(region)s AND fund = %(fund)s"
        " AND term = %(term)s AND NOT withdrawn ORDER BY institution",
        region=tx.region,
        fund=fund,
        term=term,
    )
    return [institution for (institution,) in rows]
