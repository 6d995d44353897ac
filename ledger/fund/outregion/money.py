"""What may be ordered for out-of-region business, and the batch it goes into.

Other regions' money (2001-异地就医资金) lies in the 财政专户 where it came in; what no longer fits there lies in the 支出户.
It pays for its own region's patients or goes back to it, and nothing else: `payments.available` says so at approval,
and this says the same while a batch is put together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from ledger.core.accounts import FISCAL_KIND, SPENDING_KIND, coded
from ledger.core.errors import Conflict
from ledger.db.unit_of_work import Transaction
from ledger.fund.ordering.available import alone
from ledger.fund.ordering.draft import next_batch_id, require_drafter
from ledger.fund.ordering.forecast import reserved_before
from ledger.payments.orders.bearing import BearsOf, CanBear, any_bank, unbearable
from ledger.payments.orders.draft import create_batch
from ledger.payments.orders.own_accounts import account_of
from ledger.payments.orders.values import Batch, BatchDraft, OrderDraft


@dataclass(slots=True)
class AccountMoney:
    """An own account of a book while orders are drafted on it; fen."""

    account: str
    fiscal: bool
    """The account is the 财政专户."""
    free_fen: int
    """Its balance less what is drafted, approved or on its way."""
    fiscal_free_fen: int
    """The same of the 财政专户."""
    held_fen: dict[str, int] = field(default_factory=dict)
    """Other regions' money, by region, less what is drafted or on its way out of it; below zero where overdrawn."""
    reserved_fen: int = 0
    """To be left of our own money in the 支出户 for kinds of payment that go first (fund.reserved_before)."""

    can_bear: CanBear = unbearable
    """What the account's bank can write into a file."""

    def refusal(self, amount_fen: int, uses: Mapping[str, int] | None = None) -> str:
        """Why `amount_fen`, of it `uses` for each region out of its own money, cannot be spent; "" if it can."""
        there = self.free_fen - self._others(self._after(uses))
        if amount_fen > there:
            return "over_available"
        ours = max(0, self.free_fen - self._others(self.held_fen))
        return "kinds_first" if amount_fen > there - min(self.reserved_fen, ours) else ""

    def take(self, amount_fen: int, uses: Mapping[str, int] | None = None) -> bool:
        """Spend it; False if it is not there."""
        if self.refusal(amount_fen, uses):
            return False
        self.held_fen = self._after(uses)
        self.free_fen -= amount_fen
        if self.fiscal:
            self.fiscal_free_fen = self.free_fen
        return True

    def _after(self, uses: Mapping[str, int] | None) -> dict[str, int]:
        held = dict(self.held_fen)
        for region, fen in (uses or {}).items():
            held[region] = held.get(region, 0) - fen
        return held

    def _others(self, held: Mapping[str, int]) -> int:
        """What of other regions' money lies in this account."""
        others = sum(max(0, fen) for fen in held.values())
        return others if self.fiscal else max(0, others - max(0, self.fiscal_free_fen))


def open_money(
    tx: Transaction, fund: int, kind: str, pay_date: date, bears: BearsOf = any_bank
) -> AccountMoney:
    """The book's account of a kind (`1003`, `1004`), held against other drafts until the end of the transaction.

    On the 支出户 what goes first on `pay_date` is left its money (fund.kind_order).

    Raises Conflict `book.no_account`; Forbidden `access.role_missing` unless the user is maker or system of the book.
    """
    require_drafter(tx, fund)
    account = account_of(tx, fund, kind)
    if not account:
        name = {FISCAL_KIND: "财政专户", SPENDING_KIND: "支出户"}[kind]
        raise Conflict("book.no_account", f"账套{tx.region}-{fund}没有{name}，不能拨付")
    alone(tx, fund)
    free: dict[str, int] = dict(
        tx.rows(
            coded("""SELECT a.kind, ((SELECT coalesce(sum(b.debit - b.credit), 0) FROM books.balance b
                                  JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                                 WHERE b.region = a.region AND b.fund = a.fund AND b.account = a.kind::integer
                                   AND d.counterparty = a.account)
                               - (SELECT coalesce(sum(o.amount_fen), 0) FROM payments.pay_order o
                                    JOIN payments.state s ON s.state = o.state
                                   WHERE o.region = a.region AND o.fund = a.fund AND o.account = a.account
                                     AND (s.in_flight OR o.state = 'draft')))::bigint
                 FROM payments.book_account a
                WHERE a.region = %(region)s AND a.fund = %(fund)s AND a.kind IN ('{FISCAL_DEPOSIT}', '{SPENDING_DEPOSIT}')"""),
            region=tx.region,
            fund=fund,
        )
    )
    held: dict[str, int] = dict(
        tx.rows(
            coded("""SELECT party, sum(fen)::bigint FROM (
                   SELECT h.party, h.fen FROM payments.held_for(%(region)s, %(fund)s::smallint) h
                   UNION ALL
                   SELECT CASE i.source WHEN {CARE_OWED} THEN i.category ELSE o.institution END, -i.amount_fen
                     FROM payments.pay_order o
                     JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no
                    WHERE o.region = %(region)s AND o.fund = %(fund)s AND o.state = 'draft' AND i.source IN ({CARE_OWED}, {OTHERS_MONEY})) sides
                GROUP BY party"""),
            region=tx.region,
            fund=fund,
        )
    )
    first = reserved_before(tx, fund, "outregion", pay_date) if kind == SPENDING_KIND else ()
    reserved = sum(one.amount_fen for one in first)
    return AccountMoney(
        account, kind == FISCAL_KIND, free[kind], free.get(FISCAL_KIND, 0), held, reserved, bears(tx, account)
    )


def store_batch(tx: Transaction, fund: int, pay_date: date, orders: Sequence[OrderDraft]) -> Batch:
    """The orders as one batch of kind `outregion`, `X…` and the day's next number."""
    batch_id = next_batch_id(tx, fund, "outregion", pay_date)
    return create_batch(tx, BatchDraft(tx.region, fund, "outregion", batch_id, pay_date, pay_date, orders))
