"""The demo's day told while it is lived: each step with its time, and the day in numbers at the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

from ledger.acts.anchoring import anchor
from ledger.books.setup import books_of
from ledger.closing.status import state_of
from ledger.core.accounts import coded
from ledger.core.dates import period_of
from ledger.db.unit_of_work import unit_of_work
from ledger.fund.intake.file import FileResult
from ledger.simulation.bank import DemoBank
from ledger.simulation.demo import day as demo_day
from ledger.simulation.demo import month_end
from ledger.simulation.grant import allot, grant_money
from ledger.simulation.month_end import MonthEnd
from ledger.simulation.people import DEMO_REGION, EXPENDITURE_ACCOUNT
from ledger.simulation.platform.day import Generated
from ledger.simulation.staff import Staff

T = TypeVar("T")


class Narrator:
    """Says on standard error what is going on, with the time each step took."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.live = sys.stderr.isatty()

    def say(self, text: str) -> None:
        """One line."""
        self.console.print(text, highlight=False)

    def step(self, title: str, work: Callable[[], T]) -> T:
        """Do one step and tell how long it took."""
        started = time.perf_counter()
        with self.console.status(title):
            result = work()
        self.say(f"  {title}：{time.perf_counter() - started:.1f}秒")
        return result

    def count(self, title: str, done: int, total: int) -> None:
        """How far a long step is."""
        if self.live:
            self.say(f"    {title} {done}/{total}")


def live(
    narrator: Narrator, staff: Staff, bank: DemoBank, made: Generated, granted: int, pay_date: date
) -> list[FileResult]:
    """The day from master data to the last receipt, each step told."""
    month_end.require_open_month(staff, pay_date)
    demo_day.open_periods(staff, pay_date - timedelta(days=1))
    narrator.step(
        "机构与收款账户（一人录入、一人确认）",
        lambda: demo_day.take_institutions(staff, made.institutions, pay_date),
    )
    narrator.step("财政拨款入支出户", lambda: _grant(staff, bank, granted, pay_date - timedelta(days=1)))
    loads = narrator.step(
        "接入结算记录", lambda: demo_day.take_records(staff, made.settlements, narrator.count)
    )
    narrator.step("日拨付：记账、制单、审批、制盘、发送", lambda: demo_day.pay_out(staff, pay_date))
    narrator.step("银行处理与回单入账", lambda: demo_day.take_receipts(staff, bank, pay_date, narrator.count))
    narrator.step("监测数据与风险规则", lambda: demo_day.watch(staff, pay_date))
    return loads


def _grant(staff: Staff, bank: DemoBank, fen: int, day: date) -> None:
    grant_money(staff, fen, day)
    allot(bank, fen, fen, day)


def close_month(narrator: Narrator, staff: Staff, bank: DemoBank, home: Path, pay_date: date) -> MonthEnd:
    """The month's end on the sixth of the next, told; the chain's ends are anchored after it."""
    day = month_end.closing_day(pay_date)
    end = narrator.step(
        f"{day.month}月{day.day}日月末结账：回传、银行对账单、余额调节表、检查、会计主管确认",
        lambda: month_end.end_month(staff, bank, home, pay_date, narrator.count),
    )
    anchor(staff.system, DEMO_REGION)
    return end


def month_told(staff: Staff, end: MonthEnd, pay_date: date) -> dict[str, Any]:
    """The month in the answer: the same whether this run closed it or an earlier one."""
    month = period_of(pay_date)
    with unit_of_work(staff.accountant.engine, staff.accountant.user, DEMO_REGION) as tx:
        states = {state_of(tx, book, month) for book, _ in books_of(tx)}
        waivers = tx.value(
            "SELECT count(*) FROM books.closing_waiver WHERE region = %(region)s AND period = %(period)s AND granted_by <> ''",
            region=DEMO_REGION,
            period=month,
        )
    return {
        "month": str(month),
        "month_state": states.pop() if len(states) == 1 else "open",
        "month_waits_for": sorted({code for _, codes in end.waiting.values() for code in codes}),
        "waivers": waivers,
    }


def summary(
    staff: Staff, bank: DemoBank, pay_date: date, loads: list[FileResult], institutions: int
) -> dict[str, Any]:
    """The day in numbers, asked of the tables: a repeated run gives the same. Money in fen as text."""
    with unit_of_work(staff.accountant.engine, staff.accountant.user, DEMO_REGION) as tx:
        by_state: dict[str, int] = dict(
            tx.rows(
                """SELECT o.state, sum(o.amount_fen)::bigint FROM payments.pay_order o
                     JOIN payments.batch b ON b.region = o.region AND b.batch_id = o.batch_id
                    WHERE o.region = %(region)s AND b.pay_date = %(day)s AND o.state <> 'cancelled' GROUP BY o.state""",
                region=DEMO_REGION,
                day=pay_date,
            )
        )
        paid: dict[str, int] = dict(
            tx.rows(
                "SELECT order_no, amount_fen FROM payments.pay_order WHERE region = %(region)s AND state = 'paid'",
                region=DEMO_REGION,
            )
        )
        balance = tx.value(
            coded("""SELECT coalesce(sum(b.debit - b.credit), 0)::bigint FROM books.balance b
                 JOIN books.dim d ON d.region = b.region AND d.dim = b.dim
                WHERE b.region = %(region)s AND b.account = {SPENDING_DEPOSIT} AND d.counterparty = %(account)s"""),
            region=DEMO_REGION,
            account=EXPENDITURE_ACCOUNT.number,
        )
        vouchers = tx.value("SELECT count(*) FROM books.entry WHERE region = %(region)s", region=DEMO_REGION)
        lines = tx.value("SELECT count(*) FROM books.leg WHERE region = %(region)s", region=DEMO_REGION)
    accepted, duplicate, quarantined = (
        sum(getattr(load, name) for load in loads) for name in ("accepted", "duplicate", "quarantined")
    )
    return {
        "records": accepted + duplicate + quarantined,
        "accepted": accepted,
        "duplicate": duplicate,
        "quarantined": quarantined,
        "institutions": institutions,
        "payable_fen": str(sum(load.payable_fen for load in loads)),
        "ordered_fen": str(sum(by_state.values())),
        "paid_fen": str(by_state.get("paid", 0)),
        "failed_fen": str(by_state.get("rejected", 0)),
        "returned_fen": str(by_state.get("returned", 0)),
        "vouchers": vouchers,
        "lines": lines,
        "bank_agrees": bank.agrees(balance, paid),
    }
