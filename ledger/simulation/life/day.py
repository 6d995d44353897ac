"""One simulated day: money goes out in the morning, the bank answers, the platform's records come in at night."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from ledger.books.anchors import write_anchors
from ledger.books.setup import books_of, open_period
from ledger.core.dates import SHANGHAI, period_of
from ledger.core.errors import Conflict
from ledger.core.private import private_folder
from ledger.db.unit_of_work import Transaction
from ledger.fund.audit.appeal import Act, act
from ledger.fund.audit.findings import FindingDraft, enter_finding, target_of
from ledger.fund.daily.recognise import recognise
from ledger.fund.daily.run import run_daily
from ledger.fund.institutions.load import load_institutions
from ledger.fund.institutions.proposals import confirm_waiting, read_waiting
from ledger.fund.institutions.terms import set_agreement
from ledger.fund.intake.file import load_file
from ledger.fund.record.judge import IntakeRules
from ledger.payments.incoming.receive import receive
from ledger.payments.orders.approve import approve
from ledger.payments.out.files import file
from ledger.payments.out.send import send
from ledger.rules.policy import RULES_SIGNER, policy_on
from ledger.simulation.platform.bill import PlatformBill
from ledger.simulation.platform.day import SECONDS_PER_DAY, clock_of_day, day_lines
from ledger.simulation.platform.line import REVERSAL_DIALECT, write_line
from ledger.simulation.staff import FILED_AT
from ledger.simulation.town import Decided, Town, new_account

REVERSED_WITHIN: Final = timedelta(days=45)
"""A reversal of an earlier day's record comes this soon."""
HELD_DAYS: Final = 4
KEPT_IN_OUTBOX: Final = timedelta(days=10)
"""As banks do; otherwise the folder of a year is listed twice a day."""


def open_month(town: Town, day: date) -> None:
    """The accounting month of `day`, in every book."""
    with town.tx("accountant") as tx:
        for book, _ in books_of(tx):
            open_period(tx, book, period_of(day))


def live_morning(town: Town, day: date) -> None:
    """A working day's payments: accounts put right, daily payout, files, the bank, receipts, anchors."""
    _agreements(town, day)
    _payees(town, day)
    _release(town, day)
    run = run_daily(town.staff.maker.engine, town.staff.maker.user, town.asked.region, day)
    for blocked in run.blocked:
        town.count(f"blocked_{blocked.reason}")
    for batch in run.batches:
        pay(town, batch.batch_id, batch.digest, day)
    answer(town, day)
    with town.tx("system") as tx:
        write_anchors(tx, town.home)


def book_rest(town: Town, day: date) -> None:
    """Book what came in last, without paying it."""
    with town.tx("maker") as tx:
        for book, _ in books_of(tx):
            policy = policy_on(tx, tx.region, day)
            recognise(tx, book, policy, day - timedelta(days=1), day, RULES_SIGNER)


def pay(town: Town, batch_id: str, digest: bytes, day: date) -> None:
    """Approve, file and send a batch; now and then something changes between the file and its sending."""
    staff, region = town.staff, town.asked.region
    approved = approve(staff.checker.engine, staff.checker.user, region, batch_id, digest, day)
    town.count("orders", approved.orders)
    morning = datetime.combine(day, FILED_AT, SHANGHAI)
    file(staff.maker.engine, staff.maker.user, region, batch_id, town.banks("maker"), morning)
    _surprise(town, batch_id, day)
    for _ in range(2):
        sent = send(staff.cashier.engine, staff.cashier.user, region, town.banks("cashier"), day)
        if not any(one.outcome == "stale" for one in sent):
            break
        town.count("stale_files")
        morning += timedelta(minutes=10)
        file(staff.maker.engine, staff.maker.user, region, batch_id, town.banks("maker"), morning)


def _surprise(town: Town, batch_id: str, day: date) -> None:
    """An agreement is suspended while the file waits to be sent."""
    dice = town.dice(day, f"surprise {batch_id}")
    if not town.happens(dice, "surprise"):
        return
    with town.tx("maker") as tx:
        found = [
            code
            for (code,) in tx.rows(
                "SELECT DISTINCT institution FROM payments.pay_order WHERE region = %(region)s AND batch_id = %(batch)s"
                " ORDER BY institution",
                region=tx.region,
                batch=batch_id,
            )
            if code in town.master
        ]
        if not found:  # persons, other regions
            return
        _suspend(town, tx, dice.choice(found), day, dice)


def _suspend(town: Town, tx: Transaction, code: str, day: date, dice: random.Random) -> None:
    """For some days; what is on its way and not sent stops as well."""
    set_agreement(tx, code, "suspended", day)
    town.suspended[code] = day + timedelta(days=dice.randrange(2, 9))
    town.count("suspensions")


def answer(town: Town, day: date) -> None:
    """The bank does what is due, clears its outbox of what lay there long enough, and its papers are booked."""
    town.bank.work(day)
    outbox = town.home / "demo" / "bank" / "outbox"
    for path in outbox.iterdir():
        since = town.outbox.setdefault(path.name, day)
        if day - since > KEPT_IN_OUTBOX:
            path.unlink()
            del town.outbox[path.name]
    system = town.staff.system
    done = receive(
        system.engine,
        system.user,
        town.asked.region,
        town.bank.account,
        town.banks("system")(town.bank.account),
        day,
    )
    for event, number in done.events.items():
        town.count(f"bank_{event}", number)
    # what was cut on the wire comes whole tomorrow; what the books refuse would lie there until the bank clears it away
    refused = [f"{failure.name} {failure.code}" for failure in done.failures if failure.by_books]
    if refused:
        raise Conflict("simulate.receipts", f"{day}有银行文件未能入账：{'、'.join(refused)}")


def take_records(town: Town, day: date) -> None:
    """The platform's file of the day, bad lines and reversals of earlier days among it; some records are held."""
    asked, lines, bills = town.asked, [], []
    for line in day_lines(asked.records_per_day, town.institutions, day, asked.seed):
        lines.append(line.content)
        if line.bill is not None:
            bills.append(line.bill)
    for bill in _reversals(town, day):
        lines.append(write_line(bill, REVERSAL_DIALECT, day, clock_of_day()).encode())
        bills.append(bill)
    path = town.home / "simulate" / f"records-{day:%Y%m%d}.jsonl"
    private_folder(path.parent)
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    intake = town.staff.intake
    taken = load_file(intake.engine, intake.user, path, IntakeRules(today=day))
    path.unlink()
    if taken.accepted != len(bills):
        raise Conflict("simulate.intake", f"{day}应接收{len(bills)}笔，实际{taken.accepted}笔")
    town.records += taken.accepted
    town.count("quarantined", taken.quarantined)
    for bill in bills:
        town.bills[bill.setl_id] = (day, bill)
        if bill.init_setl_id:
            town.reversed.add(bill.init_setl_id)
            town.count("reversals")
    _hold(town, day, bills)


def _reversals(town: Town, day: date) -> list[PlatformBill]:
    """Reversals today of records of the last weeks."""
    dice = town.dice(day, "reversal")
    wanted = sum(town.happens(dice, "reversal") for _ in range(town.asked.records_per_day))
    if not wanted:
        return []
    since = day - REVERSED_WITHIN
    open_ = [
        bill
        for made, bill in reversed(town.bills.values())
        if made >= since and not bill.init_setl_id and bill.setl_id not in town.reversed | town.audited
    ]
    chosen = dice.sample(open_, min(wanted, len(open_)))
    return [
        bill.reversed(f"R{day:%Y%m%d}{town.asked.seed % 100_000:05d}{number:06d}", SECONDS_PER_DAY - 1)
        for number, bill in enumerate(chosen, 1)
    ]


def _hold(town: Town, day: date, bills: list[PlatformBill]) -> None:
    """A finding of high severity holds a fresh record before it is paid."""
    dice = town.dice(day, "hold")
    fresh = [b for b in bills if b.pooled > 0 and b.institution.daily and b.setl_id not in town.reversed]
    if not fresh or not town.happens(dice, "hold"):
        return
    bill = dice.choice(fresh)
    town.audited.add(bill.setl_id)
    with town.tx("maker") as tx:
        draft = FindingDraft(
            f"H{bill.setl_id}",
            target_of(tx, bill.setl_id),
            _held_fen(bill),
            "high",
            "R09",
            "疑似虚假住院",
            "在院时间重叠",
        )
        enter_finding(tx, draft, day)
        if bill.institution.code not in town.suspended and town.happens(dice, "hold_suspends"):
            _suspend(town, tx, bill.institution.code, day, dice)
    town.count("held")


def _held_fen(bill: PlatformBill) -> int:
    return max(1, bill.pooled // 5)


def decide_finding(town: Town, finding_id: str, fen: int) -> None:
    """A finding is final: so much is to be deducted of its record's pooled money, unless the record is reversed."""
    day, bill = town.bills[finding_id[1:]]
    head = ("finding", finding_id, bill.fund, bill.institution.code, "pool", day.year, period_of(day))
    town.decided.append(Decided(*head, fen))


def _release(town: Town, day: date) -> None:
    """A held record is released after some days: the suspicion fell away, or the finding stands and the rest is paid."""
    with town.tx("checker") as tx:
        held = tx.rows(
            "SELECT finding_id, since FROM fund.held WHERE region = %(region)s AND released_by = '' ORDER BY finding_id",
            region=tx.region,
        )
        for finding_id, since in held:
            if (day - since).days < HELD_DAYS:
                continue
            dice = town.dice(day, finding_id)
            if dice.randrange(2):
                act(tx, finding_id, Act("cancel", day, "核实无误"))
                town.count("finding_cancelled")
            else:
                act(tx, finding_id, Act("release", day, "扣款另行终审"))
                act(tx, finding_id, Act("accept", day, "机构认可"))
                decide_finding(town, finding_id, _held_fen(town.bills[finding_id[1:]][1]))
                town.count("finding_final")


def _agreements(town: Town, day: date) -> None:
    """Agreements are suspended for some days, and resumed."""
    with town.tx("maker") as tx:
        resumed = [code for code, until in town.suspended.items() if until <= day]
        for code in resumed:
            set_agreement(tx, code, "active", day)
            del town.suspended[code]
        for made in town.institutions:
            dice = town.dice(day, f"suspend {made.code}")
            if made.code not in town.suspended and town.happens(dice, "suspend"):
                _suspend(town, tx, made.code, day, dice)
    _second(town, day)


def _second(town: Town, day: date) -> None:
    """What waits for a second person is looked at and confirmed."""
    with town.tx("checker") as tx:
        waiting = read_waiting(tx)
        if waiting.digest:
            confirm_waiting(tx, waiting.digest, day)


def _payees(town: Town, day: date) -> None:
    """Accounts that failed are put right, and some are changed for no reason; one proposes, another confirms."""
    with town.tx("maker") as tx:
        failed = {
            code
            for code, state in tx.rows(
                "SELECT DISTINCT ON (institution) institution, state FROM fund.payee_account"
                " WHERE region = %(region)s ORDER BY institution, version DESC",
                region=tx.region,
            )
            if state == "failed"
        }
        chosen = []
        for made in town.institutions:
            dice = town.dice(day, f"payee {made.code}")
            word = "payee_repair" if made.code in failed else "payee_change"
            if made.code not in town.suspended and town.happens(dice, word):
                chosen.append(replace(town.master[made.code], payee_number=new_account(town, made.code)))
                town.count(word)
        load_institutions(tx, chosen, day)
    _second(town, day)
