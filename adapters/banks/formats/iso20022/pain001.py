"""pain.001.001.09, the customer's credit transfer file, for banks that take it with CNAPS codes in CNY.

One GrpHdr, one PmtInf (paying account and day) whose id is the message id, one CdtTrfTxInf an order.
Branches are told by ClrSysMmbId with code CNAPS (banks.md 1.3): Chinese accounts have neither BIC nor IBAN.
"""

from __future__ import annotations

from typing import Final

from lxml.etree import _Element as Element

from adapters.banks.formats.iso20022.rules import ANY_BANK, Limits, check_batch
from adapters.banks.formats.xml import add, new_root, to_bytes
from adapters.banks.ports import BankAccount, Instruction, OutgoingFile, PaymentBatch
from ledger.core.dates import SHANGHAI
from ledger.core.money import yuan

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.001.001.09"


def write_pain001(batch: PaymentBatch, limits: Limits = ANY_BANK) -> OutgoingFile:
    """The batch as `<message_id>.xml`; the same batch always gives the same bytes.

    Raises InvalidInput `bankfile.*` as listed at `rules.check_batch`.
    """
    check_batch(batch, limits)
    root = new_root("Document", NAMESPACE)
    message = add(root, "CstmrCdtTrfInitn")
    header = add(message, "GrpHdr")
    add(header, "MsgId", batch.message_id)
    add(header, "CreDtTm", batch.created_at.astimezone(SHANGHAI).isoformat(timespec="seconds"))
    _totals(header, batch)
    add(header, "InitgPty/Nm", batch.payer.name)

    payment = add(message, "PmtInf")
    add(payment, "PmtInfId", batch.message_id)
    add(payment, "PmtMtd", "TRF")
    # Each payment is its own line on the account and has its own receipt: evidence is per order.
    add(payment, "BtchBookg", "false")
    _totals(payment, batch)
    add(payment, "ReqdExctnDt/Dt", batch.execution_date.isoformat())
    add(payment, "Dbtr/Nm", batch.payer.name)
    _account(add(payment, "DbtrAcct"), batch.payer)
    _agent(add(payment, "DbtrAgt"), batch.payer)
    for instruction in batch.instructions:
        _transfer(add(payment, "CdtTrfTxInf"), instruction)
    return OutgoingFile(name=f"{batch.message_id}.xml", content=to_bytes(root))


def _totals(parent: Element, batch: PaymentBatch) -> None:
    add(parent, "NbOfTxs", str(len(batch.instructions)))
    add(parent, "CtrlSum", yuan(sum(instruction.amount_fen for instruction in batch.instructions)))


def _transfer(transfer: Element, instruction: Instruction) -> None:
    ids = add(transfer, "PmtId")
    add(ids, "InstrId", instruction.order_no)
    add(ids, "EndToEndId", instruction.order_no)
    add(transfer, "Amt/InstdAmt", yuan(instruction.amount_fen)).set("Ccy", "CNY")
    _agent(add(transfer, "CdtrAgt"), instruction.payee)
    add(transfer, "Cdtr/Nm", instruction.payee.name)
    _account(add(transfer, "CdtrAcct"), instruction.payee)
    add(transfer, "RmtInf/Ustrd", instruction.purpose)


def _agent(agent: Element, account: BankAccount) -> None:
    institution = add(agent, "FinInstnId")
    member = add(institution, "ClrSysMmbId")
    add(member, "ClrSysId/Cd", "CNAPS")
    add(member, "MmbId", account.cnaps)
    add(institution, "Nm", account.bank_name)


def _account(element: Element, account: BankAccount) -> None:
    add(element, "Id/Othr/Id", account.number)
    add(element, "Ccy", "CNY")
