"""INV-11: rules count by no holiday table but those shipped with the program and those two persons put in force."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from typing import Final

from ledger.control.breach import Breach
from ledger.control.snapshot import Snapshot
from ledger.fund.region.calendar import shipped_tables

_TABLES: Final = """
    SELECT y.year, y.source, coalesce(string_agg(d.day || CASE WHEN d.working THEN ',Y' ELSE ',N' END, ';' ORDER BY d.day), '')
      FROM fund.calendar_year y LEFT JOIN fund.calendar_day d ON d.year = y.year GROUP BY y.year, y.source ORDER BY y.year
"""
_CONFIRMED: Final = """
    SELECT year, encode(digest, 'hex') FROM fund.calendar_proposal p WHERE state = 'confirmed' AND decided_by <> proposed_by
       AND decided_on = (SELECT max(decided_on) FROM fund.calendar_proposal q WHERE q.year = p.year AND q.state = 'confirmed')
"""


def check_calendar(snapshot: Snapshot) -> Iterator[Breach]:
    """Years whose days or source are neither the last that two persons confirmed nor, where nobody did, the shipped ones."""
    shipped = {
        (table.year, table.source, ";".join(f"{day},{'Y' if working else 'N'}" for day, working in table.days))
        for table in shipped_tables()
    }  # fmt: skip
    confirmed = set(snapshot.rows(_CONFIRMED))
    for year, source, days in snapshot.rows(_TABLES):
        digest = sha256(f"{year}|{source}|{days}".encode()).hexdigest()
        by_two = any(known == year for known, _ in confirmed)
        if (year, digest) not in confirmed and (by_two or (year, source, days) not in shipped):
            yield Breach(
                "INV-11", "", f"calendar {year}", f"{year}年节假日表与随附的或两人复核的不符，已被改动"
            )
