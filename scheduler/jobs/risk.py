"""Every morning, after the day's work: the rules of risk asked of the three days before, since records come late. It takes no step."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from ledger.acts.acting import acting
from ledger.acts.tracing import What
from ledger.bootstrap import App
from ledger.control.risk.run import run_rules

DAYS_BACK: Final = 3


def ask_rules(app: App, region: int, moment: datetime) -> str:
    """`新增2项`, by day. Raises what `run_rules` raises."""
    today = moment.date()
    found = 0
    with acting(app, What(region, "risk.run", today.isoformat())) as doing:
        for back in range(DAYS_BACK, 0, -1):
            found += len(run_rules(doing.tx, today - timedelta(days=back), today))
    return f"新增风险事项{found}件"
