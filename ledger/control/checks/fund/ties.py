"""INV-08, INV-09: the ties of memorandum.md 1 to records, orders and receipts.

T1 9001 = recognised payables; T2 9101 and 9102 = open payables; T3 9104 = orders in flight; T4 paid = receipts less
returned money; T5 paid = statutory expense and advances; T7 1004 covers what is in flight and what in it is other regions'. T6 (`checks.settlements`)
ties what months and letters took and left, T8 and T9 (`checks.returned`) what came back and what was advanced.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, LiteralString, NamedTuple

from ledger.control.breach import Breach
from ledger.control.checks.payments.returned import check_returned
from ledger.control.snapshot import Snapshot
from ledger.core.accounts import (
    CARE_IN_FLIGHT,
    DAILY_OWED,
    DAILY_PAID,
    FISCAL_KIND,
    IN_FLIGHT,
    MONTH_WAITING,
    RECOGNISED,
    SPENDING_DEPOSIT,
    coded,
)


class Tie(NamedTuple):
    """Balances that must equal rows kept elsewhere, key by key."""

    name: str
    accounts: tuple[int, ...]
    sign: int
    """1 where the accounts' balance is a debit, -1 where it is a credit."""
    rows: LiteralString
    """The independent side: region, fund, the five dimensions and an amount."""
    words: str
    regions: bool = False
    """Only balances whose counterparty is another region."""
    opened: bool = True
    """What the book was taken over with is a source too; not where its records are among the rows."""


_COMPARE: Final = """
    SELECT * FROM (
        SELECT region, fund, institution, subfund, service_year, term, category, sum(booked) AS booked, sum(found) AS found
          FROM (SELECT b.region, b.fund, d.counterparty AS institution, d.subfund, d.service_year, d.term, d.category,
                       %(sign)s * (b.debit - b.credit) AS booked, 0 AS found
                  FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                 WHERE b.account = ANY(%(accounts)s) AND (NOT %(regions)s OR d.counterparty ~ '^[0-9]{6}$')
                UNION ALL
                SELECT l.region, l.fund, l.counterparty, l.subfund, l.service_year, l.term, l.category, 0,
                       l.balance_fen * %(sign)s * a.normal_side
                  FROM fund.cutover c JOIN fund.cutover_line l ON l.region = c.region AND l.fund = c.fund AND l.version = c.version
                  JOIN books.account a ON a.region = l.region AND a.fund = l.fund AND a.account = l.account
                 WHERE %(opened)s AND c.state = 'confirmed' AND l.posted AND l.account = ANY(%(accounts)s)
                   AND (NOT %(regions)s OR l.counterparty ~ '^[0-9]{6}$')
                UNION ALL
                SELECT r.region, r.fund, r.institution, r.subfund, r.service_year, r.term, r.category, 0, r.fen FROM ("""
_COMPARE_END: Final = """) AS r (region, fund, institution, subfund, service_year, term, category, fen)) sides
         GROUP BY 1, 2, 3, 4, 5, 6, 7) keys
     WHERE booked <> found ORDER BY 1, 2, 3, 4, 5, 6, 7
"""
_RECOGNISED: Final = """
    SELECT region, fund, institution, subfund, service_year, term, category, fund_fen FROM fund.payable
     WHERE recognised_by <> '' AND recognised_by NOT LIKE 'OPEN:%%'"""
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
_IN_FLIGHT: Final = _ITEMS + coded(
    "JOIN payments.state s ON s.state = o.state WHERE s.in_flight AND i.source IN ({OWED})"
)
_PAID_DAILY: Final = _ITEMS + coded("WHERE o.state = 'paid' AND i.source = {DAILY_OWED}")

_TIES: Final = (
    Tie("T1", (RECOGNISED,), 1, _RECOGNISED, "待遇确认不等于已入账应付明细的基金金额"),
    Tie("T2", (DAILY_OWED,), -1, _OPEN_DAILY, "应付日拨付不等于未下单应付明细的日拨付额", opened=False),
    Tie("T2", (MONTH_WAITING,), -1, _OPEN_MONTH, "待月结不等于未结算应付明细的余额", opened=False),
    Tie("T3", (IN_FLIGHT,), -1, _IN_FLIGHT, "在途不等于在途拨付单的明细合计", opened=False),
    Tie("T4", (DAILY_PAID,), -1, _PAID_DAILY, "已付日拨付不等于已付妥拨付单的明细合计"),
)


# Balances without what entries carry from 5001 and 4501 to the balance 3001, as the closing of a year does.
_MOVED: Final = coded("""
    WITH opened AS (
        SELECT l.* FROM fund.cutover c JOIN fund.cutover_line l ON l.region = c.region AND l.fund = c.fund AND l.version = c.version
         WHERE c.state = 'confirmed' AND l.posted),
    closing AS (
        SELECT DISTINCT p.region, p.fund, p.period, b.first_seq + o.off AS seq
          FROM books.posting p JOIN books.block b ON b.region = p.region AND b.fund = p.fund AND b.block = p.block
         CROSS JOIN LATERAL unnest(p.offs) AS o (off) WHERE p.account::text LIKE '{FUND_BALANCE}%'),
    moved AS (
        SELECT region, fund, account, dim, debit, credit FROM books.balance
        UNION ALL
        SELECT l.region, l.fund, l.account, l.dim, CASE l.side WHEN 1 THEN -l.amount_fen ELSE 0 END,
               CASE l.side WHEN -1 THEN -l.amount_fen ELSE 0 END
          FROM closing c JOIN books.entry e ON e.region = c.region AND e.fund = c.fund AND e.period = c.period AND e.seq = c.seq AND e.event <> 'OPEN'
          JOIN books.leg l ON l.region = c.region AND l.fund = c.fund AND l.period = c.period AND l.seq = c.seq
         WHERE l.account::text LIKE '{BENEFITS}%' OR l.account::text LIKE '{OTHER_INCOME}%')
""")
_PROVEN: Final = coded("""
    SELECT * FROM (
        SELECT region, fund, institution, sum(booked) AS booked, sum(proven) AS proven
          FROM (SELECT b.region, b.fund, d.counterparty AS institution, b.credit - b.debit AS booked, 0 AS proven
                  FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                 WHERE b.account IN ({PAID}, {OFFSETS}, {REFUNDED}, {CARE_PAID})
                UNION ALL
                SELECT b.region, b.fund, d.counterparty, b.debit - b.credit, 0
                  FROM moved b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                 WHERE b.account IN ({ADVANCES})
                    OR d.counterparty = 'PERSON' AND (b.account::text LIKE '{BENEFITS}%' OR b.account = {RETURNED_MONEY})
                UNION ALL
                SELECT l.region, l.fund, l.counterparty, 0, CASE l.account WHEN {REFUNDED} THEN -l.balance_fen ELSE l.balance_fen END
                  FROM opened l WHERE l.account IN ({PAID}, {OFFSETS}, {REFUNDED}, {ADVANCES})
                UNION ALL
                SELECT region, fund, institution, 0, -amount_fen FROM fund.refund
                 WHERE state = 'approved' AND kind <> 'penalty'
                UNION ALL
                SELECT o.region, o.fund, o.institution, 0,
                       CASE v.direction WHEN 'debit' THEN v.amount_fen ELSE -v.amount_fen END
                  FROM payments.evidence v JOIN payments.pay_order o ON o.region = v.region AND o.order_no = v.matched_order
                 WHERE v.outcome = 'posted' AND NOT EXISTS (   -- prepayments between regions: checks.outregion
                       SELECT 1 FROM payments.order_item i WHERE i.region = o.region AND i.order_no = o.order_no
                          AND i.source IN ({REGION_PREPAYMENT}, {OTHERS_MONEY}))) sides
         GROUP BY region, fund, institution) institutions
     WHERE booked <> proven ORDER BY 1, 2, 3
""")
_EXPENSED: Final = coded("""
    SELECT * FROM (
        SELECT b.region, b.fund, b.counterparty, b.subfund, b.service_year, b.term,
               coalesce(sum(b.credit - b.debit) FILTER (WHERE a.section = 2), 0) AS paid,
               coalesce(sum(b.debit - b.credit) FILTER (WHERE a.section = 1), 0) AS booked
          FROM (SELECT b.region, b.fund, d.counterparty, d.subfund, d.service_year, d.term, b.account, b.debit, b.credit
                  FROM moved b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                UNION ALL    -- what the books before these paid is not in these books' expense by institution
                SELECT l.region, l.fund, l.counterparty, l.subfund, l.service_year, l.term, l.account,
                       CASE a.normal_side WHEN 1 THEN -l.balance_fen ELSE 0 END, CASE a.normal_side WHEN -1 THEN -l.balance_fen ELSE 0 END
                  FROM opened l JOIN books.account a ON a.region = l.region AND a.fund = l.fund AND a.account = l.account) b
          JOIN books.account a ON a.region = b.region AND a.fund = b.fund AND a.account = b.account
         WHERE (a.account IN ({PAID}, {OFFSETS}, {REFUNDED}, {DAILY_ADVANCE}, {RETURNED_MONEY})
                OR a.account::text LIKE '{BENEFITS}%' OR a.account::text LIKE '{OTHER_INCOME}%') AND b.counterparty NOT IN ('', 'PERSON')
         GROUP BY 1, 2, 3, 4, 5, 6) keys
     WHERE paid <> booked ORDER BY 1, 2, 3, 4, 5, 6
""")


def check_ties(snapshot: Snapshot) -> Iterator[Breach]:
    """Every tie, per key of the memorandum accounts where both sides have it."""
    for tie in _TIES:
        yield from compare(snapshot, tie)
    yield from _receipts(snapshot)
    yield from _statutory(snapshot)
    yield from _available(snapshot)
    yield from check_returned(snapshot)


def compare(snapshot: Snapshot, tie: Tie) -> Iterator[Breach]:
    """One tie, per key."""
    for region, fund, *key, booked, found in snapshot.rows(
        _COMPARE + tie.rows + _COMPARE_END,
        accounts=list(tie.accounts),
        sign=tie.sign,
        regions=tie.regions,
        opened=tie.opened,
    ):
        where = f"{tie.accounts[0]} " + "/".join(map(str, key))
        yield Breach(tie.name, f"{region}-{fund}", where, f"{tie.words}：账上{booked}分，明细{found}分")


def _receipts(snapshot: Snapshot) -> Iterator[Breach]:
    """T4: paid, offset or still advanced to an institution is what its receipts say, less what came back: through the
    bank, or through the fiscal special account (fund.refund). Persons stand together under one name.
    """
    for region, fund, institution, booked, proven in snapshot.rows(_MOVED + _PROVEN):
        message = f"账上已付{booked}分，回单证明{proven}分"
        yield Breach("T4", f"{region}-{fund}", f"institution {institution}", message)


def _statutory(snapshot: Snapshot) -> Iterator[Breach]:
    """T5: memorandum paid = 5001 − 4501 recovered + advances 110105 − 退汇待付 200104, under either policy.

    Expense and income are counted as they arose: an entry that carries them to the balance 3001, as the closing of a
    year does, is left out.
    """
    for region, fund, *key, paid, booked in snapshot.rows(_MOVED + _EXPENSED):
        message = f"备查账已付{paid}分，会计账支出与日拨付暂付款{booked}分"
        yield Breach("T5", f"{region}-{fund}", "/".join(map(str, key)), message)


# Other regions' money by region, less what is on its way out of it; of it the 财政专户 holds what it can, the rest is in
# the 支出户 and no money of ours.
_MONEY: Final = coded("""
    WITH sent AS (
        SELECT o.region, o.fund, o.institution, i.source, i.amount_fen FROM payments.pay_order o
          JOIN payments.state s ON s.state = o.state AND s.in_flight
          JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no AND i.source IN ({REGION_PREPAYMENT}, {OTHERS_MONEY})),
    others AS (
        SELECT region, fund, coalesce(sum(fen) FILTER (WHERE fen > 0), 0) AS fen FROM (
            SELECT region, fund, party, sum(fen) AS fen FROM (
                SELECT b.region, b.fund, CASE b.account WHEN {CARE_IN_FLIGHT} THEN d.category ELSE d.counterparty END AS party,
                       CASE b.account WHEN {CARE_IN_FLIGHT} THEN b.debit - b.credit ELSE b.credit - b.debit END AS fen
                  FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                 WHERE b.account IN ({OTHERS_MONEY}, {CARE_IN_FLIGHT})
                UNION ALL
                SELECT region, fund, institution, -amount_fen FROM sent WHERE source = {OTHERS_MONEY}) sides
             GROUP BY region, fund, party) parties GROUP BY region, fund),
    own AS (
        SELECT b.region, b.fund, sum(b.debit - b.credit) FILTER (WHERE b.account <> {FISCAL_DEPOSIT}) AS free,
               coalesce(sum(b.debit - b.credit) FILTER (WHERE b.account = {FISCAL_DEPOSIT}), 0)
               - coalesce((SELECT sum(x.amount_fen) FROM sent x WHERE x.region = b.region AND x.fund = b.fund), 0) AS fiscal,
               EXISTS (SELECT 1 FROM sent x WHERE x.region = b.region AND x.fund = b.fund) AS sending
          FROM books.balance b WHERE b.account IN ({FISCAL_DEPOSIT}, {SPENDING_DEPOSIT}, {IN_FLIGHT}, {CARE_IN_FLIGHT}) GROUP BY b.region, b.fund)
    SELECT w.region, w.fund, coalesce(w.free, 0), greatest(0, coalesce(h.fen, 0) - greatest(0, w.fiscal)), w.fiscal, w.sending
      FROM own w LEFT JOIN others h ON h.region = w.region AND h.fund = w.fund
     WHERE coalesce(w.free, 0) < greatest(0, coalesce(h.fen, 0) - greatest(0, w.fiscal)) OR w.sending AND w.fiscal < 0
     ORDER BY 1, 2
""")


def _available(snapshot: Snapshot) -> Iterator[Breach]:
    """T7: the expenditure account (debit) covers what is on its way (9104, 9503, credit) and what of other regions' money
    lies in it; the fiscal special account covers the transfers on their way out of it.
    """
    for region, fund, free, others, fiscal, sending in snapshot.rows(_MONEY):
        if free < others:
            message = f"支出户存款减在途为{free}分，小于其中的异地就医资金{others}分"
            yield Breach(
                "T7", f"{region}-{fund}", f"{SPENDING_DEPOSIT} − {IN_FLIGHT} − {CARE_IN_FLIGHT}", message
            )
        if sending and fiscal < 0:
            message = f"财政专户存款减在途的异地预付金为{fiscal}分，小于零"
            yield Breach("T7", f"{region}-{fund}", FISCAL_KIND, message)
