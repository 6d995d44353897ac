"""What a month's settlement offsets against advances: the month asks what is due, and says what it took."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ledger.core.accounts import PREALLOCATION, PREPAYMENT, SUPPLIER_ADVANCE
from ledger.core.errors import InvalidInput
from ledger.core.money import yuan_grouped
from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction

KIND_ACCOUNTS: Final = {
    "prepayment": PREPAYMENT,
    "preallocation": PREALLOCATION,
    "supplier": SUPPLIER_ADVANCE,
}
"""Kind of advance to its leaf of 1101 暂付款: the `source` of a settlement Sheet row and of an order item."""

KIND_NAMES: Final = words_of("advance.kind")


class Offset(NamedTuple):
    """What may be (or was) offset against one advance; fen, positive."""

    advance_id: str
    kind: str
    """`prepayment`, `preallocation` or `supplier`."""
    amount_fen: int

    @property
    def source(self) -> int:
        """110102, 110103 or 110104: what a Sheet row's `source` must say for this offset."""
        return KIND_ACCOUNTS[self.kind]


def due_offsets(tx: Transaction, fund: int, institution: str, term: int) -> list[Offset]:
    """What the settlement of 期号 `term` should offset, oldest first: pre-allocation, supplier payments, then 预付金.

    Each amount is what was paid and is neither offset nor returned yet. Due is a paid advance whose own 期号 is not
    later than `term` and whose recovery is by offset; one to be given back in cash becomes due once its year is over
    (甘医保发〔2025〕11号: 冲减结算金额). A settlement that cannot bear it all takes less (and never
    more): what is left stays an advance in 1101 and is due again with the next 期号.
    """
    rows = tx.rows(
        """SELECT a.advance_id, a.kind, a.amount_fen - a.offset_fen - a.returned_fen
             FROM fund.advance a LEFT JOIN payments.pay_order o ON o.region = a.region AND o.order_no = a.order_no
            WHERE a.region = %(region)s AND a.fund = %(fund)s AND a.institution = %(institution)s AND a.term <= %(term)s
              AND a.state = 'approved' AND (o.state = 'paid' OR a.order_no LIKE 'OPEN:%%')
              AND (a.recovery = 'offset' OR %(term)s > a.year * 100 + 12)
              AND a.amount_fen > a.offset_fen + a.returned_fen
            ORDER BY array_position('{preallocation,supplier,prepayment}', a.kind), a.term, a.advance_id""",
        region=tx.region,
        fund=fund,
        institution=institution,
        term=term,
    )
    return [Offset(*row) for row in rows]


def take_offsets(tx: Transaction, sheet_id: str, offsets: Sequence[Offset]) -> None:
    """Note what the approved sheet or letter `sheet_id` took; call it in the transaction that posts the settlement.

    Raises InvalidInput `advance.amount` for an amount not above zero; Conflict `advance.not_paid`,
    `advance.over_paid` (Σ offset + returned > paid, refused by the database under the row's lock), and
    `db.duplicate` if the sheet took from that advance before.
    """
    wrong = next((offset for offset in offsets if offset.amount_fen <= 0), None)
    if wrong is not None:
        raise InvalidInput(
            "advance.amount", f"抵扣{wrong.advance_id}的金额{yuan_grouped(wrong.amount_fen)}元应大于零"
        )
    tx.run_many(
        "INSERT INTO fund.advance_offset (region, advance_id, sheet_id, amount_fen)"
        " VALUES (%(region)s, %(advance)s, %(sheet)s, %(amount)s)",
        [
            {"region": tx.region, "advance": o.advance_id, "sheet": sheet_id, "amount": o.amount_fen}
            for o in offsets
        ],
    )
