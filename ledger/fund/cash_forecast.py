"""What will have to be paid by when, and in which order when money is short (用款计划; dated choices of the region)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final, NamedTuple

from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import Transaction
from ledger.fund.cash_requests import choice

KINDS: Final = ("daily", "month", "clearing", "advance", "supplier", "person")
KIND_NAMES: Final = {
    "daily": "日拨付",
    "month": "月结算",
    "clearing": "年度清算",
    "advance": "预付金、按月预拨",
    "supplier": "集采直接结算",
    "person": "个人付款",
}


class Due(NamedTuple):
    """Money of one kind that falls due on a day; fen, positive."""

    kind: str
    due_on: date
    amount_fen: int


_OPEN_DAILY: Final = """
    SELECT max(day), sum(daily_fen)::bigint FROM (
        SELECT p.institution, max(p.day) AS day, sum(p.daily_fen) AS daily_fen FROM fund.payable p
          LEFT JOIN payments.pay_order o ON o.region = p.region AND o.order_no = p.order_no
         WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.subfund = 'pool' AND p.settled_by = ''
           AND p.daily_fen <> 0 AND p.day < %(upto)s AND (p.order_no = '' OR %(drafts)s AND o.state = 'draft')
         GROUP BY p.institution HAVING sum(p.daily_fen) > 0) open HAVING sum(daily_fen) > 0"""
# Owed in the memorandum until the approval of an order: a draft's items are taken off where drafts are counted elsewhere.
_OPEN_RESULT: Final = """
    SELECT d.counterparty, sum(b.credit - b.debit)::bigint - coalesce((
               SELECT sum(i.amount_fen) FROM payments.order_item i
                 JOIN payments.pay_order o ON o.region = i.region AND o.order_no = i.order_no
                WHERE NOT %(drafts)s AND o.region = %(region)s AND o.fund = %(fund)s AND o.state = 'draft'
                  AND o.institution = d.counterparty AND i.source = %(account)s), 0)::bigint,
           (SELECT max(s.due_on) FROM fund.sheet s WHERE %(account)s = 9103 AND s.region = %(region)s
               AND s.fund = %(fund)s AND s.institution = d.counterparty AND s.state = 'approved')
      FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
     WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.account = %(account)s GROUP BY d.counterparty"""
_REQUESTS: Final = """
    SELECT CASE a.kind WHEN 'supplier' THEN 'supplier' ELSE 'advance' END, a.due_on, a.amount_fen FROM fund.advance a
      LEFT JOIN payments.pay_order o ON o.region = a.region AND o.order_no = a.order_no
      LEFT JOIN payments.state s ON s.state = o.state
     WHERE a.region = %(region)s AND a.fund = %(fund)s AND a.state = 'approved'
       AND (coalesce(s.releases, true) OR %(drafts)s AND o.state = 'draft')
    UNION ALL
    SELECT 'person', p.due_on, p.amount_fen FROM fund.person_payment p
      LEFT JOIN payments.pay_order o ON o.region = p.region AND o.order_no = p.order_no
      LEFT JOIN payments.state s ON s.state = o.state
     WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.state = 'approved'
       AND (coalesce(s.releases, true) OR %(drafts)s AND o.state = 'draft')"""


def forecast(tx: Transaction, fund: int, day: date, upto: date, *, with_drafts: bool = True) -> list[Due]:
    """What is owed on `day` and falls due up to `upto`, by kind and day; what is in an approved order is not in it.

    Daily money of discharges before `upto` (each institution's net, negatives carried), month and clearing results by
    institution, approved advances and person payments. Without `with_drafts`, what lies in drafts is left out.
    """
    facts = {"region": tx.region, "fund": fund, "drafts": with_drafts}
    found: dict[tuple[str, date], int] = {}

    def add(kind: str, due_on: date, fen: int) -> None:
        key = (kind, max(due_on, day))
        if fen > 0 and key[1] <= upto:
            found[key] = found.get(key, 0) + fen

    for _, fen in tx.rows(_OPEN_DAILY, **facts, upto=upto):
        add("daily", day, fen)
    for kind, account in (("month", 9103), ("clearing", 9106)):
        for _, fen, due_on in tx.rows(_OPEN_RESULT, **facts, account=account):
            add(kind, due_on or day, fen)
    for kind, due_on, fen in tx.rows(_REQUESTS, **facts):
        add(kind, due_on, fen)
    return sorted(Due(*key, fen) for key, fen in found.items())


def kind_order(tx: Transaction, day: date) -> tuple[str, ...]:
    """The kinds in the order they are paid when money is short; raises InvalidInput `policy.kinds`."""
    kinds = tuple(choice(tx, "short_money_kinds", day, ",".join(KINDS)).split(","))
    if sorted(kinds) != sorted(KINDS):
        raise InvalidInput(
            "policy.kinds", f"资金不足时的先后须把{'、'.join(KINDS)}各写一次", value=",".join(kinds)
        )
    return kinds


def reserved_before(tx: Transaction, fund: int, kind: str, day: date) -> int:
    """Money to leave for the kinds that go before `kind` and are due by `day`; drafts not counted; fen."""
    kinds = kind_order(tx, day)
    before = kinds[: kinds.index(kind)]
    if not before:
        return 0
    return total(due for due in forecast(tx, fund, day, day, with_drafts=False) if due.kind in before)


def total(dues: Iterable[Due]) -> int:
    """Their sum in fen."""
    return sum(due.amount_fen for due in dues)
