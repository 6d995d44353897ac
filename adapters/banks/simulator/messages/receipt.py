"""The bank writes electronic receipts: a bker XBRL instance, bare or inside an OFD."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from lxml.etree import _Element as Element

from adapters.banks.formats.xml import add, new_root, to_bytes
from adapters.banks.ports import BankAccount
from ledger.core.money import yuan

XBRL: Final = "http://www.xbrl.org/2003/instance"
LINK: Final = "http://www.xbrl.org/2003/linkbase"
TAXONOMY_DATES: Final = ("2021-11-30", "2023-05-15")
"""The taxonomies met in the field; a bank uses one of them."""

_SCHEME = "http://xbrl.mof.gov.cn"


@dataclass(frozen=True, slots=True)
class PrintedReceipt:
    """One booked movement, as printed for one of its two sides."""

    receipt_no: str
    issuer_cnaps: str
    booking_date: date
    issue_date: date
    payer: BankAccount
    payee: BankAccount
    amount_fen: int
    serial: str
    """The core serial, the same on every paper of this movement."""
    usage: str
    notes: str
    """Carries the customer's order number, and why money came back."""
    kind: str = "转账汇款回单"
    transaction_code: str = ""
    """RRTN for a payment given back."""


def receipt_name(receipt: PrintedReceipt) -> str:
    """The attachment's file name, e.g. `bker_issuer_20261013_C1103100000026R1.xml`."""
    return f"bker_issuer_{receipt.issue_date:%Y%m%d}_C1{receipt.issuer_cnaps}{receipt.receipt_no}.xml"


def write_bker(
    receipt: PrintedReceipt, *, taxonomy_date: str = TAXONOMY_DATES[1], twin: bool = False
) -> bytes:
    """The receipt as an XBRL instance; with `twin`, the movement in a tuple beside a zero one, as one bank does."""
    namespace = f"http://xbrl.mof.gov.cn/taxonomy/{taxonomy_date}/bker"
    root = new_root("xbrl", XBRL)
    reference = new_root("schemaRef", LINK)
    reference.set("{http://www.w3.org/1999/xlink}type", "simple")
    reference.set("{http://www.w3.org/1999/xlink}href", f"bker_entry_point_{taxonomy_date}.xsd")
    root.append(reference)
    context = f"As_Of_{receipt.booking_date:%Y_%m_%d}"
    _context(root, context, receipt)
    unit = add(root, "unit")
    unit.set("id", "CNY")
    add(unit, "measure", "iso4217:CNY")
    for name, value in _facts(receipt):
        if value:
            _fact(root, namespace, context, name, value)
    amounts = ("0.00", yuan(receipt.amount_fen)) if twin else (yuan(receipt.amount_fen),)
    for amount in amounts:
        parent = root
        if twin:
            parent = new_root("InformationOfTransactionTuple", namespace)
            root.append(parent)
        fact = _fact(parent, namespace, context, "TransactionAmountInFigures", amount)
        fact.set("unitRef", "CNY")
        fact.set("decimals", "2")
    return to_bytes(root)


def _facts(receipt: PrintedReceipt) -> tuple[tuple[str, str], ...]:
    return (
        ("NumberOfBankElectronicReceipt", receipt.receipt_no),
        ("TypeOfBankElectronicReceipt", receipt.kind),
        ("DateOfIssue", receipt.issue_date.isoformat()),
        ("DateOfBookkeeping", receipt.booking_date.isoformat()),
        ("AccountNameOfPayer", receipt.payer.name),
        ("AccountNumberOfPayer", receipt.payer.number),
        ("AccountNameOfPayee", receipt.payee.name),
        ("AccountNumberOfPayee", receipt.payee.number),
        ("Usage", receipt.usage),
        ("Notes", receipt.notes),
        ("TransactionCode", receipt.transaction_code),
        ("BusinessSerialNumber", receipt.serial),
    )


def _context(root: Element, name: str, receipt: PrintedReceipt) -> None:
    context = add(root, "context")
    context.set("id", name)
    add(context, "entity/identifier", f"C1{receipt.issuer_cnaps}").set("scheme", _SCHEME)
    add(context, "period/instant", receipt.booking_date.isoformat())


def _fact(parent: Element, namespace: str, context: str, name: str, value: str) -> Element:
    fact = new_root(name, namespace)
    fact.text = value
    fact.set("contextRef", context)
    parent.append(fact)
    return fact
