"""Money between regions besides bills: asked for by one person, approved by another (accounting.md 3a).

What comes in is booked from the bank's receipt (`outregion_receipts`): X4 our prepayment back, X8 prepayments and clearing
money of other regions. What we pay leaves by an order (`outregion_transfers`): X1 our prepayment, X11 theirs given back.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.access.signing.signing import sign_decision
from ledger.core.errors import InvalidInput, NotFound
from ledger.core.words import words_of
from ledger.db.locks import Lock, hold
from ledger.db.unit_of_work import Transaction
from ledger.fund.outregion.parties import require_counterparty
from ledger.fund.signed.request import key_of, require_amount, require_same, require_text, row_digest

KINDS: Final[Mapping[str, str]] = words_of("region_movement.kind")
INCOMING: Final[Mapping[str, str]] = {
    kind: KINDS[kind] for kind in ("received", "prepaid_in", "prepaid_back")
}
OUTGOING: Final[Mapping[str, str]] = {kind: KINDS[kind] for kind in ("prepaid", "prepaid_out")}


@dataclass(frozen=True, slots=True)
class RegionMovement:
    """A movement. One that came in has its receipt and the entry `OUT:` and its id; one we pay has its order's entries."""

    move_id: str
    fund: int
    kind: str
    counterparty: int
    amount_fen: int
    document: str
    state: str
    """requested, approved, refused, cancelled; done: the receipt of what came in is booked."""
    prepared_by: str
    approved_by: str
    order_no: str
    order_state: str
    account: str
    receipt_no: str
    booked_on: date | None

    def digest(self) -> bytes:
        """Evidence digest of the entry: `row_digest("OUT", …)` over the columns to `document`, receipt and booking date."""
        facts = (self.move_id, self.fund, self.kind, self.counterparty, self.amount_fen, self.document)
        return row_digest("OUT", *facts, self.receipt_no, self.booked_on)


def request_move(
    tx: Transaction, fund: int, kind: str, counterparty: int, amount_fen: int, document: str, day: date
) -> RegionMovement:
    """Hand in a movement with another region, as maker; the same document again gives the first answer.

    `document` is the notice it rests on; for clearing money (`received`) the id of the bill, for a prepayment that comes
    in the link id of the other side's message where there is one. Raises InvalidInput `outregion.kind`, `request.*`;
    Conflict `outregion.over_quota`, `outregion.over_bill`, `outregion.over_prepaid`, `request.document_used`; NotFound
    `outregion.counterparty_unknown`; Forbidden `access.role_missing`.
    """
    if kind not in KINDS:
        raise InvalidInput(
            "outregion.kind", f"没有收付种类“{kind[:20]}”，应为{'、'.join(KINDS)}（医院按结算制单付款）"
        )
    require_amount(amount_fen)
    paper = require_text(document, "文号")
    key = key_of("OUTM", tx.region, fund, kind, counterparty, paper, day if kind == "received" else "")
    known = read_moves(tx, key=key)
    if known:
        require_same(key, (known[0].amount_fen,), (amount_fen,))
        return known[0]
    require_counterparty(tx, counterparty)
    tx.run(
        """INSERT INTO fund.outregion_move (region, fund, move_id, kind, counterparty, amount_fen, document, state, prepared_by,
               prepared_on)
           VALUES (%(region)s, %(fund)s, %(key)s, %(kind)s, %(party)s, %(fen)s, %(document)s, 'requested', %(user)s, %(day)s)""",
        region=tx.region,
        fund=fund,
        key=key,
        kind=kind,
        party=counterparty,
        fen=amount_fen,
        document=paper,
        user=tx.user,
        day=day,
    )
    return read_moves(tx, key=key)[0]


def approve_move(tx: Transaction, move_id: str, day: date) -> RegionMovement:
    """Approve as checker, another person than the maker; the same person again changes nothing.

    Raises NotFound `request.unknown`; Conflict `request.decided`, `outregion.over_*`; Forbidden `request.same_person`,
    `access.role_missing`.
    """
    move = locked_move(tx, move_id)
    if move.state in ("approved", "done") and move.approved_by == tx.user:
        return move
    sign_decision(tx, "fund.outregion_move", [move_id], day)
    return _decide(tx, move_id, "approved", day)


def refuse_move(tx: Transaction, move_id: str, day: date) -> RegionMovement:
    """Refuse as checker. Raises as `approve_move`."""
    locked_move(tx, move_id)
    return _decide(tx, move_id, "refused", day)


def cancel_move(tx: Transaction, move_id: str) -> RegionMovement:
    """Withdraw an approved movement as accountant: nothing came in, or no live order pays it.

    Raises Conflict `request.decided`, `request.in_order`; NotFound `request.unknown`; Forbidden `access.role_missing`.
    """
    if locked_move(tx, move_id).state != "cancelled":
        tx.run(
            "UPDATE fund.outregion_move SET state = 'cancelled' WHERE region = %(region)s AND move_id = %(key)s",
            region=tx.region,
            key=move_id,
        )
    return read_moves(tx, key=move_id)[0]


def read_moves(tx: Transaction, *, fund: int = 0, key: str = "") -> list[RegionMovement]:
    """Movements by id or fund, oldest first."""
    rows = tx.rows(
        """SELECT m.move_id, m.fund, m.kind, m.counterparty, m.amount_fen, m.document, m.state, m.prepared_by, m.approved_by,
                  m.order_no, coalesce(o.state, ''), m.account, m.receipt_no, m.booked_on
             FROM fund.outregion_move m
             LEFT JOIN payments.pay_order o ON o.region = m.region AND o.order_no = m.order_no
            WHERE m.region = %(region)s AND %(fund)s IN (0, m.fund) AND %(key)s IN ('', m.move_id)
            ORDER BY m.prepared_on, m.move_id""",
        region=tx.region,
        fund=fund,
        key=key,
    )
    return [RegionMovement(*row) for row in rows]


def locked_move(tx: Transaction, move_id: str) -> RegionMovement:
    """One movement; its region's others wait until the end of the transaction. Raises NotFound `request.unknown`."""
    hold(tx, Lock.OUTREGION_MOVE, str(tx.region))
    found = read_moves(tx, key=move_id)
    if not found:
        raise NotFound("request.unknown", f"没有异地收付{move_id[:60]}")
    return found[0]


def _decide(tx: Transaction, move_id: str, state: str, day: date) -> RegionMovement:
    tx.run(
        """UPDATE fund.outregion_move SET state = %(state)s, approved_by = %(user)s, approved_on = %(day)s
            WHERE region = %(region)s AND move_id = %(key)s""",
        region=tx.region,
        key=move_id,
        state=state,
        user=tx.user,
        day=day,
    )
    return read_moves(tx, key=move_id)[0]
