"""The calendar of working days in the database: imported with its source, never computed."""

from __future__ import annotations

import csv
from datetime import date
from importlib.resources import files

from ledger.core.dates import Calendar
from ledger.db.unit_of_work import Transaction


def read_calendar(tx: Transaction) -> Calendar:
    """The years and special days imported so far; asking it for another year is refused."""
    years = frozenset(year for (year,) in tx.rows("SELECT year FROM fund.calendar_year"))
    return Calendar(years, dict(tx.rows("SELECT day, working FROM fund.calendar_day")))


def import_shipped_calendar(tx: Transaction) -> int:
    """Import the State Council tables this version ships; returns how many years are new. Known years stay as they are."""
    known = {year for (year,) in tx.rows("SELECT year FROM fund.calendar_year")}
    sources: dict[int, str] = {}
    days: dict[date, bool] = {}
    text = (files("ledger.fund") / "data" / "calendar.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(text.splitlines()):
        year = int(row["year"])
        if year in known:
            continue
        sources[year] = row["source"]
        days[date.fromisoformat(row["day"])] = row["working"] == "Y"
    tx.run_many(
        "INSERT INTO fund.calendar_year VALUES (%(year)s, %(source)s)",
        [{"year": year, "source": source} for year, source in sources.items()],
    )
    tx.run_many(
        "INSERT INTO fund.calendar_day VALUES (%(day)s, %(working)s, %(year)s)",
        [{"day": day, "working": working, "year": day.year} for day, working in days.items()],
    )
    return len(sources)
