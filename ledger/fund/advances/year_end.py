"""Advances against 1101, institution by institution (对账核算): what the list says and what the books say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ledger.db.unit_of_work import Transaction
from ledger.fund.advances.advance import KIND_ACCOUNTS, read_advances


@dataclass(frozen=True, slots=True)
class Reconciled:
    """One institution's advances of one kind against 1101 (对账核算); fen."""

    institution: str
    kind: str
    paid_fen: int
    offset_fen: int
    returned_fen: int
    booked_fen: int
    """Balance of 1101 for that institution and kind."""
    overdue_fen: int
    """Of the year asked or earlier, still not recovered."""

    @property
    def agrees(self) -> bool:
        """Whether the list is what the books say."""
        return self.booked_fen == self.paid_fen - self.offset_fen - self.returned_fen


def reconcile(tx: Transaction, fund: int, year: int) -> list[Reconciled]:
    """Every institution's advances up to `year` against 1101, kind by kind; what is overdue at its end is listed."""
    found: dict[tuple[str, str], list[int]] = {}
    for one in read_advances(tx, fund=fund):
        sums = found.setdefault((one.institution, one.kind), [0, 0, 0, 0, 0])
        sums[0] += one.paid_fen
        sums[1] += one.offset_fen
        sums[2] += one.returned_fen
        sums[4] += one.left_fen if one.year <= year else 0
    kinds = {account: kind for kind, account in KIND_ACCOUNTS.items()}
    for institution, account, fen in _booked(tx, fund):
        found.setdefault((institution, kinds[account]), [0, 0, 0, 0, 0])[3] = fen
    return [Reconciled(*key, *sums) for key, sums in sorted(found.items())]


def _booked(tx: Transaction, fund: int) -> Sequence[tuple[str, int, int]]:
    return [
        (str(institution), int(account), int(fen))
        for institution, account, fen in tx.rows(
            """SELECT d.counterparty, b.account, sum(b.debit - b.credit)::bigint
                 FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.account = ANY(%(accounts)s) GROUP BY 1, 2""",
            region=tx.region,
            fund=fund,
            accounts=list(KIND_ACCOUNTS.values()),
        )
    ]
