"""camt.054, the bank's debit/credit notification: any version, any namespace or none, wrapped or bare.

Direction is CdtDbtInd alone. ISO 20022 defines RvslInd as a mark, not a sign: CRDT with RvslInd means that the
operation now undone was a debit, so the money of this entry comes in.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from lxml.etree import _Element as Element

from adapters.banks.formats.fields import fitting, numbered
from adapters.banks.formats.iso20022.totals import check_notification
from adapters.banks.formats.xml import (
    amount_fen,
    count_of,
    day_of,
    first_text,
    local,
    many,
    missing,
    need,
    need_text,
    one,
    text_at,
    text_of,
    units,
)
from adapters.banks.ports import Decoded, Direction, Evidence, Rejected
from ledger.core.errors import InvalidInput

MESSAGE: Final = "BkToCstmrDbtCdtNtfctn"

_SIDES = {"DBIT": Direction.DEBIT, "CRDT": Direction.CREDIT}
_FLAGS = {"": False, "true": True, "1": True, "false": False, "0": False}
_RETURN_SUBFAMILY = "RRTN"
"""ISO bank transaction code: reversal due to payment return."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """What an entry says for all its transactions."""

    element: Element
    own_account: str
    amount_fen: int
    direction: Direction
    booking_date: date
    reference: str
    is_reversal: bool


def read_camt054(message: Element, own_accounts: Collection[str]) -> Decoded:
    """The booked movements of a `BkToCstmrDbtCdtNtfctn` element, one Evidence a transaction.

    An entry that cannot be read goes whole to `rejected`; so does one not booked yet (`bankfile.not_booked`:
    the bank sends it again when it is) and a debit that undoes a credit (`bankfile.reversal`: no payment of ours
    looks like that, a person decides). Raises InvalidInput `bankfile.totals` when a summary does not add up and
    `bankfile.foreign_account` for an account that is not ours.
    """
    notifications = many(message, "Ntfctn")
    if not notifications:
        raise missing(message, "Ntfctn")
    evidence: list[Evidence] = []
    rejected: list[Rejected] = []
    foreign = [
        Rejected(f"Ntfctn[{number}]", refusal.code, refusal.message)
        for number, refusal in enumerate((_foreign(found, own_accounts) for found in notifications), 1)
        if refusal
    ]
    if len(foreign) == len(notifications):
        raise InvalidInput(foreign[0].code, foreign[0].message)
    for notification in notifications:
        if _foreign(notification, own_accounts) is not None:
            continue
        check_notification(notification)
        own_account = account_of(notification)
        for number, element in enumerate(many(notification, "Ntry"), 1):
            try:
                evidence.extend(map(fitting, _read_entry(element, own_account)))
            except InvalidInput as refusal:
                where = f"Ntry[{number}] {_reference(element)}".rstrip()
                rejected.append(Rejected(where, refusal.code, refusal.message))
    return Decoded("camt.054", evidence=numbered(evidence), rejected=(*foreign, *rejected))


def account_of(notification: Element) -> str:
    """The account a notification or statement is of; "" where it names none."""
    return first_text(notification, "Acct/Id/Othr/Id", "Acct/Id/IBAN")


def _foreign(notification: Element, own_accounts: Collection[str]) -> InvalidInput | None:
    """Why a notification is not for us; it is set aside, whatever else the file holds is read."""
    account = account_of(notification)
    if account in own_accounts:
        return None
    return InvalidInput(
        "bankfile.foreign_account",
        f"通知的账号“{account[:40]}”不是本单位在该行的账户",
        account=account[:40],
    )


def _reference(element: Element) -> str:
    found = many(element, "AcctSvcrRef")
    return (found[0].text or "").strip()[:35] if found else ""


def _read_entry(element: Element, own_account: str) -> list[Evidence]:
    # A bare code until .07, a choice since .08.
    holder = need(element, "Sts")
    status = first_text(holder, "Cd", "Prtry") if len(holder) else text_of(holder)
    if status != "BOOK":
        raise InvalidInput(
            "bankfile.not_booked",
            f"第{element.sourceline}行分录状态为“{status[:35]}”，尚未入账",
            status=status[:35],
        )
    is_reversal = _FLAGS.get(text_at(element, "RvslInd"))
    if is_reversal is None:
        raise InvalidInput("bankfile.reversal", f"第{element.sourceline}行冲销标志不明")
    entry = _Entry(
        element=element,
        own_account=own_account,
        amount_fen=amount_fen(need(element, "Amt")),
        direction=side_of(need_text(element, "CdtDbtInd"), element),
        booking_date=day_of(booked_text(element), f"第{element.sourceline}行BookgDt"),
        reference=text_at(element, "AcctSvcrRef"),
        is_reversal=is_reversal,
    )
    transactions = many(element, "NtryDtls/TxDtls")
    _check_batch(entry, transactions)
    if not transactions:
        return [_evidence(entry, None, entry.amount_fen, entry.direction, entry.reference)]
    amounts = [_transaction_amount(entry, tx, alone=len(transactions) == 1) for tx in transactions]
    signed = [fen if side is entry.direction else -fen for fen, side in amounts]
    if sum(signed) != entry.amount_fen:
        raise InvalidInput("bankfile.totals", f"第{element.sourceline}行分录金额与其明细之和不符")
    return [
        _evidence(entry, tx, fen, side, reference)
        for tx, (fen, side), reference in zip(
            transactions, amounts, _references(entry, transactions), strict=True
        )
    ]


def booked_text(element: Element) -> str:
    """When an entry was booked, as written; raises InvalidInput `bankfile.missing`."""
    text = first_text(element, "BookgDt/Dt", "BookgDt/DtTm")
    if not text:
        raise missing(element, "BookgDt")
    return text


def side_of(text: str, element: Element) -> Direction:
    """DBIT or CRDT; raises InvalidInput `bankfile.direction`."""
    if text not in _SIDES:
        raise InvalidInput(
            "bankfile.direction",
            f"第{element.sourceline}行{local(element)}借贷标志“{text[:10]}”不明",
            value=text[:10],
        )
    return _SIDES[text]


def _transaction_amount(entry: _Entry, tx: Element, *, alone: bool) -> tuple[int, Direction]:
    # Amt is optional under TxDtls until .12 and moved there from AmtDtls; one transaction is the whole entry.
    side = text_at(tx, "CdtDbtInd")
    direction = side_of(side, tx) if side else entry.direction
    amount = one(tx, "Amt")
    if amount is None:
        amount = one(tx, "AmtDtls/TxAmt/Amt")
    if amount is None and alone:
        return entry.amount_fen, direction
    if amount is None:
        raise missing(tx, "Amt")
    return amount_fen(amount), direction


def _check_batch(entry: _Entry, transactions: Sequence[Element]) -> None:
    for details in many(entry.element, "NtryDtls"):
        number, amount = text_at(details, "Btch/NbOfTxs"), text_at(details, "Btch/TtlAmt")
        inside = many(details, "TxDtls")
        if number and inside and count_of(number, "批次笔数") != len(inside):
            raise InvalidInput(
                "bankfile.totals", f"第{details.sourceline}行批次声明{number}笔，实列{len(inside)}笔"
            )
        only = len(inside) == len(transactions)
        if amount and only and units(amount, "批次合计") != entry.amount_fen * 1000:
            raise InvalidInput(
                "bankfile.totals", f"第{details.sourceline}行批次合计{amount[:40]}与分录金额不符"
            )


def _references(entry: _Entry, transactions: Sequence[Element]) -> list[str]:
    """The bank's serial of each transaction: its own, else the entry's with the order it names, so that the same movement
    has the same serial however the bank cuts or orders its batch; with neither, the entry's and its place. "" where
    the bank gives none at all.
    """
    own = [text_at(tx, "Refs/AcctSvcrRef") for tx in transactions]
    orders = [order_of(tx) for tx in transactions]
    alone = len(transactions) == 1
    found = []
    for place, (reference, order_no) in enumerate(zip(own, orders, strict=True), 1):
        base = reference or entry.reference
        if not base or (reference and (alone or own.count(reference) == 1)):
            found.append(base)
        elif order_no and orders.count(order_no) == 1:
            found.append(f"{base}#{order_no}")
        else:
            found.append(base if alone else f"{base}#{place}")
    return found


def _evidence(entry: _Entry, tx: Element | None, fen: int, side: Direction, reference: str) -> Evidence:
    details = entry.element if tx is None else tx
    returned = one(details, "RtrInf")
    is_return = returned is not None or entry.is_reversal or _has_return_code(entry.element, details)
    if is_return and side is Direction.DEBIT:
        raise InvalidInput(
            "bankfile.reversal", f"第{details.sourceline}行为冲销贷记的借记，需人工核对", reference=reference
        )
    number, name = other_party(details, entry.own_account, side)
    texts = [] if returned is None else [(info.text or "").strip() for info in many(returned, "AddtlInf")]
    return Evidence(
        kind="camt.054",
        receipt_no=reference,
        direction=side,
        booking_date=entry.booking_date,
        amount_fen=fen,
        own_account=entry.own_account,
        other_account=number,
        other_name=name,
        order_no=order_of(details),
        bank_reference=reference,
        is_return=is_return,
        reason_code="" if returned is None else first_text(returned, "Rsn/Cd", "Rsn/Prtry"),
        reason="；".join(filter(None, texts)),
    )


def _has_return_code(entry: Element, details: Element) -> bool:
    path = "BkTxCd/Domn/Fmly/SubFmlyCd"
    return (text_at(details, path) or text_at(entry, path)) == _RETURN_SUBFAMILY


def order_of(details: Element) -> str:
    """As sent: somebody else's reference may hold any characters, and is compared, never cleaned into one of ours."""
    order_no = text_at(details, "Refs/EndToEndId")
    return "" if order_no == "NOTPROVIDED" else order_no


def other_party(details: Element, own_account: str, side: Direction) -> tuple[str, str]:
    """Account and name of the other side. A returned payment keeps its old roles at one bank and swaps them at
    another: the party that is not us is the other.
    """
    roles = ("Cdtr", "Dbtr") if side is Direction.DEBIT else ("Dbtr", "Cdtr")
    for role in roles:
        path = f"RltdPties/{role}"
        number = first_text(details, f"{path}Acct/Id/Othr/Id", f"{path}Acct/Id/IBAN")
        name = first_text(details, f"{path}/Pty/Nm", f"{path}/Nm")
        if number != own_account and (number or name):
            return number, name
    return "", ""
