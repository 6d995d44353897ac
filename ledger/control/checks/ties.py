"""INV-08, INV-09: the ties of memorandum.md 1 to records, orders and receipts.

T1 9001 = recognised payables; T2 9101 and 9102 = open payables; T3 9104 = orders in flight; T4 paid = receipts less
returned money; T5 paid = statutory expense and advances; T7 1004 covers what is in flight. T6 (`checks.settlements`)
ties what months and letters took and left.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, LiteralString, NamedTuple

from ledger.control.finding import Finding
from ledger.control.snapshot import Snapshot


class Tie(NamedTuple):
    """Balances that must equal rows kept elsewhere, key by key."""

    name: str
    accounts: tuple[int, ...]
    sign: int
    """1 where the accounts' balance is a debit, -1 where it is a credit."""
    rows: LiteralString
    """The independent side: region, fund, the five dimensions and an amount."""
    words: str


_COMPARE: Final = """
    SELECT * FROM (
        SELECT region, fund, institution, subfund, service_year, term, category, sum(booked) AS booked, sum(found) AS found
          FROM (SELECT b.region, b.fund, d.counterparty AS institution, d.subfund, d.service_year, d.term, d.category,
                       %(sign)s * (b.debit - b.credit) AS booked, 0 AS found
                  FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim WHERE b.account = ANY(%(accounts)s)
                UNION ALL
                SELECT r.region, r.fund, r.institution, r.subfund, r.service_year, r.term, r.category, 0, r.fen FROM ("""
_COMPARE_END: Final = """) AS r (region, fund, institution, subfund, service_year, term, category, fen)) sides
         GROUP BY 1, 2, 3, 4, 5, 6, 7) keys
     WHERE booked <> found ORDER BY 1, 2, 3, 4, 5, 6, 7
"""
_RECOGNISED: Final = """
    SELECT region, fund, institution, subfund, service_year, term, category, fund_fen FROM fund.payable
     WHERE recognised_by <> ''"""
# An order that is still a draft has drawn on nothing: its entry comes with its approval.
_OPEN_DAILY: Final = """
    SELECT p.region, p.fund, p.institution, p.subfund, p.service_year, p.term, p.category, p.daily_fen FROM fund.payable p
      LEFT JOIN payments.pay_order o ON o.region = p.region AND o.order_no = p.order_no
     WHERE p.recognised_by <> '' AND p.settled_by = '' AND (p.order_no = '' OR o.state = 'draft')"""
_OPEN_MONTH: Final = """
    SELECT region, fund, institution, subfund, service_year, term, category, fund_fen - daily_fen FROM fund.payable
     WHERE recognised_by <> '' AND settled_by = ''"""
_ITEMS: Final = """
    SELECT o.region, o.fund, o.institution, i.subfund, i.service_year, i.term, i.category, i.amount_fen
      FROM payments.pay_order o JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no """
# An advance or a payment to a person is owed in no memorandum account, on its way neither.
_IN_FLIGHT: Final = (
    _ITEMS + "JOIN payments.state s ON s.state = o.state WHERE s.in_flight AND i.source IN (9101, 9103, 9106)"
)
_PAID_DAILY: Final = _ITEMS + "WHERE o.state = 'paid' AND i.source = 9101"

_TIES: Final = (
    Tie("T1", (9001,), 1, _RECOGNISED, "待遇确认不等于已入账应付明细的基金金额"),
    Tie("T2", (9101,), -1, _OPEN_DAILY, "应付日拨付不等于未下单应付明细的日拨付额"),
    Tie("T2", (9102,), -1, _OPEN_MONTH, "待月结不等于未结算应付明细的余额"),
    Tie("T3", (9104,), -1, _IN_FLIGHT, "在途不等于在途拨付单的明细合计"),
    Tie("T4", (9201,), -1, _PAID_DAILY, "已付日拨付不等于已付妥拨付单的明细合计"),
)


def check_ties(snapshot: Snapshot) -> Iterator[Finding]:
    """Every tie, per key of the memorandum accounts where both sides have it."""
    for tie in _TIES:
        yield from compare(snapshot, tie)
    yield from _receipts(snapshot)
    yield from _statutory(snapshot)
    yield from _available(snapshot)


def compare(snapshot: Snapshot, tie: Tie) -> Iterator[Finding]:
    """One tie, per key."""
    for region, fund, *key, booked, found in snapshot.rows(
        _COMPARE + tie.rows + _COMPARE_END, accounts=list(tie.accounts), sign=tie.sign
    ):
        where = f"{tie.accounts[0]} " + "/".join(map(str, key))
        yield Finding(tie.name, f"{region}-{fund}", where, f"{tie.words}：账上{booked}分，明细{found}分")


def _receipts(snapshot: Snapshot) -> Iterator[Finding]:
    """T4: paid, offset or still advanced to an institution is what its receipts say, less what came back: through the
    bank, or through the fiscal special account (fund.refund). Persons stand together under one name.
    """
    for region, fund, institution, booked, proven in snapshot.rows(
        """
        SELECT * FROM (
            SELECT region, fund, institution, sum(booked) AS booked, sum(proven) AS proven
              FROM (SELECT b.region, b.fund, d.counterparty AS institution, b.credit - b.debit AS booked, 0 AS proven
                      FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                     WHERE b.account IN (9201, 9202, 9203, 9209) OR b.account BETWEEN 920400 AND 920499
                    UNION ALL
                    SELECT b.region, b.fund, d.counterparty, b.debit - b.credit, 0
                      FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                     WHERE b.account IN (110102, 110103, 110104)
                        OR d.counterparty = 'PERSON' AND (b.account::text LIKE '5001%' OR b.account = 200104)
                    UNION ALL
                    SELECT region, fund, institution, 0, -amount_fen FROM fund.refund
                     WHERE state = 'approved' AND kind <> 'penalty'
                    UNION ALL
                    SELECT o.region, o.fund, o.institution, 0,
                           CASE v.direction WHEN 'debit' THEN v.amount_fen ELSE -v.amount_fen END
                      FROM payments.evidence v JOIN payments.pay_order o ON o.region = v.region AND o.order_no = v.matched_order
                     WHERE v.outcome = 'posted') sides
             GROUP BY region, fund, institution) institutions
         WHERE booked <> proven ORDER BY 1, 2, 3
        """
    ):
        message = f"账上已付{booked}分，回单证明{proven}分"
        yield Finding("T4", f"{region}-{fund}", f"institution {institution}", message)


def _statutory(snapshot: Snapshot) -> Iterator[Finding]:
    """T5: memorandum paid = 5001 − 4501 recovered + advances 110105 − 退汇待付 200104, under either policy."""
    for region, fund, *key, paid, booked in snapshot.rows(
        """
        SELECT * FROM (
            SELECT b.region, b.fund, d.counterparty, d.subfund, d.service_year, d.term,
                   coalesce(sum(b.credit - b.debit) FILTER (WHERE a.section = 2), 0) AS paid,
                   coalesce(sum(b.debit - b.credit) FILTER (WHERE a.section = 1), 0) AS booked
              FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
              JOIN books.account a ON a.region = b.region AND a.fund = b.fund AND a.account = b.account
             WHERE (a.account IN (9201, 9202, 9203, 9209, 110105, 200104) OR a.account BETWEEN 920400 AND 920499
                    OR a.account::text LIKE '5001%' OR a.account::text LIKE '4501%') AND d.counterparty NOT IN ('', 'PERSON')
             GROUP BY 1, 2, 3, 4, 5, 6) keys
         WHERE paid <> booked ORDER BY 1, 2, 3, 4, 5, 6
        """
    ):
        message = f"备查账已付{paid}分，会计账支出与日拨付暂付款{booked}分"
        yield Finding("T5", f"{region}-{fund}", "/".join(map(str, key)), message)


def _available(snapshot: Snapshot) -> Iterator[Finding]:
    """T7: the expenditure account (debit) covers what is on its way (9104, credit)."""
    for region, fund, available in snapshot.rows(
        """
        SELECT region, fund, sum(debit - credit) FROM books.balance
         WHERE account IN (1004, 9104) GROUP BY region, fund
        HAVING sum(debit - credit) < 0 ORDER BY 1, 2
        """
    ):
        message = f"支出户存款减在途为{available}分，小于零"
        yield Finding("T7", f"{region}-{fund}", "1004 − 9104", message)
