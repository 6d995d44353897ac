"""What becomes of a declaration: clr_stas along fund.declaration_transition; withdrawal (3204) and rejection free its records."""

from __future__ import annotations

from datetime import date
from typing import Final

from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction

STATE_NAMES: Final = words_of("declaration.state")


def move(tx: Transaction, declaration_id: str, event: str, on: date, reason: str = "") -> str:
    """Do one act on a declaration; returns the new clr_stas. The same act again gives the first answer.

    Events: `withdraw` (3204, before acceptance; reason), `accept`, `reject` (reason), `audit`, `audited`, `settle`. `pay`
    and `return` are the bank's: its paper on a month order moves the declarations of the order's sheets
    (fund.follow_month_payment); by hand they are refused without such an order, named in `reason`.
    Raises NotFound `declare.unknown`; Conflict `declare.state`, `declare.unsettled`, `declare.no_payment`; Forbidden `declare.same_person`, `access.role_missing`;
    InvalidInput `declare.reason`, `declare.date`.
    """
    state: str = tx.value(
        "SELECT fund.move_declaration(%(region)s, %(id)s, %(event)s, %(on)s, %(reason)s)",
        region=tx.region,
        id=declaration_id,
        event=event,
        on=on,
        reason=reason.strip(),
    )
    return state
