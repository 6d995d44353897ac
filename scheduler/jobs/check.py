"""Every night: all promises of all books, by the auditor's login."""

from __future__ import annotations

from datetime import datetime

from ledger.bootstrap import App
from ledger.control.verify import verify
from ledger.core.errors import Conflict


def check_promises(app: App, _region: int, _moment: datetime) -> str:
    """`clean`; raises Conflict `verify.findings` naming the first of what was found."""
    findings = verify(app.auditor, app.settings.home)
    if findings:
        first = findings[0]
        raise Conflict(
            "verify.findings",
            f"发现{len(findings)}处问题，首个：{first.promise} {first.book} {first.entry} {first.message}",
        )
    return "clean"
