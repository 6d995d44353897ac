"""What two persons say of a paper in suspense: the proposal as it is stored (payments.resolution)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from adapters.banks.ports import Direction
from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction
from ledger.payments.incoming.evidence import PaperKey

KINDS: Final = words_of("resolution.what")
MOVES: Final = {
    "interest": Direction.CREDIT,
    "fee": Direction.DEBIT,
    "fee_back": Direction.CREDIT,
}
STATES: Final = words_of("resolution.state")


@dataclass(frozen=True, slots=True)
class SuspensePaper:
    """What an accountant says a paper is. `reference`: order number, request id, or `kind:receipt_no` of the paper undone or
    of the one booked before; for interest and kinds of receipts the sub-fund (pool, acct, or empty); else empty.
    `direction`: debit or credit
    where the bank gave one number to both; else it may be empty.
    """

    fund: int
    account: str
    kind: str
    receipt_no: str
    what: str
    reference: str
    document: str
    direction: str = ""


@dataclass(frozen=True, slots=True)
class Resolution:
    """A stored proposal."""

    resolution_id: str
    fund: int
    account: str
    kind: str
    receipt_no: str
    direction: str
    digest: bytes
    what: str
    reference: str
    document: str
    state: str
    prepared_by: str
    approved_by: str
    reason: str

    @property
    def key(self) -> PaperKey:
        """The paper's key within the region."""
        return PaperKey(self.account, self.kind, self.receipt_no, Direction(self.direction))

    def says(self, said: SuspensePaper, document: str) -> bool:
        """Whether it is the same proposal. What a move of the own account is to be has its own first answer."""
        same = (self.fund, self.what, self.document) == (said.fund, said.what, document)
        return same and (self.what in MOVES or self.reference == said.reference)

    @property
    def receipt(self) -> str:
        """The paper as people name it."""
        return f"{self.kind}:{self.receipt_no}"


def read_resolutions(tx: Transaction, *, key: str = "", state: str = "") -> list[Resolution]:
    """Proposals by id or state, oldest first."""
    return [
        Resolution(resolution_id, fund, account, kind, receipt_no, direction, bytes(digest), *rest)
        for resolution_id, fund, account, kind, receipt_no, direction, digest, *rest in tx.rows(
            """SELECT resolution_id, fund, account, kind, receipt_no, direction, digest, what, reference, document, state, prepared_by,
                      approved_by, reason FROM payments.resolution
                WHERE region = %(region)s AND %(key)s IN ('', resolution_id) AND %(state)s IN ('', state)
                ORDER BY prepared_on, resolution_id""",
            region=tx.region,
            key=key,
            state=state,
        )
    ]
