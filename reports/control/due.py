"""What each record's day owed, worked out from the record and the terms of its day alone: the payables are what is being judged."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final, LiteralString, NamedTuple

from ledger.core.dates import next_month
from ledger.core.entries import EMPLOYEE_FUND, FUNDS
from ledger.db.unit_of_work import Transaction
from ledger.fund.record.codes import OUTSIDE_FLAGS, OUTSIDE_PAY_LOCS, national_codes


class ControlMonth(NamedTuple):
    """A region's month, yyyymm, or one day of it."""

    region: int
    month: int
    funds: tuple[int, ...] = FUNDS
    """The funds whose books the reader may see."""
    day: date | None = None
    """The one day that is looked at; None: all of the month."""

    @property
    def first(self) -> date:
        """Its first day."""
        return self.day or date(self.month // 100, self.month % 100, 1)

    @property
    def after(self) -> date:
        """The first day that is not looked at any more."""
        return self.day + timedelta(1) if self.day else next_month(self.first)

    def params(self, **more: object) -> dict[str, object]:
        """What `DUE` asks for, and more: `reversals` for those alone."""
        codes = national_codes()
        return {
            "region": self.region,
            "first": self.first,
            "after": self.after,
            "month": self.month,
            "reversals": False,
            "inpatient": [code for code, meant in codes.med_type.items() if meant.inpatient],
            "insutypes": [code for code, fund in codes.insutype.items() if fund in self.funds],
            "books": [fund for fund in codes.insutype.values() if fund in self.funds],
            "employee": EMPLOYEE_FUND,
            "outside_locs": sorted(OUTSIDE_PAY_LOCS),
            "outside_flags": sorted(OUTSIDE_FLAGS),
            "digits": 2 if self.region % 10_000 == 0 else 4 if self.region % 100 in (0, 99) else 6,
            **more,
        }


DAILY: Final[LiteralString] = (
    "t.sign * (t.pool_fen / 10000 * t.ratio"
    " + (t.pool_fen %% 10000 * t.ratio + CASE WHEN t.pool_fen < 0 THEN -5000 ELSE 5000 END) / 10000)"
)
"""The share of `pool_fen` that is paid by the day, half up in magnitude, `ratio` in ten-thousandths, `sign` -1 of a reversal: in whole
numbers, the ten-thousands for themselves, so that no product leaves bigint whatever the sum."""

# `owing`: a row a record of the month with its shares, `due`: a row a record and sub-fund: what the fund bears (art. 9), the share paid by the day (art. 10: inpatient care of
# an institution paid by day, half up in magnitude), and whose word the ratio is. A reversal owes the opposite of its original,
# by the terms of the original's day. Records between two regions are cleared otherwise; a city pools by four digits, a province
# by two, a county by six (platform-fields.md 6). A record's own shares are told as `fund.bill_share` tells them, which finds a record
# by its key: asked of the originals of reversals alone, for a month of records is read once and not looked up one by one.
# Each step works its figures out once (OFFSET 0): flattened into one, the share of a record would be told anew wherever it stands.
DUE: Final[LiteralString] = """
    kind AS (SELECT * FROM unnest(%(insutypes)s::text[], %(books)s::int[]) AS k (insutype, book)),
    asked AS (
        SELECT r.setl_id, r.setl_time::date AS day, r.fixmedins_code AS institution, k.book AS fund, r.med_type, r.init_setl_id,
               r.load_id, r.line, CASE WHEN r.insutype = k.book::text THEN r.hifp_pay ELSE 0 END AS basic, r.acct_pay
          FROM fund.record r JOIN kind k USING (insutype)
         WHERE r.region = %(region)s AND r.setl_time >= %(first)s AND r.setl_time < %(after)s
           AND (NOT %(reversals)s OR r.init_setl_id <> '')
           AND r.pay_loc <> ALL (%(outside_locs)s) AND r.out_flag <> ALL (%(outside_flags)s)
           AND (r.insu_admdvs = '' OR left(r.insu_admdvs, %(digits)s) = left(%(region)s::text, %(digits)s))),
    base AS (
        SELECT a.*, CASE a.init_setl_id WHEN '' THEN a.day ELSE b.day END AS base_day, CASE a.init_setl_id WHEN '' THEN 1 ELSE -1 END AS sign,
               CASE WHEN a.init_setl_id <> '' THEN CASE a.fund WHEN %(employee)s THEN b.basic_310 ELSE b.basic_390 END
                    ELSE coalesce(CASE a.fund WHEN %(employee)s THEN l.basic_310 ELSE l.basic_390 END, a.basic) END AS pool_fen,
               CASE WHEN a.fund <> %(employee)s THEN 0 WHEN a.init_setl_id <> '' THEN b.account + b.wallet
                    ELSE coalesce(l.account, a.acct_pay) + coalesce(l.wallet, 0) END AS acct_fen
          FROM asked a
          LEFT JOIN fund.bill_layer l ON l.region = %(region)s AND l.setl_id = a.setl_id AND l.day >= %(first)s AND l.day < %(after)s
          LEFT JOIN LATERAL (SELECT * FROM fund.bill_share s
                              WHERE a.init_setl_id <> '' AND s.region = %(region)s AND s.setl_id = a.init_setl_id OFFSET 0) b ON true
         WHERE a.init_setl_id = '' OR b.setl_id IS NOT NULL OFFSET 0),
    termed AS (
        SELECT b.*, t.version, t.proposed_by, t.confirmed_by, t.state AS terms_state,
               CASE WHEN t.mode = 'daily' AND b.med_type = ANY (%(inpatient)s) THEN t.ratio ELSE 0 END AS ratio
          FROM base b
          LEFT JOIN (SELECT e.institution, e.from_day, e.to_day, t.version, t.proposed_by, t.confirmed_by, t.state, t.mode, t.ratio
                       FROM fund.enrolment e
                       LEFT JOIN fund.terms t ON t.region = e.region AND t.institution = e.institution AND t.kind = 'enrolment'
                        AND t.version = e.version
                      WHERE e.region = %(region)s OFFSET 0) t
            ON t.institution = b.institution AND b.base_day BETWEEN t.from_day AND t.to_day
         WHERE b.pool_fen <> 0 OR b.acct_fen <> 0 OFFSET 0),
    owing AS NOT MATERIALIZED (
        SELECT t.*, {DAILY} AS pool_daily FROM termed t),
    due AS (
        SELECT o.setl_id, o.day, o.institution, o.fund, s.subfund, o.init_setl_id, o.load_id, o.line, o.sign * s.fen AS fund_fen,
               o.version, o.proposed_by, o.confirmed_by, o.terms_state, s.ratio, s.daily_fen
          FROM owing o
         CROSS JOIN LATERAL (VALUES ('pool', o.pool_fen, o.ratio, o.pool_daily), ('acct', o.acct_fen, 0, 0)) AS s (subfund, fen, ratio, daily_fen)
         WHERE s.fen <> 0)
""".replace("{DAILY}", DAILY)


def judged(tx: Transaction, query: LiteralString, **params: object) -> list[tuple[Any, ...]]:
    """The rows of a query on all of `due`. The planner takes the records of a month for one: it is told neither to look each up
    nor to sort them to group them."""
    tx.run("SET LOCAL enable_nestloop = off; SET LOCAL enable_sort = off; SET LOCAL work_mem = '64MB'")
    rows = tx.rows(query, **params)
    tx.run("SET LOCAL enable_nestloop = on; SET LOCAL enable_sort = on")
    return rows
