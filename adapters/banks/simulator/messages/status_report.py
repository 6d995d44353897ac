"""The bank writes pain.002.001.12, its report on a payment file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from lxml.etree import _Element as Element

from adapters.banks.formats.xml import add, new_root, to_bytes
from ledger.core.money import yuan

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:pain.002.001.12"
TEXT_MAX: Final = 105


@dataclass(frozen=True, slots=True)
class TransactionStatus:
    """What the bank says of one order."""

    order_no: str
    code: str
    amount_fen: int
    reason_code: str = ""
    reason: str = ""
    bank_reference: str = ""


@dataclass(frozen=True, slots=True)
class StatusReport:
    """One report. `code` is the group's status (ACTC, PART, RJCT, ...); `transactions` may be only some."""

    report_id: str
    created_at: datetime
    message_id: str
    """Of the payment file reported on."""
    count: int
    """Payments in that file."""
    total_fen: int
    code: str
    reason_code: str = ""
    reason: str = ""
    transactions: Sequence[TransactionStatus] = ()


def write_pain002(report: StatusReport) -> bytes:
    """The report as UTF-8 XML, valid against the official schema for ids of at most 35 characters."""
    root = new_root("Document", NAMESPACE)
    message = add(root, "CstmrPmtStsRpt")
    header = add(message, "GrpHdr")
    add(header, "MsgId", report.report_id)
    add(header, "CreDtTm", report.created_at.isoformat(timespec="seconds"))
    group = add(message, "OrgnlGrpInfAndSts")
    add(group, "OrgnlMsgId", report.message_id)
    add(group, "OrgnlMsgNmId", "pain.001.001.09")
    add(group, "OrgnlNbOfTxs", str(report.count))
    add(group, "OrgnlCtrlSum", yuan(report.total_fen))
    add(group, "GrpSts", report.code)
    _reason(group, report.reason_code, report.reason)
    if report.transactions:
        payment = add(message, "OrgnlPmtInfAndSts")
        add(payment, "OrgnlPmtInfId", report.message_id)
        for status in report.transactions:
            _transaction(add(payment, "TxInfAndSts"), status)
    return to_bytes(root)


def _transaction(element: Element, status: TransactionStatus) -> None:
    add(element, "OrgnlInstrId", status.order_no)
    add(element, "OrgnlEndToEndId", status.order_no)
    add(element, "TxSts", status.code)
    _reason(element, status.reason_code, status.reason)
    if status.bank_reference:
        add(element, "AcctSvcrRef", status.bank_reference)
    add(element, "OrgnlTxRef/Amt/InstdAmt", yuan(status.amount_fen)).set("Ccy", "CNY")


def _reason(parent: Element, code: str, text: str) -> None:
    if not code and not text:
        return
    information = add(parent, "StsRsnInf")
    if code:
        add(information, "Rsn/Cd", code)
    for start in range(0, len(text), TEXT_MAX):
        add(information, "AddtlInf", text[start : start + TEXT_MAX])
