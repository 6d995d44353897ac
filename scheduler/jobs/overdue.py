"""Every morning: orders without a receipt after the allowed days become unknown and are listed; none is paid again."""

from __future__ import annotations

from datetime import datetime

from ledger.acts.acting import acting
from ledger.acts.tracing import What
from ledger.bootstrap import App
from ledger.payments.out.ask import ask_in


def ask_banks(app: App, region: int, moment: datetime) -> str:
    """How many orders the banks owe an answer for."""
    with acting(app, What(region, "payments.ask", str(region))) as doing:
        overdue = ask_in(doing.tx, moment.date())
    return f"逾期未见回单{len(overdue)}单"
