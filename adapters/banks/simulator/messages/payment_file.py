"""The bank reads a customer's pain.001, version 03 or later, and refuses the whole file at the first doubt.

Written apart from the ledger's own writer: what it reads back is what a bank would understand.
"""

from __future__ import annotations

from datetime import date, datetime

from lxml.etree import _Element as Element

from adapters.banks.formats.xml import (
    amount_fen,
    count_of,
    elements_named,
    many,
    need,
    need_text,
    parse_xml,
    text_at,
    units,
)
from adapters.banks.ports import BankAccount, Instruction, PaymentBatch
from ledger.core.dates import parse_day
from ledger.core.errors import InvalidInput

_UNITS_PER_FEN = 1000


def read_pain001(content: bytes) -> PaymentBatch:
    """The one payment group of a credit transfer file, in CNY between CNAPS branches.

    Raises InvalidInput `bankfile.kind`, `.group`, `.totals`, `.duplicate_order`, `.cnaps`, `.currency`,
    `.amount`, `.date` and those of `adapters.banks.formats.xml`.
    """
    messages = list(elements_named(parse_xml(content), "CstmrCdtTrfInitn"))
    if len(messages) != 1:
        raise InvalidInput("bankfile.kind", "文件不是一份付款指令", messages=len(messages))
    header = need(messages[0], "GrpHdr")
    payment = need(messages[0], "PmtInf")
    if need_text(payment, "PmtMtd") != "TRF":
        raise InvalidInput("bankfile.group", "付款方式应为转账TRF")
    instructions = tuple(_instruction(transfer) for transfer in many(payment, "CdtTrfTxInf"))
    _check(header, payment, instructions)
    return PaymentBatch(
        message_id=need_text(header, "MsgId"),
        created_at=_moment(need_text(header, "CreDtTm")),
        execution_date=_execution_date(payment),
        payer=_account(payment, "Dbtr"),
        instructions=instructions,
    )


def _instruction(transfer: Element) -> Instruction:
    return Instruction(
        order_no=need_text(transfer, "PmtId/EndToEndId"),
        amount_fen=amount_fen(need(transfer, "Amt/InstdAmt")),
        payee=_account(transfer, "Cdtr"),
        purpose=need_text(transfer, "RmtInf/Ustrd"),
    )


def _account(parent: Element, role: str) -> BankAccount:
    agent = f"{role}Agt/FinInstnId"
    cnaps = need_text(parent, f"{agent}/ClrSysMmbId/MmbId")
    scheme = need_text(parent, f"{agent}/ClrSysMmbId/ClrSysId/Cd")
    if scheme != "CNAPS" or len(cnaps) != 12 or not (cnaps.isascii() and cnaps.isdigit()):
        raise InvalidInput("bankfile.cnaps", f"第{parent.sourceline}行{role}的联行号“{cnaps[:20]}”不合规")
    currency = text_at(parent, f"{role}Acct/Ccy")
    if currency not in ("", "CNY"):
        raise InvalidInput("bankfile.currency", f"第{parent.sourceline}行{role}的账户币种应为CNY")
    return BankAccount(
        name=need_text(parent, f"{role}/Nm"),
        number=need_text(parent, f"{role}Acct/Id/Othr/Id"),
        bank_name=need_text(parent, f"{agent}/Nm"),
        cnaps=cnaps,
    )


def _check(header: Element, payment: Element, instructions: tuple[Instruction, ...]) -> None:
    if not instructions:
        raise InvalidInput("bankfile.totals", "付款指令没有任何明细")
    total = sum(instruction.amount_fen for instruction in instructions) * _UNITS_PER_FEN
    for level, name in ((header, "GrpHdr"), (payment, "PmtInf")):
        if count_of(need_text(level, "NbOfTxs"), f"{name}笔数") != len(instructions):
            raise InvalidInput("bankfile.totals", f"{name}笔数与明细不符")
        if units(need_text(level, "CtrlSum"), f"{name}合计") != total:
            raise InvalidInput("bankfile.totals", f"{name}合计与明细不符")
    if len({instruction.order_no for instruction in instructions}) != len(instructions):
        raise InvalidInput("bankfile.duplicate_order", "同一文件内指令号重复")


def _execution_date(payment: Element) -> date:
    # A bare date until .08, a choice since .09.
    holder = need(payment, "ReqdExctnDt")
    return parse_day(need_text(holder, "Dt") if len(holder) else need_text(payment, "ReqdExctnDt"))


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput("bankfile.date", f"创建时间“{text[:40]}”不是时刻", value=text[:40]) from None
