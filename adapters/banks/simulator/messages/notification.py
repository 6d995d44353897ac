"""The bank writes camt.054.001.08: debits made, and credits that give a payment back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from lxml.etree import _Element as Element

from adapters.banks.formats.xml import add, new_root, to_bytes
from adapters.banks.ports import Direction
from ledger.core.money import yuan

NAMESPACE: Final = "urn:iso:std:iso:20022:tech:xsd:camt.054.001.08"
TEXT_MAX: Final = 105

_INDICATORS = {Direction.DEBIT: "DBIT", Direction.CREDIT: "CRDT"}
_FAMILIES = {Direction.DEBIT: ("ICDT", "DMCT"), Direction.CREDIT: ("RCDT", "DMCT")}
_RETURN_FAMILY = ("ICDT", "RRTN")


@dataclass(frozen=True, slots=True)
class NotifiedMovement:
    """One booking on the customer's account. `return_code` (AC01, BE01, ...) marks a payment given back."""

    reference: str
    direction: Direction
    amount_fen: int
    booking_date: date
    other_account: str
    other_name: str
    order_no: str = ""
    purpose: str = ""
    return_code: str = ""
    return_reason: str = ""
    status: str = "BOOK"


@dataclass(frozen=True, slots=True)
class Notification:
    """One notification for one account, its movements in booking order."""

    notification_id: str
    created_at: datetime
    account: str
    account_name: str
    movements: Sequence[NotifiedMovement]


def write_camt054(notification: Notification) -> bytes:
    """The notification as UTF-8 XML with its totals, valid against the official schema."""
    root = new_root("Document", NAMESPACE)
    message = add(root, "BkToCstmrDbtCdtNtfctn")
    header = add(message, "GrpHdr")
    created = notification.created_at.isoformat(timespec="seconds")
    add(header, "MsgId", notification.notification_id)
    add(header, "CreDtTm", created)
    body = add(message, "Ntfctn")
    add(body, "Id", notification.notification_id)
    add(body, "CreDtTm", created)
    account = add(body, "Acct")
    add(account, "Id/Othr/Id", notification.account)
    add(account, "Ccy", "CNY")
    add(account, "Ownr/Nm", notification.account_name)
    _summary(add(body, "TxsSummry"), notification.movements)
    for movement in notification.movements:
        _entry(add(body, "Ntry"), notification, movement)
    return to_bytes(root)


def _summary(summary: Element, movements: Sequence[NotifiedMovement]) -> None:
    debits = [movement.amount_fen for movement in movements if movement.direction is Direction.DEBIT]
    inward = [movement.amount_fen for movement in movements if movement.direction is Direction.CREDIT]
    for name, amounts in (("TtlNtries", debits + inward), ("TtlCdtNtries", inward), ("TtlDbtNtries", debits)):
        total = add(summary, name)
        add(total, "NbOfNtries", str(len(amounts)))
        add(total, "Sum", yuan(sum(amounts)))


def _entry(entry: Element, notification: Notification, movement: NotifiedMovement) -> None:
    indicator = _INDICATORS[movement.direction]
    add(entry, "Amt", yuan(movement.amount_fen)).set("Ccy", "CNY")
    add(entry, "CdtDbtInd", indicator)
    add(entry, "Sts/Cd", movement.status)
    add(entry, "BookgDt/Dt", movement.booking_date.isoformat())
    add(entry, "ValDt/Dt", movement.booking_date.isoformat())
    add(entry, "AcctSvcrRef", movement.reference)
    family, sub_family = _RETURN_FAMILY if movement.return_code else _FAMILIES[movement.direction]
    domain = add(entry, "BkTxCd/Domn")
    add(domain, "Cd", "PMNT")
    fmly = add(domain, "Fmly")
    add(fmly, "Cd", family)
    add(fmly, "SubFmlyCd", sub_family)
    details = add(entry, "NtryDtls/TxDtls")
    references = add(details, "Refs")
    add(references, "AcctSvcrRef", movement.reference)
    add(references, "EndToEndId", movement.order_no or "NOTPROVIDED")
    add(details, "Amt", yuan(movement.amount_fen)).set("Ccy", "CNY")
    add(details, "CdtDbtInd", indicator)
    _parties(add(details, "RltdPties"), notification, movement)
    if movement.purpose:
        add(details, "RmtInf/Ustrd", movement.purpose)
    if movement.return_code:
        returned = add(details, "RtrInf")
        add(returned, "Rsn/Cd", movement.return_code)
        for start in range(0, len(movement.return_reason), TEXT_MAX):
            add(returned, "AddtlInf", movement.return_reason[start : start + TEXT_MAX])


def _parties(parties: Element, notification: Notification, movement: NotifiedMovement) -> None:
    own = (notification.account_name, notification.account)
    other = (movement.other_name, movement.other_account)
    roles = (own, other) if movement.direction is Direction.DEBIT else (other, own)
    for role, (name, number) in zip(("Dbtr", "Cdtr"), roles, strict=True):
        add(parties, f"{role}/Pty/Nm", name)
        add(parties, f"{role}Acct/Id/Othr/Id", number)
