"""Money of other regions that came in: booked by the accountant from the bank's receipt (X4, X8)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from adapters.banks.ports import Direction
from ledger.books.setup import open_period
from ledger.core.accounts import FISCAL_KIND
from ledger.core.dates import period_of
from ledger.core.entries import FUND_NAMES, Book, Dimensions
from ledger.core.errors import Conflict, InvalidInput
from ledger.db.unit_of_work import Transaction
from ledger.fund.outregion.requests import INCOMING, KINDS, RegionMovement, locked_move, read_moves
from ledger.fund.signed.entry import SignedEntry, post_signed
from ledger.fund.signed.request import require_text
from ledger.payments.incoming.evidence import settle_by_hand
from ledger.payments.orders.own_accounts import account_of
from ledger.rules import Item, apply
from ledger.rules.policy import policy_on

_RULES: Final[Mapping[str, str]] = {
    "received": "RCV.outregion",
    "prepaid_in": "RCV.outregion",
    "prepaid_back": "REF.outregion",
}


def confirm_move(
    tx: Transaction, move_id: str, receipt_no: str, booked_on: date, day: date
) -> RegionMovement:
    """Enter the receipt of what came into the 财政专户, and book it by its booking date under `day`; the same again replays.

    A paper of the bank with that receipt number, kept in suspense because no order of ours explains it, is settled with
    it. Raises Conflict `outregion.by_order` (what we pay is booked by its order's receipt), `outregion.receipt_differs`,
    `outregion.paper_differs`, `book.no_account`, `request.decided`, `db.duplicate` (a receipt used before); InvalidInput
    `cash.date`, `request.text`; Forbidden `access.role_missing` (accountant, system).
    """
    move = locked_move(tx, move_id)
    receipt = require_text(receipt_no, "回单号")
    if booked_on > day:
        raise InvalidInput("cash.date", f"银行记账日{booked_on}在办理日{day}之后")
    if move.kind not in INCOMING:
        raise Conflict(
            "outregion.by_order", f"{move_id}（{KINDS[move.kind]}）由拨付单付出，凭该单的银行回单入账"
        )
    if move.state == "done":
        if (move.receipt_no, move.booked_on) != (receipt, booked_on):
            raise Conflict("outregion.receipt_differs", f"{move_id}已凭回单{move.receipt_no}入账")
        return move
    account = account_of(tx, move.fund, FISCAL_KIND)
    if not account:
        raise Conflict("book.no_account", f"账套{tx.region}-{move.fund}没有财政专户")
    tx.run(
        """UPDATE fund.outregion_move SET state = 'done', account = %(account)s, receipt_no = %(receipt)s, booked_on = %(on)s,
               done_by = %(user)s WHERE region = %(region)s AND move_id = %(key)s""",
        region=tx.region,
        key=move_id,
        account=account,
        receipt=receipt,
        on=booked_on,
        user=tx.user,
    )
    [done] = read_moves(tx, key=move_id)
    said = (Direction.CREDIT, done.amount_fen, booked_on)
    settle_by_hand(tx, done.account, done.receipt_no, said, "outregion.paper_differs")
    _post(tx, done, day)
    return done


def _post(tx: Transaction, move: RegionMovement, day: date) -> None:
    booked_on = move.booked_on or day
    ruled = apply(
        _RULES[move.kind],
        policy_on(tx, tx.region, booked_on),
        move.fund,
        [Item(Dimensions(str(move.counterparty)), move.amount_fen)],
        fiscal_account=move.account,
    )
    open_period(tx, Book(tx.region, move.fund), period_of(day))
    paper = SignedEntry(
        fund=move.fund,
        source_key=f"OUT:{move.move_id}",
        business_date=booked_on,
        summary=f"{KINDS[move.kind]}{FUND_NAMES[move.fund]}{move.counterparty}",
        prepared_by=move.prepared_by,
        reviewed_by=move.approved_by,
        digest=move.digest(),
        evidence=f"回单{move.receipt_no}，{move.document}",
    )
    post_signed(tx, paper, ruled, day)
