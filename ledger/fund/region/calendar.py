"""The calendar of working days in the database: imported with its source, never computed."""

from __future__ import annotations

import csv
from datetime import date
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from ledger.core.dates import Calendar
from ledger.db.unit_of_work import Transaction
from ledger.fund.region.holidays import HolidayTable

if TYPE_CHECKING:  # for the type only: it costs more than most commands
    from sqlalchemy.engine import Engine


def read_calendar(tx: Transaction) -> Calendar:
    """The years and special days in force; asking it for another year is refused."""
    years = frozenset(year for (year,) in tx.rows("SELECT year FROM fund.calendar_year"))
    return Calendar(years, dict(tx.rows("SELECT day, working FROM fund.calendar_day")))


def read_years(tx: Transaction) -> list[tuple[int, str]]:
    """The years in force with the notice each rests on."""
    return [
        (year, source) for year, source in tx.rows("SELECT year, source FROM fund.calendar_year ORDER BY 1")
    ]


@cache
def shipped_tables() -> tuple[HolidayTable, ...]:
    """The State Council tables this version ships."""
    content = (files("ledger.fund") / "data" / "calendar.csv").read_text(encoding="utf-8")
    days: dict[tuple[int, str], list[tuple[date, bool]]] = {}
    for row in csv.DictReader(content.splitlines()):
        key = (int(row["year"]), row["source"])
        days.setdefault(key, []).append((date.fromisoformat(row["day"]), row["working"] == "Y"))
    return tuple(HolidayTable(year, source, tuple(sorted(found))) for (year, source), found in days.items())


def shipped_calendar() -> Calendar:
    """The calendar of a new installation, before there is a database."""
    tables = shipped_tables()
    return Calendar(
        frozenset(table.year for table in tables),
        {day: working for table in tables for day, working in table.days},
    )


def import_shipped_calendar(engine: Engine) -> int:
    """Import the shipped tables as the database's administrator; how many years are new. Known ones stay as they are."""
    with engine.begin() as connection:
        years = connection.exec_driver_sql("SELECT year FROM fund.calendar_year")
        known = {year for (year,) in years}
        new = [table for table in shipped_tables() if table.year not in known]
        for table in new:
            connection.exec_driver_sql(
                "INSERT INTO fund.calendar_year VALUES (%s, %s)", (table.year, table.source)
            )
            connection.exec_driver_sql(
                "INSERT INTO fund.calendar_day VALUES (%s, %s, %s)",
                [(day, working, table.year) for day, working in table.days],
            )
    return len(new)
