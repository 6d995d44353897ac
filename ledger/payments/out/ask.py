"""Orders whose receipt is overdue (art. 12: within T+3 days). They become unknown and are asked for, never issued again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from ledger.core.errors import InvalidInput
from ledger.db.connections import Engine
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.payments.orders.states import OrderStep, move, transitions

RECEIPT_DAYS: Final = 3
"""Calendar days, where a region's policy `receipt_days` says nothing else (banks.md 5)."""


@dataclass(frozen=True, slots=True)
class Overdue:
    """An order the bank owes an answer for."""

    order_no: str
    institution: str
    amount_fen: int
    sent_on: date
    state: str
    """After this asking."""
    papers: str
    """Codes of papers that name the order but could not post, e.g. `amount_differs`; empty for none."""


def ask(engine: Engine, user: str, region: int, day: date) -> list[Overdue]:
    """List the orders sent more than the allowed days before `day` without a receipt that posted.

    Those still `sent` with no paper at all become `unknown`; doing it again changes nothing. Raises Forbidden
    `access.role_missing` (maker, accountant or system), InvalidInput `policy.receipt_days`.
    """
    with unit_of_work(engine, user, region) as tx:
        return ask_in(tx, day)


def ask_in(tx: Transaction, day: date) -> list[Overdue]:
    """`ask` within a transaction of its region."""
    tx.run(
        "SELECT access.require_role(%(region)s, 0::smallint, '{maker,accountant,system}')", region=tx.region
    )
    limit = day - timedelta(days=receipt_days(tx, day))
    table = transitions(tx)
    rows = tx.rows(
        "SELECT o.order_no, o.institution, o.amount_fen, o.sent_on, o.state,"
        " coalesce((SELECT string_agg(DISTINCT e.outcome_code, ',' ORDER BY e.outcome_code) FROM payments.evidence e"
        "   WHERE e.region = o.region AND e.matched_order = o.order_no), '') AS papers"
        " FROM payments.pay_order o WHERE o.region = %(region)s AND o.state = ANY(%(open)s) AND o.sent_on < %(limit)s"
        " ORDER BY o.sent_on, o.order_no FOR UPDATE OF o",
        region=tx.region,
        open=sorted(table.sources("pay")),
        limit=limit,
    )
    found = [Overdue(*row) for row in rows]
    lost = [o for o in found if not o.papers and table.next(o.state, "lose") is not None]
    move(tx, "lose", [OrderStep(o.order_no, "receipt_overdue") for o in lost], day)
    return _as_they_are(tx, found)


def receipt_days(tx: Transaction, day: date) -> int:
    """Calendar days the bank has for its receipt; raises InvalidInput `policy.receipt_days` for no whole number."""
    value = tx.value(
        "SELECT value FROM fund.region_policy WHERE region = %(region)s AND key = 'receipt_days'"
        " AND from_day <= %(day)s ORDER BY from_day DESC LIMIT 1",
        region=tx.region,
        day=day,
    )
    if value is None:
        return RECEIPT_DAYS
    if not (value.isascii() and value.isdigit() and len(value) < 3):
        raise InvalidInput(
            "policy.receipt_days", f"回单期限“{value[:20]}”应为0到99的整数天", value=value[:20]
        )
    return int(value)


def _as_they_are(tx: Transaction, found: Sequence[Overdue]) -> list[Overdue]:
    states: dict[str, str] = dict(
        tx.rows(
            "SELECT order_no, state FROM payments.pay_order WHERE region = %(region)s AND order_no = ANY(%(orders)s)",
            region=tx.region,
            orders=[overdue.order_no for overdue in found],
        )
    )
    return [
        Overdue(o.order_no, o.institution, o.amount_fen, o.sent_on, states[o.order_no], o.papers)
        for o in found
    ]
