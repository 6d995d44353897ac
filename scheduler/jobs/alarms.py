"""Every five minutes: alarms nobody was told of go out, and those nobody took are tried again."""

from __future__ import annotations

import time
from datetime import datetime

from ledger.acts.telling import tell
from ledger.bootstrap import App


def tell_alarms(app: App, region: int, _moment: datetime) -> str:
    """How many were taken; raises InvalidInput `notices.*`."""
    done = tell(app, region, time.time())
    return f"告警送达{done.sent}件，未送达{done.failed}件"
