"""Payment orders for settled months (art. 20): what stands in 9103 for an institution goes out in one order.

From here an order goes the way of every other: approved by another person, filed, sent, booked at its receipt.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Final, Protocol

from sqlalchemy import Engine

from adapters.banks.ports import Account, Format, Instruction, PaymentBatch
from ledger.core.dates import SHANGHAI
from ledger.core.entries import FUND_NAMES
from ledger.core.errors import Conflict, InvalidInput
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.calendar import read_calendar
from ledger.fund.month_due import term_days
from ledger.fund.month_read import MONTH_OWED, month_opening
from ledger.fund.month_sheet import Key
from ledger.fund.regions import account_of
from ledger.payments.draft import Batch, BatchDraft, ItemDraft, OrderDraft, create_batch

MONTH_BLOCK_REASONS: Final = {
    "negative": "结算余额不大于零，结转下月",
    "drafted": "已有未审批的月结拨付单",
    "payee_missing": "没有已确认的收款账户",
    "payee_failed": "上次付款因账户原因失败，待核实",
    "over_available": "超过支出户可用余额",
}


class HasFormat(Protocol):
    """What drafting needs of an account's bank: how it writes a payment. Nothing travels yet."""

    @property
    def format(self) -> Format:
        """Its files as values."""


@dataclass(frozen=True, slots=True)
class MonthBlocked:
    """A settled amount that could not be ordered, and why (MONTH_BLOCK_REASONS)."""

    institution: str
    reason: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class MonthOrders:
    """What one drafting made. `due` gives the last day to pay per institution; `late` those already past it."""

    fund: int
    pay_date: date
    batch: Batch | None
    blocked: Sequence[MonthBlocked]
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
    payee: Account | None
    failed: bool
    drafted: bool
    replaces: str

    @property
    def amount_fen(self) -> int:
        return sum(self.owed.values())


def draft_month_orders(
    engine: Engine, user: str, region: int, fund: int, pay_date: date, bank_of: Callable[[str], HasFormat]
) -> MonthOrders:
    """Draft one batch with an order for every institution whose settled months leave something to pay.

    Raises InvalidInput `month.not_working_day`, `calendar.unknown_year`, `bankfile.*` if the bank's format refuses an
    order (`bankfile.purpose_length`: the summary does not fit); Conflict `book.no_account`; Forbidden
    `access.role_missing`. Drafting again orders nothing twice.
    """
    with unit_of_work(engine, user, region) as tx:
        return draft_month_orders_in(tx, fund, pay_date, bank_of)


def draft_month_orders_in(
    tx: Transaction, fund: int, pay_date: date, bank_of: Callable[[str], HasFormat]
) -> MonthOrders:
    """`draft_month_orders` within a transaction of its region."""
    tx.run(
        "SELECT access.require_role(%(region)s, %(fund)s::smallint, '{maker,system}')",
        region=tx.region,
        fund=fund,
    )
    calendar = read_calendar(tx)
    if not calendar.is_working_day(pay_date):
        following = calendar.next_working_day(pay_date)
        raise InvalidInput(
            "month.not_working_day",
            f"{pay_date}银行不营业，最早{following}拨付",
            next_working_day=str(following),
        )
    account = account_of(tx, fund, "1004")
    if not account:
        raise Conflict("book.no_account", f"账套{tx.region}-{fund}没有支出户，不能拨付")
    # As in create_batch: two drafts of one book come one after the other.
    tx.run(
        "SELECT pg_advisory_xact_lock(hashtextextended(%(key)s, 0))", key=f"payments.draft {tx.region}-{fund}"
    )
    available = _available(tx, fund, account)
    blocked: list[MonthBlocked] = []
    ready: list[tuple[_Party, OrderDraft]] = []
    for party in _parties(tx, fund):
        reason = _reason(party, available)
        if reason or party.payee is None:
            blocked.append(MonthBlocked(party.institution, reason, party.amount_fen))
            continue
        available -= party.amount_fen
        ready.append((party, _order(party, party.payee, fund, account)))
    batch = _store(tx, fund, pay_date, ready, bank_of) if ready else None
    due = {party.institution: min(day for _, _, day in party.sheets) for party, _ in ready}
    return MonthOrders(fund, pay_date, batch, blocked, due)


def _reason(party: _Party, available: int) -> str:
    if party.drafted:
        return "drafted"
    if party.amount_fen <= 0:
        return "negative"
    if party.failed:
        return "payee_failed"
    if party.payee is None:
        return "payee_missing"
    return "over_available" if party.amount_fen > available else ""


def _order(party: _Party, payee: Account, fund: int, account: str) -> OrderDraft:
    term = max(term for _, term, _ in party.sheets)
    return OrderDraft(
        party.institution,
        [
            ItemDraft(MONTH_OWED, key.dims(party.institution), fen)
            for key, fen in sorted(party.owed.items())
            if fen
        ],
        (),
        payee,
        f"{term}月结{FUND_NAMES[fund]}{party.institution}",
        account,
        party.replaces,
    )


def _store(
    tx: Transaction,
    fund: int,
    pay_date: date,
    ready: Sequence[tuple[_Party, OrderDraft]],
    bank_of: Callable[[str], HasFormat],
) -> Batch:
    orders = [order for _, order in ready]
    count: int = tx.value(
        "SELECT count(*) FROM payments.batch WHERE region = %(region)s AND fund = %(fund)s AND pay_date = %(day)s"
        " AND kind = 'month'",
        region=tx.region,
        fund=fund,
        day=pay_date,
    )
    upto = term_days(max(term for party, _ in ready for _, term, _ in party.sheets))[1]
    batch = create_batch(
        tx,
        BatchDraft(
            tx.region,
            fund,
            "month",
            f"M{tx.region}-{fund}-{pay_date:%Y%m%d}-{count + 1}",
            pay_date,
            upto,
            orders,
        ),
    )
    _require_encodable(tx, batch, orders, bank_of)
    tx.run_many(
        "INSERT INTO fund.sheet_order VALUES (%(region)s, %(fund)s, %(sheet)s, %(order)s)",
        [
            {"region": tx.region, "fund": fund, "sheet": sheet_id, "order": order_no}
            for (party, _), order_no in zip(ready, batch.order_nos, strict=True)
            for sheet_id, _, _ in party.sheets
        ],
    )
    return batch


def _require_encodable(
    tx: Transaction, batch: Batch, orders: Sequence[OrderDraft], bank_of: Callable[[str], HasFormat]
) -> None:
    """The bank's own format reads the orders now, not on the day of payment: a summary too long is refused here."""
    account = orders[0].account
    own = tx.row(
        "SELECT name, account, bank_name, cnaps FROM payments.bank_account WHERE region = %(region)s AND account = %(a)s",
        region=tx.region,
        a=account,
    )
    if own is None:
        raise Conflict("book.no_account", f"没有支出户{account}")
    instructions = [
        Instruction(no, order.amount_fen, order.payee, order.purpose)
        for no, order in zip(batch.order_nos, orders, strict=True)
    ]
    moment = datetime.combine(batch.pay_date, time(9), SHANGHAI)
    for instruction in instructions:
        bank_of(account).format.encode(
            PaymentBatch(instruction.order_no, moment, batch.pay_date, Account(*own), [instruction])
        )


def _available(tx: Transaction, fund: int, account: str) -> int:
    """Money available to order, less what stands in drafts."""
    fen: int = tx.value(
        "SELECT payments.available(%(region)s, %(fund)s::smallint, %(account)s)"
        " - (SELECT coalesce(sum(amount_fen), 0)::bigint FROM payments.pay_order WHERE region = %(region)s"
        "     AND fund = %(fund)s AND account = %(account)s AND state = 'draft')",
        region=tx.region,
        fund=fund,
        account=account,
    )
    return fen


def _parties(tx: Transaction, fund: int) -> list[_Party]:
    """Institutions with a balance in 9103 and a settled month, by code."""
    rows = tx.rows(
        """SELECT w.institution, p.name, p.number, p.bank_name, p.cnaps,
                  coalesce((SELECT l.state = 'failed' FROM fund.payee_account l
                             WHERE l.region = %(region)s AND l.institution = w.institution AND l.state <> 'proposed'
                             ORDER BY l.version DESC LIMIT 1), false),
                  EXISTS (SELECT 1 FROM payments.pay_order o JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no
                           WHERE o.region = %(region)s AND o.fund = %(fund)s AND o.institution = w.institution
                             AND o.state = 'draft' AND i.source = %(owed)s)
             FROM (SELECT DISTINCT s.institution FROM fund.sheet s
                    WHERE s.region = %(region)s AND s.fund = %(fund)s AND s.state = 'approved') w
             LEFT JOIN fund.payee_account p ON p.region = %(region)s AND p.institution = w.institution AND p.state = 'confirmed'
            ORDER BY w.institution COLLATE "C" """,
        region=tx.region,
        fund=fund,
        owed=MONTH_OWED,
    )
    found = []
    for institution, name, number, bank_name, cnaps, failed, drafted in rows:
        owed = month_opening(tx, fund, institution)
        if owed:
            sheets, replaces = _covered(tx, fund, institution, owed)
            payee = None if number is None else Account(name, number, bank_name, cnaps)
            found.append(_Party(institution, owed, sheets, payee, failed, drafted, replaces))
    return found


def _covered(
    tx: Transaction, fund: int, institution: str, owed: Mapping[Key, int]
) -> tuple[list[tuple[str, int, date]], str]:
    """The sheets a payment now would pay, and the failed or returned month order it issues again."""
    rows = tx.rows(
        """SELECT s.sheet_id, s.term, s.due_on,
                  coalesce(bool_or(o.order_no IS NOT NULL AND NOT t.releases), false),
                  coalesce(max(o.order_no) FILTER (WHERE o.state IN ('rejected', 'returned')), '')
             FROM fund.sheet s
             LEFT JOIN fund.sheet_order x ON x.region = s.region AND x.sheet_id = s.sheet_id
             LEFT JOIN payments.pay_order o ON o.region = x.region AND o.order_no = x.order_no
             LEFT JOIN payments.state t ON t.state = o.state
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
    again = [(sheet_id, term, due) for sheet_id, term, due, _, _ in rows if term in terms]
    return again or [rows[-1][:3]], ""
