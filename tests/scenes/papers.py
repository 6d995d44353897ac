"""A bank's paper as it came: real bytes kept as a file, and the row made of them, with the outcome a scene gives it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from hashlib import sha256
from typing import Final

from adapters.banks.ports import BankAccount, Direction
from adapters.banks.registry import make_format
from adapters.banks.simulator.messages.notification import Notification, NotifiedMovement, write_camt054
from adapters.banks.simulator.messages.receipt import PrintedReceipt, write_bker
from ledger.core.digests import EvidenceRow, evidence_digest
from ledger.core.text import plain
from ledger.db.safekeeping.fields import fields
from ledger.db.safekeeping.places import place
from ledger.db.unit_of_work import Transaction

BANK: Final = "iso20022"
_CNAPS: Final = "102521000001"


@dataclass(frozen=True, slots=True)
class PaperSaid:
    """What the bank prints on a receipt or, as `camt.054`, tells; `serial` empty is `B` and the receipt's number."""

    receipt_no: str
    direction: str
    day: date
    fen: int
    order_no: str = ""
    other: str = "9558000001"
    serial: str = ""
    usage: str = ""
    kind: str = "bker"


def keep_paper(
    tx: Transaction, account: str, said: PaperSaid, outcome: str, code: str = "", matched: str = ""
) -> EvidenceRow:
    """Keep the receipt's file as it came by the channel, and its row."""
    content = _receipt(account, said) if said.kind == "bker" else _notification(account, said)
    name, digest = f"{said.receipt_no}-{said.direction}.xml", sha256(content).digest()
    tx.connection.execute(
        "INSERT INTO payments.inbound_file VALUES (%s, %s, %s, %s, %s, %s, 'read', '', '', %s)",
        [
            tx.region,
            account,
            digest,
            name,
            fields(tx).seal_bytes(
                content, place("payments.inbound_file.content", tx.region, account, digest)
            ),
            said.kind,
            said.day,
        ],
    )
    tx.connection.execute(
        "INSERT INTO payments.inbound_name VALUES (%s, %s, %s, %s, %s)",
        [tx.region, account, name, digest, len(content)],
    )
    [found] = make_format(BANK, frozenset({account})).decode(name, content).evidence
    row = EvidenceRow(
        account, found.kind, plain(found.receipt_no), digest, str(found.direction), found.booking_date, found.amount_fen,
        plain(found.other_account), plain(found.other_name), plain(found.order_no), plain(found.bank_reference),
        found.is_return, plain(found.reason_code), plain(found.reason),
    )  # fmt: skip
    tx.connection.execute(
        "INSERT INTO payments.evidence VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [tx.region, *row, evidence_digest(row), outcome, code, matched],
    )
    return row


def _receipt(account: str, said: PaperSaid) -> bytes:
    own = BankAccount("支出户", account, "某银行", _CNAPS)
    other = BankAccount("某医院", said.other, "某银行", _CNAPS)
    out = said.direction == "debit"
    return write_bker(
        PrintedReceipt(
            receipt_no=said.receipt_no,
            issuer_cnaps=_CNAPS,
            booking_date=said.day,
            issue_date=said.day,
            payer=own if out else other,
            payee=other if out else own,
            amount_fen=said.fen,
            serial=said.serial or f"B{said.receipt_no}",
            usage=said.usage,
            notes=said.order_no,
        )
    )


def _notification(account: str, said: PaperSaid) -> bytes:
    """Its number is the bank's serial."""
    moved = NotifiedMovement(
        reference=said.serial or f"B{said.receipt_no}",
        direction=Direction(said.direction),
        amount_fen=said.fen,
        booking_date=said.day,
        other_account=said.other,
        other_name="某医院",
        order_no=said.order_no,
    )
    moment = datetime.combine(said.day, time(12), UTC)
    return write_camt054(Notification(f"NT{said.receipt_no}", moment, account, "支出户", [moved]))
