"""What the worker would do of itself each day: the rules of risk asked of yesterday, the monitor's figures kept."""

from __future__ import annotations

from datetime import date, timedelta

from ledger.control.monitor.keep import keep_figures
from ledger.control.risk.run import NewCase, run_rules
from ledger.db.unit_of_work import Transaction


def watch_day(tx: Transaction, day: date) -> list[NewCase]:
    """As the system's user, in the evening of a day; the cases found anew."""
    found = run_rules(tx, day - timedelta(days=1), day)
    keep_figures(tx, day, "20:00")
    return found
