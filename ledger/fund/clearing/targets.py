"""The two figures of the three-year plan per region and year: the date the year was cleared, the share left to clearing.

They are targets (左右): shown with the distance, never a reason to refuse anything (procedure.md 4).
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import floor
from typing import Final, LiteralString

from ledger.core.accounts import coded
from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import Transaction
from ledger.fund.region.policy import choice


@dataclass(frozen=True, slots=True)
class ClearingTarget:
    """What the plan asks of a year; shares in ten-thousandths."""

    by: date
    share_low: int
    share_high: int
    source: str


@dataclass(frozen=True, slots=True)
class YearFigures:
    """How far a fund's year is; amounts in fen."""

    fund: int
    year: int
    target: ClearingTarget
    institutions: int
    """That have money of the year."""
    cleared: int
    """Of these: paid by the bank, or confirmed with nothing to pay."""
    reached_on: date | None
    """The day the last one was cleared; None while any is open."""
    days_late: int
    """From the target to the day reached, or to the day asked while open; negative: early."""
    clearing_fen: int
    """Confirmed to be paid at clearing (positive rows 9), quarters included."""
    payments_fen: int
    """All payments of the year: paid before clearing, offsets included, and the clearing money."""

    @property
    def share(self) -> Fraction:
        """Left to clearing; 0 while nothing was paid."""
        return Fraction(self.clearing_fen, self.payments_fen) if self.payments_fen else Fraction(0)

    @property
    def share_ratio(self) -> int:
        """The share in ten-thousandths, half up."""
        return floor(self.share * 10_000 + Fraction(1, 2))

    @property
    def share_over(self) -> int:
        """Ten-thousandths above the target's upper figure; negative: below."""
        return self.share_ratio - self.target.share_high


def target_of(tx: Transaction, year: int, day: date) -> ClearingTarget:
    """The plan's target for a year of this region, pilot or not; raises InvalidInput `clearing.no_target`."""
    pilot = choice(tx, "clearing_pilot", day, "N") == "Y"
    row = tx.row(
        "SELECT by_month, share_low, share_high, source FROM fund.clearing_target WHERE pilot = %(pilot)s"
        " AND from_year <= %(year)s ORDER BY from_year DESC LIMIT 1",
        pilot=pilot, year=year,
    )  # fmt: skip
    if row is None:
        raise InvalidInput("clearing.no_target", f"三年行动计划没有{year}年度的目标", year=year)
    month, low, high, source = row
    return ClearingTarget(date(year + 1, month, monthrange(year + 1, month)[1]), low, high, source)


# Whoever has money of the year: what was recognised is told by the balances, which are few; of the millions of records those only are
# asked that are not in the books yet, or came by the opening entry.
_CLEARED: Final[LiteralString] = coded("""
    WITH known AS (
        SELECT d.counterparty AS institution FROM books.balance b JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
         WHERE b.region = %(region)s AND b.fund = %(fund)s AND b.account = {RECOGNISED} AND d.service_year = %(year)s
         UNION
        SELECT p.institution FROM fund.payable p
         WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.service_year = %(year)s AND p.recognised_by = ''
         UNION
        SELECT p.institution FROM fund.payable p
         WHERE p.region = %(region)s AND p.fund = %(fund)s AND p.service_year = %(year)s AND p.recognised_by = 'OPEN:2')
    SELECT w.institution, s.cleared_on FROM known w
      LEFT JOIN fund.letter_status s ON s.region = %(region)s AND s.fund = %(fund)s AND s.institution = w.institution
       AND s.year = %(year)s AND s.period = 'year' AND s.state <> 'void'
""")


def year_figures(tx: Transaction, fund: int, year: int, day: date) -> YearFigures:
    """The fund's year as it stands on `day`."""
    where = {"region": tx.region, "fund": fund, "year": year}
    rows = tx.rows(_CLEARED, **where)
    days = [cleared for _, cleared in rows if cleared is not None]
    reached = max(days) if rows and len(days) == len(rows) else None
    clearing: int = tx.value(
        "SELECT coalesce(sum(row9_fen), 0)::bigint FROM fund.letter_status WHERE region = %(region)s AND fund = %(fund)s"
        " AND year = %(year)s AND state IN ('confirmed', 'paid') AND row9_fen > 0",
        **where,
    )
    paid: int = tx.value(
        coded(
            "SELECT coalesce(sum(b.credit - b.debit), 0)::bigint FROM books.balance b"
            " JOIN books.dim d ON d.region = b.region AND d.dim = b.dim WHERE b.region = %(region)s AND b.fund = %(fund)s"
            " AND d.service_year = %(year)s AND b.account IN ({DAILY_PAID}, {MONTH_PAID}, {OFFSETS})"
        ),
        **where,
    )
    target = target_of(tx, year, day)
    late = ((reached or day) - target.by).days
    return YearFigures(fund, year, target, len(rows), len(days), reached, late, clearing, paid + clearing)
