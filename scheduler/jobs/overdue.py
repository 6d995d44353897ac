"""Every morning: orders without a receipt after the allowed days become unknown and are listed; none is paid again."""

from __future__ import annotations

from datetime import datetime

from ledger.bootstrap import App
from ledger.payments.out.ask import ask


def ask_banks(app: App, region: int, moment: datetime) -> str:
    """How many orders the banks owe an answer for."""
    overdue = ask(app.engine, app.user, region, moment.date())
    return f"逾期未见回单{len(overdue)}单"
