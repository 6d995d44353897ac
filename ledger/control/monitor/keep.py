"""What the job keeps: the figures of a day and the three before it (money and failures come later), and the region's every ten minutes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final, LiteralString, NamedTuple

from ledger.control.monitor.figures import NAMES, count_day
from ledger.db.unit_of_work import Transaction

DAYS_AFTER: Final = 3
"""How long a day is counted anew: receipts come within T+3."""
_PUT: Final[LiteralString] = """
    INSERT INTO fund.monitor_figure (region, day, fund, institution, records, reversals, fund_fen, payable_fen, orders, order_fen, paid,
        paid_fen, failed, failed_fen, within_1, within_2, within_3, later, days)
    VALUES (%(region)s, %(day)s, %(fund)s, %(institution)s, %(records)s, %(reversals)s, %(fund_fen)s, %(payable_fen)s, %(orders)s,
        %(order_fen)s, %(paid)s, %(paid_fen)s, %(failed)s, %(failed_fen)s, %(within_1)s, %(within_2)s, %(within_3)s, %(later)s, %(days)s)
    ON CONFLICT (region, day, fund, institution) DO UPDATE SET (records, reversals, fund_fen, payable_fen, orders, order_fen, paid,
        paid_fen, failed, failed_fen, within_1, within_2, within_3, later, days)
      = (excluded.records, excluded.reversals, excluded.fund_fen, excluded.payable_fen, excluded.orders, excluded.order_fen,
         excluded.paid, excluded.paid_fen, excluded.failed, excluded.failed_fen, excluded.within_1, excluded.within_2,
         excluded.within_3, excluded.later, excluded.days)"""
_TICK: Final[LiteralString] = """
    INSERT INTO fund.monitor_tick (region, day, at, fund, institutions, daily, records, payable_fen, orders, order_fen, paid, paid_fen,
        failed)
    SELECT %(region)s, %(day)s, %(at)s, b.fund, %(institutions)s, %(daily)s, coalesce(sum(m.records), 0), coalesce(sum(m.payable_fen), 0)::bigint,
           coalesce(sum(m.orders), 0), coalesce(sum(m.order_fen), 0)::bigint, coalesce(sum(m.paid), 0), coalesce(sum(m.paid_fen), 0)::bigint,
           coalesce(sum(m.failed), 0)
      FROM books.book b LEFT JOIN fund.monitor_figure m ON m.region = b.region AND m.fund = b.fund AND m.day = %(day)s
     WHERE b.region = %(region)s GROUP BY b.fund
    ON CONFLICT (region, day, at, fund) DO NOTHING"""
_CONNECTED: Final[LiteralString] = """
    SELECT count(*), count(*) FILTER (WHERE e.mode = 'daily') FROM fund.institution i
      LEFT JOIN fund.enrolment e ON e.region = i.region AND e.institution = i.institution AND %(day)s BETWEEN e.from_day AND e.to_day
     WHERE i.region = %(region)s AND i.agreement_state = 'active' AND %(day)s BETWEEN i.agreement_from AND i.agreement_to"""
_DAYS: Final[LiteralString] = """
    SELECT m.day, sum(m.records)::bigint, sum(m.payable_fen)::bigint, sum(m.order_fen)::bigint, sum(m.paid_fen)::bigint,
           sum(m.failed)::bigint FROM fund.monitor_figure m
     WHERE m.region = %(region)s AND m.day BETWEEN %(first)s AND %(last)s AND %(fund)s IN (0, m.fund) AND %(institution)s IN ('', m.institution)
     GROUP BY m.day ORDER BY m.day"""
_TICKS: Final[LiteralString] = """
    SELECT t.at, sum(t.records)::bigint, sum(t.payable_fen)::bigint, sum(t.order_fen)::bigint, sum(t.paid_fen)::bigint,
           sum(t.failed)::bigint FROM fund.monitor_tick t
     WHERE t.region = %(region)s AND t.day = %(day)s AND %(fund)s IN (0, t.fund) GROUP BY t.at ORDER BY t.at"""


_CAME_BACK: Final[LiteralString] = """
    SELECT DISTINCT v.booking_date FROM payments.order_event e
      JOIN payments.evidence v ON v.region = e.region AND v.matched_order = e.order_no AND v.outcome = 'posted' AND v.direction = 'debit'
     WHERE e.region = %(region)s AND e.business_date BETWEEN %(first)s AND %(last)s AND e.to_state = 'returned'"""
"""The days whose money came back on the days that are counted anew: it had not arrived then."""


class Point(NamedTuple):
    """The figures at one time: of a day, or of a run within a day; amounts in fen."""

    at: str
    records: int
    payable_fen: int
    order_fen: int
    paid_fen: int
    failed: int


class Connected(NamedTuple):
    """Institutions whose agreement is in force, and those of them paid by the day."""

    institutions: int
    daily: int


def keep_figures(tx: Transaction, day: date, at: str) -> int:
    """Count the day, the days before it and those whose money came back on them, and write what was counted; how many rows. `at` is the run's time of day, HH:MM."""
    written = 0
    first = day - timedelta(days=DAYS_AFTER)
    came_back = {paid for (paid,) in tx.rows(_CAME_BACK, region=tx.region, first=first, last=day)}
    for one in sorted(came_back | {first + timedelta(days=n) for n in range(DAYS_AFTER + 1)}):
        found = count_day(tx, one)
        rows = [
            {name: getattr(row.figures, name) for name in NAMES}
            | {"region": tx.region, "day": found.day, "fund": row.fund, "institution": row.institution}
            for row in found.rows
        ]
        if rows:
            tx.run_many(_PUT, rows)
        written += len(rows)
    tx.run(_TICK, region=tx.region, day=day, at=at, **connected(tx, day)._asdict())
    return written


def connected(tx: Transaction, day: date) -> Connected:
    """Of a day; an agreement as it stands now."""
    return Connected(*tx.rows(_CONNECTED, region=tx.region, day=day)[0])


def days_kept(
    tx: Transaction, last: date, days: int, fund: int = 0, institution: str = ""
) -> Sequence[Point]:
    """The days kept up to `last`, oldest first."""
    first = last - timedelta(days=days - 1)
    rows = tx.rows(_DAYS, region=tx.region, first=first, last=last, fund=fund, institution=institution)
    return [Point(row[0].isoformat(), *row[1:]) for row in rows]


def ticks_kept(tx: Transaction, day: date, fund: int = 0) -> Sequence[Point]:
    """The runs within a day."""
    return [Point(*row) for row in tx.rows(_TICKS, region=tx.region, day=day, fund=fund)]
