"""The demo's month goes by: what was paid is handed back, the bank's statements are reconciled, two persons close the month."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

from ledger.books.setup import books_of
from ledger.closing.status import next_to_close
from ledger.core.dates import next_month, period_of
from ledger.core.entries import FUNDS, Book
from ledger.core.errors import Conflict
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.month.handback import hand_back
from ledger.payments.statements.take import taken
from ledger.simulation.bank import DemoBank
from ledger.simulation.demo.day import Progress, has_drafts
from ledger.simulation.month_end import (
    CLOSE_FROM,
    KNOWN_BAD,
    MonthEnd,
    close_due,
    match_accounts,
    reconcile,
    take_day,
)
from ledger.simulation.people import DEMO_REGION
from ledger.simulation.staff import Staff


def require_open_month(staff: Staff, pay_date: date) -> None:
    """Raises Conflict `demo.month_closed` for a new day of a month that an earlier run of this home has closed."""
    if has_drafts(staff, pay_date):
        return
    with unit_of_work(staff.accountant.engine, staff.accountant.user, DEMO_REGION) as tx:
        for book, _ in books_of(tx):
            if period_of(pay_date) < next_to_close(tx, book):
                raise Conflict(
                    "demo.month_closed",
                    f"会计期间{period_of(pay_date)}在此数据目录中已经结账，{pay_date}不能再演示：请另选以后月份的日期，"
                    "或用FUNDLEDGER_HOME另选目录",
                    period=period_of(pay_date),
                )


def closing_day(pay_date: date) -> date:
    """The day on which the demo closes the month of a payout."""
    return next_month(pay_date).replace(day=CLOSE_FROM)


def end_month(staff: Staff, bank: DemoBank, home: Path, pay_date: date, progress: Progress) -> MonthEnd:
    """Close every month up to that of the payout, on the sixth of the next. Repeated after a crash, or when all is closed, it
    does only what is left. What a check list line holds up is in the answer's `waiting`.
    """
    day, end = closing_day(pay_date), MonthEnd()
    while due := _due(staff, pay_date):
        month = min(due.values())
        due = {book: one for book, one in due.items() if one == month}
        for fund in FUNDS:
            hand_back(staff.accountant.engine, staff.accountant.user, DEMO_REGION, fund, month, day)
        _statements(staff, bank, month, day, progress)
        match_accounts(staff, bank, DEMO_REGION, day)
        reconcile(staff, bank, DEMO_REGION, month, day)
        done = close_due(staff, home, day, due, KNOWN_BAD)
        end.closed |= done.closed
        end.waiting |= done.waiting
        end.waivers += done.waivers
        end.vouchers += done.vouchers
        if done.waiting:
            break
    return end


def _due(staff: Staff, pay_date: date) -> dict[Book, int]:
    with unit_of_work(staff.accountant.engine, staff.accountant.user, DEMO_REGION) as tx:
        months = {book: next_to_close(tx, book) for book, _ in books_of(tx)}
    return {book: month for book, month in months.items() if month <= period_of(pay_date)}


def _statements(staff: Staff, bank: DemoBank, month: int, day: date, progress: Progress) -> None:
    """The days of the month that have not come in yet, the first ever being the month's first."""
    with unit_of_work(staff.accountant.engine, staff.accountant.user, DEMO_REGION) as tx:
        known = {account: taken(tx, account) for account in (bank.account, bank.fiscal)}
    began = min(
        (one[0].first_day for one in known.values() if one), default=date(month // 100, month % 100, 1)
    )
    done = min(len(one) for one in known.values())
    last = next_month(date(month // 100, month % 100, 1)) - timedelta(days=1)
    days = (last - began).days + 1
    for number in range(done, days):
        take_day(staff, bank, DEMO_REGION, began + timedelta(days=number), number + 1, day)
        progress("银行对账单", number + 1, days)
