"""Every night: all promises of all books, by the auditor's login."""

from __future__ import annotations

from datetime import datetime

from ledger.bootstrap import App
from ledger.control.verify import verify
from ledger.core.errors import Conflict


def check_promises(app: App, _region: int, _moment: datetime) -> str:
    """`clean`; raises Conflict `verify.findings` naming the first of what was found."""
    breaches = verify(app.auditor, app.settings.home)
    if breaches:
        first = breaches[0]
        raise Conflict(
            "verify.findings",
            f"发现{len(breaches)}处问题，首个：{first.promise} {first.book} {first.entry} {first.message}",
        )
    return "clean"
