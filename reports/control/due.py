"""What each record's day owed, worked out from the record and the terms of its day alone: the payables are what is being judged."""

from __future__ import annotations

from datetime import date
from typing import Final, LiteralString, NamedTuple

from ledger.core.dates import next_month
from ledger.core.entries import EMPLOYEE_FUND, FUNDS
from ledger.fund.record.codes import OUTSIDE_FLAGS, OUTSIDE_PAY_LOCS, national_codes


class ControlMonth(NamedTuple):
    """A region's month, yyyymm."""

    region: int
    month: int
    funds: tuple[int, ...] = FUNDS
    """The funds whose books the reader may see."""

    @property
    def first(self) -> date:
        """Its first day."""
        return date(self.month // 100, self.month % 100, 1)

    @property
    def after(self) -> date:
        """The first day of the next month."""
        return next_month(self.first)

    def params(self, **more: object) -> dict[str, object]:
        """What `DUE` asks for, and more."""
        codes = national_codes()
        return {
            "region": self.region,
            "first": self.first,
            "after": self.after,
            "month": self.month,
            "inpatient": [code for code, meant in codes.med_type.items() if meant.inpatient],
            "insutypes": [code for code, fund in codes.insutype.items() if fund in self.funds],
            "books": [fund for fund in codes.insutype.values() if fund in self.funds],
            "employee": EMPLOYEE_FUND,
            "outside_locs": sorted(OUTSIDE_PAY_LOCS),
            "outside_flags": sorted(OUTSIDE_FLAGS),
            "digits": 2 if self.region % 10_000 == 0 else 4 if self.region % 100 in (0, 99) else 6,
            **more,
        }


# `due`: a row a record and sub-fund of the month: what the fund bears (art. 9), the share paid by the day (art. 10: inpatient care of
# an institution paid by day, half up in magnitude), and whose word the ratio is. A reversal owes the opposite of its original,
# by the terms of the original's day. Records between two regions are cleared otherwise; a city pools by four digits, a province
# by two, a county by six (platform-fields.md 6).
DUE: Final[LiteralString] = """
    kind AS (SELECT * FROM unnest(%(insutypes)s::text[], %(books)s::int[]) AS k (insutype, book)),
    asked AS (
        SELECT r.setl_id, r.setl_time::date AS day, r.fixmedins_code AS institution, k.book AS fund, r.med_type, r.init_setl_id,
               coalesce(nullif(r.init_setl_id, ''), r.setl_id) AS base, r.load_id, r.line
          FROM fund.record r JOIN kind k USING (insutype)
         WHERE r.region = %(region)s AND r.setl_time >= %(first)s AND r.setl_time < %(after)s
           AND r.pay_loc <> ALL (%(outside_locs)s) AND r.out_flag <> ALL (%(outside_flags)s)
           AND (r.insu_admdvs = '' OR left(r.insu_admdvs, %(digits)s) = left(%(region)s::text, %(digits)s))),
    parts AS (
        SELECT a.*, b.day AS base_day, CASE WHEN a.init_setl_id = '' THEN 1 ELSE -1 END AS sign, s.subfund, s.fen AS base_fen
          FROM asked a JOIN fund.bill_share b ON b.region = %(region)s AND b.setl_id = a.base
         CROSS JOIN LATERAL (VALUES ('pool', CASE a.fund WHEN %(employee)s THEN b.basic_310 ELSE b.basic_390 END),
                                    ('acct', CASE a.fund WHEN %(employee)s THEN b.account + b.wallet ELSE 0 END)) AS s (subfund, fen)
         WHERE s.fen <> 0),
    due AS (
        SELECT p.setl_id, p.day, p.institution, p.fund, p.subfund, p.init_setl_id, p.load_id, p.line, p.sign * p.base_fen AS fund_fen,
               t.version, t.proposed_by, t.confirmed_by, t.state AS terms_state, q.ratio,
               (p.sign * CASE WHEN p.base_fen > 0 THEN 1 ELSE -1 END * div(abs(p.base_fen)::numeric * q.ratio + 5000, 10000))::bigint AS daily_fen
          FROM parts p
          LEFT JOIN fund.enrolment e ON e.region = %(region)s AND e.institution = p.institution AND p.base_day BETWEEN e.from_day AND e.to_day
          LEFT JOIN fund.terms t ON t.region = e.region AND t.institution = e.institution AND t.kind = 'enrolment' AND t.version = e.version
         CROSS JOIN LATERAL (SELECT CASE WHEN p.subfund = 'pool' AND t.mode = 'daily' AND p.med_type = ANY (%(inpatient)s)
                                         THEN t.ratio ELSE 0 END AS ratio) q)
"""
