"""T1–T5 of out-of-region care: every 95xx account, by hospital and counterparty region, against records, bills and orders.

9501 = the settlement records themselves; 9502 = those in no order; 9503 and 9504 = orders on their way and paid; 9003 and
9103 of a region = its bills; 110101 and 200103 = what receipts say went to it and came from it. Bills are their records.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.checks.fund.ties import Tie, compare
from ledger.control.snapshot import Snapshot
from ledger.core.accounts import (
    CARE_IN_FLIGHT,
    CARE_OWED,
    CARE_PAID,
    CARE_RECOGNISED,
    MONTH_OWED,
    OTHERS_MONEY,
    REGION_BILLS,
    REGION_PREPAYMENT,
    coded,
)

_RECORDS: Final = """
    SELECT x.region, x.fund, r.fixmedins_code, '', extract(year FROM coalesce(o.setl_time, r.setl_time))::smallint,
           to_char(r.setl_time, 'YYYYMM')::integer, x.counterparty::text, r.medfee_sumamt - r.psn_cash_pay - r.hosp_part_amt
      FROM fund.outregion_record x JOIN fund.record r ON r.region = x.region AND r.setl_id = x.setl_id
      LEFT JOIN fund.record o ON o.region = r.region AND o.setl_id = r.init_setl_id AND r.init_setl_id <> ''
     WHERE x.side = 'care'"""
_OPEN: Final = """
    SELECT x.region, x.fund, x.institution, '', x.service_year, x.term, x.counterparty::text, x.amount_fen
      FROM fund.outregion_record x
      LEFT JOIN payments.pay_order o ON o.region = x.region AND o.order_no = x.order_no AND x.order_no <> ''
     WHERE x.side = 'care' AND (x.order_no = '' OR o.state = 'draft')"""
_ITEMS: Final = """
    SELECT o.region, o.fund, o.institution, i.subfund, i.service_year, i.term, i.category, i.amount_fen
      FROM payments.pay_order o JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no
      JOIN payments.state s ON s.state = o.state """
_BILLS: Final = """
    SELECT b.region, b.fund, b.counterparty::text, l.subfund, l.service_year, b.term, l.category, l.amount_fen
      FROM fund.outregion_bill b JOIN fund.outregion_bill_line l ON l.region = b.region AND l.bill_id = b.bill_id
      LEFT JOIN payments.pay_order o ON o.region = b.region AND o.order_no = b.order_no AND b.order_no <> ''
      LEFT JOIN payments.state s ON s.state = o.state
     WHERE b.side = 'insured' """
_UNPAID: Final = "AND (o.order_no IS NULL OR o.state = 'draft' OR s.releases)"

_TIES: Final = (
    Tie("T1", (CARE_RECOGNISED,), 1, _RECORDS, "异地就医确认不等于外地参保人的结算记录"),
    Tie("T2", (CARE_OWED,), -1, _OPEN, "应付异地就医不等于未下单的异地结算"),
    Tie(
        "T3",
        (CARE_IN_FLIGHT,),
        -1,
        _ITEMS + coded("WHERE i.source = {CARE_OWED} AND s.in_flight"),
        "异地就医在途不等于在途拨付单",
    ),
    Tie(
        "T4",
        (CARE_PAID,),
        -1,
        _ITEMS + coded("WHERE i.source = {CARE_OWED} AND o.state = 'paid'"),
        "已付异地就医不等于付妥拨付单",
    ),
    Tie("T1", (REGION_BILLS,), 1, _BILLS, "异地参保清算确认不等于对方的清算账单"),
    Tie("T2", (MONTH_OWED,), -1, _BILLS + _UNPAID, "应付异地清算不等于未付的清算账单", regions=True),
)

# What receipts say of 2001-异地就医资金 and 1101-异地就医预付金, by counterparty region: what came in (X4, X8), what orders paid
# out of it or to it (X1, X10, X11), and what of that came back.
_PROVEN: Final = coded("""
    SELECT region, fund, account, party, sum(booked), sum(proven) FROM (
        SELECT b.region, b.fund, b.account, d.counterparty AS party,
               CASE b.account WHEN {OTHERS_MONEY} THEN b.credit - b.debit ELSE b.debit - b.credit END AS booked, 0 AS proven
          FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
         WHERE b.account IN ({REGION_PREPAYMENT}, {OTHERS_MONEY})
        UNION ALL
        SELECT l.region, l.fund, l.account, l.counterparty, 0, l.balance_fen     -- taken over
          FROM fund.cutover c JOIN fund.cutover_line l ON l.region = c.region AND l.fund = c.fund AND l.version = c.version
         WHERE c.state = 'confirmed' AND l.posted AND l.account IN ({REGION_PREPAYMENT}, {OTHERS_MONEY})        UNION ALL
        SELECT m.region, m.fund, CASE m.kind WHEN 'prepaid_back' THEN {REGION_PREPAYMENT} ELSE {OTHERS_MONEY} END, m.counterparty::text, 0,
               CASE m.kind WHEN 'prepaid_back' THEN -m.amount_fen ELSE m.amount_fen END
          FROM fund.outregion_move m WHERE m.state = 'done'
        UNION ALL
        SELECT o.region, o.fund, CASE i.source WHEN {REGION_PREPAYMENT} THEN {REGION_PREPAYMENT} ELSE {OTHERS_MONEY} END,
               CASE i.source WHEN {CARE_OWED} THEN i.category ELSE o.institution END, 0,
               CASE WHEN (i.source = {REGION_PREPAYMENT}) = (v.direction = 'debit') THEN i.amount_fen ELSE -i.amount_fen END
          FROM payments.evidence v
          JOIN payments.pay_order o ON o.region = v.region AND o.order_no = v.matched_order
          JOIN payments.order_item i ON i.region = o.region AND i.order_no = o.order_no AND i.source IN ({CARE_OWED}, {REGION_PREPAYMENT}, {OTHERS_MONEY})
         WHERE v.outcome = 'posted') sides
     GROUP BY 1, 2, 3, 4 HAVING sum(booked) <> sum(proven) ORDER BY 1, 2, 3, 4
""")

# A bill is its lines; the one we made is the records it lists too.
_BILL_SUMS: Final = """
    SELECT b.region, b.fund, b.bill_id, b.amount_fen, coalesce(l.fen, 0), coalesce(r.fen, 0), b.records, coalesce(r.records, 0)
      FROM fund.outregion_bill b
      LEFT JOIN (SELECT region, bill_id, sum(amount_fen) AS fen FROM fund.outregion_bill_line GROUP BY 1, 2) l
        ON l.region = b.region AND l.bill_id = b.bill_id
      LEFT JOIN (SELECT region, fund, bill_id, counterparty, term, sum(amount_fen) AS fen, count(*) AS records
                   FROM fund.outregion_record WHERE bill_id <> '' AND state = 'billed' AND side = 'care' GROUP BY 1, 2, 3, 4, 5) r
        ON r.region = b.region AND r.fund = b.fund AND r.bill_id = b.bill_id AND r.counterparty = b.counterparty AND r.term = b.term
     WHERE b.amount_fen IS DISTINCT FROM l.fen
        OR b.side = 'care' AND (b.amount_fen, b.records::bigint) IS DISTINCT FROM (r.fen, r.records)
     ORDER BY 1, 2, 3
"""
# What was taken of a record is what it says, on either side: its money, and of it the personal account's.
_OF_RECORDS: Final = """
    SELECT x.region, x.fund, x.setl_id, x.amount_fen, x.account_fen FROM fund.outregion_record x
      LEFT JOIN fund.record r ON r.region = x.region AND r.setl_id = x.setl_id
     WHERE (x.institution, x.term, x.amount_fen, x.account_fen)
           IS DISTINCT FROM (r.fixmedins_code, to_char(r.setl_time, 'YYYYMM')::integer, r.medfee_sumamt - r.psn_cash_pay - r.hosp_part_amt,
                             r.medfee_sumamt - r.psn_cash_pay - r.hosp_part_amt - r.fund_pay_sumamt)
     ORDER BY 1, 2, 3
"""
# A record stands in one order that can still pay or has paid, and that order knows it; nobody stands in two.
_CLAIMS: Final = """
    SELECT x.region, x.fund, x.setl_id, x.order_no, coalesce(string_agg(o.order_no, '、' ORDER BY o.order_no), '')
      FROM fund.outregion_record x
      LEFT JOIN (payments.order_outregion d
                 JOIN payments.pay_order o ON o.region = d.region AND o.order_no = d.order_no
                 JOIN payments.state s ON s.state = o.state AND NOT s.releases)
        ON d.region = x.region AND d.fund = x.fund AND d.setl_id = x.setl_id
     GROUP BY x.region, x.fund, x.setl_id, x.order_no, x.amount_fen, x.institution, x.side
    HAVING count(o.order_no) <> (x.order_no <> '')::int OR bool_or(o.order_no <> x.order_no)
        OR bool_or((d.amount_fen, o.institution, 'care') <> (x.amount_fen, x.institution, x.side)) FILTER (WHERE o.order_no <> '')
     ORDER BY 1, 2, 3
"""
_ORDER_SUMS: Final = coded("""
    SELECT region, fund, order_no, service_year, term, category, sum(item), sum(record) FROM (
        SELECT o.region, o.fund, o.order_no, i.service_year, i.term, i.category, i.amount_fen AS item, 0 AS record
          FROM payments.order_item i JOIN payments.pay_order o ON o.region = i.region AND o.order_no = i.order_no
         WHERE i.source = {CARE_OWED}
        UNION ALL
        SELECT d.region, d.fund, d.order_no, x.service_year, x.term, x.counterparty::text, 0, d.amount_fen
          FROM payments.order_outregion d
          JOIN fund.outregion_record x ON x.region = d.region AND x.fund = d.fund AND x.setl_id = d.setl_id) sides
     GROUP BY 1, 2, 3, 4, 5, 6 HAVING sum(item) <> sum(record) ORDER BY 1, 2, 3
""")

# Every order to another region has what it pays behind it: the bill (9103), or the approved movement (110101, 200103).
_BEHIND: Final = coded("""
    SELECT o.region, o.fund, o.order_no, o.amount_fen FROM payments.pay_order o
      JOIN payments.state s ON s.state = o.state AND NOT s.releases
      JOIN payments.batch k ON k.region = o.region AND k.batch_id = o.batch_id AND k.kind = 'outregion'
      JOIN LATERAL (SELECT min(source) AS source FROM payments.order_item i
                     WHERE i.region = o.region AND i.order_no = o.order_no) i ON i.source <> {CARE_OWED}
     WHERE NOT EXISTS (
           SELECT 1 FROM fund.outregion_bill b WHERE i.source = {MONTH_OWED} AND b.region = o.region AND b.order_no = o.order_no
              AND b.side = 'insured' AND b.counterparty::text = o.institution AND b.amount_fen = o.amount_fen
           UNION ALL
           SELECT 1 FROM fund.outregion_move m WHERE m.region = o.region AND m.order_no = o.order_no AND m.state = 'approved'
              AND m.kind = CASE i.source WHEN {REGION_PREPAYMENT} THEN 'prepaid' WHEN {OTHERS_MONEY} THEN 'prepaid_out' END
              AND m.counterparty::text = o.institution AND m.amount_fen = o.amount_fen)
     ORDER BY 1, 2, 3
""")


def check_outregion(snapshot: Snapshot) -> Iterator[Breach]:
    """Ties per key, receipts per region, then bills, records and orders against one another."""
    for tie in _TIES:
        yield from compare(snapshot, tie)
    for region, fund, account, party, booked, proven in snapshot.rows(_PROVEN):
        name = {REGION_PREPAYMENT: "异地就医预付金", OTHERS_MONEY: "异地就医资金"}[account]
        message = f"{name}账上{booked}分，回单证明{proven}分"
        yield Breach("T5", f"{region}-{fund}", f"{account} {party}", message)
    for region, fund, bill, amount, lines, records, told, counted in snapshot.rows(_BILL_SUMS):
        message = f"清算账单{amount}分、{told}笔，明细合计{lines}分，所列结算{records}分、{counted}笔"
        yield Breach("INV-12", f"{region}-{fund}", f"bill {bill}", message)
    for region, fund, setl_id, amount, account in snapshot.rows(_OF_RECORDS):
        message = f"异地结算记为{amount}分，其中个人账户{account}分，或机构、期号，不是结算记录所说的"
        yield Breach("INV-09", f"{region}-{fund}", f"record {setl_id}", message)
    for region, fund, setl_id, named, found in snapshot.rows(_CLAIMS):
        message = (
            f"异地结算记在拨付单{named or '（无）'}，付它的拨付单为{found or '（无）'}，或金额、机构不同"
        )
        yield Breach("INV-10", f"{region}-{fund}", f"record {setl_id}", message)
    for region, fund, order_no, *key, items, records in snapshot.rows(_ORDER_SUMS):
        message = f"{'/'.join(map(str, key))}：拨付单构成{items}分，所付异地结算{records}分"
        yield Breach("INV-10", f"{region}-{fund}", f"order {order_no}", message)
    for region, fund, order_no, amount in snapshot.rows(_BEHIND):
        message = f"付给对方统筹区的{amount}分没有与之相符的清算账单或已复核的预付金"
        yield Breach("INV-11", f"{region}-{fund}", f"order {order_no}", message)
