"""Numbers after a restore: what was lost had numbers too, and the bank knows them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from ledger.db.unit_of_work import Transaction

ORDERS_SKIPPED: Final = 10_000
BATCHES_SKIPPED: Final = 100
_DAYS: Final = 31
"""Drafts are made for no payout day further off than this."""


def lifted_freezes(tx: Transaction, pay_date: date) -> int:
    """How often the region was restored and reconciled when drafts for `pay_date` may have been lost; at most 9."""
    return int(
        tx.value(
            "SELECT least(9, count(*)) FROM payments.freezing WHERE region = %(region)s AND state = 'lifted'"
            " AND lifted_on >= %(since)s",
            region=tx.region,
            since=pay_date - timedelta(days=_DAYS),
        )
    )
