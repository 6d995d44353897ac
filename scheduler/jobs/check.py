"""Every night: all promises of all books, by the auditor's login."""

from __future__ import annotations

from datetime import datetime

import psycopg

from ledger.bootstrap import App
from ledger.control.verify import verify
from ledger.core.errors import Conflict
from ledger.db.connections import driver_of
from ledger.db.unit_of_work import ENDING, translate


def check_promises(app: App, _region: int, _moment: datetime) -> str:
    """`clean`; raises Conflict `verify.findings` naming the first of what was found. How many is kept under the auditor's login."""
    breaches = verify(app.auditor, app.settings.home)
    _keep(app, len(breaches))
    if breaches:
        first = breaches[0]
        raise Conflict(
            "verify.findings",
            f"发现{len(breaches)}处问题，首个：{first.promise} {first.book} {first.entry} {first.message}",
        )
    return "clean"


def _keep(app: App, findings: int) -> None:
    """Write what was found under the lease of the run; whoever checks without one keeps nothing. Raises Conflict `job.lease_lost`."""
    held = ENDING.get()
    if held is None:
        return
    with app.auditor.connect() as lent:
        connection = driver_of(lent)
        connection.rollback()
        try:
            connection.execute("SET TRANSACTION READ WRITE")
            connection.execute(
                "SELECT jobs.keep_check(%(region)s, %(slot)s, %(epoch)s, %(findings)s)",
                {**held.values, "findings": findings},
            )
            connection.commit()
        except psycopg.Error as error:
            raise translate(error) from error
