"""What a day brought, owed, ordered and paid, by fund and institution: counted live, or as the job counted it last.

A day's figures go by the day each thing belongs to: records by their settlement, orders by their day of payment, money by the
bank's booking date, failures by the day they were booked. Amounts in fen.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime
from fractions import Fraction
from math import floor
from typing import Any, Final, LiteralString

from ledger.db.unit_of_work import Transaction


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one institution and fund, or of several together."""

    records: int = 0
    """Settlements; a reversal is none."""
    reversals: int = 0
    fund_fen: int = 0
    """What the fund bears of them, reversals taken off."""
    payable_fen: int = 0
    """Their daily payables."""
    orders: int = 0
    """To be paid on the day, cancelled ones left out."""
    order_fen: int = 0
    paid: int = 0
    """Receipts of the bank, without those whose money came back since."""
    paid_fen: int = 0
    failed: int = 0
    """Rejected or come back."""
    failed_fen: int = 0
    within_1: int = 0
    """Records whose daily money the bank paid on the day, one day after discharge at the latest."""
    within_2: int = 0
    """Two days after."""
    within_3: int = 0
    later: int = 0
    days: int = 0
    """From discharge to money, summed over those records."""

    @property
    def timed(self) -> int:
        """Records whose time to money is counted."""
        return self.within_1 + self.within_2 + self.within_3 + self.later

    @property
    def mean_days(self) -> int | None:
        """Days from discharge to money, in hundredths, half up; None where nothing was paid."""
        return floor(Fraction(self.days * 100, self.timed) + Fraction(1, 2)) if self.timed else None


NAMES: Final = tuple(one.name for one in fields(Figures))


@dataclass(frozen=True, slots=True)
class FigureRow:
    """One institution's figures of a fund."""

    fund: int
    institution: str
    name: str
    figures: Figures


@dataclass(frozen=True, slots=True)
class Day:
    """A day's rows; `counted_at` is when the job counted them, None where they were counted just now."""

    day: date
    rows: Sequence[FigureRow]
    counted_at: datetime | None

    def of(self, fund: int = 0, institution: str = "") -> list[FigureRow]:
        """The rows of a fund (0: all) and an institution."""
        return [one for one in self.rows if fund in (0, one.fund) and institution in ("", one.institution)]


# Each part once: of a day that was paid just now the planner knows nothing, and would add a part up for every institution.
COUNTED: Final[LiteralString] = """
    WITH owed AS MATERIALIZED (
        SELECT p.fund, p.institution, count(*) FILTER (WHERE p.fund_fen >= 0) AS records, count(*) FILTER (WHERE p.fund_fen < 0) AS reversals,
               sum(p.fund_fen)::bigint AS fund_fen, sum(p.daily_fen)::bigint AS payable_fen
          FROM fund.payable p WHERE p.region = %(region)s AND p.day = %(day)s AND p.subfund = 'pool' GROUP BY 1, 2),
    ordered AS MATERIALIZED (
        SELECT o.fund, o.institution, count(*) AS orders, sum(o.amount_fen)::bigint AS order_fen FROM payments.batch b
          JOIN payments.pay_order o ON o.region = b.region AND o.batch_id = b.batch_id
         WHERE b.region = %(region)s AND b.pay_date = %(day)s AND o.state <> 'cancelled' GROUP BY 1, 2),
    received AS MATERIALIZED (
        SELECT o.fund, o.institution, o.order_no, v.amount_fen, o.state = 'returned' AS back FROM payments.evidence v
          JOIN payments.pay_order o ON o.region = v.region AND o.order_no = v.matched_order
         WHERE v.region = %(region)s AND v.booking_date = %(day)s AND v.outcome = 'posted' AND v.direction = 'debit'),
    -- money that came back has not arrived; its row stays, so that what was kept of it before is counted anew
    paid AS MATERIALIZED (SELECT r.fund, r.institution, count(*) FILTER (WHERE NOT r.back) AS paid,
                    coalesce(sum(r.amount_fen) FILTER (WHERE NOT r.back), 0)::bigint AS paid_fen FROM received r GROUP BY 1, 2),
    failed AS MATERIALIZED (
        SELECT o.fund, o.institution, count(*) AS failed, sum(o.amount_fen)::bigint AS failed_fen FROM payments.order_event e
          JOIN payments.pay_order o ON o.region = e.region AND o.order_no = e.order_no
         WHERE e.region = %(region)s AND e.business_date = %(day)s AND e.to_state IN ('rejected', 'returned') GROUP BY 1, 2),
    timed AS MATERIALIZED (
        SELECT r.fund, r.institution, count(*) FILTER (WHERE %(day)s - p.day <= 1) AS within_1,
               count(*) FILTER (WHERE %(day)s - p.day = 2) AS within_2, count(*) FILTER (WHERE %(day)s - p.day = 3) AS within_3,
               count(*) FILTER (WHERE %(day)s - p.day > 3) AS later, sum(%(day)s - p.day)::bigint AS days
          FROM received r JOIN payments.order_payable d ON d.region = %(region)s AND d.order_no = r.order_no
          JOIN fund.payable p ON p.region = d.region AND p.fund = d.fund AND p.setl_id = d.setl_id AND p.subfund = d.subfund
         WHERE p.daily_fen > 0 AND NOT r.back GROUP BY 1, 2)
    SELECT k.fund, k.institution, i.name, coalesce(a.records, 0), coalesce(a.reversals, 0), coalesce(a.fund_fen, 0), coalesce(a.payable_fen, 0),
           coalesce(b.orders, 0), coalesce(b.order_fen, 0), coalesce(c.paid, 0), coalesce(c.paid_fen, 0), coalesce(d.failed, 0),
           coalesce(d.failed_fen, 0), coalesce(t.within_1, 0), coalesce(t.within_2, 0), coalesce(t.within_3, 0), coalesce(t.later, 0),
           coalesce(t.days, 0)
      FROM (SELECT fund, institution FROM owed UNION SELECT fund, institution FROM ordered UNION SELECT fund, institution FROM paid
            UNION SELECT fund, institution FROM failed) k
      LEFT JOIN owed a USING (fund, institution) LEFT JOIN ordered b USING (fund, institution) LEFT JOIN paid c USING (fund, institution)
      LEFT JOIN failed d USING (fund, institution) LEFT JOIN timed t USING (fund, institution)
      JOIN fund.institution i ON i.region = %(region)s AND i.institution = k.institution
     ORDER BY k.fund, k.institution COLLATE "C" """
_KEPT: Final[LiteralString] = """
    SELECT m.fund, m.institution, i.name, m.records, m.reversals, m.fund_fen, m.payable_fen, m.orders, m.order_fen, m.paid, m.paid_fen,
           m.failed, m.failed_fen, m.within_1, m.within_2, m.within_3, m.later, m.days, m.recorded_at
      FROM fund.monitor_figure m JOIN fund.institution i ON i.region = m.region AND i.institution = m.institution
     WHERE m.region = %(region)s AND m.day = %(day)s ORDER BY m.fund, m.institution COLLATE "C" """


def count_day(tx: Transaction, day: date) -> Day:
    """The figures of a day as they are now; of the funds the user may see."""
    rows = tx.rows(COUNTED, region=tx.region, day=day)
    return Day(day, [FigureRow(fund, code, name, Figures(*rest)) for fund, code, name, *rest in rows], None)


def day_of(tx: Transaction, day: date, today: date) -> Day:
    """Today's figures as they are now, an earlier day's as the job counted them last; counted now where it never did."""
    if day < today:
        rows = tx.rows(_KEPT, region=tx.region, day=day)
        if rows:
            found = [FigureRow(fund, code, name, Figures(*rest)) for fund, code, name, *rest, _ in rows]
            return Day(day, found, max(row[-1] for row in rows))
    return count_day(tx, day)


def total(rows: Iterable[FigureRow]) -> Figures:
    """The sum of rows."""
    found = list(rows)
    return Figures(**{name: sum(getattr(one.figures, name) for one in found) for name in NAMES})


def plain(one: Figures) -> dict[str, Any]:
    """For machines: money in fen as text, the mean time to money in hundredths of a day."""
    said: dict[str, Any] = {
        name: str(getattr(one, name)) if name.endswith("_fen") else getattr(one, name) for name in NAMES
    }
    return said | {"mean_days": one.mean_days}
