"""The bank: takes payment files, pays from its own books, answers with status files and receipts.

Everything happens in `step`, at the moment the caller names; the same files, plan and moments give the same
answers. Each stage is one transaction and can be cut anywhere: the next step goes on where this one stopped.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Final

from adapters.banks.ports import BankAccount, Direction, Instruction, OutgoingFile
from adapters.banks.simulator.books import BankBooks
from adapters.banks.simulator.faults import FILE_FAULTS, GARBLES, HONEST, RETURNS, Fault, FaultPlan, garble
from adapters.banks.simulator.intake import Arrival, archive, arrivals, group_refusal, read_arrival
from adapters.banks.simulator.messages.status_report import StatusReport, TransactionStatus
from adapters.banks.simulator.outbox import Outbox
from adapters.banks.simulator.papers import BankPaper, ReceiptForm, receipt_files, statement_file, status_file
from adapters.banks.simulator.register import Notice, OrderState, Register
from ledger.core.dates import SHANGHAI
from ledger.core.errors import InvalidInput

_DAY: Final = timedelta(days=1)
_LATE_STATUS: Final = timedelta(days=4)
"""After the last receipt could have come."""
_REJECTIONS: Final = {
    Fault.REJECT_NAME: ("BE01", "收款人户名与账号不符"),
    Fault.REJECT_ACCOUNT: ("AC01", "收款账号不存在"),
}
_NO_COVER: Final = ("AM04", "付款账户余额不足")


@dataclass(frozen=True, slots=True)
class Opening:
    """One of our accounts at this bank and what lies on it at first."""

    account: BankAccount
    opening_fen: int
    day: date


@dataclass(frozen=True, slots=True)
class Terms:
    """The bank's habits: in what forms it proves movements, and after how many days."""

    forms: Sequence[ReceiptForm] = (ReceiptForm.BKER_OFD,)
    receipt_days: int = 1
    """T+n for an ordinary receipt."""
    return_days: int = 2
    """Days from a debit to its return."""


@dataclass(frozen=True, slots=True)
class StepReport:
    """What one step did: file names taken and sent, orders debited and given back."""

    taken: Sequence[str]
    debited: int
    returned: int
    sent: Sequence[str]


class SimulatedBank:
    """A bank on `folder`/{inbox,outbox,archive}, its books in the SQLite file `books_path`.

    `books` are the independent truth to compare the ledger with: `balance`, `statement`, `paid_orders`, `check`.
    """

    def __init__(
        self,
        folder: Path,
        books_path: Path,
        openings: Sequence[Opening],
        terms: Terms = Terms(),
        plan: FaultPlan = HONEST,
    ) -> None:
        self._inbox, outbox, self._archive = (folder / name for name in ("inbox", "outbox", "archive"))
        for place in (self._inbox, outbox, self._archive):
            place.mkdir(parents=True, exist_ok=True)
        self.books = BankBooks(books_path)
        self._register = Register(self.books)
        self._outbox = Outbox(self.books, outbox)
        self._terms = terms
        self._plan = plan
        for opening in openings:
            self.books.open_account(opening.account, opening.opening_fen, opening.day)
        self._accounts = frozenset(opening.account.number for opening in openings)

    def __enter__(self) -> SimulatedBank:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the books."""
        self.books.close()

    def refusals(self) -> list[tuple[str, str]]:
        """(file name, code) of every file the bank did not take: damaged, unreadable, or a reused message id."""
        return self._register.refusals()

    def step(self, now: datetime) -> StepReport:
        """Do all that is due at `now` (time zone aware); its date in Asia/Shanghai is the booking date."""
        moment = now.astimezone(SHANGHAI)
        today = moment.date()
        taken = [arrival.name for arrival in arrivals(self._inbox) if self._take(arrival, moment)]
        with self.books.transaction():
            debited = self._execute(today)
            returns = self._register.take_returns(today)
            for serial in returns:
                self._register.notify(self.books.give_back(serial, today), today)
            for message_id in self._register.unreported():
                self._report(message_id, moment)
        self._write_papers(moment)
        return StepReport(taken, debited, len(returns), self._outbox.flush(today))

    def enter(
        self,
        account: str,
        direction: Direction,
        amount_fen: int,
        other: BankAccount,
        purpose: str,
        day: date,
        *,
        told: bool = True,
    ) -> str:
        """Book what no order asked for, and tell of it on paper unless `told` is false; returns the receipt's number."""
        with self.books.transaction():
            serial = self.books.enter(account, direction, amount_fen, other, purpose, day)
            if told:
                self._register.notify(serial, day)
        return BankPaper(other, self.books.movement(serial)).number

    def statement(self, account: str, day: date, sequence: int) -> OutgoingFile:
        """A day's statement of an account, camt.053; the day is over. Raises NotFound `simbank.account`."""
        opening_fen, lines = self.books.day_of(account, day)
        created = datetime.combine(day + _DAY, time(8), SHANGHAI)
        return statement_file(self.books.owner(account), opening_fen, lines, day, sequence, created)

    def _take(self, arrival: Arrival, now: datetime) -> bool:
        """Take one file or refuse it; archived afterwards, so that a crash in between only repeats the move."""
        try:
            control, batch = read_arrival(arrival)
        except InvalidInput as refusal:
            self._refuse(arrival, refusal.code, refusal.message)
            return False
        known = self._register.message(batch.message_id)
        if known is not None and known.digest != arrival.digest:
            # no status file: it would speak of the orders of the first file
            self._refuse(arrival, "DU01", f"报文标识“{batch.message_id}”已用于另一份文件")
            return False
        with self.books.transaction():
            if known is None:
                payer_known = batch.payer.number in self._accounts
                refused = group_refusal(control, batch, payer_known=payer_known)
                code, reason = (refused.code, refused.reason) if refused else ("", "")
                self._register.take(batch, arrival.digest, arrival.name, code, reason, now.date())
                if not refused and batch.execution_date > now.date():
                    self._report(batch.message_id, now)
            elif known.archived:
                self._register.ask_again(batch.message_id)
        archive(self._inbox, self._archive, arrival.name, as_name=arrival.name)
        with self.books.transaction():
            self._register.archived(batch.message_id)
        return True

    def _refuse(self, arrival: Arrival, code: str, reason: str) -> None:
        """Move the file out of the way under another name: the right bytes may still come under this one."""
        with self.books.transaction():
            number = self._register.refuse(arrival.name, arrival.digest, code, reason)
        archive(self._inbox, self._archive, arrival.name, as_name=f"{arrival.name}.rejected-{number}")

    def _execute(self, today: date) -> int:
        """Reject or debit every order that is due; how many were debited."""
        debited = 0
        balances = {account: self.books.balance(account) for account in self._accounts}
        for payer, order in self._register.due_orders(today):
            rejection = self._rejection(order, balances.get(payer, 0))
            if rejection is not None:
                self._register.reject(order.order_no, *rejection)
                continue
            balances[payer] -= order.amount_fen
            self._debit(payer, order, today)
            debited += 1
        return debited

    def _rejection(self, order: Instruction, balance_fen: int) -> tuple[str, str] | None:
        faults = self._plan.faults(order.order_no)
        planned = next((why for fault, why in _REJECTIONS.items() if fault in faults), None)
        if planned is None and balance_fen < order.amount_fen:
            return _NO_COVER
        return planned

    def _debit(self, payer: str, order: Instruction, today: date) -> None:
        faults = self._plan.faults(order.order_no)
        serial = self.books.pay(payer, order, today)
        back = today + timedelta(days=self._terms.return_days)
        self._register.settle(order.order_no, serial, None if faults.isdisjoint(RETURNS) else back)
        due = today + timedelta(days=self._terms.receipt_days)
        if Fault.DELAY in faults:
            due = today + timedelta(days=self._plan.delay_days(order.order_no))
        if Fault.RETURN_BEFORE_RECEIPT in faults:
            due = back + _DAY
        self._plan_papers(serial, due, faults)

    def _plan_papers(self, serial: str, due: date, faults: frozenset[Fault]) -> None:
        notify = self._register.notify
        wrong = [fault for fault in GARBLES if fault in faults]
        for fault in wrong:
            notify(serial, due, garble=fault)
        right = due + _DAY if wrong else due
        file_fault = next((fault for fault in FILE_FAULTS if fault in faults), "")
        notify(serial, right, file_fault=file_fault)
        if Fault.RECEIPT_TWICE in faults:
            notify(serial, right + _DAY)

    def _report(self, message_id: str, now: datetime) -> None:
        """Queue a status file: accepted while an order waits, final once all are decided."""
        message = self._register.message(message_id)
        if message is None:
            return
        statuses = [_status(order) for order in self._register.orders(message_id)]
        final = all(status.code != "ACCP" for status in statuses)
        faults = self._plan.faults(message_id)
        due = now.date()
        if final:
            self._register.reported(message_id)
            if Fault.STATUS_LOST in faults and not message.asked_again:
                return
            if Fault.RECEIPT_BEFORE_STATUS in faults:
                due += _LATE_STATUS
        number = self._outbox.next_number()
        report = StatusReport(
            report_id=f"ST{due:%Y%m%d}{number:010d}",
            created_at=now,
            message_id=message_id,
            count=message.count,
            total_fen=message.total_fen,
            code="RJCT" if message.code else _group_code(statuses),
            reason_code=message.code,
            reason=message.reason,
            transactions=statuses,
        )
        self._outbox.queue(status_file(report), due)

    def _write_papers(self, now: datetime) -> None:
        """Queue the files of every paper that is due, grouped by account and by what is wrong with the file."""
        with self.books.transaction():
            notices = self._register.due_notices(now.date())
            groups: dict[tuple[str, str], list[BankPaper]] = {}
            for notice in notices:
                paper = self._paper(notice)
                groups.setdefault((paper.movement.account, notice.file_fault), []).append(paper)
            for form in self._terms.forms:
                for (_, file_fault), papers in groups.items():
                    self._send(form, papers, file_fault, now)
            self._register.written(notices)

    def _paper(self, notice: Notice) -> BankPaper:
        movement = self.books.movement(notice.serial)
        owner = self.books.owner(movement.account)
        if not notice.garble:
            return BankPaper(owner, movement)
        return BankPaper(owner, garble(movement, Fault(notice.garble)), wrong=True)

    def _send(self, form: ReceiptForm, papers: Sequence[BankPaper], file_fault: str, now: datetime) -> None:
        today, tomorrow = now.date(), now.date() + _DAY
        for file in receipt_files(form, papers, now, self._outbox.next_number()):
            match file_fault:
                case Fault.FILE_TWICE:
                    self._outbox.queue(file, today)
                    self._outbox.queue(file, tomorrow)
                case Fault.CUT_ON_WIRE:
                    self._outbox.queue(file, today, lose_tail=True)
                    self._outbox.queue(file, tomorrow)
                case Fault.CUT_AT_SOURCE:
                    half = file.content[: len(file.content) // 2]
                    self._outbox.queue(type(file)(file.name, half), today)
                    self._outbox.queue(file, tomorrow)
                case _:
                    self._outbox.queue(file, today)


def _status(order: OrderState) -> TransactionStatus:
    if order.conflict:
        return TransactionStatus(
            order.order_no, "RJCT", order.amount_fen, "DU04", "指令号已用于另一笔内容不同的付款"
        )
    code = {"accepted": "ACCP", "settled": "ACSC", "rejected": "RJCT"}[order.state]
    return TransactionStatus(
        order.order_no, code, order.amount_fen, order.reason_code, order.reason, order.serial
    )


def _group_code(statuses: Sequence[TransactionStatus]) -> str:
    codes = {status.code for status in statuses}
    return codes.pop() if len(codes) == 1 else "PART"
