"""Every ten minutes: fetch what the banks have put out and book it."""

from __future__ import annotations

from datetime import datetime

from ledger.acts.acting import stepping
from ledger.acts.anchoring import anchor
from ledger.acts.tracing import What
from ledger.bootstrap import App
from ledger.core.errors import Conflict
from ledger.payments.incoming.receive import receive


def take_receipts(app: App, region: int, moment: datetime) -> str:
    """Receive for every 支出户 of the region; raises what `receive` raises (the next run tries again).

    What the wire left comes with the next run. What the books refuse nobody hears of unless the run has failed: Conflict
    `receipts.refused`, once the other files are taken.
    """
    files, left, refused = 0, list[str](), list[str]()
    accounts = app.expenditure_accounts(region)
    with stepping(app, What(region, "payments.receive", ",".join(accounts))):
        for account in accounts:
            done = receive(app.engine, app.user, region, account, app.bank(region, account), moment.date())
            files += done.files
            for failure in done.failures:
                (refused if failure.by_books else left).append(f"{failure.name}（{failure.code}）")
        if refused:  # within the act: its own line says so too, and what the others booked is anchored first
            anchor(app, region)
            raise Conflict(
                "receipts.refused",
                f"{len(refused)}个银行文件账务未能收入、留在银行：{'、'.join(refused)}；其余{files}个已处理",
            )
    return f"处理文件{files}个" + (f"，{len(left)}个留在银行未取：{'、'.join(left)}" if left else "")
