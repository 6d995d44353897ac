"""Every ten minutes: the monitor's figures of the day, and of the three days before it, counted and kept."""

from __future__ import annotations

from datetime import datetime

from ledger.bootstrap import App
from ledger.control.monitor.keep import keep_figures
from ledger.db.unit_of_work import unit_of_work


def count_figures(app: App, region: int, moment: datetime) -> str:
    """`412行`: how many rows of figures were written."""
    with unit_of_work(app.engine, app.user, region) as tx:
        written = keep_figures(tx, moment.date(), f"{moment:%H:%M}")
    return f"{written}行"
