"""pain.002, the bank's status report on a payment file: any version, any namespace or none, wrapped or bare.

A status moves the workflow and never posts (规程第12条: 支付状态作参考, the receipt is the evidence).
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Final

from lxml.etree import _Element as Element

from adapters.banks.formats.iso20022.rules import FEN_LIMIT
from adapters.banks.formats.xml import (
    count_of,
    first_text,
    local,
    many,
    missing,
    need,
    need_text,
    one,
    text_at,
    units,
)
from adapters.banks.ports import BankState, Decoded, OrderStatus, Rejected
from ledger.core.errors import InvalidInput

MESSAGE: Final = "CstmrPmtStsRpt"

STATES: Final = {
    "ACSC": BankState.SETTLED,
    "ACCC": BankState.SETTLED,
    "RJCT": BankState.REJECTED,
} | dict.fromkeys(
    ("RCVD", "RCVC", "PDNG", "PATC", "PRES", "ACTC", "ACCP", "ACSP", "ACPD", "ACFC", "ACFW", "ACWC", "ACWP"),
    BankState.ACCEPTED,
)
"""Codes that say something; every other code decides nothing and is UNKNOWN.

CANC is UNKNOWN on purpose: this system sends no cancellation requests, so a cancelled order was stopped by
somebody else, and the code does not say whether the account had been debited before. A person asks the bank;
treating it as REJECTED would let the order be paid a second time. BLCK likewise: debited and neither credited
nor given back. PART is a group's word and decides nothing of any one order.
"""

REFERENCE_MAX: Final = 35
"""Max35Text of the standard; a longer serial cannot be what the bank's core system gave."""
_ORDER_NO = re.compile(r"[!-~]{1,35}", re.ASCII)
_NOT_PROVIDED = "NOTPROVIDED"
_PARTIAL = "PART"
_FINAL = frozenset({BankState.SETTLED, BankState.REJECTED})


def read_pain002(message: Element) -> Decoded:
    """The statuses of a `CstmrPmtStsRpt` element: the group's first, then each transaction's, in their order.

    A transaction that cannot be read goes to `rejected`. Raises InvalidInput `bankfile.totals` when the counts
    or sums contradict the transactions listed, `bankfile.contradiction` when the group's final status does not
    hold for its transactions, and what `adapters.banks.formats.xml` raises for a missing header.
    """
    group = need(message, "OrgnlGrpInfAndSts")
    message_id = need_text(group, "OrgnlMsgId")
    payments = many(message, "OrgnlPmtInfAndSts")
    # a bank may hang transactions under the report itself, beside the group
    listed = [(payment, tx) for payment in payments for tx in many(payment, "TxInfAndSts")]
    listed += [(group, tx) for tx in many(message, "TxInfAndSts")]
    _check_totals(group, [tx for _, tx in listed])
    for payment in payments:
        _check_totals(payment, many(payment, "TxInfAndSts"))

    statuses: list[OrderStatus] = []
    rejected: list[Rejected] = []
    for number, (payment, tx) in enumerate(listed, 1):
        try:
            statuses.append(_transaction(tx, message_id, (group, payment)))
        except InvalidInput as refusal:
            rejected.append(Rejected(f"TxInfAndSts[{number}]", refusal.code, refusal.message))
        if len(text_at(tx, "AcctSvcrRef")) > REFERENCE_MAX:
            too_long = f"第{tx.sourceline}行银行流水号超过{REFERENCE_MAX}个字符，未采用"
            rejected.append(Rejected(f"TxInfAndSts[{number}]", "bankfile.too_long", too_long))
    whole = _whole_message(group, payments, [tx for _, tx in listed], message_id)
    _check_agreement(whole, statuses)
    return Decoded("pain.002", statuses=(*whole, *statuses), rejected=tuple(rejected))


def _whole_message(
    group: Element, payments: list[Element], transactions: list[Element], message_id: str
) -> list[OrderStatus]:
    """What is said of every order: by the group, then by its payment information.

    A file of ours is one payment information. Several groups in its report are the bank's sorting by status: what is
    said of one of them is said of the transactions listed in it, each of which says so itself.
    """
    if len(payments) > 1 and any(
        text_at(payment, "PmtInfSts") and not many(payment, "TxInfAndSts") for payment in payments
    ):
        raise InvalidInput(
            "bankfile.payment_information",
            f"报文{message_id}的回执含多个付款信息组，其中有未列明笔的，无法判断各组所指",
        )
    spoken = payments if len(payments) == 1 else []
    said = [(group, "GrpSts"), *((payment, "PmtInfSts") for payment in spoken)]
    statuses = [
        _status(level, path, message_id, order_no="")
        for level, path in said
        if text_at(level, path) and not (transactions and text_at(level, path) == _PARTIAL)
    ]
    if not statuses and not transactions:
        raise missing(group, "GrpSts")
    return statuses


def _transaction(tx: Element, message_id: str, above: tuple[Element, ...]) -> OrderStatus:
    """The order is named by its end-to-end id, else by the instruction id, which this system writes the same."""
    named = [text for text in (text_at(tx, "OrgnlEndToEndId"), text_at(tx, "OrgnlInstrId")) if text]
    order_no = next((text for text in named if text != _NOT_PROVIDED), "")
    if not named:
        raise missing(tx, "OrgnlEndToEndId")
    if _ORDER_NO.fullmatch(order_no) is None:
        shown = (order_no or named[0])[:50]
        raise InvalidInput("bankfile.id", f"第{tx.sourceline}行指令号“{shown}”不合规", value=shown)
    status = _status(tx, "TxSts", message_id, order_no=order_no)
    codes, texts = zip(*map(_reasons, dict.fromkeys(above)), strict=True)
    return replace(
        status,
        whole_reason_codes=tuple(code for found in codes for code in found),
        whole_reason="；".join(filter(None, texts)),
    )


def _reasons(element: Element) -> tuple[tuple[str, ...], str]:
    """All reasons of one level: codes, the bank's own among them, and texts."""
    reasons = many(element, "StsRsnInf")
    codes = [first_text(reason, "Rsn/Cd", "Rsn/Prtry") for reason in reasons]
    texts = [(info.text or "").strip() for reason in reasons for info in many(reason, "AddtlInf")]
    return tuple(filter(None, codes)), "；".join(filter(None, texts))


def _status(element: Element, path: str, message_id: str, *, order_no: str) -> OrderStatus:
    code = need_text(element, path)
    codes, text = _reasons(element)
    reference = text_at(element, "AcctSvcrRef")
    return OrderStatus(
        message_id=message_id,
        order_no=order_no,
        state=STATES.get(code, BankState.UNKNOWN),
        code=code,
        reason_codes=codes,
        reason=text,
        bank_reference=reference if len(reference) <= REFERENCE_MAX else "",
    )


def _check_totals(parent: Element, transactions: list[Element]) -> None:
    """The counts and sums of one level against the transactions listed under it.

    A report may list only some transactions (say, the rejected), so a count is an upper bound; a count per
    status must be listed wholly or not at all.
    """
    where = f"第{parent.sourceline}行{local(parent)}"
    stated = text_at(parent, "OrgnlNbOfTxs")
    total = count_of(stated, f"{where}原笔数") if stated else None
    if total is not None and len(transactions) > total:
        raise _totals(f"{where}原笔数{total}，却列出{len(transactions)}笔")
    per_status = many(parent, "NbOfTxsPerSts")
    if per_status:
        counts = Counter(text_at(tx, "TxSts") for tx in transactions)
        claimed: Counter[str] = Counter()
        for block in per_status:
            claimed[need_text(block, "DtldSts")] += count_of(
                need_text(block, "DtldNbOfTxs"), f"{where}分状态笔数"
            )
        if any(claimed[status] != number for status, number in counts.items()):
            raise _totals(f"{where}分状态笔数与所列交易不符")
        if total is not None and claimed.total() != total:
            raise _totals(f"{where}分状态笔数合计{claimed.total()}，原笔数{total}")
    _check_sum(parent, transactions, where, complete=len(transactions) == total)


def _check_sum(parent: Element, transactions: list[Element], where: str, *, complete: bool) -> None:
    stated = text_at(parent, "OrgnlCtrlSum")
    if not stated:
        return
    control = units(stated, f"{where}原合计")
    if not 0 <= control < FEN_LIMIT * 1000:
        raise _totals(f"{where}原合计{stated[:40]}超出范围")
    amounts = [one(tx, "OrgnlTxRef/Amt/InstdAmt") for tx in transactions]
    found = [units((amount.text or "").strip(), f"{where}原金额") for amount in amounts if amount is not None]
    short = complete and len(found) == len(transactions) and sum(found) != control
    if short or sum(found) > control:
        raise _totals(f"{where}原合计{stated[:40]}与所列交易金额不符")


def _check_agreement(whole: list[OrderStatus], statuses: list[OrderStatus]) -> None:
    """A final word on the whole leaves no room for another on a part, nor one order for two."""
    final = {status.state for status in whole} & _FINAL
    if len(final) > 1 or (final and any(status.state not in final for status in statuses)):
        raise InvalidInput(
            "bankfile.contradiction",
            "回执的整批状态与所列交易的状态互相矛盾",
            codes=[status.code for status in whole],
        )
    states: dict[str, BankState] = {}
    for status in statuses:
        if states.setdefault(status.order_no, status.state) is not status.state:
            raise InvalidInput(
                "bankfile.contradiction",
                f"同一回执对指令{status.order_no}给出两种状态",
                order_no=status.order_no,
            )


def _totals(message: str) -> InvalidInput:
    return InvalidInput("bankfile.totals", f"{message}，整份回执不予采信")
