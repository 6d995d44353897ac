"""Canonical texts of business rows and their SHA-256: one definition for those who write and for `verify`.

Records, recognitions, orders and batches are digested by their writers where the rows are, at intake and in SQL
(`payments.order_digest`, `payments.batch_digest`, `ledger.fund.daily.recognise`); here the same texts are made from the rows
a second time, so that verify does not lean on the writers. Receipts are digested here by both: what verify proves of
them is that the *row* still gives the digest inside the chained entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import NamedTuple

from ledger.core.errors import InvalidInput


def parse_digest(text: str, code: str = "digest.format") -> bytes:
    """A SHA-256 written as 64 hexadecimal digits; raises InvalidInput `code`."""
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise InvalidInput(code, "摘要应为64位十六进制", value=text[:64])
    return found


def record_digest(text: bytes) -> bytes:
    """Content digest of a stored record: of the columns of fund.record from `setl_id` to `details`, joined by `|`."""
    return sha256(text).digest()


def recognition_digest(payables: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Evidence digest of a REC or REV entry: over (record's content digest, payable text), ordered by (setl_id, subfund).

    A payable's text is fund|setl_id|subfund|institution|service_year|term|category|day|fund_fen|daily_fen|ratio and a newline.
    The order is that of the bytes (collation C).
    """
    total = sha256()
    for record, payable in payables:
        total.update(record)
        total.update(payable)
    return total.digest()


class OrderHead(NamedTuple):
    """What an order pays, to whom and from where."""

    order_no: str
    fund: int
    batch_id: str
    institution: str
    amount_fen: int
    account: str
    payee_name: str
    payee_number: str
    payee_bank: str
    payee_cnaps: str
    purpose: str
    replaces: str
    first_payment: bool | None = None
    """Whether the account was paid for the first time; None for an order from before this was asked. Said only where true."""


def order_digest(
    head: OrderHead, items: Iterable[Sequence[object]], payables: Iterable[Sequence[object]]
) -> bytes:
    """Digest of an order, and the evidence digest of its ORD, CAN and REJ entries.

    `items` are (n, source, subfund, service_year, term, category, amount_fen) by n; `payables` are
    (fund, setl_id, subfund, daily_fen) by the bytes of setl_id, then subfund; a record of another region's patient has
    `outregion` for its subfund and what it pays for its fen.
    """
    return sha256(order_text(head, items, payables).encode()).digest()


def order_text(
    head: OrderHead, items: Iterable[Sequence[object]], payables: Iterable[Sequence[object]]
) -> str:
    """What `order_digest` is the digest of."""
    rows = ("\n".join("|".join(map(str, row)) for row in part) for part in (items, payables))
    said = (*head[:-1], *(["first"] if head.first_payment else []))
    return "\n".join(("|".join(map(str, said)), *rows))


def batch_digest(batch_id: str, orders: Iterable[bytes]) -> bytes:
    """What an approver approves: the batch id and its orders' digests by the bytes of order_no."""
    return sha256(batch_id.encode() + b"".join(orders)).digest()


class EvidenceRow(NamedTuple):
    """One booked movement a bank told us of. `booking_date` is ISO text or a date."""

    account: str
    kind: str
    receipt_no: str
    file_sha256: bytes
    direction: str
    booking_date: object
    amount_fen: int
    other_account: str
    other_name: str
    order_no: str
    bank_reference: str
    is_return: bool
    reason_code: str
    reason: str


def evidence_digest(row: EvidenceRow) -> bytes:
    """Digest of a movement, and the evidence digest of the RCV or RTN entry it proves."""
    return sha256("|".join(map(_evidence_text, row)).encode()).digest()


def _evidence_text(value: object) -> str:
    # Names and reasons are the bank's own words: a separator inside them is escaped, or text could wander
    # from one field to the next without changing the digest.
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, bytes):
        return value.hex()
    return str(value).replace("\\", "\\\\").replace("|", "\\|")
