"""Every morning: book what arrived and draft what is owed, as `daily run` does. It never approves and never sends.

A day that is made up for is booked as of its own day, under the policy of that day, and drafts nothing: no order is to leave
with a day that is over. What it booked is drafted by the run of today.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Final

from ledger.acts.acting import acting
from ledger.acts.tracing import What
from ledger.books.setup import books_of, open_period
from ledger.bootstrap import App
from ledger.core.dates import period_of
from ledger.core.errors import LedgerError
from ledger.core.money import yuan_grouped
from ledger.db.unit_of_work import Transaction, unit_of_work
from ledger.fund.daily.recognise import recognise
from ledger.fund.daily.run import run_daily_in
from ledger.fund.region.calendar import read_calendar
from ledger.rules.policy import RULES_SIGNER, policy_on

REST: Final = "非工作日，不办理"
_LATER: Final = ("voucher.date_backwards", "period.closed")


def run_day(app: App, region: int, moment: datetime) -> str:
    """What was booked and drafted; raises InvalidInput `calendar.unknown_year` and what `run_daily_in` raises."""
    day = moment.date()
    with unit_of_work(app.engine, app.user, region) as tx:
        working = read_calendar(tx).is_working_day(day)
    if not working:
        return REST
    what = What(region, "daily.run", day.isoformat())
    if day < app.clock.today():
        try:
            with acting(app, what) as doing:
                booked = _book(doing.tx, day)
        except LedgerError as refusal:
            if refusal.code not in _LATER:
                raise
            return f"补办：其后已有凭证或已结账（{refusal.code}），随当日办理"
        return f"补办：入账{booked}笔，不制单"
    with acting(app, what) as doing:
        done = run_daily_in(doing.tx, day, app.bears())
    total = sum(batch.total_fen for batch in done.batches)
    orders = sum(len(batch.order_nos) for batch in done.batches)
    return f"入账{done.entries}笔，制单{len(done.batches)}批{orders}单{yuan_grouped(total)}元，受阻{len(done.blocked)}项，待复核人审批"


def _book(tx: Transaction, day: date) -> int:
    entries = 0
    for book, _ in books_of(tx):
        open_period(tx, book, period_of(day))
        entries += recognise(
            tx, book, policy_on(tx, tx.region, day), day - timedelta(days=1), day, RULES_SIGNER
        )
    return entries
