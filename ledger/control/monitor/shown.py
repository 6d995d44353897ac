"""The monitor as one answer: a day's figures, coverage of a 期号, the years' clearing; the same at the command line and over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from ledger.control.monitor.coverage import Covered, covered, settled_terms, together
from ledger.control.monitor.figures import FigureRow, Figures, day_of, plain, total
from ledger.control.monitor.keep import Connected, Point, connected, days_kept, ticks_kept
from ledger.core.dates import SHANGHAI
from ledger.core.entries import FUND_NAMES
from ledger.core.errors import InvalidInput
from ledger.db.unit_of_work import Transaction
from ledger.fund.clearing.targets import YearFigures, year_figures

DAYS: Final = 31
"""Days of the chart of days."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """What is watched in a region on a day; amounts in fen, shares in ten-thousandths."""

    day: date
    fund: int
    """0: all."""
    institution: str
    counted_at: datetime | None
    """When the job counted the day; None: counted just now."""
    connected: Connected
    rows: list[FigureRow]
    all: Figures
    days: list[Point]
    ticks: list[Point]
    term: int
    """The 期号 of the coverage; 0 while none is settled."""
    terms: list[int]
    coverage: list[Covered]
    years: list[YearFigures]

    @property
    def covered(self) -> Covered:
        """The region's coverage, of the rows looked at."""
        return together(self.coverage)

    def as_json(self) -> dict[str, Any]:
        """For machines: money in fen as text, days as ISO text, shares in ten-thousandths."""
        return {
            "day": self.day.isoformat(), "counted_at": self.counted_at and self.counted_at.astimezone(SHANGHAI).isoformat(),
            "institutions": self.connected.institutions, "daily_institutions": self.connected.daily, "total": plain(self.all),
            "rows": [{"fund": one.fund, "institution": one.institution, "name": one.name} | plain(one.figures) for one in self.rows],
            "days": [_point(one) for one in self.days], "runs": [_point(one) for one in self.ticks], "term": self.term or None,
            "coverage": self.covered.plain(), "covered": [one.plain() for one in self.coverage],
            "clearing": [
                {
                    "fund": one.fund, "year": one.year, "by": one.target.by.isoformat(), "institutions": one.institutions,
                    "cleared": one.cleared, "reached_on": one.reached_on and one.reached_on.isoformat(), "days_late": one.days_late,
                    "share": one.share_ratio, "share_low": one.target.share_low, "share_high": one.target.share_high,
                }
                for one in self.years
            ],
        }  # fmt: skip


def read_monitor(
    tx: Transaction, day: date, today: date, *, fund: int = 0, institution: str = "", term: int = 0
) -> Monitor:
    """The monitor of a day, not after `today`; of a fund and an institution, where asked. Raises InvalidInput `monitor.future`."""
    if day > today:
        raise InvalidInput("monitor.future", f"{day}还没有到", day=day.isoformat())
    found = day_of(tx, day, today)
    rows = found.of(fund, institution)
    terms = list(settled_terms(tx))
    wanted = term or (terms[0] if terms else 0)
    settled = (
        [one for one in covered(tx, wanted, day, fund) if institution in ("", one.institution)]
        if wanted
        else []
    )
    return Monitor(
        day, fund, institution, found.counted_at, connected(tx, day), rows, total(rows), list(days_kept(tx, day, DAYS, fund, institution)),
        list(ticks_kept(tx, day, fund)) if not institution else [], wanted, terms, settled, _years(tx, day, fund),
    )  # fmt: skip


def _years(tx: Transaction, day: date, fund: int) -> list[YearFigures]:
    """The year before and this one, by fund, as far as the books know them and the three-year plan has a target."""
    known = {
        year
        for (year,) in tx.rows(
            "SELECT DISTINCT d.service_year FROM books.dim d WHERE d.region = %(region)s AND d.service_year BETWEEN %(first)s AND %(last)s",
            region=tx.region,
            first=day.year - 1,
            last=day.year,
        )
    }
    found = []
    for year in sorted(known):
        for of in [fund] if fund else FUND_NAMES:
            try:
                one = year_figures(tx, of, year, day)
            except InvalidInput as none:
                if none.code != "clearing.no_target":
                    raise
                continue
            found += [one] if one.institutions else []
    return found


def _point(one: Point) -> dict[str, Any]:
    return {name: str(value) if name.endswith("_fen") else value for name, value in one._asdict().items()}
