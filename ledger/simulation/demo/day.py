"""The demo's day, step by step, as the people of the fund would do it. Every step may be repeated after a crash."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

from ledger.books.setup import books_of, open_period
from ledger.core.dates import SHANGHAI, period_of
from ledger.db.unit_of_work import unit_of_work
from ledger.founding import bring_in_institutions
from ledger.fund.daily.run import run_daily
from ledger.fund.institutions.master import read_institutions
from ledger.fund.institutions.read import read_standing
from ledger.fund.intake.file import FileResult, load_file
from ledger.fund.record.judge import IntakeRules
from ledger.payments.incoming.receive import receive
from ledger.payments.orders.approve import approve
from ledger.payments.out.files import file
from ledger.payments.out.send import send
from ledger.simulation.bank import DemoBank
from ledger.simulation.people import DEMO_REGION
from ledger.simulation.staff import FILED_AT, Staff, bank_of
from ledger.simulation.watching import watch_day

DAYS_OF_RECEIPTS: Final = 6
"""After so many days every receipt, late ones and returns included, has come."""


Progress = Callable[[str, int, int], None]


def take_institutions(staff: Staff, path: Path, pay_date: date) -> None:
    """One person enters the institutions that are not there yet, another confirms them; an earlier day's stay as they are."""
    if has_drafts(staff, pay_date):
        return
    eve = pay_date - timedelta(days=1)
    with unit_of_work(staff.maker.engine, staff.maker.user, DEMO_REGION) as tx:
        there = {one.institution for one in read_standing(tx, eve) if one.agreement_state != "proposed"}
    bring_in_institutions(
        staff.maker.engine,
        staff.maker.user,
        staff.checker.user,
        DEMO_REGION,
        eve,
        [item for item in read_institutions(path) if item.code not in there],
    )


def has_drafts(staff: Staff, pay_date: date) -> bool:
    """Whether the payout of that day has been drafted by an earlier run."""
    with unit_of_work(staff.maker.engine, staff.maker.user, DEMO_REGION) as tx:
        return bool(
            tx.value(
                "SELECT count(*) FROM payments.batch WHERE region = %(region)s AND pay_date = %(day)s",
                region=DEMO_REGION,
                day=pay_date,
            )
        )


def take_records(staff: Staff, files: tuple[Path, ...], progress: Progress) -> list[FileResult]:
    """The platform's files, each once; a load that was cut off goes on."""
    done = []
    for number, path in enumerate(files, 1):
        done.append(load_file(staff.intake.engine, staff.intake.user, path, IntakeRules(), once=True))
        progress("接入结算记录", number, len(files))
    return done


def pay_out(staff: Staff, pay_date: date) -> None:
    """Draft, approve by another person, file, send: whatever a crash left unfinished is picked up.

    A day that has its drafts is not drafted again: the demo repeats a day, it does not re-issue what failed in it.
    """
    if not has_drafts(staff, pay_date):
        run_daily(staff.maker.engine, staff.maker.user, DEMO_REGION, pay_date)
    with unit_of_work(staff.checker.engine, staff.checker.user, DEMO_REGION) as tx:
        batches = tx.rows(
            """SELECT b.batch_id, b.digest, EXISTS (SELECT 1 FROM payments.pay_order o
                        WHERE o.region = b.region AND o.batch_id = b.batch_id AND o.state = 'draft')
                 FROM payments.batch b WHERE b.region = %(region)s ORDER BY b.batch_id""",
            region=DEMO_REGION,
        )
    for batch_id, digest, is_draft in batches:
        if is_draft:
            approve(staff.checker.engine, staff.checker.user, DEMO_REGION, batch_id, bytes(digest), pay_date)
    morning = datetime.combine(pay_date, FILED_AT, SHANGHAI)
    for batch_id, _, _ in batches:
        file(staff.maker.engine, staff.maker.user, DEMO_REGION, batch_id, bank_of(staff.maker), morning)
    send(staff.cashier.engine, staff.cashier.user, DEMO_REGION, bank_of(staff.cashier), pay_date)


def take_receipts(staff: Staff, bank: DemoBank, pay_date: date, progress: Progress) -> None:
    """Day after day the bank answers and its files are taken in, until the last receipt could have come."""
    for number in range(DAYS_OF_RECEIPTS + 1):
        day = pay_date + timedelta(days=number)
        bank.work(day)
        receive(
            staff.system.engine,
            staff.system.user,
            DEMO_REGION,
            bank.account,
            bank_of(staff.system)(bank.account),
            day,
        )
        progress("银行回单", number + 1, DAYS_OF_RECEIPTS + 1)


def watch(staff: Staff, pay_date: date) -> None:
    """The day, and the last of its receipts, as the worker counts them; the rules look at the day of the records."""
    system = staff.system
    with unit_of_work(system.engine, system.user, DEMO_REGION) as tx:
        for number in (0, DAYS_OF_RECEIPTS):
            watch_day(tx, pay_date + timedelta(days=number))


def open_periods(staff: Staff, first: date) -> None:
    """The months the receipts fall into."""
    with unit_of_work(staff.accountant.engine, staff.accountant.user, DEMO_REGION) as tx:
        for book, _ in books_of(tx):
            for number in range(DAYS_OF_RECEIPTS + 1):
                open_period(tx, book, period_of(first + timedelta(days=number)))
