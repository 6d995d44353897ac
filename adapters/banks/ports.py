"""What the ledger needs from any bank, in the ledger's words. Formats and channels are somebody else's business.

Amounts are integer fen, dates are business dates in Asia/Shanghai, order numbers are the end-to-end ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BankAccount:
    """A bank account: whose, which number, at which branch (12-digit CNAPS code)."""

    name: str
    number: str
    bank_name: str
    cnaps: str


@dataclass(frozen=True, slots=True)
class Instruction:
    """One payment to make. `order_no` is the end-to-end id, at most 35 ASCII characters, unique for ever."""

    order_no: str
    amount_fen: int
    payee: BankAccount
    purpose: str
    """摘要 as it must appear on the receipt."""


@dataclass(frozen=True, slots=True)
class PaymentBatch:
    """One payment file: a paying account, a day, its instructions in their printed order."""

    message_id: str
    """At most 35 ASCII characters; a rebuilt file gets another."""
    created_at: datetime
    """Time zone aware; stored with the batch so that encoding again gives the same bytes."""
    execution_date: date
    payer: BankAccount
    instructions: Sequence[Instruction]


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """Bytes to deliver under a name; encoding the same batch twice gives the same bytes."""

    name: str
    content: bytes


class BankState(StrEnum):
    """What a status file may say of an order. Only evidence posts; a status moves the workflow."""

    ACCEPTED = "accepted"
    """The bank has taken it (ACTC, ACCP, ACSP, ACWC, PDNG, RCVD): not final."""
    SETTLED = "settled"
    """The bank says debited (ACSC, ACCC): reference only until the receipt."""
    REJECTED = "rejected"
    """Definitely not debited (RJCT)."""
    UNKNOWN = "unknown"
    """A code that decides nothing."""


@dataclass(frozen=True, slots=True)
class OrderStatus:
    """One order's state in a status file; `order_no` empty means every order of `message_id`."""

    message_id: str
    order_no: str
    state: BankState
    code: str
    """The bank's own code, e.g. ACSP."""
    reason_codes: Sequence[str] = ()
    """Every code the bank gave for this order, e.g. BE01: a second one counts like the first."""
    reason: str = ""
    """Text for people."""
    bank_reference: str = ""
    whole_reason_codes: Sequence[str] = ()
    """Codes it gave for the whole file or payment group the order stands in."""
    whole_reason: str = ""

    @property
    def reason_code(self) -> str:
        """The codes in one word, for people."""
        return "/".join(self.reason_codes)


class Direction(StrEnum):
    """Seen from our account."""

    DEBIT = "debit"
    """Money went out."""
    CREDIT = "credit"
    """Money came in, e.g. a returned payment."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One booked movement of our account: an electronic receipt or a debit/credit notification."""

    kind: str
    """`bker` (MoF electronic receipt) or `camt.054`."""
    receipt_no: str
    """The receipt's number, or the bank's entry reference; unique per bank."""
    direction: Direction
    booking_date: date
    amount_fen: int
    """Always positive; `direction` gives the sign."""
    own_account: str
    other_account: str
    other_name: str
    order_no: str
    """The end-to-end id the bank gives back; empty if it gives none."""
    bank_reference: str
    """The bank's core serial: the same money movement has the same serial in every paper."""
    is_return: bool = False
    """A credit that gives a payment back (退汇)."""
    reason_code: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StatedLine:
    """One booked line of a bank statement. `balance_fen` is the balance after it, None where the bank prints none."""

    booked_on: date
    direction: Direction
    amount_fen: int
    """Always positive; what the bank prints in red on one side stands on the other, with `is_reversal`."""
    balance_fen: int | None
    bank_reference: str
    receipt_no: str
    order_no: str
    other_account: str
    other_name: str
    text: str
    is_reversal: bool
    where: str
    """Line, entry or path inside the file."""

    @property
    def effect_fen(self) -> int:
        """Positive where money came in."""
        return self.amount_fen if self.direction is Direction.CREDIT else -self.amount_fen


@dataclass(frozen=True, slots=True)
class AccountStatement:
    """A bank statement of one account, proven in itself: opening and lines are closing, running balances tie."""

    form: str
    """`camt.053`, `bkrs`, `csv` or `hand`."""
    account: str
    number: str
    """The bank's own, "" where it has none."""
    sequence: int | None
    """Where the bank counts its statements."""
    first_day: date
    last_day: date
    opening_fen: int
    """Negative where the account is overdrawn."""
    closing_fen: int
    lines: Sequence[StatedLine]
    where: str = ""
    """Which one of the file."""
    parts: tuple[int, ...] = ()
    """Of one that came in pages over several files: which of these files has each page, in the order of pages."""


@dataclass(frozen=True, slots=True)
class Assembled:
    """Statements put together from the files given, and what keeps the others back, each a sentence naming missing pages."""

    statements: tuple[AccountStatement, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rejected:
    """A part of an incoming file that could not be read: kept, named, never dropped."""

    where: str
    """Line, entry or path inside the file."""
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Decoded:
    """All that an incoming file says, in its order."""

    kind: str
    """`pain.002`, `camt.054`, `bker`."""
    statuses: Sequence[OrderStatus] = ()
    evidence: Sequence[Evidence] = ()
    rejected: Sequence[Rejected] = ()


class BankFormat(Protocol):
    """A bank's file formats, as pure functions between bytes and values."""

    def encode(self, batch: PaymentBatch) -> OutgoingFile:
        """The batch as the bank's payment file. Raises InvalidInput `bankfile.*` rather than guess."""

    def can_bear(self, payee: BankAccount, purpose: str) -> str:
        """Why no payment file of this bank can hold an order to `payee` for `purpose`, in a Chinese sentence naming field
        and character; "" where one can. Asked when an order is drafted, and again before it is put into a file.
        """

    def decode(self, name: str, content: bytes) -> Decoded:
        """An incoming file. Raises InvalidInput `bankfile.*` if the file as a whole cannot be trusted."""


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A name and size in the bank's outbox."""

    name: str
    size: int
    stamp: str = field(default="", compare=False)
    """When the file and the word that it is complete were written, as the bank's folder tells; another one where the bank
    wrote either anew. Empty where the folder tells no times.
    """


class Channel(Protocol):
    """The wire to one bank. Every method raises Unavailable `bank.*` when the bank cannot be reached."""

    def deliver(self, file: OutgoingFile, *, count: int, total_fen: int) -> None:
        """Put `file` whole under its name, then its control file; delivering the same bytes again changes nothing.

        Raises Conflict `bank.name_taken` if other bytes lie under that name, and Unavailable `bank.unknown`
        when the line broke so late that the file may or may not have arrived.
        """

    def holds(self, file: OutgoingFile) -> bool:
        """Whether the bank's inbox (or its archive) holds exactly these bytes under that name."""

    def waiting(self) -> Sequence[RemoteFile]:
        """The complete files in the outbox, oldest name first; one under a name `fetch` refuses is among them."""

    def stated(self, name: str) -> bytes | None:
        """The SHA-256 that the bank states for an outbox file now, the file itself not read; None where it states none
        that can be read.
        """

    def fetch(self, name: str) -> bytes:
        """One outbox file, whole; raises Unavailable `bank.truncated` if it cannot be read whole."""

    def close(self) -> None:
        """Hang up."""
