"""What an institution is still owed, netted over its fund with every reversal since (art. 12): payments.still_owed."""

from __future__ import annotations

from collections.abc import Collection

from ledger.db.unit_of_work import Transaction


def owed_daily(tx: Transaction, fund: int, institutions: Collection[str]) -> dict[str, int]:
    """Daily money in no order yet, by institution; fen. Reversals of any day count, what an audit holds does not."""
    return {code: daily for code, daily, _ in _still_owed(tx, fund, institutions)}


def owed_in_all(tx: Transaction, fund: int, institutions: Collection[str]) -> dict[str, int]:
    """Money of every kind in no order yet, booked or just taken in, by institution; fen."""
    return {code: everything for code, _, everything in _still_owed(tx, fund, institutions)}


def _still_owed(tx: Transaction, fund: int, institutions: Collection[str]) -> list[tuple[str, int, int]]:
    rows = tx.rows(
        "SELECT institution, daily_fen, all_fen"
        " FROM payments.still_owed(%(region)s, %(fund)s::smallint, %(institutions)s::text[])",
        region=tx.region,
        fund=fund,
        institutions=sorted(institutions),
    )
    return [(code, daily, everything) for code, daily, everything in rows]
