"""Once a month: what is past its time of keeping is listed for people to decide. Nothing is deleted here."""

from __future__ import annotations

from datetime import datetime

from ledger.bootstrap import App
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.region.retention import KIND_NAMES, read_retention


def list_retention(app: App, region: int, moment: datetime) -> str:
    """Each kind of which something is past its time, with how many; as of the day of the run."""
    with unit_of_work(app.engine, app.user, region) as tx:
        found = [one for one in read_retention(tx, moment.date()) if one.past]
    return (
        "、".join(f"{KIND_NAMES[one.kind]}逾期{one.past}件（{one.before}以前）" for one in found) or "无逾期"
    )
