"""INV-10: what stands in a payment file is what was approved: every file is made anew of its orders by the bank's adapter, and is the
same to the byte. The database cannot look into a sealed file; a login that laid another one in its place is found here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final, NamedTuple

from adapters.banks.ports import BankAccount, Instruction, OutgoingFile
from ledger.control.breach import Breach
from ledger.control.checks.payments.bank_words import Formats
from ledger.control.snapshot import Snapshot
from ledger.core.errors import LedgerError
from ledger.db.safekeeping.places import place
from ledger.payments.out.proof import rendered

_FILES: Final = """
    SELECT f.region, f.file_id, f.created_at, f.account, a.bank, a.name, a.bank_name, a.cnaps, b.pay_date, f.name,
           o.order_no, o.amount_fen, o.payee_name, o.payee_number, o.payee_bank, o.payee_cnaps, o.purpose
      FROM payments.bank_file f
      JOIN payments.bank_account a ON a.region = f.region AND a.account = f.account
      JOIN payments.batch b ON b.region = f.region AND b.batch_id = f.batch_id
      JOIN payments.pay_order o ON o.region = f.region AND o.file_id = f.file_id
     WHERE f.state <> 'void'
     ORDER BY f.region, f.file_id, o.order_no COLLATE "C"
"""
_CONTENT: Final = """
    SELECT content FROM payments.bank_file WHERE region = %(region)s AND file_id = %(file)s
"""


class _Made(NamedTuple):
    """A file and the account it pays from."""

    region: int
    file_id: str
    created_at: datetime
    account: str
    bank: str
    payer_name: str
    payer_bank: str
    payer_cnaps: str
    pay_date: date
    name: str


def check_rendered(snapshot: Snapshot) -> Iterator[Breach]:
    """Each payment file that is not void against its orders; cost grows with the orders."""
    formats = Formats()
    for head, rows in groupby(snapshot.each(_FILES), key=lambda row: _Made(*row[:10])):
        told = _told(snapshot, head)
        orders = [_instruction(snapshot, row[10:]) for row in rows]
        whole = [one for one in orders if one is not None]
        if told is None or len(whole) < len(orders):
            snapshot.pass_over()
        elif _made(formats, head, whole) != told:
            message = f"付款文件{head.name}的内容不是其中已审批拨付单的内容"
            yield Breach("INV-10", str(head.region), f"file {head.file_id}", message)


def _told(snapshot: Snapshot, head: _Made) -> OutgoingFile | None:
    """What lies in the file; None without the key."""
    [(content,)] = snapshot.rows(_CONTENT, region=head.region, file=head.file_id)
    opened = snapshot.open_bytes(content, place("payments.bank_file.content", head.region, head.file_id))
    return None if opened is None else OutgoingFile(head.name, opened)


def _instruction(snapshot: Snapshot, row: Sequence[Any]) -> Instruction | None:
    opened = snapshot.open_row(row)
    if opened is None:
        return None
    order_no, amount_fen, name, number, bank_name, cnaps, purpose = opened
    return Instruction(order_no, amount_fen, BankAccount(name, number, bank_name, cnaps), purpose)


def _made(formats: Formats, head: _Made, orders: Sequence[Instruction]) -> OutgoingFile | None:
    """The file as its orders make it; None where no bank's format bears them."""
    payer = BankAccount(head.payer_name, head.account, head.payer_bank, head.payer_cnaps)
    try:
        return rendered(
            formats.of(head.bank, head.account), head.file_id, payer, head.pay_date, orders, head.created_at
        )
    except LedgerError:
        return None
