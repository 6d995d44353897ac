"""Payment orders for settled months (art. 20): what stands in 9103 for an institution goes out in one order.

From here an order goes the way of every other: approved by another person, filed, sent, booked at its receipt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, Protocol

from adapters.banks.ports import BankFormat
from ledger.core.accounts import MONTH_OWED
from ledger.core.entries import FUND_NAMES
from ledger.core.words import words_of
from ledger.db.connections import Engine
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.institutions.payees import Payee, payees
from ledger.fund.month.due import cutoff_of, due_on, term_days
from ledger.fund.month.read import month_opening
from ledger.fund.month.sheet import Key
from ledger.fund.ordering.available import open_available
from ledger.fund.ordering.draft import (
    REFUSALS,
    RefusedWish,
    Wish,
    draft,
    require_drafter,
    require_working_day,
    result_blocked,
)
from ledger.fund.region.calendar import read_calendar
from ledger.payments.orders.values import Batch, ItemDraft

MONTH_BLOCK_REASONS: Final = REFUSALS | words_of("month.blocked")


class HasFormat(Protocol):
    """What drafting needs of an account's bank: how it writes a payment. Nothing travels yet."""

    @property
    def format(self) -> BankFormat:
        """Its files as values."""


@dataclass(frozen=True, slots=True)
class MonthOrders:
    """What one drafting made. `due` gives the last day to pay per institution; `late` those already past it."""

    fund: int
    pay_date: date
    batch: Batch | None
    blocked: Sequence[RefusedWish]
    """By institution (MONTH_BLOCK_REASONS)."""
    due: Mapping[str, date]

    @property
    def late(self) -> list[str]:
        """Institutions paid after their due date."""
        return sorted(code for code, day in self.due.items() if day < self.pay_date)


@dataclass(frozen=True, slots=True)
class _Party:
    """An institution with settled months: what is owed per key and what the payment covers."""

    institution: str
    owed: Mapping[Key, int]
    sheets: Sequence[tuple[str, int, date]]
    """(sheet, 期号, due date) of the sheets no live or paid order covers yet, else of those that made the balance."""
    drafted: bool
    replaces: str

    def wish(self, fund: int, payee: Payee) -> Wish:
        """The one order that pays all of it."""
        term = max(term for _, term, _ in self.sheets)
        items = [
            ItemDraft(MONTH_OWED, key.dims(self.institution), fen)
            for key, fen in sorted(self.owed.items())
            if fen
        ]
        blocked = result_blocked(sum(self.owed.values()), payee, "drafted" if self.drafted else "")
        purpose = f"{term}月结{FUND_NAMES[fund]}{self.institution}"
        upto = term_days(term)[1]
        return Wish(
            self.institution, self.institution, items, payee.account, purpose, upto, self.replaces, blocked
        )


def draft_month_orders(
    engine: Engine, user: str, region: int, fund: int, pay_date: date, bank_of: Callable[[str], HasFormat]
) -> MonthOrders:
    """Draft one batch with an order for every institution whose settled months leave something to pay.

    One that the bank's format cannot bear (the summary does not fit) is refused, the others go. Raises InvalidInput
    `month.not_working_day`, `calendar.unknown_year`; Conflict `book.no_account`; Forbidden `access.role_missing`.
    Drafting again orders nothing twice.
    """
    with unit_of_work(engine, user, region) as tx:
        return draft_month_orders_in(tx, fund, pay_date, bank_of)


def draft_month_orders_in(
    tx: Transaction, fund: int, pay_date: date, bank_of: Callable[[str], HasFormat]
) -> MonthOrders:
    """`draft_month_orders` within a transaction of its region."""
    require_drafter(tx, fund)
    require_working_day(tx, pay_date, "month")
    available = open_available(
        tx, fund, "month", pay_date, lambda _, account: bank_of(account).format.can_bear
    )
    parties = {party.institution: party for party in _parties(tx, fund)}
    where = payees(tx, parties, pay_date)
    drafted = draft(
        tx, available, pay_date, [party.wish(fund, where[code]) for code, party in parties.items()]
    )
    paid = [parties[wish.key] for wish in drafted.met]
    if drafted.batch is not None:
        _link(tx, fund, drafted.batch, paid)
    due = {party.institution: min(day for _, _, day in party.sheets) for party in paid}
    return MonthOrders(fund, pay_date, drafted.batch, drafted.refused, due)


def _link(tx: Transaction, fund: int, batch: Batch, paid: Sequence[_Party]) -> None:
    """Which sheets each order pays."""
    tx.run_many(
        "INSERT INTO fund.sheet_order VALUES (%(region)s, %(fund)s, %(sheet)s, %(order)s)",
        [
            {"region": tx.region, "fund": fund, "sheet": sheet_id, "order": order_no}
            for party, order_no in zip(paid, batch.order_nos, strict=True)
            for sheet_id, _, _ in party.sheets
            if sheet_id
        ],
    )


def _parties(tx: Transaction, fund: int) -> list[_Party]:
    """Institutions with a balance in 9103 and a settled month, by code; a month settled before the books were taken over is one."""
    rows = tx.rows(
        """SELECT w.institution,
                  EXISTS (SELECT 1 FROM payments.pay_order o JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no
                           WHERE o.region = %(region)s AND o.fund = %(fund)s AND o.institution = w.institution
                             AND o.state = 'draft' AND i.source = %(owed)s)
             FROM (SELECT s.institution FROM fund.sheet s
                    WHERE s.region = %(region)s AND s.fund = %(fund)s AND s.state = 'approved'
                   UNION SELECT l.counterparty FROM fund.cutover c    -- settled in the books before these
                     JOIN fund.cutover_line l ON l.region = c.region AND l.fund = c.fund AND l.version = c.version
                    WHERE c.region = %(region)s AND c.fund = %(fund)s AND c.state = 'confirmed' AND l.account = %(owed)s) w
            ORDER BY w.institution COLLATE "C" """,
        region=tx.region,
        fund=fund,
        owed=MONTH_OWED,
    )
    found = []
    for institution, drafted in rows:
        owed = month_opening(tx, fund, institution)
        if owed:
            sheets, replaces = _covered(tx, fund, institution, owed)
            found.append(_Party(institution, owed, sheets, drafted, replaces))
    return found


def _covered(
    tx: Transaction, fund: int, institution: str, owed: Mapping[Key, int]
) -> tuple[list[tuple[str, int, date]], str]:
    """The sheets a payment now would pay, and the failed or returned month order it issues again.

    A sheet whose order came back is open again, whatever other order for it was paid: only one approved after the
    return holds that money (as fund.sheet_paid).
    """
    rows = tx.rows(
        """SELECT s.sheet_id, s.term, s.due_on,
                  coalesce(max(a.at) FILTER (WHERE NOT t.releases)
                           > coalesce(max(f.at) FILTER (WHERE o.state IN ('rejected', 'returned')), '-infinity'), false),
                  coalesce(max(o.order_no) FILTER (WHERE o.state IN ('rejected', 'returned')), '')
             FROM fund.sheet s
             LEFT JOIN fund.sheet_order x ON x.region = s.region AND x.sheet_id = s.sheet_id
             LEFT JOIN payments.pay_order o ON o.region = x.region AND o.order_no = x.order_no
             LEFT JOIN payments.state t ON t.state = o.state
             LEFT JOIN LATERAL (SELECT coalesce(min(e.recorded_at) FILTER (WHERE e.event = 'approve'), 'infinity') AS at
                                  FROM payments.order_event e
                                 WHERE e.region = o.region AND e.order_no = o.order_no) a ON o.order_no IS NOT NULL
             LEFT JOIN LATERAL (SELECT max(e.recorded_at) AS at FROM payments.order_event e
                                 WHERE e.region = o.region AND e.order_no = o.order_no
                                   AND e.event IN ('reject', 'return')) f ON o.order_no IS NOT NULL
            WHERE s.region = %(region)s AND s.fund = %(fund)s AND s.institution = %(institution)s AND s.state = 'approved'
            GROUP BY s.sheet_id, s.term, s.due_on ORDER BY s.term, s.sheet_id""",
        region=tx.region,
        fund=fund,
        institution=institution,
    )
    unpaid = [(sheet_id, term, due) for sheet_id, term, due, covered, _ in rows if not covered]
    if unpaid:
        return unpaid, max((failed for *_, covered, failed in rows if not covered), default="")
    # Everything was paid, and part of it came back since (a daily payment returned after its month was settled).
    terms = {key.term for key, fen in owed.items() if fen}
    if not rows:
        term = max(terms)
        due = due_on(read_calendar(tx), cutoff_of(term, term_days(term)[1]))
        return [("", term, due)], _failed(tx, fund, institution)
    again = [(sheet_id, term, due) for sheet_id, term, due, _, _ in rows if term in terms]
    return again or [rows[-1][:3]], ""


def _failed(tx: Transaction, fund: int, institution: str) -> str:
    """The last failed or returned order for money that no sheet of ours settled."""
    found = tx.value(
        """SELECT max(o.order_no) FROM payments.pay_order o JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no
            WHERE o.region = %(region)s AND o.fund = %(fund)s AND o.institution = %(institution)s AND i.source = %(owed)s
              AND o.state IN ('rejected', 'returned')""",
        region=tx.region,
        fund=fund,
        institution=institution,
        owed=MONTH_OWED,
    )
    return str(found or "")
