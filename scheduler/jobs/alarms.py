"""Every five minutes: alarms nobody was told of go out, and those nobody took are tried again."""

from __future__ import annotations

from datetime import datetime

from ledger.acts.telling import tell
from ledger.bootstrap import App
from ledger.core.dates import machine_seconds


def tell_alarms(app: App, region: int, _moment: datetime) -> str:
    """How many were taken; raises InvalidInput `notices.*`."""
    done = tell(app, region, machine_seconds())
    return f"告警送达{done.sent}件，未送达{done.failed}件"
