"""How the bank's decisions and movements become files, through the bank's own side of the formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from adapters.banks.ports import BankAccount, Direction, OutgoingFile
from adapters.banks.simulator.books import BankMovement, StatementLine
from adapters.banks.simulator.messages import notification
from adapters.banks.simulator.messages.ofd import write_ofd
from adapters.banks.simulator.messages.receipt import PrintedReceipt, receipt_name, write_bker
from adapters.banks.simulator.messages.statement import PrintedLine, PrintedStatement, write_camt053
from adapters.banks.simulator.messages.status_report import StatusReport, write_pain002

RETURN_CODE: Final = "BE01"
RETURN_REASON: Final = "账号户名不符"


class ReceiptForm(StrEnum):
    """In what form the bank proves a movement."""

    BKER_OFD = "bker_ofd"
    """MoF electronic receipt inside an OFD, one file a receipt."""
    BKER_XML = "bker_xml"
    """The same as bare XML."""
    CAMT054 = "camt.054"
    """One notification a day and account."""


@dataclass(frozen=True, slots=True)
class BankPaper:
    """One movement as told on paper; a wrong paper has a number of its own."""

    owner: BankAccount
    movement: BankMovement
    wrong: bool = False

    @property
    def number(self) -> str:
        """The receipt's number."""
        return f"R{self.movement.serial}{'E' if self.wrong else ''}"


def status_file(report: StatusReport) -> OutgoingFile:
    """A status report as a file."""
    return OutgoingFile(f"pain002_{report.report_id}.xml", write_pain002(report))


def statement_file(
    owner: BankAccount,
    opening_fen: int,
    lines: Sequence[StatementLine],
    day: date,
    sequence: int,
    created_at: datetime,
) -> OutgoingFile:
    """The statement of one day of an account, whether anything moved or not."""
    number = f"ST{day:%Y%m%d}{owner.number[-8:]}"
    printed = [
        PrintedLine(
            reference=line.movement.serial,
            direction=line.movement.direction,
            amount_fen=line.movement.amount_fen,
            booked_on=day,
            balance_fen=line.balance_fen,
            other_account=line.movement.other_account,
            other_name=line.movement.other_name,
            order_no=line.movement.order_no,
            purpose=line.movement.purpose,
            receipt_no=f"R{line.movement.serial}",
        )
        for line in lines
    ]
    statement = PrintedStatement(
        number, sequence, created_at, owner.number, owner.name, day, day, opening_fen, printed
    )
    return OutgoingFile(f"camt053_{number}.xml", write_camt053(statement))


def receipt_files(
    form: ReceiptForm, papers: Sequence[BankPaper], created_at: datetime, number: int
) -> list[OutgoingFile]:
    """The files that carry `papers`, all of one account; `number` makes the notification's id."""
    if form is ReceiptForm.CAMT054:
        return [_notification(papers, created_at, f"NT{created_at:%Y%m%d}{number:010d}")]
    return [_receipt(form, paper, created_at) for paper in papers]


def _notification(papers: Sequence[BankPaper], created_at: datetime, number: str) -> OutgoingFile:
    movements = [
        notification.NotifiedMovement(
            reference=paper.number[1:],
            direction=paper.movement.direction,
            amount_fen=paper.movement.amount_fen,
            booking_date=paper.movement.day,
            other_account=paper.movement.other_account,
            other_name=paper.movement.other_name,
            order_no=paper.movement.order_no,
            purpose=paper.movement.purpose,
            return_code=RETURN_CODE if paper.movement.gives_back else "",
            return_reason=RETURN_REASON if paper.movement.gives_back else "",
        )
        for paper in papers
    ]
    account, owner = papers[0].movement.account, papers[0].owner
    content = notification.write_camt054(
        notification.Notification(number, created_at, account, owner.name, movements)
    )
    return OutgoingFile(f"camt054_{number}.xml", content)


def _receipt(form: ReceiptForm, paper: BankPaper, created_at: datetime) -> OutgoingFile:
    movement, owner = paper.movement, paper.owner
    own = BankAccount(owner.name, movement.account, owner.bank_name, owner.cnaps)
    other = BankAccount(movement.other_name, movement.other_account, "", "")
    payer, payee = (own, other) if movement.direction is Direction.DEBIT else (other, own)
    returned = bool(movement.gives_back)
    receipt = PrintedReceipt(
        receipt_no=paper.number,
        issuer_cnaps=owner.cnaps,
        booking_date=movement.day,
        issue_date=created_at.date(),
        payer=payer,
        payee=payee,
        amount_fen=movement.amount_fen,
        serial=movement.serial,
        usage=movement.purpose,
        notes=f"{movement.order_no} 汇款退回 {RETURN_REASON}" if returned else movement.order_no,
        transaction_code="RRTN" if returned else "",
    )
    name, content = receipt_name(receipt), write_bker(receipt)
    if form is ReceiptForm.BKER_XML:
        return OutgoingFile(name, content)
    return OutgoingFile(name.removesuffix(".xml") + ".ofd", write_ofd({name: content}))
