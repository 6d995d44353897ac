"""Orders out of the 财政专户 to another region: our prepayment (X1), and theirs given back (X11).

The money must be there: what is transferred never exceeds the 财政专户, nor touches what third regions hold with us.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.core.accounts import FISCAL_KIND, OTHERS_MONEY, REGION_PREPAYMENT
from ledger.core.entries import FUND_NAMES, Dimensions
from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction
from ledger.fund.outregion.money import AccountMoney, open_money, store_batch
from ledger.fund.outregion.parties import read_counterparties
from ledger.fund.outregion.requests import KINDS, RegionMovement, read_moves
from ledger.payments.orders.bearing import BearsOf, any_bank
from ledger.payments.orders.values import Batch, ItemDraft, OrderDraft

_SOURCES: Final[Mapping[str, int]] = {"prepaid": REGION_PREPAYMENT, "prepaid_out": OTHERS_MONEY}
REASONS: Final = words_of("transfer.blocked")


@dataclass(frozen=True, slots=True)
class TransferOrders:
    """What one drafting made; `blocked` names movements not ordered and why (REASONS)."""

    batch: Batch | None
    moves: Sequence[str]
    blocked: Sequence[tuple[str, str]]


def draft_transfer_orders(
    tx: Transaction, fund: int, pay_date: date, bears: BearsOf = any_bank
) -> TransferOrders:
    """Draft a batch with an order for every approved X1 and X11 that no live order pays, as maker.

    One whose order was cancelled, rejected or returned is ordered anew. Raises Conflict `book.no_account`; Forbidden
    `access.role_missing`.
    """
    money = open_money(tx, fund, FISCAL_KIND, pay_date, bears)
    payees = {one.counterparty: one.payee for one in read_counterparties(tx)}
    blocked: list[tuple[str, str]] = []
    ready: list[tuple[str, OrderDraft]] = []
    for move, replaces in _unpaid(tx, fund):
        payee = payees[move.counterparty]
        purpose = f"{KINDS[move.kind]}{FUND_NAMES[fund]}{tx.region}"
        blocked_by = "unbearable" if payee is not None and money.can_bear(payee, purpose) else ""
        reason = blocked_by or _reason(move, money)
        if reason or payee is None:
            blocked.append((move.move_id, reason))
            continue
        party = str(move.counterparty)
        item = ItemDraft(_SOURCES[move.kind], Dimensions(party), move.amount_fen)
        ready.append((move.move_id, OrderDraft(party, [item], (), payee, purpose, money.account, replaces)))
    if not ready:
        return TransferOrders(None, (), blocked)
    batch = store_batch(tx, fund, pay_date, [order for _, order in ready])
    tx.run_many(
        "UPDATE fund.outregion_move SET order_no = %(order)s WHERE region = %(region)s AND move_id = %(key)s",
        [
            {"region": tx.region, "key": move_id, "order": order_no}
            for (move_id, _), order_no in zip(ready, batch.order_nos, strict=True)
        ],
    )
    return TransferOrders(batch, [move_id for move_id, _ in ready], blocked)


def _reason(move: RegionMovement, money: AccountMoney) -> str:
    if move.kind == "prepaid":
        return "" if money.take(move.amount_fen) else "over_available"
    party = str(move.counterparty)
    if move.amount_fen > money.held_fen.get(party, 0):
        return "over_held"
    return "" if money.take(move.amount_fen, {party: move.amount_fen}) else "over_available"


def _unpaid(tx: Transaction, fund: int) -> list[tuple[RegionMovement, str]]:
    """Approved movements of ours in no live order, with the failed order to replace."""
    releasing = {state for (state,) in tx.rows("SELECT state FROM payments.state WHERE releases")}
    return [
        (move, move.order_no if move.order_state in ("rejected", "returned") else "")
        for move in read_moves(tx, fund=fund)
        if move.kind in _SOURCES
        and move.state == "approved"
        and (not move.order_no or move.order_state in releasing)
    ]
