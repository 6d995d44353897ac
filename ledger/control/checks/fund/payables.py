"""INV-09: what is owed for a record is what the record says: as much, of that fund and account, to that institution, of that day.

Worked out a second time from the record's own columns and its split (`fund.bill_layer`, itself held against the record by `layers`):
whoever brings records in past the program, or changes what is owed before it is booked, makes no other amount of it. The daily share
is for `terms` to say; what a cut-over opened is held against what was handed over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.core.accounts import coded
from ledger.fund.record.codes import OUTSIDE_FLAGS, OUTSIDE_PAY_LOCS, national_codes

SHOWN: Final = 20
"""Records named; of the others only their number."""

# A plain bill's fund money is all the own basic fund's; any other has its split. Somebody else's patient is owed nothing here. A reversal
# owes the opposite of what its original does, in its own month.
_DIFFER: Final = coded("""
    WITH kept AS (
        SELECT r.*, b.book, m.category AS benefit, l.setl_id IS NOT NULL AS split, l.basic_310, l.basic_390, l.outside,
               extract(year FROM r.setl_time)::smallint AS service_year, to_char(r.setl_time, 'YYYYMM')::integer AS term,
               r.pay_loc = ANY (%(places)s) OR r.out_flag = ANY (%(flags)s) OR coalesce(l.outside, 0) <> 0
                   OR r.insu_admdvs <> '' AND CASE WHEN r.region::text LIKE '%%0000' THEN left(r.insu_admdvs, 2) <> left(r.region::text, 2)
                                                   WHEN right(r.region::text, 2) IN ('00', '99') THEN left(r.insu_admdvs, 4) <> left(r.region::text, 4)
                                                   ELSE r.insu_admdvs <> r.region::text END AS away
          FROM fund.record r
          LEFT JOIN unnest(%(kinds)s::text[], %(books)s::integer[]) AS b (kind, book) ON b.kind = r.insutype
          LEFT JOIN unnest(%(types)s::text[], %(categories)s::text[]) AS m (type, category) ON m.type = r.med_type
          LEFT JOIN fund.bill_layer l ON l.region = r.region AND l.setl_id = r.setl_id),
    due AS (
        SELECT k.region, k.book AS fund, k.setl_id, s.subfund, k.fixmedins_code AS institution, k.service_year, k.term, k.benefit AS category,
               k.setl_time::date AS day, s.fen
          FROM kept k CROSS JOIN LATERAL (VALUES
            ('pool', CASE WHEN NOT k.split THEN k.fund_pay_sumamt WHEN k.book = {EMPLOYEE_FUND} THEN k.basic_310 ELSE k.basic_390 END),
            ('acct', CASE WHEN k.book <> {EMPLOYEE_FUND} THEN 0
                          WHEN k.psn_part_amt <> k.acct_pay + k.psn_cash_pay AND k.psn_part_amt = k.acct_pay + k.psn_cash_pay + k.acct_mulaid_pay
                          THEN k.acct_pay ELSE k.acct_pay - k.acct_mulaid_pay END)) AS s (subfund, fen)
         WHERE k.init_setl_id = '' AND NOT k.away AND s.fen <> 0
        UNION ALL
        SELECT k.region, o.fund, k.setl_id, o.subfund, o.institution, o.service_year, k.term, o.category, k.setl_time::date, -o.fund_fen
          FROM kept k JOIN fund.payable o ON o.region = k.region AND o.setl_id = k.init_setl_id
         WHERE k.init_setl_id <> '')
    SELECT coalesce(d.region, p.region), coalesce(d.fund, p.fund), coalesce(d.setl_id, p.setl_id), coalesce(d.subfund, p.subfund),
           coalesce(d.fen, 0), coalesce(p.fund_fen, 0)
      FROM due d
      FULL JOIN fund.payable p ON p.region = d.region AND p.fund = d.fund AND p.setl_id = d.setl_id AND p.subfund = d.subfund
     WHERE (d.institution, d.service_year, d.term, d.category, d.day, d.fen)
           IS DISTINCT FROM (p.institution, p.service_year, p.term, p.category, p.day, p.fund_fen)
       AND coalesce(p.recognised_by, '') NOT LIKE 'OPEN:%%'
     ORDER BY 1, 2, 3, 4
""")


def check_payables(snapshot: Snapshot) -> Iterator[Breach]:
    """Every payable against its record, and every record that owes against its payables."""
    codes = national_codes()
    found = snapshot.rows(
        _DIFFER,
        places=sorted(OUTSIDE_PAY_LOCS),
        flags=sorted(OUTSIDE_FLAGS),
        kinds=list(codes.insutype),
        books=list(codes.insutype.values()),
        types=list(codes.med_type),
        categories=[meant.category for meant in codes.med_type.values()],
    )
    for region, fund, setl_id, subfund, due, fen in found[:SHOWN]:
        message = f"应付明细（{subfund}）{fen}分，而结算记录所应付为{due}分，或机构、日期、类别不是记录的：不是按记录产生"
        yield Breach("INV-09", f"{region}-{fund}", f"payable {setl_id}", message, "payable.differs")
    if len(found) > SHOWN:
        yield Breach(
            "INV-09",
            "",
            "payable",
            f"另有{len(found) - SHOWN}笔应付明细与其结算记录不符",
            "payable.differs",
        )
