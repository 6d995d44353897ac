"""Orders that an old system sent before the cut-over: the bank's papers carry the number it gave them."""

from __future__ import annotations

from collections.abc import Iterable

from ledger.db.unit_of_work import Transaction


def taken_over(tx: Transaction, numbers: Iterable[str]) -> dict[str, str]:
    """The old system's number to ours, of those among `numbers` (either of them)."""
    wanted = sorted(set(numbers) - {""})
    if not wanted:
        return {}
    return dict(
        tx.rows(
            "SELECT reference, order_no FROM payments.taken_order WHERE region = %(region)s"
            " AND (reference = ANY(%(wanted)s) OR order_no = ANY(%(wanted)s))",
            region=tx.region,
            wanted=wanted,
        )
    )
