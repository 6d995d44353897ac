"""Payment orders for confirmed letters (art. 25): row 9 goes out in one order, then the way of every other order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ledger.books.setup import open_period
from ledger.core.accounts import CLEARING_OWED
from ledger.core.dates import period_of
from ledger.core.entries import FUND_NAMES, Book
from ledger.core.words import words_of
from ledger.db.unit_of_work import Transaction
from ledger.fund.clearing.store import Letter, letters, line_rows, read_figures
from ledger.fund.institutions.payees import Payee, payees
from ledger.fund.ordering.available import open_available
from ledger.fund.ordering.draft import (
    REFUSALS,
    Drafted,
    RefusedWish,
    Wish,
    draft,
    require_drafter,
    require_working_day,
    result_blocked,
)
from ledger.payments.orders.bearing import BearsOf, any_bank
from ledger.payments.orders.values import Batch, ItemDraft

CLEARING_BLOCK_REASONS: Final = REFUSALS | words_of("clearing.blocked")


@dataclass(frozen=True, slots=True)
class ClearingOrders:
    """What one drafting made."""

    fund: int
    pay_date: date
    batch: Batch | None
    letters: Sequence[str]
    """In the order of the batch's orders."""
    blocked: Sequence[RefusedWish]
    """By letter (CLEARING_BLOCK_REASONS)."""


def draft_clearing_orders(
    tx: Transaction, fund: int, year: int, pay_date: date, bears: BearsOf = any_bank
) -> ClearingOrders:
    """Draft one batch with an order for every confirmed letter of the year that is not yet ordered.

    A failed or returned order is issued again by a new one that names it. Raises InvalidInput
    `clearing.not_working_day`, `calendar.unknown_year`; Conflict `book.no_account`; Forbidden `access.role_missing`.
    Drafting again orders nothing twice.
    """
    require_drafter(tx, fund)
    require_working_day(tx, pay_date, "clearing")
    available = open_available(tx, fund, "clearing", pay_date, bears)
    open_period(tx, Book(tx.region, fund), period_of(pay_date))
    confirmed = [letter for letter in letters(tx, year, fund) if letter.state == "confirmed"]
    where = payees(tx, {letter.scope.institution for letter in confirmed}, pay_date)
    drafted = draft(
        tx, available, pay_date, [_wish(tx, letter, where[letter.scope.institution]) for letter in confirmed]
    )
    _link(tx, fund, drafted)
    return ClearingOrders(fund, pay_date, drafted.batch, [wish.key for wish in drafted.met], drafted.refused)


def _wish(tx: Transaction, letter: Letter, payee: Payee) -> Wish:
    """The one order that pays row 9."""
    scope = letter.scope
    live, replaces = _orders_of(tx, letter)
    blocked = result_blocked(letter.amount_fen, payee, "ordered" if live else "")
    items = [
        ItemDraft(CLEARING_OWED, key.dims(scope.institution), fen)
        for key, fen in line_rows(read_figures(tx, letter))
    ]
    purpose = f"{scope.title}清算{FUND_NAMES[scope.fund]}{scope.institution}"
    upto = date(scope.year, 12, 31)
    return Wish(letter.letter_id, scope.institution, items, payee.account, purpose, upto, replaces, blocked)


def _link(tx: Transaction, fund: int, drafted: Drafted) -> None:
    """Which letter each order pays."""
    order_nos = () if drafted.batch is None else drafted.batch.order_nos
    tx.run_many(
        "INSERT INTO fund.letter_order VALUES (%(region)s, %(fund)s, %(letter)s, %(order)s)",
        [
            {"region": tx.region, "fund": fund, "letter": wish.key, "order": order_no}
            for wish, order_no in zip(drafted.met, order_nos, strict=True)
        ],
    )


def _orders_of(tx: Transaction, letter: Letter) -> tuple[bool, str]:
    """Whether an order may still pay the letter, and the last failed or returned one."""
    row = tx.row(
        "SELECT coalesce(bool_or(NOT s.releases), false),"
        " coalesce(max(o.order_no) FILTER (WHERE o.state IN ('rejected', 'returned')), '')"
        " FROM fund.letter_order x JOIN payments.pay_order o ON o.region = x.region AND o.order_no = x.order_no"
        " JOIN payments.state s ON s.state = o.state WHERE x.region = %(region)s AND x.letter_id = %(letter)s",
        region=tx.region, letter=letter.letter_id,
    )  # fmt: skip
    return (False, "") if row is None else (row[0], row[1])
