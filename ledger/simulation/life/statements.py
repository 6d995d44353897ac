"""Simulated bank statements: each morning yesterday's come in; the month is matched, reconciled and reviewed on the fifth."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from ledger.core.dates import period_of
from ledger.simulation.month_end import match_accounts, reconcile, take_day
from ledger.simulation.town import Town

RECONCILED_ON: Final = 5
"""The receipts of a month's last days have come by then."""
_DAY: Final = timedelta(days=1)


def take_statement(town: Town, day: date) -> None:
    """A morning: yesterday's statements, none before the region's first day; from the fifth on the month before is reconciled."""
    first = town.asked.first.replace(day=1)
    while (over := first + town.statements * _DAY) < day:
        town.statements += 1
        take_day(town.staff, town.bank, town.asked.region, over, town.statements, day)
        town.count("statements", 2)
    month_before = day.replace(day=1) - _DAY
    if (
        day.day >= RECONCILED_ON
        and month_before > first
        and town.first("reconciled", period_of(month_before))
    ):
        match_statements(town, day)
        reconcile(town.staff, town.bank, town.asked.region, period_of(month_before), day)
        town.count("reconciliations", 2)


def match_statements(town: Town, day: date) -> None:
    """What carries the same number, and what somebody confirms by its amount."""
    town.count("matched_by_hand", match_accounts(town.staff, town.bank, town.asked.region, day))
