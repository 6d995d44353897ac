"""Every night: the control report and the three ways of the month that runs and of the last one, until it is signed."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from ledger.acts.acting import acting
from ledger.acts.tracing import What
from ledger.bootstrap import App
from ledger.core.dates import period_of
from ledger.db.unit_of_work import unit_of_work
from reports.control.drawn import draw_up, drawn
from reports.control.report import CASES, signed_of


def draw_reports(app: App, region: int, _moment: datetime) -> str:
    """How many were drawn up; the seed and the cases of one that stands stay what a person chose."""
    today = app.clock.today()
    months = {period_of(today), period_of(today.replace(day=1) - timedelta(days=1))}
    done = []
    for month in sorted(months):
        with unit_of_work(app.engine, app.user, region) as tx:
            signed, kept = signed_of(tx, month), drawn(tx, month)
        if signed is not None:
            continue
        seed = kept.seed if kept else hashlib.sha256(f"{region} {month} {app.user}".encode()).hexdigest()[:8]
        with acting(app, What(region, "control.draw", str(month))) as doing:
            draw_up(doing.tx, month, seed, kept.cases if kept else CASES)
        done.append(month)
    return f"编制{len(done)}个月" + "".join(f" {month}" for month in done)
