"""Every ten minutes: fetch what the banks have put out and book it."""

from __future__ import annotations

from datetime import datetime

from ledger.acts.acting import stepping
from ledger.acts.tracing import What
from ledger.bootstrap import App
from ledger.payments.incoming.receive import receive


def take_receipts(app: App, region: int, moment: datetime) -> str:
    """Receive for every 支出户 of the region; raises what `receive` raises (the next run tries again)."""
    files, left = 0, list[str]()
    accounts = app.expenditure_accounts(region)
    with stepping(app, What(region, "payments.receive", ",".join(accounts))):
        for account in accounts:
            done = receive(app.engine, app.user, region, account, app.bank(region, account), moment.date())
            files += done.files
            left += [f"{failure.name}（{failure.code}）" for failure in done.failures]
    return f"处理文件{files}个" + (f"，{len(left)}个留在银行未取：{'、'.join(left)}" if left else "")
