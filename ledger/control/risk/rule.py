"""What a rule of risk is: its question, its measure, the dated choices of a region it is asked with.

A rule reads payables and orders by the entries that booked them, up to an entry of each book: what came later changes no answer,
so `verify` asks the same again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, LiteralString

SHARE, MONEY = "share", "money"
"""What a figure is counted in: ten-thousandths, or fen."""
OFF: Final = "off"

KNOWN: Final[LiteralString] = """
    WITH named AS MATERIALIZED (
        SELECT DISTINCT p.fund, p.recognised_by FROM fund.payable p
         WHERE p.region = %(region)s AND p.subfund = 'pool' AND p.day BETWEEN %(first)s AND %(day)s AND %(institution)s IN ('', p.institution)),
    unheard AS MATERIALIZED (
        SELECT n.fund, n.recognised_by FROM named n WHERE NOT EXISTS (
            SELECT 1 FROM books.source s WHERE s.region = %(region)s AND s.fund = n.fund AND s.source_key = n.recognised_by
               AND s.seq <= (%(seqs)s::bigint[])[array_position(%(funds)s::smallint[], n.fund)] OFFSET 0)),
    known AS MATERIALIZED (
        SELECT p.institution, p.fund, p.day, p.setl_id, p.fund_fen, p.daily_fen FROM fund.payable p
         WHERE p.region = %(region)s AND p.subfund = 'pool' AND p.day BETWEEN %(first)s AND %(day)s AND %(institution)s IN ('', p.institution)
           AND (p.fund, p.recognised_by) NOT IN (SELECT u.fund, u.recognised_by FROM unheard u))"""
"""The payables of the days `first` to `day` that the books knew: their entries are looked up, not their records one by one, so
that it is as quick where the planner knows nothing yet of a day just taken in (OFFSET 0: else it holds all against all)."""


@dataclass(frozen=True, slots=True)
class RiskRule:
    """One rule. Its query answers (institution, figure, evidence) of every institution at `threshold` or above.

    Parameters of the query: region, institution ('' for all), first, month, day, funds and seqs (the last entry known of each
    fund's book), threshold, and each choice of
    `asks` by its name.
    """

    code: str
    """As in `fund.risk_case.rule`; its words are `risk.rule`."""
    key: LiteralString
    """The choice that switches it off or says where it begins."""
    default: str
    asks: Mapping[str, int]
    """Other choices, by key without `risk_`, with what holds where the region chose none; whole numbers."""
    text: LiteralString
    """Its question, after `KNOWN` where it reads that."""
    measure: str = SHARE
    monthly: bool = False
    """Whether it looks at the month up to the day and finds once a month, or at the day alone."""
    back: str = ""
    """Which of `asks` says how many days before its first day it reads."""
    yearly: bool = False
    """Whether it reads from the first of January."""
    reads_known: bool = True

    @property
    def query(self) -> LiteralString:
        """What is asked."""
        return KNOWN + self.text if self.reads_known else self.text

    def period(self, day: date) -> str:
        """What a finding of the day is of: `2026-10`, or `2026-10-13`."""
        return f"{day:%Y-%m}" if self.monthly else day.isoformat()

    def threshold(self, said: str) -> int:
        """Where it begins, in the unit of its figure: percents as ten-thousandths; any sum of money at all."""
        return int(said) * 100 if self.measure == SHARE else 1

    def span(self, day: date, terms: Mapping[str, int]) -> dict[str, date]:
        """Its days: `first` that is read, `month` the first of its month."""
        month = day.replace(day=1)
        first = day.replace(month=1, day=1) if self.yearly else month if self.monthly else day
        return {
            "first": first - timedelta(days=terms[self.back] if self.back else 0),
            "month": month,
            "day": day,
        }
